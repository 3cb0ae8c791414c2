"""The safetensors format: a table of arrays as JSON, then their bytes.

A file is eight bytes with the length of its header, the header, and the data. The
header maps each array's name to its dtype, its shape and the part of the data that it
fills, and ``__metadata__`` to texts by name. The parts leave no gap and do not overlap.
The format is that of https://github.com/huggingface/safetensors, which reads what is
written here, and writes what is read here.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .files import replacing
from .lookup import shorten

__all__ = [
    "Header",
    "Part",
    "as_bytes",
    "describe",
    "parse_json",
    "read_header",
    "read_metadata",
    "write",
]

DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""The dtypes that networks compute in, of the format's twenty."""

# The most bytes of a header, and values in it: as Python's objects they are up to fifty
# times as large as in a file. The safetensors package allows 100 MB.
HEADER_LIMIT = 2**21
VALUES_LIMIT = 2**17
# The most characters of a key: names of arrays, layers and parameters.
KEY_LIMIT = 2**10

_METADATA = "__metadata__"


class Part(NamedTuple):
    """The place of an array: from `start` to `stop` in the data."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(NamedTuple):
    """The contents of a file without its data.

    Attributes
    ----------
    metadata : dict of str to str
    parts : dict of str to Part
        In the order of the data.
    data_start : int
        Where the data begin in the file.
    """

    metadata: dict[str, str]
    parts: dict[str, Part]
    data_start: int


# Writing -----------------------------------------------------------------------------


def describe(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    """Return the table of arrays for a header."""
    # By text: without memory, NumPy may give a dtype another hash, and no error.
    names = {dtype.str: name for name, dtype in DTYPES.items()}
    table, start = {}, 0
    for name, array in arrays.items():
        table[name] = {
            "dtype": names[array.dtype.newbyteorder("<").str],
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    return table


def as_bytes(array: NDArray[Any]) -> memoryview:
    """Return the bytes of an array in a file, as a view where that is possible."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    metadata: dict[str, str],
) -> None:
    """Write a file in one step: readers see the old file or the new one, whole.

    Parameters
    ----------
    path : str or path-like
    arrays : dict of str to ndarray
        In float32 or float64.
    metadata : dict of str to str

    Raises
    ------
    ValueError
        If names and metadata are larger than a reader accepts.
    OSError
        If the file cannot be written.
    """
    table = {_METADATA: metadata, **describe(arrays)}
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    header = text.encode()
    header += b" " * (-len(header) % 8)  # so that the data are aligned
    for n, limit, what in (
        (len(header), HEADER_LIMIT, "bytes"),
        (_count_values(text), VALUES_LIMIT, "values of JSON"),
    ):
        if n > limit:
            raise ValueError(
                f"all but the arrays takes {n} {what} in {os.fspath(path)!r}, more "
                f"than the {limit} that a file may have: shorten parameters, classes "
                "or feature names, or save with joblib.dump"
            )
    parse_json(text)  # a reader takes what is written
    with replacing(path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            file.write(as_bytes(array))


# Reading -----------------------------------------------------------------------------


def read_header(file: BinaryIO) -> Header:
    """Read and check all but the data, which follow in `file`.

    Parameters
    ----------
    file : binary file

    Returns
    -------
    header : Header

    Raises
    ------
    ValueError
        If it is not a safetensors file of float32 and float64 arrays, or not complete.
    """
    table, metadata, n_bytes = _read_table(file)
    parts = {name: _check_part(name, entry) for name, entry in table.items()}
    parts = dict(sorted(parts.items(), key=lambda item: item[1][2:]))
    _check_layout(parts, n_bytes)
    return Header(metadata, parts, file.tell())


def read_metadata(file: BinaryIO) -> dict[str, str]:
    """Read the metadata alone: arrays may be missing or damaged.

    Raises
    ------
    ValueError
        If it is not a safetensors file.
    """
    return _read_table(file)[1]


def _read_table(file: BinaryIO) -> tuple[dict[str, Any], dict[str, str], int]:
    """Return the table of arrays, the metadata, and how many bytes of data follow."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:  # and nothing is read, as of a file of the system that has no end
        raise ValueError(f"it is cut short: 8 bytes expected, {size} left")
    length = int.from_bytes(_read(file, 8), "little")
    if length > HEADER_LIMIT or length > size - 8:
        raise ValueError(
            f"it is not a safetensors file, or cut short: its header would have "
            f"{length} bytes, but {min(HEADER_LIMIT, size - 8)} are possible"
        )
    raw = _read(file, length)
    if not raw.startswith(b"{"):
        raise ValueError("it is not a safetensors file: its header must start with {")
    table = parse_json(raw.decode("utf-8"))
    metadata = table.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(
        isinstance(text, str) for text in metadata.values()
    ):
        raise ValueError("its __metadata__ must map text to text")
    return table, metadata, size - 8 - length


def _read(file: BinaryIO, n: int) -> bytes:
    data = file.read(n)
    if len(data) < n:
        raise ValueError(f"it is cut short: {n} bytes expected, {len(data)} left")
    return data


def _check_part(name: str, entry: Any) -> Part:
    if not isinstance(entry, dict) or entry.keys() != {
        "dtype",
        "shape",
        "data_offsets",
    }:
        raise ValueError(
            f"array {name!r} must be described by dtype, shape and data_offsets"
        )
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ValueError(
            f"array {name!r} must be of dtype {' or '.join(DTYPES)}, got "
            f"{shorten(entry['dtype'])}"
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(
            f"array {name!r} must have a shape and two data_offsets of integers >= 0, "
            f"got {shorten(shape)} and {shorten(offsets)}"
        )
    start, stop = offsets
    if len(shape) > 32 or stop - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"array {name!r} of shape {shorten(shape)} in {entry['dtype']} does not "
            f"fill bytes {start} to {stop}"
        )
    return Part(dtype, tuple(shape), start, stop)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value
    )


def _check_layout(parts: dict[str, Part], n_bytes: int) -> None:
    """Check that the arrays fill the data in their order, without gap or overlap."""
    position = 0
    for name, part in parts.items():
        if part.start != position:
            raise ValueError(
                f"array {name!r} starts at byte {part.start} of the data, but "
                f"{position} is next: arrays must follow each other"
            )
        position = part.stop
    if position != n_bytes:
        raise ValueError(
            f"its arrays fill {position} bytes, but {n_bytes} follow the header: it is "
            "cut short, or something was appended"
        )


def parse_json(text: str) -> dict[str, Any]:
    """Return an object of strict JSON: its keys are distinct, its numbers finite.

    Raises
    ------
    ValueError
        If the text is anything else, or holds more values than are allowed.
    """
    if (n := _count_values(text)) > VALUES_LIMIT:
        raise ValueError(
            f"its JSON holds {n} values, more than the {VALUES_LIMIT} that are allowed"
        )
    try:
        value = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_moderate,
        )
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("its JSON is not an object")
    return value


def _count_values(text: str) -> int:
    """Return how many values JSON holds at most: all but one follow one of these.

    Those within a text are counted as well: there is a document's JSON in metadata.
    """
    return sum(map(text.count, "[{,"))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("an object of its JSON has a key twice")
    if (longest := max(map(len, table), default=0)) > KEY_LIMIT:
        raise ValueError(
            f"a name in its JSON has {longest} characters, more than the {KEY_LIMIT} "
            "that are allowed"
        )
    return table


def _refuse_constant(name: str) -> None:
    raise ValueError(f"its JSON holds {name}, which is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("its JSON holds a number that is too large")
    return value


def _moderate(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**64:
        raise ValueError("its JSON holds an integer of more than 64 bits")
    return value
