"""Convolution and its gradients: what they compute, and how.

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

from .activations import activate, activate_grad
from .dense import grad_bias
from .pooling import max_pool2d, max_pool2d_grad, max_pool2d_with_argmax
from .windows import pad, padded_zeros, taps, unpad, windows

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_grad_input",
    "conv2d_grad_kernel",
    "conv2d_max_pool2d",
    "conv2d_max_pool2d_backward",
    "conv2d_max_pool2d_with_argmax",
]

# Columns are built for as many images as fill this, so that they are still in cache
# when the matrix product reads them.
_CHUNK_BYTES = 2**22


def conv2d(x, kernel, bias, scale, win, groups, activation):
    """``columns @ kernel``, chunk by chunk of the images."""
    y = np.empty((len(x), *win.output, kernel.shape[3]), np.result_type(x, kernel))
    # The new axis, of images, makes matmul multiply image by image: BLAS adds in
    # another order for other numbers of rows: a sample must not depend on its batch.
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


def conv2d_max_pool2d(x, kernel, bias, scale, win, groups, activation, pool):
    """Convolve, then pool."""
    return max_pool2d(conv2d(x, kernel, bias, scale, win, groups, activation), pool)


def conv2d_max_pool2d_with_argmax(x, kernel, bias, win, groups, activation, pool):
    """Convolve, then pool."""
    y = conv2d(x, kernel, bias, None, win, groups, activation)
    return max_pool2d_with_argmax(y, pool)


def conv2d_max_pool2d_backward(
    dy, saved, x, kernel, argmax, win, groups, activation, pool, need_dx
):
    """Go through the activation first, which is the same before and after the pool."""
    dz = activate_grad(dy, saved, activation)
    shape = len(x), *win.output, kernel.shape[3]
    dz = max_pool2d_grad(dz, argmax, shape, pool)
    return conv2d_backward(dz, None, x, kernel, win, groups, None, need_dx)


def conv2d_grad_kernel(dz, x, kernel_shape, win, groups):
    """``columns^T @ dz``, summed over chunks of the images."""
    dkernel = np.zeros(kernel_shape, np.result_type(x, dz))
    by_group = _kernel_by_group(dkernel, groups)  # a view, to add to
    for part, columns in _columns(x, win, groups, like=dz):
        # The sum over images is part of the product: here they may be merged.
        pixels = _merge_images(_pixels_by_group(dz[part], groups))
        by_group += _merge_images(columns).transpose(0, 2, 1) @ pixels
    return dkernel


def conv2d_grad_input(dz, kernel, input_shape, win, groups):
    """Add ``dz @ kernel[t]^T`` to the pixels that a tap saw, tap by tap."""
    dx = np.empty(input_shape, np.result_type(dz, kernel))
    by_tap = kernel.reshape(-1, kernel.shape[2], groups, kernel.shape[3] // groups)
    # (taps, groups, 1, f / groups, c / groups), with an axis of images as in `conv2d`.
    by_tap = by_tap.transpose(0, 2, 3, 1)[:, :, None]
    for part in _chunks(win, input_shape[3], like=dz):
        pixels = _pixels_by_group(dz[part], groups)
        padded = padded_zeros(dx[part].shape, win, dx.dtype)
        product = np.empty((*pixels.shape[:3], by_tap.shape[4]), dx.dtype)
        for kernel_tap, seen in zip(by_tap, taps(padded, win), strict=True):
            np.matmul(pixels, kernel_tap, out=product)
            seen += product.transpose(1, 2, 0, 3).reshape(seen.shape)
        dx[part] = unpad(padded, input_shape, win)
    return dx


def conv2d_backward(dy, saved, x, kernel, win, groups, activation, need_dx):
    """Go through the activation first, then to x, kernel and bias."""
    dz = activate_grad(dy, saved, activation)
    dx = conv2d_grad_input(dz, kernel, x.shape, win, groups) if need_dx else None
    return dx, conv2d_grad_kernel(dz, x, kernel.shape, win, groups), grad_bias(dz)


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
