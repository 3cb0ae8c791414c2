"""What a user may call images, and the shape they come down to."""

import math
import warnings

from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from .ops import positive_int

__all__ = ["check_images", "check_input_shape", "find_input_shape"]


def check_images(estimator, X, y="no_validation", *, reset, name="X"):
    """Check X, without copying what is an array already.

    Parameters
    ----------
    estimator : estimator
        In whose name errors speak; gets `feature_names_in_` where `reset`.
    X : array-like of shape (n, features), (n, h, w) or (n, h, w, c)
    y : array-like, optional
        Only checked for being there.
    reset : bool
        True in a first fit; else feature names have to be those of that fit.
    name : str, default="X"
        What errors call it.

    Returns
    -------
    X : ndarray, of any numeric dtype

    Raises
    ------
    ValueError
        If X is no numeric array of 2 to 4 dimensions or holds NaN or infinity.
    """
    validate_data(estimator, X, y, reset=reset, skip_check_array=True, ensure_2d=False)
    X = check_array(X, allow_nd=True, estimator=estimator, input_name=name)
    if X.dtype == object:  # from a list, whose None it has let through: now an array's
        X = check_array(X, allow_nd=True, estimator=estimator, input_name=name)
    if 0 in X.shape:
        raise ValueError(
            f"{name} must hold at least one pixel, got an array of {X.shape}"
        )
    if X.ndim > 4:
        raise ValueError(
            f"{name} must hold rows (n, features) or images (n, h, w) or (n, h, w, c), "
            f"got an array of shape {X.shape}"
        )
    return X


def find_input_shape(X, input_shape=None):
    """Tell the shape (h, w, c) of the images in X.

    Parameters
    ----------
    X : ndarray of shape (n, features), (n, h, w) or (n, h, w, c)
    input_shape : (h, w), (h, w, c) or None
        What the user says of it. By default rows are square images of one channel,
        or, where their length is no square, signals ``(1, features, 1)``.

    Returns
    -------
    input_shape : (h, w, c)

    Raises
    ------
    ValueError
        If `input_shape` is no shape or does not go with X.

    Warns
    -----
    UserWarning
        If rows are taken for signals, or if the channels seem to stand first.
    """
    if input_shape is not None:
        input_shape = _check_shape(input_shape)
        check_input_shape(X, input_shape, f"input_shape={input_shape}")
    elif X.ndim > 2:
        input_shape = _as_image(X)
    if input_shape is not None:
        c, h, w = input_shape
        if c in (1, 3) and min(h, w) > 4 and max(h, w) <= 2 * min(h, w):
            warnings.warn(
                f"images of shape {input_shape} seem to have their channels first, but "
                f"are read as (h, w, c). If they are {h}x{w} pixels in {c} channels, "
                f"pass np.moveaxis(X.reshape(-1, {c}, {h}, {w}), 1, -1)",
                stacklevel=2,
            )
        return input_shape
    features = X.shape[1]
    side = math.isqrt(features)
    if side * side == features:
        return side, side, 1
    warnings.warn(
        f"X has {features} features, which make no square image: they are read as a "
        f"signal (1, {features}, 1). Pass input_shape=(h, w, c) to say what they are.",
        stacklevel=2,
    )
    return 1, features, 1


def check_input_shape(X, input_shape, whose, name="X"):
    """Raise ValueError unless X holds samples of `input_shape`, as `whose` asks."""
    features = math.prod(input_shape)
    if X.ndim == 2 and X.shape[1] != features:
        raise ValueError(
            f"{name} has {X.shape[1]} features, but {whose} is expecting {features} "
            f"features as input, the {'x'.join(map(str, input_shape))} values of each "
            "image"
        )
    if X.ndim > 2 and _as_image(X) != input_shape:
        raise ValueError(
            f"{name} of shape {X.shape} holds images (h, w, c) = {_as_image(X)}, but "
            f"{whose} is expecting {input_shape}"
        )


def _as_image(X):
    return (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:]


def _check_shape(input_shape):
    if isinstance(input_shape, list | tuple) and len(input_shape) in (2, 3):
        sizes = (positive_int(size, "each of input_shape") for size in input_shape)
        return (*sizes, 1)[:3]
    raise ValueError(
        f"input_shape must be (h, w), (h, w, c) or None, got {input_shape!r}"
    )
