"""Transposed convolution, which makes a larger image of a small one, and its gradients.

It is the gradient of a convolution in its input, taken forward; a convolution is then
its own gradient in the input (Dumoulin & Visin, "A guide to convolution arithmetic for
deep learning", 2016, chapter 4).
"""

import math

from ._arguments import check_dimensions, check_saved, check_vectors, floats
from ._types import Activation, Array, Padding, Pair, Shape
from .dispatch import run
from .geometry import conv_window, margins, pair, sizes, window

__all__ = [
    "conv2d_transpose",
    "conv2d_transpose_backward",
    "transposed_size",
]


def conv2d_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    output_size: Pair,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    activation: Activation = None,
) -> Array:
    """Return a transposed 2-D convolution, activated.

    Each pixel of x adds its value times the kernel to a window of y, where a `conv2d`
    with the same arguments would take the pixel from: ``y = activation(conv2d's dx for
    dz = x, + bias)``.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_out, c_in)
        That of the `conv2d`, and Keras' layout for a transposed convolution.
    bias : ndarray of shape (c_out,), optional
    output_size : int or (oh, ow)
        One of those of which the `conv2d` makes (h, w); see `transposed_size`.
    stride, padding, dilation
        Of the `conv2d`, as in `skconv.ops.window`.
    activation : str or None
        A name in `skconv.ops.ACTIVATIONS`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c_out)

    Raises
    ------
    ValueError
        If shapes do not fit each other, or another argument is out of its range.
    TypeError
        If arrays are none, or not of real numbers.

    Examples
    --------
    Each pixel is drawn twice as large:

    >>> import numpy as np
    >>> from skconv import ops
    >>> image, kernel = np.array([[[[1.0], [2.0]]]]), np.ones((2, 2, 1, 1))
    >>> ops.conv2d_transpose(image, kernel, output_size=(2, 4), stride=2)[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    """
    names = "x", "kernel", "bias?"
    arrays = x, kernel, bias = floats(names, x, kernel, bias)
    size = pair(output_size, "output_size")
    win = _window(x, kernel, size, stride, padding, dilation)
    check_vectors("filter", kernel.shape[2], ("bias",), bias)
    shape = len(x), *size, kernel.shape[2]
    return run("conv2d_transpose", arrays, shape, win, activation)


def conv2d_transpose_backward(
    dy: Array,
    saved: Array | None,
    x: Array,
    kernel: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    activation: Activation = None,
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `conv2d_transpose` and its activation.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c_out)
        Gradient in the output.
    saved : ndarray, like dy
        The output, or the activation's input (see `activate_grad`); may be None for
        the identity.
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_out, c_in)
    stride, padding, dilation, activation
        The same as in `conv2d_transpose`.
    need_dx : bool, default=True
        Whether to compute `dx`.

    Returns
    -------
    dx : ndarray, like x, or None
        None unless `need_dx`.
    dkernel : ndarray, like kernel
    dbias : ndarray of shape (c_out,)

    Raises
    ------
    ValueError
        If shapes do not fit each other, or another argument is out of its range.
    TypeError
        If arrays are none, or not of real numbers.
    """
    names = "dy", "saved?", "x", "kernel"
    arrays = dy, saved, x, kernel = floats(names, dy, saved, x, kernel)
    check_dimensions("dy", dy, 4, "(n, oh, ow, c_out)")
    win = _window(x, kernel, dy.shape[1:3], stride, padding, dilation)
    if dy.shape[0] != len(x) or dy.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"dy must hold {len(x)} images of {kernel.shape[2]} channels, as x and "
            f"kernel make them, got one of shape {dy.shape}"
        )
    check_saved(saved, dy, activation)
    return run("conv2d_transpose_backward", arrays, win, activation, need_dx)


def _window(x, kernel, size, stride, padding, dilation):
    """Return how the kernel slides over images of a size, after checks of shapes."""
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[3]:
        raise ValueError(
            "a transposed convolution takes x (n, h, w, c) and kernel (kh, kw, "
            f"filters, c), got x {x.shape} and kernel {kernel.shape}"
        )
    shapes = (*size, kernel.shape[2]), kernel.shape
    win, _ = conv_window(shapes, stride, padding, dilation, 1)
    if win.output != x.shape[1:3]:
        raise ValueError(
            f"a convolution of images of {size[0]}x{size[1]} makes "
            f"{win.output[0]}x{win.output[1]}, not x's {x.shape[1]}x{x.shape[2]}: "
            "there is no such transposed convolution; see skconv.ops.transposed_size"
        )
    return win


def transposed_size(
    image_size: Shape,
    size: Pair,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    output_padding: Pair | None = None,
) -> Shape:
    """Return the size of what a transposed convolution makes of an image or a signal.

    Parameters
    ----------
    image_size : (h, w), or (l,) for a signal
        With a signal the other sizes are ints.
    size : int or (kh, kw)
        Of the kernel.
    stride, padding, dilation
        As in `window`, but "causal" is not there.
    output_padding : int, (h, w) or None, default=None
        Pixels to add at the bottom and right. None: as many as Keras adds.

    Returns
    -------
    size : tuple of int
        With ``padding="same"`` it is ``image * stride``, or with `output_padding`
        ``(image - 1) * stride + e % 2 + output_padding``, for the kernel's extent
        ``e = (k - 1) * dilation + 1``. Else it is ``(image - 1) * stride + e - padding
        + output_padding``, where None adds ``max(stride - e, 0)``.

    Raises
    ------
    ValueError
        If an argument is out of its range, or a convolution of the result does not make
        `image_size`.

    Examples
    --------
    >>> from skconv import ops
    >>> ops.transposed_size((7, 7), 3, stride=2, padding="same")
    (14, 14)
    >>> ops.transposed_size((7, 7), 3, stride=2, output_padding=1)
    (16, 16)
    """
    axes, name = len(image_size), "output_padding"
    if output_padding is None:
        extra: tuple[int | None, ...] = (None,) * axes
    else:
        extra = sizes(output_padding, name, axes, minimum=0)
    sides = _sides(padding, axes)
    taps, steps = sizes(size, "kernel_size", axes), sizes(dilation, "dilation", axes)
    strides = sizes(stride, "stride", axes)
    made = []
    for n, k, s, d, more, around in zip(
        image_size, taps, strides, steps, extra, sides, strict=True
    ):
        extent, before = (k - 1) * d + 1, (n - 1) * s
        if around is None:  # "same"
            made.append(n * s if more is None else before + extent % 2 + more)
        else:
            added = max(s - extent, 0) if more is None else more
            made.append(before + extent - sum(around) + added)
    slides = {"stride": stride, "padding": padding, "dilation": dilation}
    _check_size(tuple(made), image_size, size, slides, output_padding)
    return tuple(made)


def _sides(padding, axes):
    """Return the padding of each axis; None for "same"."""
    if not isinstance(padding, str):
        return margins(padding, "padding", axes)
    if padding not in ("same", "valid"):
        raise ValueError(
            "padding of a transposed convolution must be 'valid', 'same' or numbers, "
            f"got {padding!r}"
        )
    return (None if padding == "same" else (0, 0),) * axes


def _check_size(made, image_size, size, slides, output_padding):
    """Raise ValueError unless a convolution of what is made makes the image's size."""
    if min(made) < 1 or math.prod(made) >= 2**48:
        raise ValueError(
            f"of an input of {_times(image_size)} it would make {_times(made)} pixels; "
            f"use {'less padding' if min(made) < 1 else 'a smaller stride or kernel'}"
        )
    back = window(made, size, **slides).output
    if back != tuple(image_size):
        raise ValueError(
            f"output_padding={output_padding!r} does not fit kernel_size={size!r}, "
            f"stride={slides['stride']!r} and padding={slides['padding']!r}: it would "
            f"make {_times(made)} pixels, of which a convolution makes {_times(back)}, "
            f"not the {_times(image_size)} of its input; use None"
        )


def _times(sizes):
    return "x".join(map(str, sizes))
