"""Pooling and its gradients."""

import numpy as np

from ..geometry import pool_window
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


def max_pool2d(x, pool_size=2, *, stride=None, padding="valid"):
    """Largest value under each window. Padding never wins.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    pool_size : int or (ph, pw), default=2
    stride : int or (sh, sw), default=pool_size
    padding : see `skconv.ops.window`
        Less than ``pool_size`` on each side.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c)
    """
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    first, *rest = taps(pad(x, win, -np.inf), win)
    y = _native_copy(first)
    for tap in rest:
        np.maximum(y, tap, out=y)
    return y


def max_pool2d_with_argmax(x, pool_size=2, *, stride=None, padding="valid"):
    """As `max_pool2d`, and which tap of its window each maximum came from.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c)
    argmax : ndarray of int, (n, oh, ow, c)
        ``i * pw + j``, the first in that order where several are largest; in the
        smallest unsigned type that holds it.
    """
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    first, *rest = taps(pad(x, win, -np.inf), win)
    y = _native_copy(first)
    argmax = np.zeros(y.shape, argmax_dtype(win))
    for k, tap in enumerate(rest, start=1):
        # k rises, so the last tap that was larger is the largest number seen.
        larger = np.greater(tap, y).astype(argmax.dtype)
        np.maximum(argmax, larger * argmax.dtype.type(k), out=argmax)
        np.maximum(y, tap, out=y)
    return y, argmax


def argmax_dtype(win):
    """Return the smallest unsigned type that holds the number of any tap."""
    return np.min_scalar_type(win.size[0] * win.size[1] - 1)


def max_pool2d_grad(
    dy, argmax, input_shape, pool_size=2, *, stride=None, padding="valid"
):
    """Gradient of max pooling: each ``dy`` goes to the pixel that was largest.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c)
    argmax : ndarray of int, (n, oh, ow, c)
        From `max_pool2d_with_argmax`.
    input_shape : (n, h, w, c)
    pool_size, stride, padding
        As they were in the forward pass.

    Returns
    -------
    dx : ndarray of shape input_shape
    """
    win = pool_window(input_shape[1:3], pool_size, stride=stride, padding=padding)
    padded = padded_zeros(input_shape, win, dy.dtype)
    for k, pixels in enumerate(taps(padded, win)):
        pixels += dy * (argmax == k)
    return unpad(padded, input_shape, win)


def avg_pool2d(x, pool_size=2, *, stride=None, padding="valid"):
    """Mean of each window; padding is not counted, as in Keras.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    pool_size, stride, padding
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c)
    """
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    return _window_sums(x, win) / _pixels_per_window(x.shape, win, x.dtype)


def avg_pool2d_grad(dy, input_shape, pool_size=2, *, stride=None, padding="valid"):
    """Gradient of average pooling: each ``dy`` is shared evenly by its window.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c)
    input_shape : (n, h, w, c)
    pool_size, stride, padding
        As they were in the forward pass.

    Returns
    -------
    dx : ndarray of shape input_shape
    """
    win = pool_window(input_shape[1:3], pool_size, stride=stride, padding=padding)
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
    """How many pixels of the image, padding aside, each window holds: (oh, ow, 1)."""
    return _window_sums(np.ones((1, *shape[1:3], 1), dtype), win)[0]


def _native_copy(x):
    return x.astype(x.dtype.newbyteorder("="))


def global_avg_pool2d(x):
    """Mean of each channel over the image.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)

    Returns
    -------
    y : ndarray of shape (n, c)
    """
    return x.mean(axis=(1, 2))


def global_avg_pool2d_grad(dy, input_shape):
    """Gradient of `global_avg_pool2d`: ``dy / (h w)`` for every pixel."""
    _, h, w, _ = input_shape
    return np.broadcast_to(dy[:, None, None, :] / (h * w), input_shape).copy()


def global_max_pool2d(x):
    """Largest value of each channel over the image.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)

    Returns
    -------
    y : ndarray of shape (n, c)
    """
    return x.max(axis=(1, 2))


def global_max_pool2d_with_argmax(x):
    """As `global_max_pool2d`, and where each maximum stands.

    Returns
    -------
    y : ndarray of shape (n, c)
    argmax : ndarray of int, (n, c)
        ``row * w + column``, the first where several are largest.
    """
    pixels = x.reshape(len(x), -1, x.shape[3])
    argmax = pixels.argmax(axis=1)
    return np.take_along_axis(pixels, argmax[:, None], axis=1)[:, 0], argmax


def global_max_pool2d_grad(dy, argmax, input_shape):
    """Gradient of `global_max_pool2d`: ``dy`` goes to the largest pixel."""
    n, h, w, c = input_shape
    dx = np.zeros((n, h * w, c), dy.dtype)
    np.put_along_axis(dx, argmax[:, None], dy[:, None], axis=1)
    return dx.reshape(input_shape)
