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

# A square of a norm between this and its inverse is far from the limits of float32.
_SMALLEST = 1e-20


def orthogonalize(matrix: _Array, scale: float = 1.0) -> _Array:
    """Return a matrix of the same singular vectors, with singular values of about 1.

    Parameters
    ----------
    matrix : ndarray of shape (rows, columns)
    scale : float, default=1.0
        What the result is multiplied by.

    Returns
    -------
    orthogonal : ndarray of the same shape
        Zeros for a matrix of zeros, or of numbers close to the smallest ones.

    Notes
    -----
    Newton-Schulz iteration: ``x`` becomes ``x (a + b g + c g^2)`` with ``g = x^T x``,
    five times, from the matrix divided by its norm. All factors commute, so that they
    are multiplied as matrices of the shorter side alone, and x by their product at the
    end. Products are those of `skconv.ops`: their bits do not depend on threads.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv._training.orthogonal import orthogonalize
    >>> matrix = np.diag([3.0, 1.0, 0.2])
    >>> orthogonalize(matrix).diagonal().round(1)
    array([0.8, 1.1, 1.1])
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    gram = _gram(matrix, is_tall)
    square = float(gram.trace(dtype=np.float64))  # of the norm
    if not _SMALLEST < square < 1 / _SMALLEST:  # it may have lost digits, or all
        norm = math.sqrt(float(np.square(matrix, dtype=np.float64).sum()))
        if norm < np.finfo(matrix.dtype).tiny:
            return np.zeros_like(matrix)
        matrix = matrix * (1 / norm)
        gram, square = _gram(matrix, is_tall), 1.0
    gram *= 1 / square
    product = _multiply_factors(gram)
    product *= scale / math.sqrt(square)
    return ops.dense(matrix, product) if is_tall else ops.dense(product, matrix)


def _gram(matrix: _Array, is_tall: bool) -> _Array:
    """Return the products of all columns, or of all rows if they are fewer."""
    gram = ops.dense_grad_kernel if is_tall else ops.dense_grad_input
    return gram(matrix, matrix)


def _multiply_factors(gram: _Array) -> _Array:
    """Return the product of all rounds' factors."""
    product: Any = None
    for left in reversed(range(_ROUNDS)):
        factor = ops.dense(gram, gram)
        factor *= _C
        factor += _B * gram
        factor.flat[:: len(gram) + 1] += _A
        product = factor if product is None else ops.dense(product, factor)
        if left:
            gram = ops.dense(ops.dense(factor, gram), factor)
    return product
