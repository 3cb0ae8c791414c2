"""Windows of layers, on images and on signals.

Ops work on images ``(n, h, w, c)``. To them, signals ``(n, l, c)`` are images of one
row: layers with ``ndim = 1`` add that row before an op and remove it afterwards.
"""

from typing import Any, TypeVar

import numpy as np

from .. import ops
from .checks import pixel_shape
from .typing import Array, Shape

__all__ = ["add_row", "drop_row", "find_window", "slide"]

_MaybeArray = TypeVar("_MaybeArray", Array, Array | None)


def find_window(layer: Any, input_shape: Shape) -> ops.Window:
    """Return a layer's window and how it slides over a sample of `input_shape`.

    Parameters
    ----------
    layer : Layer
        With arguments `stride`, `padding` and either `pool_size` or `kernel_size` and
        `dilation`.
    input_shape : tuple of int

    Raises
    ------
    ValueError
        If the window does not fit.
    """
    size = pixel_shape(input_shape, layer.ndim)
    slides = {"stride": layer.stride, "padding": layer.padding}
    if hasattr(layer, "pool_size"):
        return ops.pool_window(size, layer.pool_size, **slides)
    return ops.window(size, layer.kernel_size, dilation=layer.dilation, **slides)


def slide(layer: Any, input_shape: Shape) -> dict[str, Any]:
    """Return the same as keyword arguments of an op on images."""
    win = find_window(layer, input_shape)
    size, stride, dilation, padding = win.size, win.stride, win.dilation, win.padding
    if len(size) == 1:
        size, stride, dilation = (1, *size), (1, *stride), (1, *dilation)
        padding = ((0, 0), *padding)
    slides = {"stride": stride, "padding": padding}
    if hasattr(layer, "pool_size"):
        return {"pool_size": size, **slides}
    return {"dilation": dilation, **slides}


def add_row(array: Array, ndim: int, axis: int = 1) -> Array:
    """View signals, or with ``axis=0`` their kernel, as images of one row."""
    return np.expand_dims(array, axis) if ndim == 1 else array


def drop_row(array: _MaybeArray, ndim: int, axis: int = 1) -> _MaybeArray:
    """Undo `add_row`."""
    return array.squeeze(axis) if ndim == 1 and array is not None else array
