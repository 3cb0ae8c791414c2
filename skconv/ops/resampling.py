"""Images at other pixels than their own."""

import math
from numbers import Real

import numpy as np

from ._arguments import check_dimensions, check_shape, floats
from ._types import Array
from .dispatch import run

__all__ = ["affine_transform"]


def affine_transform(x: Array, matrix: Array, shift: Array, fill: float = 0.0) -> Array:
    """Rotate, scale, shear and shift images, with bilinear interpolation.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    matrix : ndarray of shape (n, 2, 2)
        Of each image: maps a pixel of the result to where its value is in x, both as
        (down, right) from the centre. It is the inverse of what the image does.
    shift : ndarray of shape (n, 2)
        By how many pixels each image moves (down, right), after that.
    fill : float, default=0.0
        Value of pixels outside of x.

    Returns
    -------
    y : ndarray of shape (n, h, w, c)
        The value at pixel p is that of x at ``centre + matrix @ (p - centre - shift)``,
        between its four pixels there. Outside of the outermost pixels values fade to
        `fill` within one pixel.

    Raises
    ------
    ValueError
        If the arrays do not have these shapes, or `fill` is not a number.
    TypeError
        If an array is none, or not of real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> same, right = np.eye(2)[None], np.array([[0, 0.5]])
    >>> ops.affine_transform(x, same, right)[0, :, :, 0]
    array([[0. , 0.5, 1.5],
           [1.5, 3.5, 4.5]])
    """
    x, matrix, shift = floats(("x", "matrix", "shift"), x, matrix, shift)
    check_dimensions("x", x, 4, "(n, h, w, c)")
    check_shape("matrix", matrix, (len(x), 2, 2), "(n, 2, 2), a matrix for each image")
    check_shape("shift", shift, (len(x), 2), "(n, 2), a shift for each image")
    matrix = matrix.astype(x.dtype, copy=False)
    shift = shift.astype(x.dtype, copy=False)
    with np.errstate(over="ignore"):
        is_number = isinstance(fill, Real) and not isinstance(fill, bool)
        value = float(x.dtype.type(fill)) if is_number else math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"fill must be a number in the range of {x.dtype}, got {fill!r}"
        )
    return run("affine_transform", (x, matrix, shift), value)
