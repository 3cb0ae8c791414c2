"""Files that are replaced in one step, and files that are safe to open."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from typing import BinaryIO

from .memory import is_lack_of_memory

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: nothing is locked, none removed
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "as_path",
    "check_takes_files",
    "open_regular",
    "reading",
    "remove_leftovers",
    "replacing",
    "writing",
]

# A longer name of a file leaves no room for that of its temporary file.
_LONGEST_NAME = 200


def as_path(path: str | os.PathLike[str]) -> str:
    """Return a path as text.

    Raises
    ------
    TypeError
        If it is anything else: a number would be an open file of the process, which is
        then closed.
    ValueError
        If it has a null character, which no system takes.
    """
    text = path.__fspath__() if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise TypeError(
            "path must be a str or a path-like object, such as a pathlib.Path, got "
            f"{type(text).__name__}"
        )
    if "\0" in text:
        raise ValueError(f"path must not have a null character, got {text!r}")
    return text


def open_regular(path: str, flags: int) -> int:
    """Open a regular file; for ``open(..., opener=open_regular)``.

    Nothing else is opened, as that may wait for ever (a pipe) or do something (a
    device).

    Raises
    ------
    ValueError
        If it is not a regular file.
    """
    _check_regular(os.stat(path), path)
    # If it has become a pipe since then, do not wait.
    more = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags | more)
    try:
        _check_regular(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def reading(
    path: str | os.PathLike[str], what: str, again: str = "load again"
) -> Iterator[None]:
    """Say in errors of the system which file they are about, and what to do.

    Parameters
    ----------
    path : str or path-like
    what : str
        What the file is: "model".
    again : str, default="load again"
        What to do then.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is None:  # what a signal's handler raised
            raise
        words = f"{what} could not be read: {error.strerror or error}. "
        words += f"{_way_out(error.errno)}, and {again}"
        raise OSError(error.errno, words, os.fspath(path)) from error


def _way_out(code: int) -> str:
    if code in (errno.EINVAL, errno.EISDIR):  # it is no regular file
        return "Choose another path"
    return "Remove the cause or choose another path"


def _check_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")


# Replacing ---------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` once it is on the disk.

    Readers see the old file or the new one. A process that is killed leaves one of
    them whole; an error, or Ctrl-C, leaves the old one and nothing else. The new file
    has the mode of the old one and, if the system allows it, the owner and the group.

    Parameters
    ----------
    path : path-like
        Where it is a link, the file that it leads to is replaced.

    Yields
    ------
    file : binary file, open for writing

    Raises
    ------
    OSError
        If it cannot be written, or `path` exists and is not a regular file.
    """
    path = _target(path)
    older, replaced = _find_older(path), False
    try:
        with _temporary_file(path, private=older is not None) as (temporary, file):
            with file as opened:
                if older is not None:
                    _copy_access(older, temporary)
                yield opened
                opened.flush()
                os.fsync(file.fileno())
                # While it is locked.
                if fcntl is not None:  # pragma: no branch - Windows
                    os.replace(temporary, path)
                    replaced = True
            # It does not rename files that are open.
            if fcntl is None:  # pragma: no cover - Windows
                os.replace(temporary, path)
        # Elsewhere folders cannot be opened.
        if os.name == "posix":  # pragma: no branch - Windows
            _sync_folder(os.path.dirname(path))
    except Exception as error:
        error.has_replaced = replaced  # type: ignore[attr-defined]
        raise


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str], what: str, again: str = "save again"
) -> Iterator[None]:
    """Say in errors of the system which file they are about, and what to do.

    A lack of memory is one of them. What a signal's handler raises, such as a
    TimeoutError, is unchanged.

    Parameters
    ----------
    path : str or path-like
    what : str
        What the file is: "model".
    again : str, default="save again"
        What to do then.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            code, cause = error.errno, error.strerror or os.strerror(error.errno)
        elif is_lack_of_memory(error):
            code, cause = errno.ENOMEM, str(error) or os.strerror(errno.ENOMEM)
        else:
            raise
        words = f"{what} could not be written: {cause}. "
        words += f"{_what_is_left(error, code, path)}{_way_out(code)}, and {again}"
        raise OSError(code, words, os.fspath(path)) from error


def _what_is_left(error: Exception, code: int, path: str | os.PathLike[str]) -> str:
    """Say which file is in its place after an error of `replacing`, if one is."""
    # Not known where memory lacked on the way out of `replacing`.
    replaced = getattr(error, "has_replaced", None if code == errno.ENOMEM else False)
    if not os.path.isfile(path):
        return ""
    if replaced is None:
        return "The file is the older one or the new one, whole. "
    if replaced:
        return "The new file is in its place, but may not survive a loss of power. "
    return "The older file was left unchanged. "


def check_takes_files(path: str | os.PathLike[str]) -> None:
    """Check that a file can be created beside `path`, and can replace it.

    Raises
    ------
    OSError
        If its folder does not exist, no file can be created in it, or `path` is not a
        regular file.
    """
    path = _target(path)
    _find_older(path)
    with _temporary_file(path):
        pass


def _target(path: str | os.PathLike[str]) -> str:
    """Return the path of the file that is written, which links may lead to."""
    if os.fspath(path).endswith(("/", os.sep)):  # it would be dropped
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return os.path.realpath(path)


def _find_older(path: str) -> os.stat_result | None:
    """Return the status of the file that is replaced, if there is one."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    try:
        _check_regular(status, path)
    except ValueError as error:
        words = f"{error}, and nothing else is replaced"
        raise OSError(errno.EINVAL, words, path) from None
    return status


def _copy_access(older: os.stat_result, path: str) -> None:
    """Give a new file the mode of the one that it replaces, and its owner."""
    mode = stat.S_IMODE(older.st_mode)
    if hasattr(os, "chown"):  # pragma: no branch - Windows
        for owner in (older.st_uid, -1):
            with contextlib.suppress(OSError):  # few may give files away
                os.chown(path, owner, older.st_gid)
                break
        if os.stat(path).st_gid != older.st_gid:
            mode &= ~0o070  # it would let another group in
    with contextlib.suppress(OSError):  # some file systems have no modes
        os.chmod(path, mode)


def _sync_folder(folder: str) -> None:
    """Make the new name survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Temporary files ---------------------------------------------------------------------
#
# Their writer locks them as long as they are open. The system ends the lock with the
# process: a file that can be locked has no living writer.


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left beside `path`.

    Others stay: those of living writers, in any thread or process, and those of other
    names. Without locks, on Windows and some file systems, all stay.
    """
    path = os.path.realpath(path)
    pattern = re.compile(rf"\.{re.escape(_stem(path))}\.[0-9a-f]{{16}}\.tmp")
    if fcntl is None:  # pragma: no cover - Windows
        return
    with contextlib.suppress(OSError), os.scandir(os.path.dirname(path)) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name):
                _remove_unlocked(entry.path)


def _remove_unlocked(path: str) -> None:
    with contextlib.suppress(OSError):
        # To lock it, some file systems need the right to write.
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW
        descriptor = os.open(path, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _temporary_file(
    path: str, *, private: bool = False
) -> Iterator[tuple[str, BinaryIO]]:
    """Create a temporary file beside `path`; at the end it is removed if it is there.

    Its name is known before it exists: Ctrl-C leaves none at any moment.

    Parameters
    ----------
    path : str
    private : bool, default=False
        Whether only its owner may read it, until its mode is set.

    Yields
    ------
    temporary : str
    file : binary file, open for writing and locked
    """
    temporary, file = _temporary(path), None
    try:
        while (file := _open_new(temporary, path, 0o600 if private else 0o666)) is None:
            # Another name: who took that one for a leftover may be about to remove it.
            temporary = _temporary(path)
        yield temporary, file
    finally:
        try:
            if file is not None:
                file.close()  # Windows removes no open file
        finally:  # a disk may say only here that it is full
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _open_new(temporary: str, path: str, mode: int) -> BinaryIO | None:
    """Create a file and lock it; return None if it was taken for a leftover."""
    try:
        file = open(temporary, "xb", opener=lambda n, f: os.open(n, f, mode))  # noqa: SIM115
    except OSError as error:
        error.filename = path  # not the temporary one
        raise
    try:
        if _lock(file.fileno()):
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    return None


def _lock(descriptor: int) -> bool:
    """Lock a file that was created; return False if it is being removed."""
    try:
        if fcntl is not None:  # pragma: no branch - Windows
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # this file system has no locks
        return True
    return os.fstat(descriptor).st_nlink > 0


def _temporary(path: str) -> str:
    name = f".{_stem(path)}.{secrets.token_hex(8)}.tmp"
    return os.path.join(os.path.dirname(path), name)


def _stem(path: str) -> str:
    """Return a file's name, or a digest of a name that is too long."""
    name = os.path.basename(path)
    raw = os.fsencode(name)
    if len(raw) <= _LONGEST_NAME:
        return name
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
