"""Convolution, its gradients, and both with what follows or precedes them.

The formulas are in `skconv.ops.reference.convolution`.
"""

from ._arguments import check_saved, check_shape, check_vectors, floats
from ._types import Activation, Array, Padding, Pair, Shape
from .activations import find_activation
from .dispatch import run
from .geometry import conv_window, pool_window, shape_of
from .pooling import tap_numbers

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_grad_input",
    "conv2d_grad_kernel",
    "conv2d_max_pool2d",
    "conv2d_max_pool2d_backward",
    "conv2d_max_pool2d_with_argmax",
]


def conv2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    scale: Array | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    activation: Activation = None,
) -> Array:
    """Return a 2-D convolution (mathematically a cross-correlation), activated.

    ``activation(scale * (x * kernel) + bias)``.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    bias : ndarray of shape (c_out,), optional
    scale : ndarray of shape (c_out,), optional
        Scale and bias together are a normalisation that follows the convolution in
        prediction (see `skconv.layers.BatchNorm`). The gradients ignore it.
    stride, padding, dilation
        As in `skconv.ops.window`.
    groups : int, default=1
        Channels are divided into this many groups that do not see each other;
        ``groups=c_in`` is a depthwise convolution.
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
    Each output is a pixel minus its neighbour at the lower right:

    >>> import numpy as np
    >>> from skconv import ops
    >>> image = np.array([[1.0, 2, 4], [1, 3, 9], [0, 5, 7]]).reshape(1, 3, 3, 1)
    >>> kernel = np.array([[1.0, 0], [0, -1]]).reshape(2, 2, 1, 1)
    >>> ops.conv2d(image, kernel)[0, :, :, 0]
    array([[-2., -7.],
           [-4., -4.]])
    """
    arrays = x, kernel, bias, scale = floats(_NAMES, x, kernel, bias, scale)
    win, groups = conv_window(
        (x.shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    _check_filters(kernel, bias, scale)
    return run("conv2d", arrays, win, groups, activation)


def conv2d_max_pool2d(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    scale: Array | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    activation: Activation = None,
    pool_size: Pair = 2,
    pool_stride: Pair | None = None,
    pool_padding: Padding = "valid",
) -> Array:
    """Return the largest value of each window over a convolution's output.

    Pixels that no window of the pool holds need not be computed, and the convolution's
    output need not be written to memory.

    Parameters
    ----------
    x, kernel, bias, scale, stride, padding, dilation, groups, activation
        As in `conv2d`.
    pool_size, pool_stride, pool_padding
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c_out)

    Raises
    ------
    ValueError
        As `conv2d` and `max_pool2d` do.
    """
    arrays = x, kernel, bias, scale = floats(_NAMES, x, kernel, bias, scale)
    win, groups = conv_window(
        (x.shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    pool = pool_window(win.output, pool_size, stride=pool_stride, padding=pool_padding)
    _check_filters(kernel, bias, scale)
    return run("conv2d_max_pool2d", arrays, win, groups, activation, pool)


def conv2d_max_pool2d_with_argmax(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    activation: Activation = None,
    pool_size: Pair = 2,
    pool_stride: Pair | None = None,
    pool_padding: Padding = "valid",
) -> tuple[Array, Array]:
    """Return what `conv2d_max_pool2d` does, and the tap that each maximum came from.

    Parameters
    ----------
    x, kernel, bias, stride, padding, dilation, groups, activation
        As in `conv2d`.
    pool_size, pool_stride, pool_padding
        As in `max_pool2d`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c_out)
    argmax : ndarray of int, (n, oh, ow, c_out)
        As of `max_pool2d_with_argmax`.

    Raises
    ------
    ValueError
        As `conv2d` and `max_pool2d` do.
    """
    arrays = x, kernel, bias = floats(_NAMES, x, kernel, bias)
    win, groups = conv_window(
        (x.shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    pool = pool_window(win.output, pool_size, stride=pool_stride, padding=pool_padding)
    _check_filters(kernel, bias, None)
    return run("conv2d_max_pool2d_with_argmax", arrays, win, groups, activation, pool)


def conv2d_max_pool2d_backward(
    dy: Array,
    saved: Array | None,
    argmax: Array,
    x: Array,
    kernel: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    activation: Activation = None,
    pool_size: Pair = 2,
    pool_stride: Pair | None = None,
    pool_padding: Padding = "valid",
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `conv2d_max_pool2d_with_argmax`.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c_out)
        Gradient in the output.
    saved, argmax : ndarray, like dy
        What `conv2d_max_pool2d_with_argmax` returned; `saved` may be None for the
        identity.
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    stride, padding, dilation, groups, pool_size, pool_stride, pool_padding
        The same as in the forward pass.
    activation : str or None
        One that ``may_be_pooled`` (see `ActivationFunction`).
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
        If shapes do not fit each other, or the activation needs its input.
    """
    if not find_activation(activation).may_be_pooled:
        raise ValueError(
            f"the derivative of activation {activation!r} cannot be taken from what a "
            "pool leaves of its output: call max_pool2d_grad and conv2d_backward"
        )
    names = "dy", "saved?", "x", "kernel"
    arrays = dy, saved, x, kernel = floats(names, dy, saved, x, kernel)
    win, groups = conv_window(
        (x.shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    pool = pool_window(win.output, pool_size, stride=pool_stride, padding=pool_padding)
    _check_gradient("dy", dy, len(x), pool, kernel.shape)
    check_saved(saved, dy, activation)
    argmax = tap_numbers(argmax, dy.shape, pool)
    options = win, groups, activation, pool, need_dx
    return run("conv2d_max_pool2d_backward", arrays, argmax, *options)


def conv2d_grad_kernel(
    dz: Array,
    x: Array,
    kernel_shape: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
) -> Array:
    """Return the gradient of a convolution in its kernel.

    Parameters
    ----------
    dz : ndarray of shape (n, oh, ow, c_out)
        Gradient in the result before its activation (see `activate_grad`).
    x : ndarray of shape (n, h, w, c_in)
    kernel_shape : (kh, kw, c_in / groups, c_out)
    stride, padding, dilation, groups
        The same as in `conv2d`.

    Returns
    -------
    dkernel : ndarray of shape kernel_shape

    Raises
    ------
    ValueError
        If shapes do not fit each other, or another argument is out of its range.
    TypeError
        If arrays are none, or not of real numbers.
    """
    dz, x = floats(("dz", "x"), dz, x)
    kernel_shape = shape_of(kernel_shape, "kernel_shape", _KERNEL)
    win, groups = conv_window(
        (x.shape[1:], kernel_shape), stride, padding, dilation, groups
    )
    _check_gradient("dz", dz, len(x), win, kernel_shape)
    return run("conv2d_grad_kernel", (dz, x), kernel_shape, win, groups)


def conv2d_grad_input(
    dz: Array,
    kernel: Array,
    input_shape: Shape,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
) -> Array:
    """Return the gradient of a convolution in its input.

    Parameters
    ----------
    dz : ndarray of shape (n, oh, ow, c_out)
        Gradient in the result before its activation (see `activate_grad`).
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    input_shape : (n, h, w, c_in)
    stride, padding, dilation, groups
        The same as in `conv2d`.

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
    dz, kernel = floats(("dz", "kernel"), dz, kernel)
    input_shape = shape_of(input_shape, "input_shape", "(n, h, w, c)")
    win, groups = conv_window(
        (input_shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    _check_gradient("dz", dz, input_shape[0], win, kernel.shape)
    return run("conv2d_grad_input", (dz, kernel), input_shape, win, groups)


def conv2d_backward(
    dy: Array,
    saved: Array | None,
    x: Array,
    kernel: Array,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    activation: Activation = None,
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `conv2d` and its activation: a layer's backward pass.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c_out)
        Gradient in the output.
    saved : ndarray, like dy
        The output, or the activation's input (see `activate_grad`); may be None for
        the identity.
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    stride, padding, dilation, groups, activation
        The same as in `conv2d`.
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
    win, groups = conv_window(
        (x.shape[1:], kernel.shape), stride, padding, dilation, groups
    )
    _check_gradient("dy", dy, len(x), win, kernel.shape)
    if saved is None or saved.shape != dy.shape:
        check_saved(saved, dy, activation)
    return run("conv2d_backward", arrays, win, groups, activation, need_dx)


_NAMES = "x", "kernel", "bias?", "scale?"
_KERNEL = "(kh, kw, c / groups, filters)"


def _check_filters(kernel, bias, scale):
    check_vectors("filter", kernel.shape[3], ("bias", "scale"), bias, scale)


def _check_gradient(name, dz, n, win, kernel_shape):
    """Raise ValueError unless `dz` has the shape of the convolution's output."""
    shape = n, *win.output, kernel_shape[3]
    if dz.shape != shape:
        check_shape(name, dz, shape, "the convolution's output")
