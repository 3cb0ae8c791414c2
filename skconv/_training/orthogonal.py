"""Matrices made orthogonal, by products alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops

__all__ = ["orthogonalize"]

_Array = NDArray[Any]

# Keller Jordan's polynomial, whose slope at 0 is steep: five rounds bring any singular
# value above 0.003 into the range from 0.68 to 1.13.
_A, _B, _C, _ROUNDS = 3.4445, -4.7750, 2.0315, 5


def orthogonalize(matrix: _Array) -> _Array:
    """Return a matrix of the same singular vectors, with singular values of about 1.

    Parameters
    ----------
    matrix : ndarray of shape (rows, columns)

    Returns
    -------
    orthogonal : ndarray of the same shape
        Zeros for a matrix of zeros, or of numbers close to the smallest ones.

    Notes
    -----
    Newton-Schulz iteration: ``x`` becomes ``x (a + b g + c g^2)`` with ``g = x^T x``,
    five times. All factors commute, so that they are multiplied as matrices of the
    shorter side alone, and x by their product at the end. Products are those of
    `skconv.ops`: their bits do not depend on threads.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv._training.orthogonal import orthogonalize
    >>> matrix = np.diag([3.0, 1.0, 0.2])
    >>> orthogonalize(matrix).diagonal().round(1)
    array([0.7, 0.9, 0.9])
    """
    norm = math.sqrt(float(np.square(matrix, dtype=np.float64).sum()))
    if norm < np.finfo(matrix.dtype).tiny:
        return np.zeros_like(matrix)
    x = matrix * (1 / norm)
    is_tall = x.shape[0] > x.shape[1]
    gram = ops.dense_grad_kernel(x, x) if is_tall else ops.dense_grad_input(x, x)
    identity = np.eye(len(gram), dtype=x.dtype)
    product: Any = None
    for left in reversed(range(_ROUNDS)):
        factor = _A * identity + _B * gram + _C * ops.dense(gram, gram)
        product = factor if product is None else ops.dense(product, factor)
        if left:
            gram = ops.dense(ops.dense(factor, gram), factor)
    return ops.dense(x, product) if is_tall else ops.dense(product, x)
