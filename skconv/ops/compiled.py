"""Compiled twins of the ops, for float32: they make the arrays and call the kernels.

Each takes the arguments of its definition in `skconv.ops.reference` and computes the
same. Arrays are float32, C-contiguous and aligned, or None (see `skconv.ops.dispatch`).
A twin returns NotImplemented where there is no kernel for its arguments. The kernels
are in ``src/``; docs/developing/kernels.md explains them.
"""

import math

import numpy as np

from . import _kernels, reference  # type: ignore[attr-defined]
from .geometry import Window, pool_window
from .reference.pooling import argmax_dtype

__all__ = [
    "activate", "activate_grad", "adam_step", "add", "affine_transform", "avg_pool2d",
    "avg_pool2d_grad", "batch_norm_backward", "channel_moments", "conv2d",
    "conv2d_backward", "conv2d_grad_input", "conv2d_grad_kernel", "conv2d_max_pool2d",
    "conv2d_max_pool2d_backward", "conv2d_max_pool2d_with_argmax", "dense",
    "dense_backward", "dense_grad_input", "dense_grad_kernel", "gather",
    "global_avg_pool2d", "global_avg_pool2d_grad", "grad_bias", "max_pool2d",
    "max_pool2d_grad", "max_pool2d_with_argmax", "normalize", "softmax_cross_entropy",
]  # fmt: skip

_FLOAT32 = np.dtype(np.float32)

instruction_sets = _kernels.instruction_sets
max_threads = _kernels.max_threads
use = _kernels.use


# As in kernels.h. An activation that is missing here needs its input (gelu) or its
# neighbours (softmax): it follows as an op of its own.
_CODES = {
    **dict.fromkeys((None, "identity", "linear"), 0),
    "relu": 1,
    "leaky_relu": 2,
    "elu": 3,
    "tanh": 4,
    "logistic": 5,
    "sigmoid": 5,
}
_IDENTITY, _RELU = 0, 1


def _new(shape, dtype=_FLOAT32):
    return np.empty(shape, dtype)


def _code(activation):
    """Return the code of an activation that kernels can fuse, else None."""
    try:
        return _CODES.get(activation)
    except TypeError:  # a list, which cannot be looked up: not an activation at all
        return None


def _split(activation):
    """Return the code to fuse, and the activation that is left to do."""
    try:
        return _CODES[activation], None
    except (KeyError, TypeError):
        return _IDENTITY, activation


def _finish(y, activation):
    return y if activation is None else reference.activate(y, activation, out=y)


def _start(dy, saved, activation):
    """Return dy, saved and code of a gradient whose activation kernels can fuse."""
    code = _code(activation)
    if code is None:
        return reference.activate_grad(dy, saved, activation), None, _IDENTITY
    return dy, saved, code


# Convolution and dense layers --------------------------------------------------------


def conv2d(x, kernel, bias, scale, win, groups, activation):
    code, rest = _split(activation)
    y = _new((len(x), *win.output, kernel.shape[3]))
    _kernels.conv2d(x, kernel, bias, scale, y, win, groups, code)
    return _finish(y, rest)


def conv2d_max_pool2d(x, kernel, bias, scale, win, groups, activation, pool):
    if not _pools_along(activation, pool):
        return max_pool2d(conv2d(x, kernel, bias, scale, win, groups, activation), pool)
    y, code = _pooled_output(x, kernel, pool), _code(activation)
    _kernels.conv2d(x, kernel, bias, scale, y, win, groups, code, *pool.size)
    return y


def conv2d_max_pool2d_with_argmax(x, kernel, bias, win, groups, activation, pool):
    if not _pools_along(activation, pool):
        y = conv2d(x, kernel, bias, None, win, groups, activation)
        return max_pool2d_with_argmax(y, pool)
    y, code = _pooled_output(x, kernel, pool), _code(activation)
    argmax = _new(y.shape, argmax_dtype(pool))
    slide = win, groups, code, *pool.size
    _kernels.conv2d(x, kernel, bias, None, y, *slide, argmax)
    return y, argmax


def conv2d_max_pool2d_backward(
    dy, saved, x, kernel, argmax, win, groups, activation, pool, need_dx
):
    if groups > 1 or argmax.itemsize > _ARGMAX_BYTES:
        return NotImplemented
    if not _pools_along(activation, pool):
        is_linear = _code(activation) == _IDENTITY
        dz = dy if is_linear else activate_grad(dy, saved, activation)
        shape = len(x), *win.output, kernel.shape[3]
        dz = max_pool2d_grad(dz, argmax, shape, pool)
        return conv2d_backward(dz, None, x, kernel, win, groups, None, need_dx)
    slide = win, groups, _code(activation), *pool.size, _plain(argmax)
    return _backward(dy, saved, x, kernel, need_dx, *slide)


def _pools_along(activation, pool):
    """Return whether the kernels of a convolution can pool what it makes."""
    return (
        _code(activation) is not None
        and pool.stride == pool.size != (1, 1)
        and not any(map(any, pool.padding))
        and argmax_dtype(pool).itemsize == 1
    )


def _pooled_output(x, kernel, pool):
    return _new((len(x), *pool.output, kernel.shape[3]))


def conv2d_grad_kernel(dz, x, kernel_shape, win, groups):
    dkernel, dbias = _new(kernel_shape), _new(dz.shape[-1])
    outputs = None, dkernel, dbias
    _kernels.conv2d_backward(dz, None, x, None, *outputs, win, groups, _IDENTITY)
    return dkernel


def conv2d_grad_input(dz, kernel, input_shape, win, groups):
    dx = _new(input_shape)
    outputs = dx, None, None
    _kernels.conv2d_backward(dz, None, None, kernel, *outputs, win, groups, _IDENTITY)
    return dx


def conv2d_backward(dy, saved, x, kernel, win, groups, activation, need_dx):
    dy, saved, code = _start(dy, saved, activation)
    return _backward(dy, saved, x, kernel, need_dx, win, groups, code)


def _backward(dy, saved, x, kernel, need_dx, *slide):
    dx = _new(x.shape) if need_dx else None
    dkernel, dbias = _new(kernel.shape), _new(dy.shape[-1])
    _kernels.conv2d_backward(dy, saved, x, kernel, dx, dkernel, dbias, *slide)
    return dx, dkernel, dbias


# A dense layer is a convolution of images of one pixel, in one group.
_ONE_PIXEL = Window((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1)), 1


def dense(x, kernel, bias, activation):
    code, rest = _split(activation)
    y = _new((len(x), kernel.shape[1]))
    _kernels.conv2d(x, kernel, bias, None, y, *_ONE_PIXEL, code)
    return _finish(y, rest)


def dense_grad_kernel(dz, x):
    return conv2d_grad_kernel(dz, x, (x.shape[1], dz.shape[1]), *_ONE_PIXEL)


def dense_grad_input(dz, kernel):
    return conv2d_grad_input(dz, kernel, (len(dz), len(kernel)), *_ONE_PIXEL)


def dense_backward(dy, saved, x, kernel, activation, need_dx):
    return conv2d_backward(dy, saved, x, kernel, *_ONE_PIXEL, activation, need_dx)


def grad_bias(dz):
    dbias = _new(dz.shape[-1])
    _kernels.column_sums(_rows(dz), dbias)
    return dbias


_ARGMAX_BYTES = 2  # at most, in kernels

# Pooling -----------------------------------------------------------------------------


def max_pool2d(x, win):
    y = _pooled(x, win)
    _kernels.max_pool(x, y, None, win)
    return y


def max_pool2d_with_argmax(x, win):
    dtype = argmax_dtype(win)
    if dtype.itemsize > _ARGMAX_BYTES:
        return NotImplemented
    y = _pooled(x, win)
    argmax = _new(y.shape, dtype)
    _kernels.max_pool(x, y, argmax, win)
    return y, argmax


def max_pool2d_grad(dy, argmax, input_shape, win):
    if argmax.itemsize > _ARGMAX_BYTES:
        return NotImplemented
    dx = _new(input_shape)
    _kernels.max_pool_grad(dy, _plain(argmax), dx, win)
    return dx


def _plain(argmax):
    """Return an argmax that kernels take."""
    return argmax if _is_plain(argmax) else np.array(argmax, order="C")


def _is_plain(array):
    return array.flags.c_contiguous and array.flags.aligned


def avg_pool2d(x, win):
    y = _pooled(x, win)
    _kernels.avg_pool(x, y, win)
    return y


def avg_pool2d_grad(dy, input_shape, win):
    dx = _new(input_shape)
    _kernels.avg_pool_grad(dy, dx, win)
    return dx


def global_avg_pool2d(x):
    return avg_pool2d(x, pool_window(x.shape[1:3], x.shape[1:3]))[:, 0, 0]


def global_avg_pool2d_grad(dy, input_shape):
    win = pool_window(input_shape[1:3], input_shape[1:3])
    return avg_pool2d_grad(dy[:, None, None], input_shape, win)


def _pooled(x, win):
    return _new((len(x), *win.output, x.shape[3]))


# Normalisation -----------------------------------------------------------------------


def channel_moments(x):
    mean, variance = _new(x.shape[-1]), _new(x.shape[-1])
    _kernels.channel_moments(_rows(x), mean, variance)
    return mean, variance


def normalize(x, mean, scale, shift, activation):
    code, rest = _split(activation)
    y = _new(x.shape)
    _kernels.normalize(_rows(x), mean, scale, shift, _rows(y), code)
    return _finish(y, rest)


def batch_norm_backward(dy, saved, x, mean, inverse, scale, shift, activation, need_dx):
    code, again = _code(activation), saved is None and shift is not None
    if not (again and code == _RELU):  # which alone the kernels compute again
        if again:
            saved = reference.saved_of_normalize(x, mean, scale, shift, activation)
        shift = None
        dy, saved, code = _start(dy, saved, activation)
    rows = _rows(dy), None if saved is None else _rows(saved), _rows(x)
    vectors = mean, scale, shift
    dbeta, products = _new(mean.shape), _new(mean.shape)
    _kernels.channel_products(*rows, *vectors, dbeta, products, code)
    dgamma = products * inverse
    if not need_dx:
        return None, dgamma, dbeta
    dx, part = _new(x.shape), -scale / len(rows[2])
    slope, constant = part * dgamma * inverse, part * dbeta
    _kernels.normalize_grad(*rows, *vectors, slope, constant, _rows(dx), code)
    return dx, dgamma, dbeta


def _rows(x):
    return x.reshape(-1, x.shape[-1])


# Activations, loss, images, step ---------------------------------------------------


def activate(z, activation, out):
    code = _code(activation)
    if code is None:
        return NotImplemented
    if out is None:
        out = _new(z.shape)
    elif out.dtype != _FLOAT32 or not out.flags.carray:
        return NotImplemented
    if code != _IDENTITY or out is not z:
        _kernels.activate(z, out, code)
    return out


def add(x, y, activation):
    code, rest = _split(activation)
    z = _new(x.shape)
    _kernels.add(x, y, z, code)
    return _finish(z, rest)


def activate_grad(dy, saved, activation):
    code = _code(activation)
    if code is None or code == _IDENTITY:
        return NotImplemented
    dz = _new(dy.shape)
    _kernels.activate_grad(dy, saved, dz, code)
    return dz


def affine_transform(x, matrix, shift, fill):
    y = _new(x.shape)
    _kernels.affine_transform(x, matrix, shift, fill, y)
    return y


def softmax_cross_entropy(logits, targets, sample_weight, smoothing, gamma):
    if gamma:
        return NotImplemented
    if type(targets) is not np.ndarray or targets.dtype.kind not in "iuf":
        return NotImplemented
    is_soft, weights = targets.dtype.kind == "f", sample_weight
    if targets.shape != logits.shape[: 1 + is_soft]:
        return NotImplemented
    if weights is not None:
        weights = np.require(weights, requirements=["C", "A"])  # the kernel checks it
    op = _kernels.soft_cross_entropy if is_soft else _kernels.softmax_cross_entropy
    targets = np.array(targets, _FLOAT32 if is_soft else np.int64, order="C")
    dlogits = _new(logits.shape)
    return op(logits, targets, weights, smoothing, dlogits), dlogits


def adam_step(gradient, decay, arrays, rates, step):
    for array in arrays:
        if type(array) is not np.ndarray or array.dtype != _FLOAT32:
            return NotImplemented
        if array.shape != gradient.shape or not array.flags.carray:
            return NotImplemented
    if gradient.ndim != 1 or (decay is not None and decay.shape != gradient.shape):
        return NotImplemented
    learning_rate, rate, beta_1, beta_2, epsilon = rates
    return _kernels.adam_step(
        *arrays, gradient, decay, learning_rate, rate, 1 - beta_1, 1 - beta_2, epsilon
    )


# As text: without memory, NumPy may give a dtype another hash, and no error.
_ELEMENTS = {
    np.dtype(name).str for name in ("uint8", "int32", "int64", "float32", "float64")
}


def gather(x, rows, dtype):
    if dtype != _FLOAT32 or x.dtype.str not in _ELEMENTS or not _is_plain(x):
        return NotImplemented
    if type(rows) is not np.ndarray or rows.dtype != np.int64:
        return NotImplemented
    if rows.ndim != 1 or not _is_plain(rows):
        return NotImplemented
    n, features = len(rows), math.prod(x.shape[1:])
    batch = _new((n, *x.shape[1:]))
    _kernels.gather(x.reshape(len(x), features), rows, batch.reshape(n, features))
    return batch
