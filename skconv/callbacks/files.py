"""Checkpoint files: a line of JSON and raw arrays, replaced whole or not at all."""

import contextlib
import hashlib
import json
import math
from typing import NamedTuple

import numpy as np

from .._utils.files import check_takes_files, remove_leftovers, replacing

__all__ = ["Contents", "check_writable", "read", "stamp", "write"]

# The first line: this, the number of the format, and a digest of all that follows.
_MAGIC, _FORMAT = b"skconv checkpoint ", 1
_LONGEST_FIRST_LINE = 100


class Contents(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    facts : dict
        Anything that JSON can say.
    arrays : dict of str to ndarray
    stamp : bytes
        The file's first line, which no other contents have.
    """

    facts: dict
    arrays: dict
    stamp: bytes


def write(path, facts, arrays):
    """Put a checkpoint in the place of an older one.

    A process that is killed meanwhile leaves the older file or the new one, whole; an
    error leaves the older one, and nothing else.

    Parameters
    ----------
    path : Path
    facts : dict
        Anything that JSON can say.
    arrays : dict of str to ndarray
        Of any dtype but object.

    Returns
    -------
    stamp : bytes
        The file's first line.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    layout = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = json.dumps({"facts": facts, "arrays": layout}, default=lambda x: x.item())
    parts = [header.encode() + b"\n"]
    parts += [np.ravel(array).view(np.uint8) for array in arrays.values()]
    first = b"%s%d %s\n" % (_MAGIC, _FORMAT, _digest(parts))
    with _explained(path, "written"), replacing(path) as file:
        for part in [first, *parts]:
            file.write(part)
    return first


def read(path):
    """Return the `Contents` of a checkpoint, or None where there is no file.

    No code is run, whatever the file holds.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no checkpoint, a damaged one, or of a later format.
    """
    first = stamp(path)
    if first is None:
        return None
    number, _, expected = first[len(_MAGIC) :].strip().partition(b" ")
    if number.isdigit() and int(number) > _FORMAT:
        raise ValueError(
            f"checkpoint {path} is of format {int(number)}, and this version of skconv "
            f"knows formats up to {_FORMAT}: use the version that wrote it, or start "
            "anew with another path"
        )
    with _explained(path, "read"):
        rest = path.read_bytes()[len(first) :]
    if (number, expected) != (b"%d" % _FORMAT, _digest([rest])):
        raise _damaged(path)
    try:
        return Contents(*_parse(rest), first)
    except (KeyError, TypeError, ValueError):
        raise _damaged(path) from None


def stamp(path):
    """Return the first line of a checkpoint, or None where there is no file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no checkpoint.
    """
    with _explained(path, "read"):
        try:
            with open(path, "rb") as file:
                first = file.readline(_LONGEST_FIRST_LINE)
        except FileNotFoundError:
            return None
    if not (first.startswith(_MAGIC) or _MAGIC.startswith(first)):
        raise ValueError(
            f"{path} is no checkpoint of skconv, and it was left as it is: name "
            "another path"
        )
    return first


def check_writable(path):
    """Check that a checkpoint can be put there, and clear what a killed one left.

    Raises
    ------
    OSError
        If its folder does not exist, or takes no files.
    """
    with _explained(path, "written"):
        remove_leftovers(path)
        check_takes_files(path)


def _parse(rest):
    header, _, raw = rest.partition(b"\n")
    header, arrays, start = json.loads(header), {}, 0
    for name, dtype, shape in header["arrays"]:
        dtype, count = np.dtype(dtype), math.prod(shape)
        array = np.frombuffer(raw, dtype, count, start).reshape(shape)
        arrays[name] = array.copy()  # what is in a file's bytes is read-only
        start += array.nbytes
    return header["facts"], arrays


def _digest(parts):
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


@contextlib.contextmanager
def _explained(path, done):
    """Say which file it was that an operating system's error is about."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            error.errno,
            f"checkpoint {path} could not be {done}: {reason}. An older file was left "
            "as it is; mend that, or name another path, and run again",
        ) from None


def _damaged(path):
    return ValueError(
        f"checkpoint {path} is damaged or cut short, and was left as it is: bring back "
        "a copy, or delete it to start anew"
    )
