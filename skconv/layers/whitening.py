"""First kernels from the patches of the data: their principal components, whitened."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import ops
from .typing import Array, Batches

__all__ = ["LARGEST", "whiten"]

LARGEST = 256
"""Inputs that a kernel may have: components of more take too long to find."""

# Added to variances, as a share of their mean: noise is not enlarged without limit.
_EPSILON = 5e-4
_ROWS = 2**14  # patches whose products are summed at a time in the network's dtype
_SWEEPS = 30  # twice as many as Jacobi's method takes


def whiten(kernel: Array, batches: Batches, stride: Any, dilation: Any) -> Array | None:
    """Make the first filters of a kernel whiten the patches of images, in place.

    Parameters
    ----------
    kernel : ndarray of shape (kh, kw, c, filters)
        Drawn at random.
    batches : callable
        See `skconv.layers.Layer.adapt`.
    stride, dilation : (int, int)
        Of the windows; only those that lie within the image count.

    Returns
    -------
    bias : ndarray of shape (filters,) or None
        What makes the mean of each output 0. None if no window lies within the image,
        or all are the same: then the kernel stays unchanged.

    Raises
    ------
    ValueError
        If the patches differ so little that the kernel's dtype cannot hold the filters.

    Notes
    -----
    With the eigenvectors v of the patches' covariance and their eigenvalues e, filters
    are ``v / sqrt(e + epsilon)`` and the same with the other sign, in pairs from the
    largest e on. Outputs then have a variance of about 1 and are not correlated. If
    there are more filters than that, the others are random combinations of them, of the
    same variance.

    Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2; the
    idea is that of Coates & Ng, "Learning feature representations with k-means", 2012.
    """
    mean, covariance, unit = _moments(kernel, batches, stride, dilation)
    if covariance is None:
        return None
    variances, vectors = _eigenvectors(covariance)
    floor = _EPSILON * variances.mean()
    basis = vectors / np.sqrt(np.maximum(variances, 0) + floor) / unit
    size, filters = basis.shape[0], kernel.shape[-1]
    pairs = np.stack([basis, -basis], axis=2).reshape(size, 2 * size)[:, :filters]
    mixing = kernel.reshape(size, filters)[:, pairs.shape[1] :].astype(np.float64)
    mixing /= np.sqrt(np.square(mixing).sum(axis=0))
    # Sums, not a product of matrices, whose bits depend on the BLAS.
    others = (basis[:, :, None] * mixing).sum(axis=1)
    flat = np.hstack([pairs, others])
    if not np.abs(flat).max() <= np.finfo(kernel.dtype).max:  # or NaN
        raise ValueError(
            f"kernel_initializer='whitening' needs kernels beyond {kernel.dtype.name}, "
            f"as the layer's input differs from its mean by {unit:.3g} at most: begin "
            "with Normalization(), or multiply X"
        )
    kernel[...] = flat.reshape(kernel.shape)
    return -(mean[:, None] * flat).sum(axis=0)


def _moments(
    kernel: Array, batches: Batches, stride: Any, dilation: Any
) -> tuple[Any, Any, float]:
    """Return mean and covariance of all patches in float64; None for no covariance.

    The covariance is that of patches divided by the last number, as its own numbers
    may be too large or too small for float64.
    """
    size = math.prod(kernel.shape[:-1])
    total, sums, products = 0.0, np.zeros(size), np.zeros((size, size))
    shift: Any = None
    unit: Any = None
    for x, weight in _pieces(kernel.shape, batches, stride, dilation):
        patches = x.reshape(-1, size)
        if shift is None:  # near the mean, so that differences keep their digits
            shift = patches.mean(axis=0, dtype=np.float64)
            unit = np.abs(patches - shift).max() or 1.0
        patches = ((patches - shift) / unit).astype(kernel.dtype)
        share = np.ones(len(x)) if weight is None else weight
        share = np.repeat(share, len(patches) // len(x))
        total += share.sum()
        sums += (share[:, None] * patches).sum(axis=0)
        patches *= np.sqrt(share)[:, None].astype(kernel.dtype)
        products += ops.dense_grad_kernel(patches, patches)
    if not total or not products.any():
        return None, None, 1.0
    mean = sums / total
    covariance = products / total - mean[:, None] * mean
    return shift + unit * mean, covariance, unit


def _pieces(
    shape: tuple[int, ...], batches: Batches, stride: Any, dilation: Any
) -> Iterator[tuple[Array, Array | None]]:
    """Yield the windows of some images, and their weights, a few at a time."""
    reach = [d * (k - 1) + 1 for k, d in zip(shape, dilation, strict=False)]
    for x, weight in batches():
        if any(side < r for side, r in zip(x.shape[1:], reach, strict=False)):
            return
        windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
        windows = windows[:, :: stride[0], :: stride[1]]
        windows = windows[..., :: dilation[0], :: dilation[1]].transpose(
            0, 1, 2, 4, 5, 3
        )
        count = max(1, _ROWS // math.prod(windows.shape[1:3]))
        for start in range(0, len(x), count):
            part = slice(start, start + count)
            yield windows[part], None if weight is None else weight[part]


def _eigenvectors(matrix: Array) -> tuple[Array, Array]:
    """Return the eigenvalues of a symmetric matrix, largest first, and its vectors.

    Jacobi's method, by rotations of pairs that do not meet: the bits of LAPACK's would
    depend on the library and its threads. The largest part of a vector is positive.
    """
    size = len(matrix)
    even = size + size % 2
    a, vectors = np.zeros((even, even)), np.eye(even)
    a[:size, :size] = matrix
    order = np.arange(even)
    scale = np.abs(np.diagonal(a)).sum()
    for _ in range(_SWEEPS):
        off = np.abs(a - np.diag(np.diagonal(a))).max()
        if off <= 1e-15 * scale:
            break
        for _ in range(even - 1):
            _rotate(a, vectors, order[: even // 2], order[even // 2 :][::-1])
            order[1:] = np.roll(order[1:], 1)
    values = np.diagonal(a)[:size]
    vectors = vectors[:size, :size]
    largest = np.argmax(np.abs(vectors).round(9), axis=0)
    vectors = vectors * np.where(vectors[largest, np.arange(size)] < 0, -1, 1)
    by_size = np.argsort(-values, kind="stable")
    return values[by_size], vectors[:, by_size]


def _rotate(a: Array, vectors: Array, p: Array, q: Array) -> None:
    """Make all ``a[p, q]`` 0 by rotations of rows and columns p and q, in place."""
    off = a[p, q]
    safe = np.where(off == 0, 1, off)
    theta = (a[q, q] - a[p, p]) / (2 * safe)
    t = np.where(theta < 0, -1, 1) / (np.abs(theta) + np.sqrt(theta * theta + 1))
    t = np.where(off == 0, 0, t)
    cosine = 1 / np.sqrt(t * t + 1)
    sine = t * cosine
    for array in (a, vectors):  # columns
        left, right = array[:, p], array[:, q]
        array[:, p], array[:, q] = (
            cosine * left - sine * right,
            sine * left + cosine * right,
        )
    upper, lower = a[p], a[q]
    a[p] = cosine[:, None] * upper - sine[:, None] * lower
    a[q] = sine[:, None] * upper + cosine[:, None] * lower
