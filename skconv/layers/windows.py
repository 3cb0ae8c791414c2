"""Windows of layers, on images and on signals.

Ops work on images ``(n, h, w, c)``. To them, signals ``(n, length, channels)`` are
images of one row: layers with ``ndim = 1`` add that row before an op and remove it
afterwards.
"""

from typing import Any, TypeVar

from .. import ops
from .checks import pixel_shape
from .typing import Array, Shape

__all__ = ["add_row", "drop_row", "find_window", "slide", "transposed_size"]

_MaybeArray = TypeVar("_MaybeArray", Array, Array | None)


def find_window(layer: Any, input_shape: Shape) -> ops.Window:
    """Return a layer's window and how it slides over a sample of `input_shape`.

    Parameters
    ----------
    layer : Layer
        With arguments `stride`, `padding` and either `pool_size` or `kernel_size` and
        `dilation`. With `output_padding` it is a transposed convolution, whose window
        slides over its output, and the Window's output is its input.
    input_shape : tuple of int

    Raises
    ------
    ValueError
        If the window does not fit.
    """
    size = pixel_shape(input_shape, layer.ndim)
    if hasattr(layer, "output_padding"):
        size = transposed_size(layer, input_shape)
    slides = {"stride": layer.stride, "padding": layer.padding}
    if hasattr(layer, "pool_size"):
        return ops.pool_window(size, layer.pool_size, **slides)
    return ops.window(size, layer.kernel_size, dilation=layer.dilation, **slides)


def transposed_size(layer: Any, input_shape: Shape) -> Shape:
    """Return the size of what a transposed convolution makes, without channels."""
    return ops.transposed_size(
        pixel_shape(input_shape, layer.ndim),
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        output_padding=layer.output_padding,
    )


def slide(layer: Any, input_shape: Shape) -> dict[str, Any]:
    """Return a layer's window as keyword arguments of an op on images."""
    name = "pool_size" if hasattr(layer, "pool_size") else "dilation"
    if layer.ndim == 2:
        slides = {"stride": layer.stride, "padding": layer.padding}
        return {**slides, name: getattr(layer, name)}
    win = find_window(layer, input_shape)
    size = win.size if name == "pool_size" else win.dilation
    slides = {"stride": (1, *win.stride), "padding": ((0, 0), *win.padding)}
    return {**slides, name: (1, *size)}


def add_row(array: Array, ndim: int, axis: int = 1) -> Array:
    """View signals, or with ``axis=0`` their kernel, as images of one row."""
    if ndim != 1:
        return array
    return array[:, None] if axis == 1 else array[None]


def drop_row(array: _MaybeArray, ndim: int, axis: int = 1) -> _MaybeArray:
    """Undo `add_row`."""
    if ndim != 1 or array is None:
        return array
    return array[:, 0] if axis == 1 else array[0]
