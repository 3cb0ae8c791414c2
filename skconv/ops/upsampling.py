"""Images enlarged by whole numbers, and the gradients."""

from ._arguments import check_dimensions, floats
from ._types import Array, Pair
from .dispatch import run
from .geometry import check_room, pair

__all__ = ["INTERPOLATIONS", "upsample2d", "upsample2d_grad"]

INTERPOLATIONS = "nearest", "bilinear"
"""How `upsample2d` may fill the new pixels."""


def upsample2d(x: Array, size: Pair = 2, interpolation: str = "nearest") -> Array:
    """Return images enlarged by whole numbers, as Keras and torch do it.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    size : int or (sh, sw), default=2
        How many times as high and as wide.
    interpolation : {"nearest", "bilinear"}, default="nearest"
        "nearest" repeats each pixel. "bilinear" interpolates between the centres of
        pixels: output p is at ``(p + 0.5) / size - 0.5``; beyond the outermost centres
        it is the outermost pixel.

    Returns
    -------
    y : ndarray of shape (n, h * sh, w * sw, c)

    Raises
    ------
    ValueError
        If x are no images, or another argument is out of its range.
    TypeError
        If x is not an array of real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> x = np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    >>> ops.upsample2d(x, (1, 2))[0, :, :, 0]
    array([[1., 1., 3., 3.]])
    >>> ops.upsample2d(x, (1, 2), "bilinear")[0, :, :, 0]
    array([[1. , 1.5, 2.5, 3. ]])
    """
    (x,) = floats(("x",), x)
    check_dimensions("x", x, 4, "(n, h, w, c)")
    by = _check(size, interpolation)
    n, h, w, c = x.shape
    check_room((n, h * by[0], w * by[1], c), "use a smaller size")
    return run("upsample2d", (x,), by, interpolation)


def upsample2d_grad(dy: Array, size: Pair = 2, interpolation: str = "nearest") -> Array:
    """Return the gradient of `upsample2d`: each pixel's share of the pixels it made.

    Parameters
    ----------
    dy : ndarray of shape (n, h * sh, w * sw, c)
    size, interpolation
        The same as in the forward pass.

    Returns
    -------
    dx : ndarray of shape (n, h, w, c)

    Raises
    ------
    ValueError
        If `size` does not divide the shape of dy, or an argument is out of its range.
    TypeError
        If dy is not an array of real numbers.
    """
    (dy,) = floats(("dy",), dy)
    check_dimensions("dy", dy, 4, "(n, h * sh, w * sw, c)")
    by = _check(size, interpolation)
    if dy.shape[1] % by[0] or dy.shape[2] % by[1]:
        raise ValueError(
            f"dy must hold images of a multiple of {by[0]}x{by[1]} pixels, got one of "
            f"shape {dy.shape}"
        )
    return run("upsample2d_grad", (dy,), by, interpolation)


def _check(size, interpolation):
    if not isinstance(interpolation, str) or interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"interpolation must be {' or '.join(map(repr, INTERPOLATIONS))}, got "
            f"{interpolation!r}"
        )
    return pair(size, "size")
