"""Class labels from what users pass as y."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import column_or_1d

from .arrays import (
    check_finite,
    check_is_array,
    count_samples,
    find_missing,
    to_array,
    without_mask,
)

__all__ = ["check_labels", "check_masks", "is_indicator"]

_Array = NDArray[Any]

_TO_TEXT = "Convert them, say with np.array([str(label) for label in {name}])"


def check_labels(y: Any, name: str = "y") -> _Array:
    """Return `y` as labels, (n,) or several columns of them, (n, k).

    Raises
    ------
    TypeError
        If it is not an array.
    ValueError
        If labels are missing or are not all text, all numbers, all booleans or all
        dates, or if it has another shape.
    """
    check_is_array(y, name)
    array = _to_array(y.toarray() if issparse(y) else y, name, "for each sample")
    if array.dtype == object:
        several = array.ndim == 2 and array.shape[1] > 1
        array = _from_columns(array, name) if several else _from_objects(array, name)
        if several and array.dtype == object:
            return array
    _check_dtype(array, name)
    if array.dtype.kind in "fc":
        check_finite(array, name)
    _refuse_missing(array, name)
    if array.ndim == 2 and array.shape[1] > 1:
        _refuse_fractions(array, name)
        return array
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} should be a 1d array, one label for each sample, or (n, k), "
            f"several labels for each, got an array of shape {array.shape}"
        )
    labels = column_or_1d(array, warn=True)
    _refuse_fractions(labels, name)
    return labels


def check_masks(y: Any, name: str = "y", *, signals: bool = False) -> _Array:
    """Return `y` as labels of pixels, (n, h, w), or of signals' values, (n, length).

    Raises
    ------
    TypeError
        If it is not an array.
    ValueError
        As `check_labels` does.
    """
    dtype = getattr(y, "dtype", None)
    if isinstance(y, list | tuple) or (
        getattr(dtype, "kind", "") == "O" and y.ndim < 2
    ):
        # Of pictures with a palette the labels are the numbers of its colours.
        y = [np.asarray(mask) if hasattr(mask, "getpalette") else mask for mask in y]
    array = _as_labels(y, name, "for each pixel")
    axes, form = (2, "(n, length)") if signals else (3, "(n, h, w)")
    if array.ndim != axes or not array.size:
        raise ValueError(
            f"{name} must hold masks {form}, a label for each "
            f"{'value' if signals else 'pixel'}, got an array of shape {array.shape}"
            f"{_mask_from(array, name, axes)}"
        )
    _refuse_fractions(array, name)
    return array


def _mask_from(array: _Array, name: str, axes: int) -> str:
    """Return how masks can be made of an array, as the end of an error."""
    if array.ndim == axes - 1 > 1:
        return f". If it is one mask, pass {name}[np.newaxis]"
    if array.ndim != axes + 1:
        return ". For one label for each image use ConvNetClassifier"
    if array.shape[-1] == 1:
        return f". Pass {name}[..., 0]"
    return (
        f". If it is one-hot, pass {name}.argmax(axis=-1); if colours say the class, "
        "give each colour a number"
    )


def _as_labels(y: Any, name: str, each: str = "for each sample") -> _Array:
    """Return `y` as labels of one type, in any shape."""
    check_is_array(y, name)
    array = _to_array(y.toarray() if issparse(y) else y, name, each)
    if array.dtype == object:
        array = _from_objects(array, name)
    _check_dtype(array, name)
    if array.dtype.kind in "fc":
        check_finite(array, name)
    _refuse_missing(array, name)
    return array


def _to_array(y: Any, name: str, each: str) -> _Array:
    is_list = isinstance(y, list | tuple)
    lists = [each for each in y if isinstance(each, list | tuple)] if is_list else []
    if len(set(map(len, lists))) > 1:
        raise ValueError(
            f"{name} must hold one label {each}, got lists of several lengths. "
            f"{_SEVERAL.format(name=name)}"
        )
    array = to_array(y, name)
    if isinstance(array, np.ma.MaskedArray):
        array = without_mask(array, name)
    if lists and array.ndim == 2 and array.dtype.kind in "US":
        return np.array(y, object)  # NumPy makes text of [["a", 1]]
    if is_list and array.ndim == 1:
        # NumPy makes text of ["a", 1], and floats of large integers.
        objects = np.empty(len(y), object)
        objects[:] = y
        _from_objects(objects, name)
        return array
    return array.astype(object) if array.dtype.kind == "T" else array


_SEVERAL = "Several labels are sklearn.preprocessing.MultiLabelBinarizer's {name}"


def _from_objects(array: _Array, name: str) -> _Array:
    """Return an array of objects in the dtype of its labels; text remains objects."""
    _refuse_missing(array, name)
    entries = array.ravel().tolist()
    kinds: dict[str, Any] = {}
    for entry in entries:
        kinds.setdefault(_kind_of(entry, name), entry)
    if len(kinds) > 1:
        got = " and ".join(f"{entry!r} ({kind})" for kind, entry in kinds.items())
        raise ValueError(
            f"{name} must hold labels of one type, which can be sorted, got {got}. "
            f"{_TO_TEXT.format(name=name)}"
        )
    if "text" in kinds or not entries:
        return array
    labels = np.asarray(entries)
    all_int = all(isinstance(entry, int | np.integer) for entry in entries)
    if labels.dtype == object or (all_int and labels.dtype.kind == "f"):
        raise ValueError(
            f"{name} must hold integers of at most 64 bits, got "
            f"{max(entries, key=abs)}. {_TO_TEXT.format(name=name)}"
        )
    return labels.reshape(array.shape)


def _from_columns(array: _Array, name: str) -> _Array:
    """Return columns of objects in the dtype of their labels, objects if it differs."""
    _refuse_missing(array, name)
    columns = []
    for j, column in enumerate(array.T):
        labels = _from_objects(column, f"{name}[:, {j}]")
        _refuse_fractions(labels, f"{name}[:, {j}]")
        columns.append(labels)
    if len({column.dtype.str for column in columns}) == 1:
        return np.stack(columns, axis=1)
    labels = np.empty(array.shape, object)
    for j, column in enumerate(columns):
        labels[:, j] = column
    return labels


def _kind_of(label: Any, name: str) -> str:
    if isinstance(label, str):
        return "text"
    if isinstance(label, bool | np.bool_):
        return "booleans"
    if isinstance(label, float | int | np.number) and isinstance(label, Real):
        return "numbers"
    _refuse_bytes(label, name)
    if isinstance(label, list | tuple | set | np.ndarray):
        raise ValueError(
            f"{name} must hold one label for each sample, got {label!r}. "
            f"{_SEVERAL.format(name=name)}"
        )
    raise ValueError(
        f"Unknown label type: {name} must hold text, numbers or booleans, got "
        f"{label!r} of type {type(label).__name__}. {_TO_TEXT.format(name=name)}"
    )


def _refuse_bytes(label: Any, name: str) -> None:
    if isinstance(label, bytes):
        raise ValueError(
            f"{name} must hold text, got bytes: {label!r}. Use "
            f"[label.decode() for label in {name}]"
        )


def _refuse_missing(array: _Array, name: str) -> None:
    if find_missing(array).any():
        raise ValueError(
            f"Input {name} contains NaN: {name} has missing values in "
            f"{count_samples(array, find_missing)}. Leave such samples out, or give "
            "them a label of their own"
        )


def _check_dtype(array: _Array, name: str) -> None:
    if array.dtype.kind == "S" and array.size:
        _refuse_bytes(array.ravel().tolist()[0], name)
    if array.dtype.kind not in "biufUOMm":
        complex_ = " (Complex data not supported)" if array.dtype.kind == "c" else ""
        raise ValueError(
            f"{name} must hold text, numbers, booleans or dates, got "
            f"{array.dtype}{complex_}. {_TO_TEXT.format(name=name)}"
        )


def _refuse_fractions(labels: _Array, name: str) -> None:
    if labels.dtype.kind != "f":
        return
    fractions = labels[labels != np.floor(labels)]
    if fractions.size:
        raise ValueError(
            f"Unknown label type: continuous. {name} must hold labels, got fractions "
            f"such as {fractions[0]}. Predict numbers with ConvNetRegressor, or make "
            "classes of them, say with np.digitize"
        )


def is_indicator(y: _Array) -> bool:
    """Return whether checked labels are those of a multilabel problem: 0 and 1."""
    return y.ndim == 2 and y.dtype.kind in "biuf" and bool(np.isin(y, (0, 1)).all())
