"""Checks of the images or signals in X, and the shape of one of them."""

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from ..ops import positive_int
from .arrays import as_numbers, check_finite

__all__ = ["check_images", "check_input_shape", "check_shape", "find_input_shape"]


def check_images(
    estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, name: str = "X"
) -> NDArray[Any]:
    """Return X as a numeric array, without copying what is one (see `as_numbers`).

    Parameters
    ----------
    estimator : estimator
        Named in errors; gets `feature_names_in_` if `reset`.
    X : array-like
        Rows (n, features), images (n, h, w) or (n, h, w, c), signals (n, length) or
        (n, length, channels).
    y : array-like, optional
        Only checked not to be None.
    reset : bool
        True in a first fit; else feature names must be those of that fit.
    name : str, default="X"
        The argument's name in errors.

    Returns
    -------
    X : ndarray, of any numeric dtype

    Raises
    ------
    ValueError, TypeError
        If X is not a numeric array of 2 to 4 dimensions, or holds NaN or infinity.
    """
    # An array has no names to check, and to find that out takes as long as an op.
    has_names = type(X) is not np.ndarray or hasattr(estimator, "feature_names_in_")
    if reset or has_names or not isinstance(y, str):
        validate_data(
            estimator, X, y, reset=reset, skip_check_array=True, ensure_2d=False
        )
    X = as_numbers(X, name)
    if X.ndim and 0 in (len(X), X.shape[-1] if X.ndim == 2 else 1):
        raise ValueError(
            f"Found array with 0 {'feature' if len(X) else 'sample'}(s) (shape="
            f"{X.shape}) while a minimum of 1 is required by "
            f"{type(estimator).__name__}."
        )
    if X.ndim < 2:
        raise ValueError(
            f"Expected 2D array, got {('scalar', '1D')[X.ndim]} array instead: {name} "
            f"has shape {X.shape}, but must hold {_FORMS}. Reshape your data: one "
            f"sample is {name}[np.newaxis], rows of one value {name}.reshape(-1, 1)"
        )
    if X.ndim > 4:
        raise ValueError(f"{name} must hold {_FORMS}, got an array of shape {X.shape}")
    if 0 in X.shape:
        raise ValueError(
            f"{name} must hold at least one pixel, got an array of {X.shape}"
        )
    check_finite(X, name)
    return X


_FORMS = (
    "rows (n, features), images (n, h, w) or (n, h, w, c) or signals (n, length) or "
    "(n, length, channels)"
)


def find_input_shape(
    X: NDArray[Any],
    input_shape: Any = None,
    *,
    signals: bool = False,
    sees_pixels: bool = True,
) -> tuple[int, ...]:
    """Return the shape (h, w, c) of images, or (length, channels) of signals, in X.

    Parameters
    ----------
    X : ndarray of shape (n, features), (n, h, w), (n, h, w, c) or (n, length, channels)
    input_shape : (h, w), (h, w, c), (length, channels) or None
        The user's description. By default rows are square images of one channel, or,
        if their length is no square, images of one row, ``(1, features, 1)``.
    signals : bool, default=False
        Whether the network takes signals: then two axes are (length, channels), not
        (h, w), and by default rows are signals of one channel.
    sees_pixels : bool, default=True
        Whether the network depends on which values are neighbours. Otherwise no shape
        needs a warning.

    Returns
    -------
    input_shape : (h, w, c) or (length, channels)

    Raises
    ------
    ValueError
        If `input_shape` is not a shape or does not match X.

    Warns
    -----
    UserWarning
        If rows are read as images of one row, or if channels seem to come first.
    """
    axes = 2 if signals else 3
    if input_shape is not None:
        input_shape = check_shape(input_shape, signals=signals)
        check_input_shape(X, input_shape, f"input_shape={input_shape}")
    elif X.ndim > 2:
        input_shape = _sample_shape(X, axes)
    if input_shape is not None:
        if sees_pixels:
            _warn_of_channels_first(input_shape)
        return input_shape
    features = X.shape[1]
    if signals:
        return features, 1
    side = math.isqrt(features)
    if side * side == features:
        return side, side, 1
    if sees_pixels:
        warnings.warn(
            f"X has {features} features, which make no square image: they are read as "
            f"images of one row, (1, {features}, 1). Pass input_shape=(h, w, c) for "
            "another shape, or use layers on signals, such as Conv1D",
            stacklevel=2,
        )
    return 1, features, 1


def _warn_of_channels_first(input_shape: tuple[int, ...]) -> None:
    c, *size = input_shape
    if len(size) == 2:
        h, w = size
        read_as, are = "images", f"{h}x{w} pixels"
        first = c in (1, 3) and min(size) > 4 and max(size) <= 2 * min(size)
    else:
        read_as, are = "signals", f"{size[0]} values"
        first = c < 16 and size[0] >= 8 * c
    if first:
        axes = "(h, w, c)" if read_as == "images" else "(length, channels)"
        shape = ", ".join(map(str, input_shape))
        warnings.warn(
            f"{read_as} of shape {input_shape} seem to have their channels first, but "
            f"are read as {axes}. If they are {are} in "
            f"{'one channel' if c == 1 else f'{c} channels'}, "
            f"pass np.moveaxis(X.reshape(-1, {shape}), 1, -1)",
            stacklevel=3,
        )


def check_input_shape(
    X: NDArray[Any], input_shape: tuple[int, ...], expected_by: str, name: str = "X"
) -> None:
    """Raise ValueError unless X holds samples of `input_shape`.

    Parameters
    ----------
    X : ndarray
    input_shape : (h, w, c) or (length, channels)
    expected_by : str
        The estimator or the argument that the shape comes from, for the error.
    name : str, default="X"
        The argument's name in errors.
    """
    features = math.prod(input_shape)
    if X.ndim == 2 and X.shape[1] != features:
        raise ValueError(
            f"{name} has {X.shape[1]} features, but {expected_by} is expecting "
            f"{features} features as input, the {'x'.join(map(str, input_shape))} "
            f"values of each {'image' if len(input_shape) == 3 else 'signal'}"
            f"{_way_out(X, input_shape, name)}"
        )
    shape = _sample_shape(X, len(input_shape))
    if X.ndim > 2 and shape != input_shape:
        held = "images (h, w, c)" if len(shape) == 3 else "signals (length, channels)"
        raise ValueError(
            f"{name} of shape {X.shape} holds {held} = {shape}, but "
            f"{expected_by} is expecting {input_shape}{_way_out(X, input_shape, name)}"
        )


def _way_out(X: NDArray[Any], input_shape: tuple[int, ...], name: str) -> str:
    """Return how X may be meant, as the end of an error."""
    *size, c = input_shape
    shape = _sample_shape(X, len(input_shape))
    if X.shape == input_shape or (c == 1 and X.shape == (*size,)):
        kind = "image" if len(size) == 2 else "signal"
        return f". If it is one {kind}, pass {name}[np.newaxis]"
    if X.shape[1:] == (c, *size):
        return f". If channels come first, pass np.moveaxis({name}, 1, -1)"
    if len(shape) == 3 and shape[:2] == (*size,) and c in _MODES:
        return f". Convert the images, with Pillow image.convert({_MODES[c]!r})"
    if len(shape) == 3 and shape[2] == c:
        return f". Resize the images, with Pillow image.resize(({size[1]}, {size[0]}))"
    return ""


# Number of channels -> Pillow's name of such images.
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def _sample_shape(X: NDArray[Any], axes: int) -> tuple[int, ...]:
    """Return the shape of a sample, with one channel if X has only `axes` axes."""
    return (*X.shape[1:], 1) if X.ndim == axes else X.shape[1:]


def check_shape(input_shape: Any, *, signals: bool = False) -> tuple[int, ...]:
    """Return a user's `input_shape` as (h, w, c), or as (length, channels) of signals.

    Raises
    ------
    ValueError
        If it is neither.
    """
    axes = 2 if signals else 3
    if isinstance(input_shape, np.ndarray):
        input_shape = input_shape.tolist()
    if not isinstance(input_shape, list | tuple) or len(input_shape) not in (2, 3):
        raise ValueError(
            "input_shape must be (h, w), (h, w, c), for layers on signals "
            f"(length, channels), or None, got {input_shape!r}"
        )
    sizes = [positive_int(size, "each of input_shape") for size in input_shape]
    if signals and sizes[0] == 1 < sizes[1]:
        _, length, *channels = sizes
        c = channels[0] if channels else 1
        raise ValueError(
            f"input_shape={input_shape!r} must be (length, channels), as `layers` has "
            f"layers on signals, but it says signals of length 1. If they have "
            f"{length} values{f' in {c} channels' if c > 1 else ''}, pass "
            f"input_shape=({length}, {c})"
        )
    return (*sizes, 1) if len(sizes) < axes else tuple(sizes)
