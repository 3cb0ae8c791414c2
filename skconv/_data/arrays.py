"""Arrays of numbers from what users pass, or an error that says what it is instead."""

import datetime
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _num_samples

from .lazy import LazyArray

__all__ = [
    "as_numbers",
    "check_finite",
    "check_is_array",
    "check_lengths",
    "count_samples",
    "find_missing",
    "to_array",
    "without_mask",
]

_Array = NDArray[Any]

# How many samples are searched at a time for the one that an error names.
_CHUNK = 1024


def as_numbers(given: Any, name: str) -> _Array:
    """Return an array of numbers, without copying what is one.

    Images in a list, a Series or an array of objects are stacked. Missing values
    become NaN. A `LazyArray`, whose rows are numbers, remains one.

    Parameters
    ----------
    given : array-like
    name : str
        The argument's name, for errors.

    Returns
    -------
    array : ndarray
        Of a dtype of bool, int or float.

    Raises
    ------
    TypeError
        If it is not an array, or has entries that are not numbers.
    ValueError
        If it holds text, dates, records, complex numbers, masked values or arrays of
        several shapes.
    """
    if isinstance(given, LazyArray):
        lazy: Any = given
        return lazy
    is_array = isinstance(given, np.ndarray) and given.dtype.kind in "biuf"
    if is_array and not isinstance(given, np.ma.MaskedArray):
        return np.asarray(given)
    check_is_array(given, name)
    if issparse(given):
        _refuse_sparse(name, f"{name}.toarray()")
    if _is_sparse_frame(given):
        _refuse_sparse(name, f"{name}.sparse.to_dense()")
    if _is_frame(given):
        _check_columns(given, name)
    array = to_array(given, name)
    if isinstance(array, np.ma.MaskedArray):
        array = without_mask(array, name)
    if array.dtype == object:
        array = _from_objects(array, name)
    _check_dtype(array, name)
    return np.asarray(array)


def check_lengths(X: Any, y: Any, names: tuple[str, str] = ("X", "y")) -> None:
    """Raise ValueError unless X and y have as many samples."""
    n, m = (_num_samples(each) for each in (X, y))
    if n != m:
        hint = f". One sample is {names[0]}[np.newaxis]" if m == 1 else ""
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {names[0]} "
            f"has {n}, {names[1]} has {m}{hint}"
        )


def check_is_array(given: Any, name: str) -> None:
    """Check that a value may be an array, a list or a table.

    Raises
    ------
    TypeError
        If it is None, text, a path, a number, a dict, a set or an iterator.
    """
    may_be = any(map(partial(hasattr, given), _MARKS)) and not isinstance(given, type)
    hint = ""
    if isinstance(given, str | bytes | PurePath):
        hint = _READ_FILES if name.startswith("X") else ""
    elif isinstance(given, Mapping):
        hint = f". Pass one of its values, or np.stack(list({name}.values()))"
    elif may_be:
        return
    elif isinstance(given, Iterator | Collection):
        hint = f". Pass np.array(list({name}))"
    raise _not_an_array(given, name, hint)


def _not_an_array(given: Any, name: str, hint: str = "") -> TypeError:
    return TypeError(
        f"{name} must be an array, a list or a table of numbers, got "
        f"{type(given).__name__}: {_short(given)}{hint}"
    )


# What has one of these attributes can become an array.
_MARKS = "shape", "__array__", "__array_interface__", "__getitem__"

_READ_FILES = (
    ". Read the files first, with Pillow: "
    "np.stack([np.asarray(Image.open(path)) for path in paths])"
)


def _refuse_sparse(name: str, way_out: str) -> NoReturn:
    raise TypeError(
        f"Sparse data was passed for {name}, but dense data is required. Use {way_out}"
    )


def _short(value: Any) -> str:
    return _cut(" ".join(repr(value).split()))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


# Tables ------------------------------------------------------------------------------


def _is_frame(given: Any) -> bool:
    return all(hasattr(given, each) for each in ("columns", "dtypes", "shape"))


def _is_sparse_frame(given: Any) -> bool:
    return _is_frame(given) and any("Sparse" in str(each) for each in given.dtypes)


def _check_columns(frame: Any, name: str) -> None:
    """Check columns whose dtype is not that of numbers; errors name the column."""
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if getattr(dtype, "kind", "") in tuple("biuf"):
            continue
        where = f"column {column!r} of {name}"
        values = np.asarray(frame[column])
        numbers = as_numbers(values, where)
        if numbers.ndim > values.ndim:
            raise ValueError(
                f"{where} holds arrays of shape {numbers.shape[1:]}, but a table must "
                f"have one number in each cell. Pass np.stack({name}[{column!r}])"
            )


# Arrays of other kinds ---------------------------------------------------------------


def to_array(given: Any, name: str) -> _Array:
    """Return an array of any dtype; if it has a mask, a masked one.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if isinstance(given, list | tuple):
        _check_modes(given, name)
        if any(isinstance(entry, np.ma.MaskedArray) for entry in given):
            given = [without_mask(np.ma.asarray(each), name) for each in given]
    try:
        array = np.asanyarray(given)
    except Exception as error:  # of the object's own __array__, too
        entries = list(given) if isinstance(given, list | tuple) else []
        _check_one_shape(entries, name)
        raise ValueError(
            f"{name} of type {type(given).__name__} could not be made an array of "
            f"numbers: {error}"
        ) from error
    if array.dtype == object and not array.ndim:
        raise _not_an_array(given, name)
    return array


def _check_one_shape(entries: list[Any], name: str) -> None:
    """Raise ValueError if arrays in a list have several shapes."""
    shapes = [_shape_of(entry) for entry in entries]
    for i, shape in enumerate(shapes):
        if shape is None:
            raise ValueError(
                f"{name}[{i}] must have rows of one length, got {_short(entries[i])}"
            )
        if shape != shapes[0]:
            raise ValueError(
                f"{name} must hold samples of one shape, got {name}[0] of shape "
                f"{shapes[0]} and {name}[{i}] of shape {shape}. Give all images one "
                "size and the same channels, with Pillow "
                "image.convert('RGB').resize((width, height))"
            )


def _shape_of(entry: Any) -> tuple[int, ...] | None:
    try:
        return np.shape(entry)
    except ValueError:  # of lists in lists
        return None


def _check_modes(entries: Sequence[Any], name: str) -> None:
    """Raise ValueError if a Pillow image holds the numbers of colours in a palette."""
    for i, entry in enumerate(entries):
        if hasattr(entry, "getpalette") and getattr(entry, "mode", "") in ("P", "PA"):
            raise ValueError(
                f"{name}[{i}] must be an image of brightness or colours, got one of "
                f"mode {entry.mode!r}, whose values are numbers of colours in a "
                "palette. Use image.convert('RGB')"
            )


def without_mask(array: Any, name: str) -> _Array:
    """Return the data of a masked array that masks nothing; else raise ValueError."""
    masked = np.ma.getmaskarray(array)
    if masked.any():
        raise ValueError(
            f"{name} has {masked.sum()} masked values of {masked.size}. Fill them, say "
            f"with {name}.filled(0), or leave those samples out"
        )
    return array.data


def _from_objects(array: _Array, name: str) -> _Array:
    """Return an array of objects as numbers, or stack the arrays that it holds."""
    entries = array.ravel().tolist()
    if any(map(issparse, entries)):
        _refuse_sparse(name, f"np.stack([each.toarray() for each in {name}])")
    if array.ndim == 1 and entries and all(map(_is_array_like, entries)):
        _check_one_shape(entries, name)
        return as_numbers(list(entries), name)
    if text := next((each for each in entries if _is_text(each)), None):
        _refuse_text(text, name)
    numbers, missing = array.copy(), find_missing(array)
    # NumPy would make numbers of its own dates.
    dates = (each for each in array[~missing] if isinstance(each, _DATES))
    if date := next(dates, None):
        raise ValueError(
            f"{name} must hold real numbers, got dates or durations such as {date!r}. "
            "Leave them out or convert them to numbers"
        )
    numbers[missing] = np.nan
    try:
        return numbers.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must hold numbers: {error}") from error


_DATES = (
    *(datetime.date, datetime.time, datetime.timedelta),
    *(np.datetime64, np.timedelta64),
)


def _is_array_like(entry: Any) -> bool:
    is_scalar = isinstance(entry, str | bytes | np.generic | Mapping | set)
    marks = "__array__", "__array_interface__", "__len__"
    has_mark = any(hasattr(entry, mark) for mark in marks)
    return not is_scalar and has_mark and _shape_of(entry) != ()


def _is_text(entry: Any) -> bool:
    if isinstance(entry, str):
        try:
            float(entry)
        except ValueError:
            return True
    return isinstance(entry, bytes | os.PathLike)


def _refuse_text(text: Any, name: str) -> None:
    path = PurePath(text) if isinstance(text, str | PurePath) else PurePath()
    hint = ". Leave it out or encode it"
    if " of " not in name:  # a column's name is no variable's
        hint += f"; if it is numbers, use {name}.astype(float)"
    if isinstance(text, PurePath) or path.suffix.lower() in _PICTURES:
        hint = _READ_FILES
    raise ValueError(f"{name} must hold numbers, got text: {_short(text)}{hint}")


_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".npy"}

# Kind of a dtype -> what it is, and the way out.
_OTHER_KINDS = {
    "M": ("dates", "Convert them, say to days: (X - X.min()) / np.timedelta64(1, 'D')"),
    "m": ("durations", "Convert them, say to seconds: X / np.timedelta64(1, 's')"),
    "V": (
        "records",
        "Use numpy.lib.recfunctions.structured_to_unstructured(X)",
    ),
    "c": (
        "complex numbers (Complex data not supported)",
        "Use np.abs(X), or both parts as channels: np.stack([X.real, X.imag], axis=-1)",
    ),
}


def _check_dtype(array: _Array, name: str) -> None:
    kind = array.dtype.kind
    if kind in "biuf":
        return
    if kind in "UST":
        _refuse_text(next(iter(array.ravel().tolist()), ""), name)
    what, way_out = _OTHER_KINDS.get(kind, (str(array.dtype), "Convert it to float"))
    if " of " in name:  # a column
        way_out = "Leave it out or convert it to numbers"
    raise ValueError(
        f"{name} must hold real numbers, got {what} of dtype {_cut(str(array.dtype))}. "
        f"{way_out.replace('X', name)}"
    )


# Missing and infinite values ---------------------------------------------------------


def find_missing(array: _Array) -> NDArray[np.bool_]:
    """Return where an array has NaN, None, NaT or pandas' NA."""
    if array.dtype.kind in "fc":
        return np.isnan(array)
    if array.dtype.kind in "mM":
        return np.isnat(array)
    if array.dtype != object:
        return np.zeros(array.shape, bool)
    return np.frompyfunc(_is_missing, 1, 1)(array).astype(bool)


def _is_missing(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    if value is None or (pandas and (value is pandas.NA or value is pandas.NaT)):
        return True
    return isinstance(value, float | np.floating | np.datetime64) and value != value


def check_finite(array: _Array, name: str) -> None:
    """Check that an array of numbers has neither NaN nor infinity.

    A `LazyArray` checks each row when it reads it.

    Raises
    ------
    ValueError
        If it has; the message says in how many samples, and in which first.
    """
    if isinstance(array, LazyArray):
        return
    try:
        with np.errstate(invalid="ignore"):  # of its sum
            assert_all_finite(array)
    except ValueError as error:
        if np.isfinite(array).all():
            raise  # of a signal's handler
        find: Any = np.isnan
        what = f"NaN: {name} has missing values in"
        if "NaN" not in str(error):
            find = np.isinf
            what = f"infinity or a value too large for {array.dtype!r}. Found in"
        raise ValueError(
            f"Input {name} contains {what} {count_samples(array, find)}. Leave such "
            "samples out, or fill in another value"
        ) from None


def count_samples(array: _Array, find: Callable[[_Array], _Array]) -> str:
    """Return in how many samples something is found, and in which first.

    Parameters
    ----------
    array : ndarray of shape (n, ...)
        Searched piece by piece: it may be a memory map.
    find : callable ``(part) -> ndarray of bool``
    """
    found: list[int] = []
    for start in range(0, len(array), _CHUNK):
        part = find(array[start : start + _CHUNK])
        here = part.reshape(len(part), -1).any(axis=1)
        found += (start + np.flatnonzero(here)).tolist()
    return f"{len(found)} of {len(array)} samples, first in sample {found[0]}"
