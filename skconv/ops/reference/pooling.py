"""Pooling and its gradients, tap by tap of the window."""

import math

import numpy as np

from .dtypes import as_float, lowest
from .windows import pad, padded_zeros, taps, unpad

__all__ = [
    "avg_pool2d",
    "avg_pool2d_grad",
    "global_avg_pool2d",
    "global_avg_pool2d_grad",
    "global_max_pool2d",
    "global_max_pool2d_grad",
    "global_max_pool2d_with_argmax",
    "max_pool2d",
    "max_pool2d_grad",
    "max_pool2d_with_argmax",
]

_UINT8 = np.dtype(np.uint8)


def max_pool2d(x, win):
    """Take the largest of all taps."""
    first, *rest = taps(pad(x, win, lowest(x.dtype)), win)
    y = _native_copy(first)
    for tap in rest:
        np.maximum(y, tap, out=y)
    return y


def max_pool2d_with_argmax(x, win):
    """Take the largest of all taps, and the first tap that is as large."""
    first, *rest = taps(pad(x, win, lowest(x.dtype)), win)
    y = _native_copy(first)
    argmax = np.empty(y.shape, argmax_dtype(win))
    argmax[...] = _first_tap(win)
    for k, tap in enumerate(rest, start=1):
        # k rises, so the last tap that was larger is the largest number seen. Padding
        # before the first tap on the image is never larger.
        larger = _larger(tap, y).astype(argmax.dtype)
        np.maximum(argmax, larger * argmax.dtype.type(k), out=argmax)
        np.maximum(y, tap, out=y)
    return y, argmax


def _larger(tap, y):
    """Return where a tap is larger than any before it; the first NaN is the largest."""
    return ~(tap <= y) & (y == y) if y.dtype.kind == "f" else tap > y


def _first_tap(win):
    """Return the first tap on the image, of each window: (oh, ow, 1)."""
    row, column = (
        np.maximum(before - step * np.arange(n), 0)
        for (before, _), step, n in zip(
            win.padding, win.stride, win.output, strict=True
        )
    )
    return (row[:, None] * win.size[1] + column)[:, :, None]


def argmax_dtype(win):
    """Return the smallest unsigned type that holds the number of any tap."""
    taps = win.size[0] * win.size[1]
    return _UINT8 if taps <= 2**8 else np.min_scalar_type(taps - 1)


def max_pool2d_grad(dy, argmax, input_shape, win):
    """Add ``dy`` to the pixels of each tap where it was the largest."""
    if argmax.size and argmax.max() >= (taps_ := math.prod(win.size)):
        raise ValueError(
            f"argmax must be at least 0 and less than {taps_}, got {argmax.max()}"
        )
    padded, zero = padded_zeros(input_shape, win, dy.dtype), dy.dtype.type(0)
    for k, pixels in enumerate(taps(padded, win)):
        pixels += np.where(argmax == k, dy, zero)  # not dy * 0: dy may be infinite
    return unpad(padded, input_shape, win)


def avg_pool2d(x, win):
    """Divide the sum of all taps by the number of those on the image."""
    x = as_float(x)
    return _window_sums(x, win) / _pixels_per_window(x.shape, win, x.dtype)


def avg_pool2d_grad(dy, input_shape, win):
    """Add its share of ``dy`` to the pixels of each tap."""
    padded = padded_zeros(input_shape, win, dy.dtype)
    share = dy / _pixels_per_window(input_shape, win, dy.dtype)
    for pixels in taps(padded, win):
        pixels += share
    return unpad(padded, input_shape, win)


def _window_sums(x, win):
    first, *rest = taps(pad(x, win), win)
    total = _native_copy(first)
    for tap in rest:
        total += tap
    return total


def _pixels_per_window(shape, win, dtype):
    """Return the number of the image's pixels in each window: (oh, ow, 1)."""
    return _window_sums(np.ones((1, *shape[1:3], 1), dtype), win)[0]


def _native_copy(x):
    return x.astype(x.dtype.newbyteorder("="))


def global_avg_pool2d(x):
    """Take the mean over the image."""
    return x.mean(axis=(1, 2))


def global_avg_pool2d_grad(dy, input_shape):
    """``dy / (h w)`` for every pixel."""
    _, h, w, _ = input_shape
    return np.broadcast_to(dy[:, None, None, :] / (h * w), input_shape).copy()


def global_max_pool2d(x):
    """Take the largest pixel."""
    return x.max(axis=(1, 2))


def global_max_pool2d_with_argmax(x):
    """Take the largest pixel, and its number."""
    n, h, w, c = x.shape
    pixels = x.reshape(n, h * w, c)
    argmax = pixels.argmax(axis=1)
    return np.take_along_axis(pixels, argmax[:, None], axis=1)[:, 0], argmax


def global_max_pool2d_grad(dy, argmax, input_shape):
    """Put ``dy`` at the largest pixel."""
    n, h, w, c = input_shape
    dx = np.zeros((n, h * w, c), dy.dtype)
    np.put_along_axis(dx, argmax[:, None], dy[:, None], axis=1)
    return dx.reshape(input_shape)
