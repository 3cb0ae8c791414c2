"""Exponentials and logarithms that round alike on AVX2, on AVX-512 and on arm64.

NumPy has code of its own for AVX-512, which rounds some functions differently (exp and
log of float64, expm1, log1p, powers), and for AVX2 (exp and log of float32). SciPy's
functions call the C library.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

_Array = NDArray[Any]

expm1 = special.expm1
log1p = special.log1p


def exp(x: _Array, out: _Array | None = None) -> _Array:
    """Return e to the power of x, of the dtype of x; `out` may be x."""
    return np.asarray(special.inv_boxcox(x, x.dtype.type(0), out=out))


def log(x: _Array) -> _Array:
    """Return the natural logarithm of x, of the dtype of x; -inf of 0."""
    # Of float32 SciPy's versions differ.
    return special.xlogy(1.0, x.astype(np.float64)).astype(x.dtype)


def power(x: _Array, exponent: float) -> _Array:
    """Return x to the power of `exponent`, both at least 0, of the dtype of x."""
    logarithm = special.xlogy(exponent, x.astype(np.float64))
    return exp(logarithm).astype(x.dtype)
