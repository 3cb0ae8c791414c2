"""Checks of the images or signals in X, and the shape of one of them."""

import math
import warnings
from typing import Any

from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from ..ops import positive_int

__all__ = ["check_images", "check_input_shape", "check_shape", "find_input_shape"]


def check_images(
    estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, name: str = "X"
) -> NDArray[Any]:
    """Return X as a numeric array, without copying what is one.

    Parameters
    ----------
    estimator : estimator
        Named in errors; gets `feature_names_in_` if `reset`.
    X : array-like of shape (n, features), (n, h, w), (n, h, w, c) or (n, l, c)
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
    ValueError
        If X is not a numeric array of 2 to 4 dimensions, or holds NaN or infinity.
    """
    validate_data(estimator, X, y, reset=reset, skip_check_array=True, ensure_2d=False)
    X = check_array(X, allow_nd=True, estimator=estimator, input_name=name)
    if X.dtype == object:  # from a list with None, which is found in an array
        X = check_array(X, allow_nd=True, estimator=estimator, input_name=name)
    if 0 in X.shape:
        raise ValueError(
            f"{name} must hold at least one pixel, got an array of {X.shape}"
        )
    if X.ndim > 4:
        raise ValueError(
            f"{name} must hold rows (n, features), images (n, h, w) or (n, h, w, c) or "
            f"signals (n, l, c), got an array of shape {X.shape}"
        )
    return X


def find_input_shape(
    X: NDArray[Any], input_shape: Any = None, *, signals: bool = False
) -> tuple[int, ...]:
    """Return the shape (h, w, c) of the images in X, or (l, c) of the signals.

    Parameters
    ----------
    X : ndarray of shape (n, features), (n, h, w), (n, h, w, c) or (n, l, c)
    input_shape : (h, w), (h, w, c), (l, c) or None
        The user's description. By default rows are square images of one channel, or,
        if their length is no square, images of one row, ``(1, features, 1)``.
    signals : bool, default=False
        Whether the network takes signals: then two axes are (l, c), not (h, w), and
        by default rows are signals of one channel.

    Returns
    -------
    input_shape : (h, w, c) or (l, c)

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
        _warn_of_channels_first(input_shape)
        return input_shape
    features = X.shape[1]
    if signals:
        return features, 1
    side = math.isqrt(features)
    if side * side == features:
        return side, side, 1
    warnings.warn(
        f"X has {features} features, which make no square image: they are read as "
        f"images of one row, (1, {features}, 1). Pass input_shape=(h, w, c) for "
        "another shape.",
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
        axes = "(h, w, c)" if read_as == "images" else "(l, c)"
        shape = ", ".join(map(str, input_shape))
        warnings.warn(
            f"{read_as} of shape {input_shape} seem to have their channels first, but "
            f"are read as {axes}. If they are {are} in {c} channels, "
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
    input_shape : (h, w, c) or (l, c)
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
        )
    shape = _sample_shape(X, len(input_shape))
    if X.ndim > 2 and shape != input_shape:
        held = "images (h, w, c)" if len(shape) == 3 else "signals (l, c)"
        raise ValueError(
            f"{name} of shape {X.shape} holds {held} = {shape}, but "
            f"{expected_by} is expecting {input_shape}"
        )


def _sample_shape(X: NDArray[Any], axes: int) -> tuple[int, ...]:
    """Return the shape of a sample, with one channel if X has only `axes` axes."""
    return (*X.shape[1:], 1) if X.ndim == axes else X.shape[1:]


def check_shape(input_shape: Any, *, signals: bool = False) -> tuple[int, ...]:
    """Return a user's `input_shape` as (h, w, c), or as (l, c) of signals.

    Raises
    ------
    ValueError
        If it is neither.
    """
    axes = 2 if signals else 3
    if isinstance(input_shape, list | tuple) and len(input_shape) in (2, 3):
        sizes = [positive_int(size, "each of input_shape") for size in input_shape]
        return (*sizes, 1) if len(sizes) < axes else tuple(sizes)
    raise ValueError(
        "input_shape must be (h, w), (h, w, c), for layers on signals (l, c), or None, "
        f"got {input_shape!r}"
    )
