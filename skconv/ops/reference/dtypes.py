"""Dtypes of the definitions: integers become floats, tiny numbers become 0."""

import numpy as np

from .._arguments import updated
from .._types import Array

__all__ = ["flush_denormals"]


def as_float(x):
    """Return integers and bools as float64, and floats unchanged."""
    return x.astype(np.float64) if x.dtype.kind in "biu" else x


def lowest(dtype):
    """Return a value of a dtype that is larger than none."""
    if dtype.kind == "f":
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


def flush_denormals(x: Array) -> Array:
    """Set denormal numbers of an array to 0, in place, and return the array.

    Arithmetic on denormal numbers takes up to 200 times as long. The compiled ops flush
    them as they compute; the others leave them out of their results where some appear.

    Parameters
    ----------
    x : ndarray of float

    Returns
    -------
    x : ndarray

    Raises
    ------
    TypeError
        If it is not an array of floats.
    ValueError
        If it is read-only.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> ops.flush_denormals(np.array([1e-30, -1e-40], np.float32))
    array([1.e-30, 0.e+00], dtype=float32)
    """
    updated(x=x)
    denormal = np.abs(x) < np.finfo(x.dtype).smallest_normal
    if denormal.any():
        x[denormal] = 0
    return x
