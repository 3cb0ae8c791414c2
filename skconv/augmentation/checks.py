"""Check what a transform is given: its input and its arguments."""

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "as_images",
    "check_flag",
    "each",
    "fill_or_mode",
    "finite_number",
    "no_pair",
    "number_pair",
    "number_range",
    "only_images",
    "pixels_or_shares",
]


def only_images(x: NDArray[Any]) -> NDArray[Any]:
    """Return x, or raise ValueError unless its shape is (n, h, w, c)."""
    if x.ndim != 4:
        hint = "; signals have no plane to rotate in" if x.ndim == 3 else ""
        raise ValueError(
            f"takes images (n, h, w, c), got an array of shape {x.shape}{hint}"
        )
    return x


def as_images(x: NDArray[Any]) -> NDArray[Any]:
    """Return images unchanged, signals (n, length, channels) as images of one row."""
    return x[:, None] if x.ndim == 3 else only_images(x)


def each(function: Callable[[float], float], numbers: ArrayLike) -> NDArray[np.float64]:
    """Return a function of `math` of each number.

    NumPy's own exponentials and sines round otherwise on AVX-512 than on AVX2.
    """
    return np.array([function(number) for number in np.asarray(numbers)])


def check_flag(value: Any, name: str) -> bool:
    """Return a bool, or raise ValueError."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def fill_or_mode(value: Any, modes: Sequence[str]) -> float | str:
    """Return `fill` as a float, or as a mode of `numpy.pad`, or raise ValueError."""
    if isinstance(value, str) and value in modes:
        return value
    if isinstance(value, str):
        words = ", ".join(map(repr, modes))
        raise ValueError(f"fill must be a number or one of {words}, got {value!r}")
    return finite_number(value, "fill")


def no_pair(value: Any, name: str) -> Any:
    """Return the argument of a signal, or raise ValueError if it is a pair."""
    if isinstance(value, tuple | list):
        raise ValueError(
            f"{name} must be one number for signals (n, length, channels), got "
            f"{value!r}"
        )
    return value


def finite_number(
    value: Any, name: str, low: float = -math.inf, high: float = math.inf
) -> float:
    """Return a finite number from `low` to `high` as a float, or raise ValueError."""
    is_number = isinstance(value, Real) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        bounds = f" >= {low:g}" if low > -math.inf else ""
        if high < math.inf:
            bounds = f" from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a number{bounds}, got {value!r}")
    return float(value)


def number_pair(
    value: Any, name: str, low: float, high: float = math.inf
) -> tuple[float, float]:
    """Return a pair of numbers; one number is used twice."""
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be a number or two, got {value!r}")
    first, second = (finite_number(each, name, low, high) for each in values)
    return first, second


def pixels_or_shares(value: Any, name: str, sizes: tuple[int, int]) -> tuple[int, int]:
    """Return a pair of ints >= 0; of a float below 1, that share of the size."""
    values = value if isinstance(value, tuple | list) else (value, value)
    is_valid = len(values) == 2 and all(
        isinstance(each, Real)
        and not isinstance(each, bool | np.bool_)
        and float(each) >= 0
        and (isinstance(each, Integral) or float(each) < 1)
        for each in values
    )
    if not is_valid:
        raise ValueError(
            f"{name} must be an int >= 0, in pixels, a float from 0 to below 1, a "
            f"share of the image's size, or a pair of them, got {value!r}"
        )
    first, second = (
        int(each) if isinstance(each, Integral) else round(each * size)
        for each, size in zip(values, sizes, strict=True)
    )
    return first, second


def number_range(
    value: Any, name: str, low: float, high: float = math.inf
) -> tuple[float, float]:
    """Return a smallest and a largest number, in this order."""
    if isinstance(value, tuple | list) and len(value) == 2:
        smallest, largest = number_pair(value, name, low, high)
        if smallest <= largest:
            return smallest, largest
    raise ValueError(f"{name} must be (smallest, largest), got {value!r}")
