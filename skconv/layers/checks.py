"""Checks of layers' arguments and of the shapes that layers take."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from .typing import Shape

__all__ = [
    "check_flag",
    "check_number",
    "check_room",
    "pixel_shape",
    "same_configuration",
    "sample_axes",
]

# Number of axes of a sample's pixels -> what such samples are called.
_SAMPLES = {1: "signals (length, channels)", 2: "images (h, w, c)"}
# Number of axes of the input -> how to make it fit.
_WAYS_OUT = {
    1: "place it before layers that flatten",
    2: "use Conv1D and other 1D layers for signals (length, channels)",
    3: "use Conv2D and other 2D layers for images (h, w, c)",
}


def pixel_shape(input_shape: Shape, ndim: int) -> Shape:
    """Return the shape of a sample without its channels.

    Parameters
    ----------
    input_shape : tuple of int
    ndim : {1, 2}
        Number of axes that it must have: 2 for images, 1 for signals.

    Raises
    ------
    ValueError
        If it has another number of axes.
    """
    if len(input_shape) == ndim + 1:
        return tuple(input_shape[:-1])
    raise ValueError(
        f"takes {_SAMPLES[ndim]}, but its input has shape {tuple(input_shape)}; "
        f"{_WAYS_OUT.get(len(input_shape), 'reshape it')}"
    )


def check_room(shape: Shape, way_out: str) -> None:
    """Raise ValueError if a sample of a shape has more numbers than memory holds."""
    if math.prod(shape) >= 2**48:
        raise ValueError(f"samples of shape {shape} are too large; {way_out}")


def check_number(
    value: Any,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
) -> None:
    """Check that an argument is a finite number >= `low` and < `high`.

    Parameters
    ----------
    value : object
    name : str
        The argument's name, for the error.
    low, high : float, default=-inf, inf
    above : bool, default=False
        Whether the number must be > `low`.

    Raises
    ------
    ValueError
        If it is not.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    is_inside = is_number and low <= value < high and not (above and value == low)
    if is_inside and math.isfinite(value):
        return
    if low == -math.inf:
        rule = "a finite number"
    elif high == math.inf:
        rule = f"a number {'>' if above else '>='} {low:g}"
    else:
        rule = f"a number in {'(' if above else '['}{low:g}, {high:g})"
    raise ValueError(f"{name} must be {rule}, got {value!r}")


def check_flag(value: Any, name: str) -> None:
    """Raise ValueError unless an argument is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")


def sample_axes(
    value: int | tuple[int, ...] | None, shape: Shape, name: str
) -> tuple[int, ...]:
    """Return axes as sorted, positive ints; axis 0 of a batch counts its samples.

    Parameters
    ----------
    value : int, tuple of int or None
    shape : tuple of int
        Of one sample.
    name : str
        The argument's name, for the error.

    Raises
    ------
    ValueError
        If they are not distinct axes of a sample.
    """
    values = () if value is None else value
    if isinstance(values, np.ndarray) and values.ndim:
        values = values.tolist()
    values = tuple(values) if isinstance(values, tuple | list) else (values,)
    last = len(shape)
    are_ints = all(isinstance(a, Integral) and not isinstance(a, bool) for a in values)
    axes = {int(a) + (last + 1 if a < 0 else 0) for a in values if are_ints}
    if len(axes) < len(values) or not axes <= set(range(1, last + 1)):
        raise ValueError(
            f"{name} must be distinct axes from 1 to {last}, or from the end -1 to "
            f"{-last}, for samples of shape {tuple(shape)}, got {value!r}"
        )
    return tuple(sorted(axes))


def same_configuration(a: Any, b: Any) -> bool:
    """Return whether two layers, or two values of arguments, are configured alike."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_configuration, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(
            same_configuration(a[key], b[key]) for key in a
        )
    if hasattr(a, "__dict__") and type(a).__eq__ is object.__eq__:
        return same_configuration(vars(a), vars(b))
    return bool(a == b)
