"""Files of the package: a JSON document and arrays, in a safetensors file.

The file's metadata say what it is (``format``: "skconv model" or "skconv checkpoint"),
in which version of the format, and hold the document and a checksum of all of it.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from . import safetensors
from .files import open_regular
from .lookup import shorten
from .memory import available_memory, is_lack_of_memory
from .safetensors import Header, Part

__all__ = ["FORMAT_VERSION", "Reader", "file_id", "naming", "reading", "write"]

FORMAT_VERSION = 4
"""It grows when an older skconv cannot read a file: with each new key of a document,
or a new meaning of one.

1. Models alone, with ``format`` "skconv" and the document called ``model``.
2. Models and checkpoints.
3. `Normalization` has a ``scale``, in place of the ``variance``. The scale of a
   regressor's targets, and the loss of the best epoch. Before, ``scoring=None``
   compared epochs by their score, now by their loss.
4. Output layers begin small: a fit that resumes an older checkpoint would draw other
   initial weights, and these are not compared.
"""

Kind = Literal["model", "checkpoint"]
Arrays = Mapping[str, NDArray[Any]]

_USES = {
    "model": "a model: load it with skconv.load_model",
    "checkpoint": (
        "a checkpoint: resume it, or read it with "
        "skconv.callbacks.Checkpoint(path).restore(estimator)"
    ),
}
_KINDS = {"skconv": "model", **{f"skconv {kind}": kind for kind in _USES}}


# Writing -----------------------------------------------------------------------------


def write(
    path: str | os.PathLike[str], kind: Kind, document: dict[str, Any], arrays: Arrays
) -> str:
    """Write a file in one step.

    Parameters
    ----------
    path : str or path-like
    kind : {"model", "checkpoint"}
    document : dict
        Of plain JSON, see `skconv._utils.values`.
    arrays : dict of str to ndarray
        In float32 or float64.

    Returns
    -------
    file_id : str
        As `file_id` returns it.

    Raises
    ------
    ValueError
        If the document is larger than a reader accepts.
    OSError
        If the file cannot be written.
    """
    text = json.dumps(document, allow_nan=False)
    arrays = _in_order(arrays, FORMAT_VERSION)
    digest = _digest(text, arrays)
    for array in arrays.values():
        digest.update(safetensors.as_bytes(array))
    metadata = {
        "format": f"skconv {kind}",
        "format_version": str(FORMAT_VERSION),
        "sha256": digest.hexdigest(),
        "document": text,
    }
    safetensors.write(path, arrays, metadata)
    return metadata["sha256"]


# Reading -----------------------------------------------------------------------------


class Reader:
    """A file that is open for reading.

    Attributes
    ----------
    document : dict
        Nothing of it is trusted.
    version : int
        The version of the format.
    file_id : str
        The checksum, which files of other contents do not have.
    parts : dict of str to Part
        The arrays of the file.
    """

    def __init__(self, file: BinaryIO, kind: Kind) -> None:
        self._file = file
        self._header: Header = safetensors.read_header(file)
        _check_memory(self._header)
        self.version = _check_format(self._header.metadata, kind)
        document = "model" if self.version == 1 else "document"
        if not {document, "sha256"} <= self._header.metadata.keys():
            raise ValueError(f"it lacks the {document} or its checksum")
        self._text = self._header.metadata[document]
        self.document = safetensors.parse_json(self._text)

    @property
    def file_id(self) -> str:
        """The checksum, which files of other contents do not have."""
        return self._header.metadata["sha256"]

    @property
    def parts(self) -> dict[str, Part]:
        """The arrays of the file."""
        return self._header.parts

    def empty(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Return an array for each of the file's that has one of these names."""
        return {
            name: np.empty(part.shape, part.dtype.newbyteorder("="))
            for name in names
            if (part := self.parts.get(name))
        }

    def read_into(self, arrays: Arrays) -> None:
        """Fill arrays from the file, and check that it is as it was written.

        Raises
        ------
        ValueError
            If the file has other arrays, or its checksum is wrong.
        """
        self._check_same_arrays(arrays)
        arrays = _in_order(arrays, self.version)
        digest = _digest(self._text, arrays)
        for name, array in arrays.items():
            self._file.seek(self._header.data_start + self.parts[name].start)
            # A file's method has another error where a view lacks memory.
            raw = array.reshape(-1).view(np.uint8).data
            if self._file.readinto(raw) < raw.nbytes:  # type: ignore[attr-defined]
                raise ValueError("it was cut short while it was read")
            digest.update(raw)
            if sys.byteorder == "big":  # pragma: no cover - no such machine here
                array.byteswap(inplace=True)
        if digest.hexdigest() != self.file_id:
            raise ValueError(
                "its checksum is wrong: the file was changed after skconv wrote it"
            )

    def _check_same_arrays(self, arrays: Arrays) -> None:
        here = {name: (each.shape, each.dtype.name) for name, each in arrays.items()}
        there = {
            name: (each.shape, each.dtype.name) for name, each in self.parts.items()
        }
        for name in [*here, *there]:
            if here.get(name) != there.get(name):
                raise ValueError(
                    f"array {name!r} is {_describe(there.get(name))} in the file, but "
                    f"{_describe(here.get(name))} in the network of its layers"
                )


@contextlib.contextmanager
def reading(path: str | os.PathLike[str], kind: Kind) -> Iterator[Reader]:
    """Open a file of a kind. No code of the file is run.

    Raises
    ------
    ValueError
        If it is another program's, of another kind, damaged, or of a later version;
        also for errors in the ``with`` block, see `naming`.
    OSError
        If it cannot be read.
    """
    with naming(path), open(path, "rb", opener=open_regular) as file:
        yield Reader(file, kind)


def file_id(path: str | os.PathLike[str], kind: Kind) -> str | None:
    """Return a checksum that identifies a file, or None if there is none.

    The arrays are not read: a file that lost some of them still has its checksum.

    Raises
    ------
    ValueError
        If it is of another kind, or its header is damaged.
    OSError
        If it cannot be read.
    """
    try:
        with naming(path), open(path, "rb", opener=open_regular) as file:
            metadata = safetensors.read_metadata(file)
            _check_kind(metadata, kind)
            return metadata.get("sha256", "")
    except FileNotFoundError:
        return None


# Bytes from which on it is worth to ask how many are free.
_LARGE = 2**27
# The most characters of an error's words about a file. Files have longer names.
_LONGEST_WORDS = 2000
# What Python, NumPy and constructors raise for wrong values, warnings that are errors
# included. Another exception is not about the file: a signal's handler may raise any.
_OF_CONTENTS = (
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(RuntimeError, AssertionError, Warning),
)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors about a file's contents into a ValueError that names the file.

    Objects are made from the arguments that the file gives: a class that expects a
    number may do anything with a text. A lack of memory is an OSError, as others of
    the system are. What a signal's handler raises, such as a TimeoutError, is
    unchanged.
    """
    try:
        yield
    except io.UnsupportedOperation as error:  # Python's words for a seek that failed
        raise OSError(errno.ESPIPE, str(error), os.fspath(path)) from error
    except OSError as error:
        if error.filename is not None or error.errno is None:  # not of the system
            raise
        words = error.strerror or str(error)
        raise OSError(error.errno, words, os.fspath(path)) from error
    except (MemoryError, SystemError, *_OF_CONTENTS) as error:
        if is_lack_of_memory(error):
            words = str(error) or os.strerror(errno.ENOMEM)
            raise OSError(errno.ENOMEM, words, os.fspath(path)) from error
        if not isinstance(error, _OF_CONTENTS):
            raise
        words = str(error)
        if len(words) > _LONGEST_WORDS:
            half = _LONGEST_WORDS // 2
            words = f"{words[:half]} ... {words[-half:]}"
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {words}") from error


def _check_memory(header: Header) -> None:
    """Check that there is memory for the arrays, of which a file may have any size."""
    n = max((part.stop for part in header.parts.values()), default=0)
    if n > _LARGE and n > (available := available_memory()):
        raise OSError(
            errno.ENOMEM, f"its arrays take {n} bytes, but only {available} are free"
        )


def _check_kind(metadata: dict[str, str], kind: Kind) -> None:
    found = _KINDS.get(metadata.get("format", ""))
    if found is None:
        raise ValueError("it is a safetensors file, but skconv did not write it")
    if found != kind:
        raise ValueError(f"it is not a {kind} but {_USES[found]}")


def _check_format(metadata: dict[str, str], kind: Kind) -> int:
    """Return the version of the format, if the file is of this kind."""
    _check_kind(metadata, kind)
    version = metadata.get("format_version", "")
    if not re.fullmatch("[0-9]{1,9}", version) or int(version) < 1:
        raise ValueError(f"its format_version is {shorten(version)}, not a number >= 1")
    if int(version) > FORMAT_VERSION:
        raise ValueError(
            f"it was written by a later skconv, in version {version} of the format, "
            f"and this one reads versions up to {FORMAT_VERSION}: upgrade skconv"
        )
    return int(version)


def _in_order(arrays: Arrays, version: int) -> dict[str, NDArray[Any]]:
    """Return arrays in the order in which the checksum takes them."""
    return dict(arrays if version == 1 else sorted(arrays.items()))


def _digest(text: str, arrays: Arrays) -> Any:
    """Return the checksum of all but the arrays' values, which must follow."""
    table = json.dumps(safetensors.describe(arrays), sort_keys=True)
    return hashlib.sha256(f"{text}\n{table}\n".encode())


def _describe(array: tuple[tuple[int, ...], str] | None) -> str:
    return "of shape {} in {}".format(*array) if array else "missing"
