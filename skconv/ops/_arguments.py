"""Checks of arguments, made once for both twins: both accept what passes.

An op calls these before `skconv.ops.dispatch.run`. In training, nearly all arrays are
plain float32, and each costs one comparison.
"""

import itertools
import sys
from numbers import Real
from typing import Any

import numpy as np

from ._types import Array, Shape
from .reference.activations import find_activation

__all__ = [
    "apart",
    "check_channels",
    "check_dimensions",
    "check_loss",
    "check_saved",
    "check_shape",
    "check_vectors",
    "floats",
    "indices",
    "levels",
    "number",
    "numbers",
    "updated",
]

_ndarray = np.ndarray
_FLOAT32 = np.dtype(np.float32)
_REAL = "fiub"  # kinds of dtypes


# Arrays ------------------------------------------------------------------------------


def floats(names: tuple[str, ...], *arrays: Any) -> tuple[Any, ...]:
    """Return arrays of floats in the machine's byte order, of no subclass.

    Parameters
    ----------
    names : tuple of str
        Names for errors. The array may be None if its name ends with "?".
    *arrays : ndarray or None
        Integers and bools become float64.

    Returns
    -------
    arrays : tuple of ndarray or None
        The same objects, if they are such arrays already.

    Raises
    ------
    TypeError
        If one is not an array of real numbers.
    """
    for i, array in enumerate(arrays):
        if type(array) is _ndarray and array.dtype is _FLOAT32:
            continue
        if array is not None or names[i][-1] != "?":
            return tuple(map(_as_floats, names, arrays))
    return arrays


def _as_floats(name, array):
    if array is None and name[-1] == "?":
        return None
    array = numbers(name.rstrip("?"), array)
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    # A dtype from a file, or with metadata, is another object than the one it equals.
    native = np.dtype(array.dtype.char)
    return array.view(native) if array.dtype == native else array.astype(native)


def numbers(name: str, array: Any) -> Array:
    """Return an array of real numbers unchanged, but of no subclass.

    Raises
    ------
    TypeError
        If it is not an array of real numbers.
    """
    if type(array) is np.ndarray and array.dtype.kind in _REAL:
        return array
    is_array = isinstance(array, np.ndarray | np.generic)
    if not is_array or isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be a NumPy array of numbers, got {type(array).__name__}; "
            "use np.asarray, or fill the missing values of a masked array"
        )
    array = np.asarray(array)
    if array.dtype.kind not in _REAL:
        raise TypeError(
            f"{name} must be an array of real numbers, got one of dtype {array.dtype}; "
            "convert it with astype"
        )
    return array


def updated(**arrays: Any) -> None:
    """Check arrays that an op writes to; nothing is converted.

    Raises
    ------
    TypeError
        If one is not an array of floats.
    ValueError
        If one is read-only, or shares memory with another.
    """
    for name, array in arrays.items():
        plain = type(array) is np.ndarray and array.dtype is _FLOAT32
        if plain and array.flags.writeable:
            continue
        if numbers(name, array).dtype.kind != "f" or isinstance(array, np.generic):
            raise TypeError(
                f"{name} is written to: it must be an array of floats, got "
                f"{type(array).__name__} of dtype {array.dtype}"
            )
        if not array.flags.writeable:
            raise ValueError(f"{name} is written to, but read-only; pass a copy")
    for (name, array), (other, another) in itertools.combinations(arrays.items(), 2):
        if np.may_share_memory(array, another) and np.shares_memory(array, another):
            raise ValueError(
                f"{name} and {other} are both written to, but share memory; pass a "
                "copy of one of them"
            )


def apart(
    parameters: Array, gradient: Array, decay: Array | None, **moments: Array
) -> tuple[Array, Array | None]:
    """Return gradient and decay of an update in place, apart from what is updated.

    Raises
    ------
    ValueError
        If arrays differ in length from the parameters.
    """
    check_dimensions("parameters", parameters, 1, "(p,)")
    others = {"gradient": gradient, "decay": decay, **moments}
    check_vectors("parameter", len(parameters), tuple(others), *others.values())
    written = parameters, *moments.values()
    return _copy_of_shared(gradient, written), _copy_of_shared(decay, written)


def _copy_of_shared(array, written):
    if array is None or not any(np.may_share_memory(array, w) for w in written):
        return array
    return array.copy()


def indices(name: str, value: Any, stop: int, shape: Shape | None = None) -> Array:
    """Return a copy of indices from 0 to `stop` - 1, as int64.

    The op uses the copy that was checked, even if another thread writes to `value`
    meanwhile.

    Parameters
    ----------
    name : str
    value : array-like of int
    stop : int
    shape : tuple of int, optional
        The required shape; by default, one axis of any length.

    Raises
    ------
    ValueError
        If they are not integers, have another shape or are out of range.
    """
    array = np.asarray(value)
    fits = array.ndim == 1 if shape is None else array.shape == shape
    if array.dtype.kind not in "iu" or not fits or isinstance(value, np.ma.MaskedArray):
        needed = "(n,)" if shape is None else shape
        raise ValueError(
            f"{name} must be an array of int of shape {needed}, got "
            f"{type(value).__name__} of shape {array.shape} and dtype {array.dtype}"
        )
    checked = np.array(array, np.int64, order="C")
    # As unsigned numbers the negative ones are the largest.
    if checked.size and checked.view(np.uint64).max() >= stop:
        out = checked[checked.view(np.uint64) >= stop]
        raise ValueError(
            f"{name} must be at least 0 and less than {stop}, got "
            f"{out.astype(array.dtype)[0]}"
        )
    return checked


# Shapes ------------------------------------------------------------------------------


def check_dimensions(name: str, array: Array, ndim: int, layout: str) -> None:
    """Raise ValueError unless an array has `ndim` axes; the message has the layout."""
    if array.ndim != ndim:
        raise ValueError(f"{name} must be {layout}, got one of shape {array.shape}")


def check_channels(name: str, array: Array) -> None:
    """Raise ValueError unless an array is (..., c)."""
    if not array.ndim:
        raise ValueError(f"{name} must have an axis of channels, got a single number")


def check_shape(name: str, array: Array, shape: Shape, of: str) -> None:
    """Raise ValueError unless an array has the shape of another one, named `of`."""
    if array.shape != shape:
        raise ValueError(
            f"{name} must have the shape of {of}, {tuple(shape)}, got {array.shape}"
        )


def check_vectors(
    each: str, count: int, names: tuple[str, ...], *vectors: Array | None
) -> None:
    """Raise ValueError unless vectors, or None, have a value for `each` of `count`."""
    shape = (count,)
    for i, vector in enumerate(vectors):
        if vector is not None and vector.shape != shape:
            raise ValueError(
                f"{names[i]} must have a value for each of {count} {each}s, got an "
                f"array of shape {vector.shape}"
            )


def check_saved(saved: Array | None, dy: Array, activation: Any) -> None:
    """Raise ValueError unless `saved` is like `dy`; None is for the identity alone."""
    if saved is not None:
        check_shape("saved", saved, dy.shape, "dy")
    elif find_activation(activation) is not find_activation(None):
        raise ValueError(
            f"saved must be an array like dy, as {activation!r} has a derivative that "
            "is computed from it, got None"
        )


def check_loss(
    name: str, outputs: Any, sample_weight: Any
) -> tuple[Array, Array | None]:
    """Return outputs (n, k) and weights (n,) of samples, as floats.

    Raises
    ------
    TypeError
        If one is not an array of real numbers.
    ValueError
        If they have other shapes, or there is no sample.
    """
    outputs, sample_weight = floats((name, "sample_weight?"), outputs, sample_weight)
    check_dimensions(name, outputs, 2, "(n, k)")
    if not outputs.size:
        raise ValueError(
            "a loss takes at least one sample of at least one output, got "
            f"{name} of shape {outputs.shape}"
        )
    check_vectors("sample", len(outputs), ("sample_weight",), sample_weight)
    return outputs, sample_weight


# Other arguments ---------------------------------------------------------------------


def number(name: str, value: Any, stop: float = sys.float_info.max) -> float:
    """Return a number in [0, `stop`) as a float.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if type(value) is float and 0 <= value < stop:
        return value
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < stop:
        end = "finite" if stop == sys.float_info.max else f"less than {stop}"
        raise ValueError(f"{name} must be a number >= 0 and {end}, got {value!r}")
    return float(value)


def levels(name: str, value: Any) -> tuple[float, ...]:
    """Return one or several numbers above 0 and below 1 as a tuple of floats.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    several = value.tolist() if isinstance(value, np.ndarray) else value
    given = several if isinstance(several, list | tuple) else (several,)
    for each in given:
        is_number = isinstance(each, Real) and not isinstance(each, bool)
        if not is_number or not 0 < each < 1:
            raise ValueError(f"{name} must be above 0 and below 1, got {each!r}")
    if not given:
        raise ValueError(f"{name} must be one or several numbers, got {value!r}")
    return tuple(map(float, given))
