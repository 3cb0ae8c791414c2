"""Files that are replaced whole, or not at all."""

import contextlib
import glob
import os
import secrets
from pathlib import Path

__all__ = ["check_takes_files", "remove_leftovers", "replacing"]


@contextlib.contextmanager
def replacing(path):
    """Open a file that takes the place of `path` once it is on the disk.

    Who reads meanwhile sees the old file or the new one. A process that is killed
    leaves either of them whole; an error, or Ctrl-C, the old one and nothing else.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    file : binary file, to be written

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


def check_takes_files(path):
    """Check that a file can be put beside `path`.

    Raises
    ------
    OSError
        If its folder does not exist, or takes no files.
    """
    probe = _temporary(path)
    open(probe, "xb").close()
    os.unlink(probe)


def remove_leftovers(path):
    """Remove what processes that were killed left beside `path`."""
    path = Path(path)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        left.unlink(missing_ok=True)


def _temporary(path):
    path = Path(path)
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def _sync_folder(folder):
    """Have the new name survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
