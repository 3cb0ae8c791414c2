"""Images enlarged by whole numbers, an axis at a time."""

import math

import numpy as np

from .resampling import blend

__all__ = ["upsample2d", "upsample2d_grad"]


def upsample2d(x, size, interpolation):
    """Repeat pixels, or interpolate: rows first, then columns."""
    if not x.size:
        n, h, w, c = x.shape
        return np.empty((n, h * size[0], w * size[1], c), x.dtype)
    if interpolation == "nearest":
        return x.repeat(size[0], axis=1).repeat(size[1], axis=2)
    for axis, factor in enumerate(size, start=1):
        x = _interpolate(x, axis, factor)
    return x


def upsample2d_grad(dy, size, interpolation):
    """Sum up what each pixel made."""
    (n, h, w, c), (sh, sw) = dy.shape, size
    if not dy.size:
        return np.empty((n, h // sh, w // sw, c), dy.dtype)
    if interpolation == "nearest":
        return dy.reshape(n, h // sh, sh, w // sw, sw, c).sum(axis=(2, 4))
    for axis, factor in enumerate(size, start=1):
        dy = _interpolate_grad(dy, axis, factor)
    return dy


def _interpolate(x, axis, factor):
    """Interpolate along an axis: each pixel makes `factor`, a phase at a time."""
    x = np.moveaxis(x, axis, 0)
    n = len(x)
    padded = np.concatenate([x[:1], x, x[-1:]])
    y = np.empty((n, factor, *x.shape[1:]), x.dtype)
    for i in range(factor):
        first, fraction = _phase(i, factor, x.dtype)
        right = padded[first + 1 :][:n].copy()
        y[:, i] = blend(padded[first:][:n], right, fraction)
    y = y.reshape(n * factor, *x.shape[1:])
    return np.ascontiguousarray(np.moveaxis(y, 0, axis))


def _interpolate_grad(dy, axis, factor):
    """Give each of two pixels its share; the padding's is the outermost pixel's."""
    dy = np.moveaxis(dy, axis, 0)
    n = len(dy) // factor
    dy = dy.reshape(n, factor, *dy.shape[1:])
    padded = np.zeros((n + 2, *dy.shape[2:]), dy.dtype)
    for i in range(factor):
        first, fraction = _phase(i, factor, dy.dtype)
        padded[first:][:n] += dy[:, i] * (1 - fraction)
        padded[first + 1 :][:n] += dy[:, i] * fraction
    padded[1:2] += padded[:1]
    padded[-2:-1] += padded[-1:]
    return np.ascontiguousarray(np.moveaxis(padded[1:-1], 0, axis))


def _phase(i, factor, dtype):
    """Return which of the padded pixels is left of a pixel's output i, and how far."""
    position = (i + 0.5) / factor - 0.5
    return 1 + math.floor(position), dtype.type(position - math.floor(position))
