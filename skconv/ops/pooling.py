"""Pooling and its gradients."""

import math

import numpy as np

from ._arguments import check_shape, floats, indices, numbers
from ._types import Array, Padding, Pair, Shape
from .dispatch import run
from .geometry import pool_window, shape_of
from .reference.pooling import argmax_dtype

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


def max_pool2d(
    x: Array,
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Return the largest value of each window. Padding never wins.

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

    Raises
    ------
    ValueError
        If no window fits, or one holds nothing but padding.
    """
    x = numbers("x", x)
    win = _resolve(x.shape, pool_size, stride, padding)
    return run("max_pool2d", (x,), win)


def max_pool2d_with_argmax(
    x: Array,
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> tuple[Array, Array]:
    """Return what `max_pool2d` does, and the tap that each maximum came from.

    Parameters
    ----------
    x, pool_size, stride, padding
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c)
    argmax : ndarray of int, (n, oh, ow, c)
        ``i * pw + j``, the first in that order where several are largest; in the
        smallest unsigned type that holds it.
    """
    x = numbers("x", x)
    win = _resolve(x.shape, pool_size, stride, padding)
    return run("max_pool2d_with_argmax", (x,), win)


def max_pool2d_grad(
    dy: Array,
    argmax: Array,
    input_shape: Shape,
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Return the gradient of max pooling: each ``dy`` at the pixel that was largest.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c)
    argmax : ndarray of int, (n, oh, ow, c)
        From `max_pool2d_with_argmax`.
    input_shape : (n, h, w, c)
    pool_size, stride, padding
        The same as in the forward pass.

    Returns
    -------
    dx : ndarray of shape input_shape

    Raises
    ------
    ValueError
        If shapes do not fit each other, or another argument is out of its range.
    TypeError
        If arrays are none, or not of real numbers.
    """
    (dy,) = floats(("dy",), dy)
    input_shape = shape_of(input_shape, "input_shape", _IMAGES)
    win = _resolve(input_shape, pool_size, stride, padding)
    _check_gradient(dy, input_shape, win.output)
    argmax = tap_numbers(argmax, dy.shape, win)
    return run("max_pool2d_grad", (dy,), argmax, input_shape, win)


def avg_pool2d(
    x: Array,
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Return the mean of each window; padding is not counted, as in Keras.

    Parameters
    ----------
    x, pool_size, stride, padding
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c)
    """
    (x,) = floats(("x",), x)
    win = _resolve(x.shape, pool_size, stride, padding)
    return run("avg_pool2d", (x,), win)


def avg_pool2d_grad(
    dy: Array,
    input_shape: Shape,
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Array:
    """Return the gradient of average pooling: a window's pixels share ``dy`` evenly.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c)
    input_shape : (n, h, w, c)
    pool_size, stride, padding
        The same as in the forward pass.

    Returns
    -------
    dx : ndarray of shape input_shape

    Raises
    ------
    ValueError
        If shapes do not fit each other, or another argument is out of its range.
    TypeError
        If arrays are none, or not of real numbers.
    """
    (dy,) = floats(("dy",), dy)
    input_shape = shape_of(input_shape, "input_shape", _IMAGES)
    win = _resolve(input_shape, pool_size, stride, padding)
    _check_gradient(dy, input_shape, win.output)
    return run("avg_pool2d_grad", (dy,), input_shape, win)


def global_avg_pool2d(x: Array) -> Array:
    """Return the mean of each channel over the image.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)

    Returns
    -------
    y : ndarray of shape (n, c)
    """
    (x,) = floats(("x",), x)
    _check_pixels("x", x.shape)
    return run("global_avg_pool2d", (x,))


def global_avg_pool2d_grad(dy: Array, input_shape: Shape) -> Array:
    """Return the gradient of `global_avg_pool2d`: ``dy / (h w)`` for every pixel."""
    (dy,) = floats(("dy",), dy)
    input_shape = shape_of(input_shape, "input_shape", _IMAGES)
    _check_pixels("input_shape", input_shape)
    _check_gradient(dy, input_shape, ())
    return run("global_avg_pool2d_grad", (dy,), input_shape)


def global_max_pool2d(x: Array) -> Array:
    """Return the largest value of each channel over the image.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)

    Returns
    -------
    y : ndarray of shape (n, c)
    """
    x = numbers("x", x)
    _check_pixels("x", x.shape)
    return run("global_max_pool2d", (x,))


def global_max_pool2d_with_argmax(x: Array) -> tuple[Array, Array]:
    """Return what `global_max_pool2d` does, and the pixel of each maximum.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)

    Returns
    -------
    y : ndarray of shape (n, c)
    argmax : ndarray of int, (n, c)
        ``row * w + column``, the first where several are largest.
    """
    x = numbers("x", x)
    _check_pixels("x", x.shape)
    return run("global_max_pool2d_with_argmax", (x,))


def global_max_pool2d_grad(dy: Array, argmax: Array, input_shape: Shape) -> Array:
    """Return the gradient of `global_max_pool2d`: ``dy`` at the largest pixel."""
    (dy,) = floats(("dy",), dy)
    input_shape = shape_of(input_shape, "input_shape", _IMAGES)
    _check_pixels("input_shape", input_shape)
    _check_gradient(dy, input_shape, ())
    argmax = indices("argmax", argmax, input_shape[1] * input_shape[2], dy.shape)
    return run("global_max_pool2d_grad", (dy,), argmax, input_shape)


_IMAGES = "(n, h, w, c)"


def _resolve(shape, pool_size, stride, padding):
    if len(shape) != 4:
        raise ValueError(f"a pool takes images (n, h, w, c), got {tuple(shape)}")
    return pool_window(shape[1:3], pool_size, stride=stride, padding=padding)


def _check_pixels(name, shape):
    if len(shape) != 4 or not shape[1] * shape[2]:
        raise ValueError(
            f"{name} must be of images (n, h, w, c) of at least one pixel, got {shape}"
        )


def _check_gradient(dy, input_shape, output):
    """Raise ValueError unless `dy` has the shape of the pool's output."""
    shape = input_shape[0], *output, input_shape[3]
    if dy.shape != shape:
        check_shape("dy", dy, shape, "the pool's output")


def tap_numbers(argmax, shape, win):
    """Return an argmax of a shape, in its window's dtype: itself, if it is that."""
    dtype = argmax_dtype(win)
    if type(argmax) is np.ndarray and argmax.dtype == dtype and argmax.shape == shape:
        return argmax  # the twins check its numbers
    return indices("argmax", argmax, math.prod(win.size), shape).astype(dtype)
