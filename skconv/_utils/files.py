"""Files that are replaced in one step."""

import contextlib
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_takes_files", "remove_leftovers", "replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` once it is on the disk.

    Readers see the old file or the new one. A process that is killed leaves one of
    them whole; an error, or Ctrl-C, leaves the old one and nothing else.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    file : binary file, open for writing

    Raises
    ------
    OSError
        If it cannot be written.
    """
    temporary = _temporary(path)
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C, too
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":  # elsewhere folders cannot be opened
        _sync_folder(temporary.parent)


def check_takes_files(path: str | os.PathLike[str]) -> None:
    """Check that a file can be created beside `path`.

    Raises
    ------
    OSError
        If its folder does not exist, or no file can be created in it.
    """
    probe = _temporary(path)
    open(probe, "xb").close()
    os.unlink(probe)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left beside `path`."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        left.unlink(missing_ok=True)


def _temporary(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
