"""Convolution and its gradients.

Let ``n`` be an image of the batch, ``p`` an output pixel and ``t`` a kernel tap, these
two as pairs (row, column). The tap sees the input pixel ``q(p, t) = p * stride +
t * dilation - padding``; outside of the image ``x`` is 0. Then, within a group::

    z[n, p, f]       = b[f] + sum over t, c of  x[n, q(p, t), c] * kernel[t, c, f]
    dkernel[t, c, f] =        sum over n, p of  x[n, q(p, t), c] * dz[n, p, f]
    dx[n, q, c]      =        sum over f and all p, t with q(p, t) = q
                                            of  dz[n, p, f] * kernel[t, c, f]
    db[f]            =        sum over n, p of  dz[n, p, f]

The last three are the chain rule applied to the first: each product of an ``x`` and a
weight hands ``dz`` times the one to the gradient of the other (Dumoulin & Visin 2016;
LeCun et al. 1998).

With what each window sees laid out as a row of a matrix, ``columns`` (a layout known as
im2col), and the kernel as a matrix of ``f`` columns, the first two are matrix products.
``dx`` is one for each tap, added onto the pixels that the tap saw::

    z = columns @ kernel
    dkernel = columns^T @ dz
    dx[:, q(., t)] += dz @ kernel[t]^T    for each t
"""

import numpy as np

from ..geometry import window
from .activations import activate, activate_grad
from .dense import grad_bias
from .pooling import max_pool2d
from .windows import pad, padded_zeros, taps, unpad, windows

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_grad_input",
    "conv2d_grad_kernel",
    "conv2d_max_pool2d",
]

# Columns are built for as many images as fill this, so that they are still in cache
# when the matrix product reads them.
_CHUNK_BYTES = 2**22


def conv2d(
    x,
    kernel,
    bias=None,
    scale=None,
    *,
    stride=1,
    padding="valid",
    dilation=1,
    groups=1,
    activation=None,
):
    """2-D convolution (as networks say it: cross-correlation), bias and activation.

    ``activation(scale * (x * kernel) + bias)``.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    bias : ndarray of shape (c_out,), optional
    scale : ndarray of shape (c_out,), optional
        With the bias it is what a normalisation behind the convolution does in
        prediction (see `skconv.layers.BatchNorm`). The gradients know of none.
    stride, padding, dilation
        As in `skconv.ops.window`.
    groups : int, default=1
        Channels fall into this many groups that do not see each other;
        ``groups=c_in`` is a depthwise convolution.
    activation : str or None
        A name in `skconv.ops.ACTIVATIONS`.

    Returns
    -------
    y : ndarray of shape (n, oh, ow, c_out)

    Raises
    ------
    ValueError
        If shapes do not fit each other.

    Examples
    --------
    Each output is a pixel less its neighbour at the lower right:

    >>> import numpy as np
    >>> from skconv import ops
    >>> image = np.array([[1.0, 2, 4], [1, 3, 9], [0, 5, 7]]).reshape(1, 3, 3, 1)
    >>> kernel = np.array([[1.0, 0], [0, -1]]).reshape(2, 2, 1, 1)
    >>> ops.conv2d(image, kernel)[0, :, :, 0]
    array([[-2., -7.],
           [-4., -4.]])
    """
    win = conv_window(x.shape, kernel.shape, stride, padding, dilation, groups)
    check_filters(kernel.shape, bias=bias, scale=scale)
    y = np.empty((len(x), *win.output, kernel.shape[3]), np.result_type(x, kernel))
    # The new axis, of images, has matmul go image by image: BLAS adds in another
    # order for other numbers of rows, and a sample shall not depend on its batch.
    kernel = _kernel_by_group(kernel, groups)[:, None]
    for part, columns in _columns(x, win, groups, like=y):
        z = y[part]
        np.matmul(columns, kernel, out=_pixels_by_group(z, groups))
        if scale is not None:
            z *= scale
        if bias is not None:
            _add_bias(z, bias)
        activate(z, activation, out=z)
    return y


def conv2d_max_pool2d(
    x,
    kernel,
    bias=None,
    scale=None,
    *,
    stride=1,
    padding="valid",
    dilation=1,
    groups=1,
    activation=None,
    pool_size=2,
    pool_stride=None,
    pool_padding="valid",
):
    """Largest value of each window over a convolution's output.

    What a window leaves out need not be computed, and what lies between need not be
    written to memory.

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
        As the two do.
    """
    y = conv2d(
        x,
        kernel,
        bias,
        scale,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        activation=activation,
    )
    return max_pool2d(y, pool_size, stride=pool_stride, padding=pool_padding)


def conv2d_grad_kernel(
    dz, x, kernel_shape, *, stride=1, padding="valid", dilation=1, groups=1
):
    """Gradient of a convolution in its kernel: ``columns^T @ dz``.

    Parameters
    ----------
    dz : ndarray of shape (n, oh, ow, c_out)
        Gradient in the result before its activation (see `activate_grad`).
    x : ndarray of shape (n, h, w, c_in)
    kernel_shape : (kh, kw, c_in / groups, c_out)
    stride, padding, dilation, groups
        As they were in `conv2d`.

    Returns
    -------
    dkernel : ndarray of shape kernel_shape
    """
    win = conv_window(x.shape, kernel_shape, stride, padding, dilation, groups)
    check_gradient(dz, (len(x), *win.output, kernel_shape[3]))
    dkernel = np.zeros(kernel_shape, np.result_type(x, dz))
    by_group = _kernel_by_group(dkernel, groups)  # a view, to add to
    for part, columns in _columns(x, win, groups, like=dz):
        # The sum over images is part of the product: here they may be merged.
        pixels = _merge_images(_pixels_by_group(dz[part], groups))
        by_group += _merge_images(columns).transpose(0, 2, 1) @ pixels
    return dkernel


def conv2d_grad_input(
    dz, kernel, input_shape, *, stride=1, padding="valid", dilation=1, groups=1
):
    """Gradient of a convolution in its input: each tap hands back what it took.

    Parameters
    ----------
    dz : ndarray of shape (n, oh, ow, c_out)
        Gradient in the result before its activation (see `activate_grad`).
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    input_shape : (n, h, w, c_in)
    stride, padding, dilation, groups
        As they were in `conv2d`.

    Returns
    -------
    dx : ndarray of shape input_shape
    """
    win = conv_window(input_shape, kernel.shape, stride, padding, dilation, groups)
    check_gradient(dz, (input_shape[0], *win.output, kernel.shape[3]))
    dx = np.empty(input_shape, np.result_type(dz, kernel))
    by_tap = kernel.reshape(-1, kernel.shape[2], groups, kernel.shape[3] // groups)
    by_tap = by_tap.transpose(0, 2, 3, 1)  # (taps, groups, f / groups, c / groups)
    for part in _chunks(win, input_shape[3], like=dz):
        pixels = _merge_images(_pixels_by_group(dz[part], groups))
        padded = padded_zeros(dx[part].shape, win, dx.dtype)
        product = np.empty((groups, pixels.shape[1], by_tap.shape[3]), dx.dtype)
        for kernel_tap, seen in zip(by_tap, taps(padded, win), strict=True):
            np.matmul(pixels, kernel_tap, out=product)
            seen += product.transpose(1, 0, 2).reshape(seen.shape)
        dx[part] = unpad(padded, input_shape, win)
    return dx


def conv2d_backward(
    dy,
    kept,
    x,
    kernel,
    *,
    stride=1,
    padding="valid",
    dilation=1,
    groups=1,
    activation=None,
    need_dx=True,
):
    """All gradients of `conv2d`, back through its activation: a layer's backward pass.

    Parameters
    ----------
    dy : ndarray of shape (n, oh, ow, c_out)
        Gradient in the output.
    kept : ndarray, like dy
        The output, or what came before the activation (see `activate_grad`).
    x : ndarray of shape (n, h, w, c_in)
    kernel : ndarray of shape (kh, kw, c_in / groups, c_out)
    stride, padding, dilation, groups, activation
        As they were in `conv2d`.
    need_dx : bool, default=True

    Returns
    -------
    dx : ndarray, like x, or None
        None if nobody needs it.
    dkernel : ndarray, like kernel
    dbias : ndarray of shape (c_out,)
    """
    dz = activate_grad(dy, kept, activation)
    slide = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    dx = conv2d_grad_input(dz, kernel, x.shape, **slide) if need_dx else None
    return dx, conv2d_grad_kernel(dz, x, kernel.shape, **slide), grad_bias(dz)


def conv_window(x_shape, kernel_shape, stride, padding, dilation, groups):
    """Check that a kernel goes with its input, and work out how it slides.

    Raises
    ------
    ValueError
        If it does not.
    """
    if len(x_shape) != 4 or len(kernel_shape) != 4:
        raise ValueError(
            "a convolution takes x (n, h, w, c) and kernel (kh, kw, c / groups, "
            f"filters), got {tuple(x_shape)} and {tuple(kernel_shape)}"
        )
    if x_shape[3] != kernel_shape[2] * groups or kernel_shape[3] % groups:
        raise ValueError(
            f"{x_shape[3]} channels and {kernel_shape[3]} filters in groups={groups} "
            f"do not go with a kernel of shape {tuple(kernel_shape)}"
        )
    return window(
        x_shape[1:3],
        tuple(kernel_shape[:2]),
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def check_filters(kernel_shape, **vectors):
    """Raise ValueError unless each has a value for each filter, or is None."""
    for name, vector in vectors.items():
        if vector is not None and vector.shape != tuple(kernel_shape[3:]):
            raise ValueError(
                f"{name} must have a value for each of {kernel_shape[3]} filters, got "
                f"an array of shape {vector.shape}"
            )


def check_gradient(dz, shape):
    """Raise ValueError unless `dz` has the shape of a convolution's output."""
    if dz.shape != shape:
        raise ValueError(
            f"dz must have the shape of the convolution's output, {shape}, got "
            f"{dz.shape}"
        )


def _add_bias(z, bias):
    """Add a bias in place, a row of the image at a time: NumPy likes long runs."""
    width, filters = z.shape[2:]
    rows = z.reshape(-1, width * filters)
    rows += np.tile(bias, width)


def _chunks(win, channels, like):
    """Slices of images whose columns and output, `like`, together fill _CHUNK_BYTES."""
    taps_ = win.size[0] * win.size[1]
    floats = win.output[0] * win.output[1] * (taps_ * channels + like.shape[3])
    images = max(1, _CHUNK_BYTES // (floats * like.itemsize))
    n = len(like)
    return [slice(i, min(i + images, n)) for i in range(0, max(n, 1), images)]


def _columns(x, win, groups, like):
    """Yield chunks of images, and what each of their windows sees.

    Yields
    ------
    part : slice of images
    columns : ndarray of shape (groups, images, oh * ow, kh * kw * c / groups)
        In memory that the next chunk overwrites, so that it stays in cache.
    """
    chunks = _chunks(win, x.shape[3], like)
    per_group = x.shape[3] // groups
    shape = (groups, chunks[0].stop, *win.output, *win.size, per_group)
    memory = np.empty(shape, np.result_type(x, like))
    matrix = np.prod(win.output), np.prod(win.size) * per_group
    for part in chunks:
        seen = windows(pad(x[part], win), win)  # (images, oh, ow, kh, kw, c), a view
        seen = seen.reshape(*seen.shape[:-1], groups, per_group)
        columns = memory[:, : len(seen)]
        by_pixel = np.moveaxis(columns, 0, -2)  # columns, with the axes of `seen`
        # NumPy copies run by run. A kernel row of a many-channelled image is a long
        # run; where it is short, a tap at a time over a row of the image is longer.
        if win.size[1] * per_group >= 16:
            by_pixel[...] = seen
        else:
            for i, j in np.ndindex(win.size):
                by_pixel[:, :, :, i, j] = seen[:, :, :, i, j]
        yield part, columns.reshape(*columns.shape[:2], *matrix)


def _merge_images(a):
    """Reshape (groups, n, pixels, k) to (groups, n * pixels, k)."""
    groups, n, pixels, k = a.shape
    return a.reshape(groups, n * pixels, k)


def _kernel_by_group(kernel, groups):
    """View (kh, kw, c / groups, f) as (groups, kh * kw * c / groups, f / groups)."""
    return kernel.reshape(-1, groups, kernel.shape[3] // groups).transpose(1, 0, 2)


def _pixels_by_group(z, groups):
    """View (n, oh, ow, f) as (groups, n, oh * ow, f / groups)."""
    n, oh, ow, f = z.shape
    return z.reshape(n, oh * ow, groups, f // groups).transpose(2, 0, 1, 3)
