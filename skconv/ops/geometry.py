"""Shape arithmetic of sliding windows, in integers alone, and only here.

Convolution and pooling slide a window over an image; layers compute their output shapes
here, and ops what to do. Sizes are pairs, ``(vertical, horizontal)``, or tuples of one
for a signal, which has one axis.
"""

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from numbers import Integral
from typing import Any, NamedTuple, TypeVar

from ._types import Padding, Pair, Shape

__all__ = ["Window", "margins", "pair", "pool_window", "positive_int", "window"]


_TOO_MANY = 2**48  # numbers: a petabyte; offsets of fewer are far from 64 bits


class Window(NamedTuple):
    """A window and how it slides over an image; for a signal, tuples of one.

    The compiled module reads the fields in this order.

    Attributes
    ----------
    size : (kh, kw)
        Extent of the window in taps.
    stride : (sh, sw)
        Step between neighbouring windows, in pixels.
    dilation : (dh, dw)
        Step between neighbouring taps of one window, in pixels.
    padding : ((top, bottom), (left, right))
        Rows and columns added around the image.
    output : (oh, ow)
        Number of windows that fit.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    output: tuple[int, ...]


def check_room(shape: Shape, way_out: str) -> None:
    """Raise ValueError if an array of a shape would have more numbers than memory."""
    if math.prod(size or 1 for size in shape) >= _TOO_MANY:
        raise ValueError(f"images of {_times(shape[1:3])} are too large; {way_out}")


def positive_int(value: Any, name: str) -> int:
    """Return `value` as an int.

    Raises
    ------
    ValueError
        If it is not an integer above 0; the message names it `name`.
    """
    if type(value) is int and value >= 1:
        return value
    if not _is_int(value) or value < 1:
        raise ValueError(f"{name} must be an int >= 1, got {value!r}")
    return int(value)


def pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]:
    """Return `value`, an int or a pair of ints, as a pair of ints >= `minimum`.

    Raises
    ------
    ValueError
        If it is anything else; the message names it `name`.
    """
    values = _listed(value)
    values = tuple(values) if isinstance(values, tuple | list) else (value, value)
    if len(values) != 2 or not all(_is_int(v) and v >= minimum for v in values):
        raise ValueError(
            f"{name} must be an int >= {minimum} or a pair of them, got {value!r}"
        )
    return int(values[0]), int(values[1])


def sizes(value: Any, name: str, axes: int, minimum: int = 1) -> tuple[int, ...]:
    """Return ints >= `minimum`, one for each axis; for a signal, one alone is taken."""
    if axes == 2:
        return pair(value, name, minimum)
    if not _is_int(value) or value < minimum:
        raise ValueError(f"{name} must be an int >= {minimum}, got {value!r}")
    return (int(value),)


def shape_of(value: Any, name: str, layout: str) -> Shape:
    """Return the shape of images or a kernel, four ints from 0 on, as a tuple.

    Raises
    ------
    ValueError
        If it is anything else; the message names it `name`, and the `layout`.
    """
    if type(value) is tuple and len(value) == 4:
        for size in value:
            if type(size) is not int or not 0 <= size < 2**12:
                break
        else:
            return value
    sizes = _listed(value)
    is_listed = isinstance(sizes, tuple | list) and len(sizes) == 4
    if is_listed and all(map(_is_int, sizes)) and math.prod(sizes) >= _TOO_MANY:
        raise ValueError(f"{name} {tuple(sizes)} has more numbers than memory holds")
    if not is_listed or not all(_is_int(size) and size >= 0 for size in sizes):
        raise ValueError(f"{name} must be {layout}, four ints >= 0, got {value!r}")
    return tuple(map(int, sizes))


_Function = TypeVar("_Function", bound=Callable[..., Any])


def _cached(function: _Function) -> _Function:
    """Keep a function's results: each op of each training step needs the same again.

    Its first argument is the shape of an array.
    """
    # 1, 1.0 and True are equal, but not all of them are sizes: `typed`.
    look_up = lru_cache(maxsize=1024, typed=True)(function)

    @wraps(function)
    def call(*args, **kwargs):
        for value in (*args[1:], *kwargs.values()) if kwargs else args[1:]:
            # Within a tuple they are one key, `typed` or not.
            if type(value) is tuple and not _holds_ints(value):
                return function(*args, **kwargs)
        try:
            return look_up(*args, **kwargs)
        except TypeError:  # a list, which cannot be looked up
            return function(*args, **kwargs)

    return call  # type: ignore[return-value]


@_cached
def window(
    image_size: Shape,
    size: Pair,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    size_name: str = "kernel_size",
) -> Window:
    """Return how a window slides over an image or a signal.

    Parameters
    ----------
    image_size : (h, w), or (l,) for a signal
        With a signal the other sizes are ints.
    size : int or (kh, kw)
        The window, in taps.
    stride : int or (sh, sw), default=1
    padding : {"valid", "same"}, int, (ph, pw) or ((top, bottom), (left, right))
        "valid" adds nothing. "same" makes the output's size ``ceil(image / stride)``
        and adds the odd row or column at the bottom and right, as Keras and TensorFlow
        do. Numbers are rows and columns to add. For a signal also "causal", with which
        a window ends at its pixel, or (left, right).
    dilation : int or (dh, dw), default=1
    size_name : str, default="kernel_size"
        The name of `size` in an error.

    Returns
    -------
    Window

    Raises
    ------
    ValueError
        If an argument is out of its range or the window is larger than the padded
        image.

    Notes
    -----
    With extent ``e = (k - 1) d + 1`` there fit ``floor((p + n - e) / s) + 1``
    windows on ``n`` pixels and ``p`` added ones (Dumoulin & Visin, "A guide to
    convolution arithmetic for deep learning", 2016, relationship 15).
    """
    axes = len(image_size)
    taps = sizes(size, size_name, axes)
    strides = sizes(stride, "stride", axes)
    dilations = sizes(dilation, "dilation", axes)
    extent = tuple((k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True))
    sides = _resolve_padding(padding, image_size, extent, strides)
    output = tuple(
        (n + sum(p) - e) // s + 1
        for n, p, e, s in zip(image_size, sides, extent, strides, strict=True)
    )
    padded = tuple(n + sum(p) for n, p in zip(image_size, sides, strict=True))
    if math.prod(padded) >= _TOO_MANY:
        raise ValueError(
            f"an image padded to {_times(padded)} is too large; use less padding"
        )
    if min(output) < 1:
        covers = "" if extent == taps else f" (dilated to {_times(extent)})"
        around = f", padded to {_times(padded)}" if padded != tuple(image_size) else ""
        raise ValueError(
            f"{size_name} {_times(taps)}{covers} does not fit its input "
            f"{_times(image_size)}{around}; "
            f"use padding='same' or a smaller {size_name}"
        )
    # A step beyond the padded image is never taken. In an array's strides it would
    # be too large a number.
    strides, dilations = (
        tuple(map(min, steps, padded)) for steps in (strides, dilations)
    )
    return Window(taps, strides, dilations, sides, output)


@_cached
def pool_window(
    image_size: Shape,
    pool_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
) -> Window:
    """Return how a pool's window slides: like `window`, but `stride` is `pool_size`.

    Parameters
    ----------
    image_size, pool_size, padding
        As in `window`.
    stride : int or (sh, sw), default=pool_size

    Returns
    -------
    Window

    Raises
    ------
    ValueError
        As `window` does, and if a window could hold nothing but padding.
    """
    win = window(
        image_size,
        pool_size,
        stride=pool_size if stride is None else stride,
        padding=padding,
        size_name="pool_size",
    )
    if any(max(p) >= k for p, k in zip(win.padding, win.size, strict=True)):
        raise ValueError(
            "padding must be less than pool_size on each side, or a window would hold "
            f"nothing else; got {padding!r} with pool_size={pool_size!r}"
        )
    return win


def margins(value: Any, name: str, axes: int) -> tuple[tuple[int, int], ...]:
    """Return numbers of pixels on each side of an image or a signal, by axis.

    Parameters
    ----------
    value : int, (h, w) or ((top, bottom), (left, right)); for a signal (left, right)
    name : str
        For the error.
    axes : {1, 2}
        1 for a signal.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if _is_int(value) and value >= 0:
        return ((int(value),) * 2,) * axes
    listed = _listed(value)
    if isinstance(listed, tuple | list) and len(listed) == 2:
        try:
            by_axis = listed if axes == 2 else [listed]
            return tuple(pair(sides, name, minimum=0) for sides in by_axis)
        except ValueError:
            pass  # the message below names all that is allowed
    raise ValueError(f"{name} must be {_MARGINS[axes]}, got {value!r}")


_MARGINS = {
    1: "an int >= 0 or (left, right)",
    2: "an int >= 0, (h, w) or ((top, bottom), (left, right))",
}


@_cached
def conv_window(
    shapes: tuple[Shape, Shape],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> tuple[Window, int]:
    """Return how a kernel slides over images, and groups, after checks of their shapes.

    Parameters
    ----------
    shapes : ((h, w, c), (kh, kw, c / groups, filters))
        Of an image and the kernel.
    stride, padding, dilation
        As in `window`.
    groups : int

    Returns
    -------
    window : Window
    groups : int

    Raises
    ------
    ValueError
        As `window` does, and if the shapes do not fit each other.
    """
    image_shape, kernel_shape = shapes
    if len(image_shape) != 3 or len(kernel_shape) != 4:
        raise ValueError(
            "a convolution takes x (n, h, w, c) and kernel (kh, kw, c / groups, "
            f"filters), got x (n, {', '.join(map(str, image_shape))}) and kernel "
            f"{tuple(kernel_shape)}"
        )
    groups = positive_int(groups, "groups")
    if not image_shape[2] or not kernel_shape[3]:
        raise ValueError(
            "a convolution needs at least one channel and one filter, got "
            f"{image_shape[2]} and {kernel_shape[3]}"
        )
    if image_shape[2] != kernel_shape[2] * groups or kernel_shape[3] % groups:
        raise ValueError(
            f"{image_shape[2]} channels and {kernel_shape[3]} filters in "
            f"groups={groups} do not match a kernel of shape {tuple(kernel_shape)}"
        )
    size = kernel_shape[:2]
    slides: dict[str, Any] = {"stride": stride, "padding": padding}
    return window(image_shape[:2], size, dilation=dilation, **slides), groups


def _resolve_padding(padding, image_size, extent, stride):
    axes = len(image_size)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * axes
        if padding == "same":
            return tuple(map(_same_padding, image_size, extent, stride))
        if padding == "causal" and axes == 1:
            return ((extent[0] - 1, 0),)
    try:
        return margins(padding, "padding", axes)
    except ValueError:
        words = "'valid', 'same', " if axes == 2 else "'valid', 'same', 'causal', "
        allowed = words + _MARGINS[axes]
        raise ValueError(f"padding must be {allowed}, got {padding!r}") from None


def _holds_ints(values):
    types = set(map(type, values))
    return types == {int} or (types == {tuple} and all(map(_holds_ints, values)))


def _same_padding(n, extent, stride):
    """Rows to add before and after, so that ceil(n / stride) windows fit."""
    windows = -(-n // stride)
    total = max((windows - 1) * stride + extent - n, 0)
    return total // 2, total - total // 2


def _listed(value):
    """Return an array with axes as a list, and anything else unchanged."""
    return value.tolist() if getattr(value, "ndim", 0) else value


def _is_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def _times(sizes):
    return "x".join(map(str, sizes))
