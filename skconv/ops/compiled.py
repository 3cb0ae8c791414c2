"""Compiled twins of the ops, for float32; other dtypes go on to their definitions.

Each has the name, the signature and the meaning of its definition in
`skconv.ops.reference`. The kernels are in ``src/``; docs/developing/kernels.md explains
them.
"""

import functools
import sys

import numpy as np

from . import _kernels, reference
from .geometry import pool_window
from .reference.convolution import check_filters, check_gradient, conv_window
from .reference.pooling import argmax_dtype

__all__ = [
    "activate",
    "activate_grad",
    "adam_step",
    "avg_pool2d",
    "avg_pool2d_grad",
    "batch_norm_backward",
    "channel_moments",
    "conv2d",
    "conv2d_backward",
    "conv2d_grad_input",
    "conv2d_grad_kernel",
    "conv2d_max_pool2d",
    "dense",
    "dense_backward",
    "dense_grad_input",
    "dense_grad_kernel",
    "gather",
    "global_avg_pool2d",
    "global_avg_pool2d_grad",
    "grad_bias",
    "max_pool2d",
    "max_pool2d_grad",
    "max_pool2d_with_argmax",
    "normalize",
    "softmax_cross_entropy",
]

_FLOAT32 = np.dtype(np.float32)

instruction_sets = _kernels.instruction_sets
max_threads = _kernels.max_threads


def use(instruction_set):
    """Choose one of `instruction_sets`, and return the module that then uses it."""
    _kernels.use(instruction_set)
    return sys.modules[__name__]


# As in kernels.h. An activation that is not here keeps its input (gelu) or sees its
# neighbours (softmax): it follows as an op of its own.
_CODES = {
    None: 0,
    "identity": 0,
    "linear": 0,
    "relu": 1,
    "leaky_relu": 2,
    "elu": 3,
    "tanh": 4,
    "logistic": 5,
    "sigmoid": 5,
}
_IDENTITY = 0


def _twin(n_arrays):
    """Lay a twin over its definition where the first `n_arrays` arguments are float32.

    They come to the twin C-contiguous and aligned: as they are, in training. None is
    let through.
    """

    def lay_over(twin):
        definition = getattr(reference, twin.__name__)

        @functools.wraps(definition)
        def op(*args, **kwargs):
            plain = []
            for array in args[:n_arrays]:
                if array is not None:
                    if array.dtype != _FLOAT32:
                        return definition(*args, **kwargs)
                    flags = array.flags
                    if not (flags.c_contiguous and flags.aligned):
                        array = np.array(array, order="C")
                plain.append(array)
            return twin(*plain, *args[n_arrays:], **kwargs)

        return op

    return lay_over


def _new(shape, dtype=_FLOAT32):
    return np.empty(shape, dtype)


def _code(activation):
    return _CODES.get(activation) if isinstance(activation, str | None) else None


# Convolution and dense layers --------------------------------------------------------


@_twin(4)
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
    win = conv_window(x.shape, kernel.shape, stride, padding, dilation, groups)
    check_filters(kernel.shape, bias=bias, scale=scale)
    y = _new((len(x), *win.output, kernel.shape[3]))
    return _convolve((x, kernel, bias, scale), y, _slide(win, groups), activation)


def _convolve(arrays, y, slide, activation):
    code = _code(activation)
    _kernels.conv2d(*arrays, y, *slide, _IDENTITY if code is None else code)
    return reference.activate(y, activation, out=y) if code is None else y


@_twin(4)
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
    win = conv_window(x.shape, kernel.shape, stride, padding, dilation, groups)
    pool = pool_window(win.output, pool_size, stride=pool_stride, padding=pool_padding)
    check_filters(kernel.shape, bias=bias, scale=scale)
    arrays = x, kernel, bias, scale
    code = _code(activation)
    if code is None or pool.stride != pool.size or any(map(any, pool.padding)):
        y = _new((len(x), *win.output, kernel.shape[3]))
        y = _convolve(arrays, y, _slide(win, groups), activation)
        return max_pool2d(y, pool_size, stride=pool_stride, padding=pool_padding)
    y = _new((len(x), *pool.output, kernel.shape[3]))
    _kernels.conv2d(*arrays, y, *_slide(win, groups), code, *pool.size)
    return y


@_twin(2)
def conv2d_grad_kernel(
    dz, x, kernel_shape, *, stride=1, padding="valid", dilation=1, groups=1
):
    win = conv_window(x.shape, kernel_shape, stride, padding, dilation, groups)
    slide = _slide(win, groups)
    check_gradient(dz, (len(x), *win.output, kernel_shape[3]))
    return _grad_kernel(dz, None, x, kernel_shape, slide, _IDENTITY)[0]


@_twin(2)
def conv2d_grad_input(
    dz, kernel, input_shape, *, stride=1, padding="valid", dilation=1, groups=1
):
    win = conv_window(input_shape, kernel.shape, stride, padding, dilation, groups)
    check_gradient(dz, (input_shape[0], *win.output, kernel.shape[3]))
    return _grad_input(dz, None, kernel, input_shape, _slide(win, groups), _IDENTITY)


@_twin(4)
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
    win = conv_window(x.shape, kernel.shape, stride, padding, dilation, groups)
    slide = _slide(win, groups)
    check_gradient(dy, (len(x), *win.output, kernel.shape[3]))
    return _backward(dy, kept, x, kernel, slide, activation, need_dx)


def _backward(dy, kept, x, kernel, slide, activation, need_dx):
    code = _code(activation)
    if code is None:
        dy, kept, code = reference.activate_grad(dy, kept, activation), None, _IDENTITY
    dx = _grad_input(dy, kept, kernel, x.shape, slide, code) if need_dx else None
    return dx, *_grad_kernel(dy, kept, x, kernel.shape, slide, code)


def _grad_kernel(dy, kept, x, kernel_shape, slide, code):
    dkernel, dbias = _new(kernel_shape), _new(dy.shape[3])
    _kernels.conv2d_grad_kernel(dy, kept, x, dkernel, dbias, *slide, code)
    return dkernel, dbias


def _grad_input(dy, kept, kernel, input_shape, slide, code):
    dx = _new(input_shape)
    _kernels.conv2d_grad_input(dy, kept, kernel, dx, *slide, code)
    return dx


def _slide(win, groups=1):
    """Spell a window out; how many fit, and what lies beyond, follows from shapes."""
    (top, _), (left, _) = win.padding
    return *win.stride, *win.dilation, top, left, groups


# A dense layer is a convolution of images of one pixel.
_ONE_PIXEL = (1, 1, 1, 1, 0, 0, 1)


@_twin(3)
def dense(x, kernel, bias=None, *, activation=None):
    y = _new((len(x), 1, 1, kernel.shape[1]))
    arrays = _pixels(x), kernel[None, None], bias, None
    _convolve(arrays, y, _ONE_PIXEL, activation)
    return y[:, 0, 0]


@_twin(2)
def dense_grad_kernel(dz, x):
    shape = 1, 1, x.shape[1], dz.shape[1]
    return _grad_kernel(_pixels(dz), None, _pixels(x), shape, _ONE_PIXEL, _IDENTITY)[0][
        0, 0
    ]


@_twin(2)
def dense_grad_input(dz, kernel):
    shape = len(dz), 1, 1, len(kernel)
    kernel = kernel[None, None]
    return _grad_input(_pixels(dz), None, kernel, shape, _ONE_PIXEL, _IDENTITY)[:, 0, 0]


@_twin(4)
def dense_backward(dy, kept, x, kernel, *, activation=None, need_dx=True):
    arrays = _pixels(dy), _pixels(kept), _pixels(x), kernel[None, None]
    dx, dkernel, dbias = _backward(*arrays, _ONE_PIXEL, activation, need_dx)
    return dx[:, 0, 0] if need_dx else None, dkernel[0, 0], dbias


def _pixels(x):
    return x[:, None, None]


@_twin(1)
def grad_bias(dz):
    dbias = _new(dz.shape[-1])
    _kernels.column_sums(dz.reshape(-1, dz.shape[-1]), dbias)
    return dbias


# Pooling -----------------------------------------------------------------------------


@_twin(1)
def max_pool2d(x, pool_size=2, *, stride=None, padding="valid"):
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    y = _pooled(x, win)
    _kernels.max_pool(x, y, None, *_pool_slide(win))
    return y


@_twin(1)
def max_pool2d_with_argmax(x, pool_size=2, *, stride=None, padding="valid"):
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    y = _pooled(x, win)
    argmax = _new(y.shape, argmax_dtype(win))
    _kernels.max_pool(x, y, argmax, *_pool_slide(win))
    return y, argmax


@_twin(1)
def max_pool2d_grad(
    dy, argmax, input_shape, pool_size=2, *, stride=None, padding="valid"
):
    win = pool_window(input_shape[1:3], pool_size, stride=stride, padding=padding)
    dx = _new(input_shape)
    _kernels.max_pool_grad(dy, argmax, dx, *_pool_slide(win))
    return dx


@_twin(1)
def avg_pool2d(x, pool_size=2, *, stride=None, padding="valid"):
    win = pool_window(x.shape[1:3], pool_size, stride=stride, padding=padding)
    y = _pooled(x, win)
    _kernels.avg_pool(x, y, *_pool_slide(win))
    return y


@_twin(1)
def avg_pool2d_grad(dy, input_shape, pool_size=2, *, stride=None, padding="valid"):
    win = pool_window(input_shape[1:3], pool_size, stride=stride, padding=padding)
    dx = _new(input_shape)
    _kernels.avg_pool_grad(dy, dx, *_pool_slide(win))
    return dx


@_twin(1)
def global_avg_pool2d(x):
    return avg_pool2d(x, x.shape[1:3])[:, 0, 0]


@_twin(1)
def global_avg_pool2d_grad(dy, input_shape):
    return avg_pool2d_grad(_pixels(dy), input_shape, input_shape[1:3])


def _pooled(x, win):
    return _new((len(x), *win.output, x.shape[3]))


def _pool_slide(win):
    (top, _), (left, _) = win.padding
    return *win.size, *win.stride, top, left


# Normalisation -----------------------------------------------------------------------


@_twin(1)
def channel_moments(x):
    mean, variance = _new(x.shape[-1]), _new(x.shape[-1])
    _kernels.channel_moments(_rows(x), mean, variance)
    return mean, variance


@_twin(4)
def normalize(x, mean, scale, shift, *, activation=None):
    code, y = _code(activation), _new(x.shape)
    fused = _IDENTITY if code is None else code
    _kernels.normalize(_rows(x), mean, scale, shift, _rows(y), fused)
    return reference.activate(y, activation, out=y) if code is None else y


@_twin(6)
def batch_norm_backward(
    dy, kept, x, mean, inverse, scale, *, activation=None, need_dx=True
):
    code = _code(activation)
    if code is None:
        dy, kept, code = reference.activate_grad(dy, kept, activation), None, _IDENTITY
    rows = _rows(dy), None if kept is None else _rows(kept), _rows(x)
    dbeta, products = _new(mean.shape), _new(mean.shape)
    _kernels.channel_products(*rows, mean, dbeta, products, code)
    dgamma = products * inverse
    if not need_dx:
        return None, dgamma, dbeta
    dx, part = _new(x.shape), -scale / len(rows[2])
    slope, shift = part * dgamma * inverse, part * dbeta
    _kernels.normalize_grad(*rows, mean, scale, slope, shift, _rows(dx), code)
    return dx, dgamma, dbeta


def _rows(x):
    return x.reshape(-1, x.shape[-1])


# Activations, loss, step -------------------------------------------------------------


@_twin(1)
def activate(z, activation, *, out=None):
    code = _code(activation)
    y = _new(z.shape, z.dtype) if out is None else out
    if code is None or y.dtype != _FLOAT32 or not y.flags.c_contiguous:
        return reference.activate(z, activation, out=out)
    if code != _IDENTITY or y is not z:
        _kernels.activate(z, y, code)
    return y


@_twin(2)
def activate_grad(dy, kept, activation):
    code = _code(activation)
    if code is None or code == _IDENTITY:
        return reference.activate_grad(dy, kept, activation)
    dz = _new(dy.shape)
    _kernels.activate_grad(dy, kept, dz, code)
    return dz


@_twin(1)
def softmax_cross_entropy(logits, codes, weight=None, smoothing=0.0):
    dlogits = _new(logits.shape)
    codes = np.ascontiguousarray(codes, np.int64)
    if weight is not None:
        weight = np.ascontiguousarray(weight, _FLOAT32)
    loss = _kernels.softmax_cross_entropy(logits, codes, weight, smoothing, dlogits)
    return loss, dlogits


def _is_in_place(array):
    return array.dtype == _FLOAT32 and array.flags.carray


@functools.wraps(reference.adam_step)
def adam_step(
    parameters,
    gradient,
    moment_1,
    moment_2,
    *,
    step,
    learning_rate,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-8,
    decay=None,
):
    if not all(map(_is_in_place, (parameters, gradient, moment_1, moment_2))):
        return reference.adam_step(
            parameters,
            gradient,
            moment_1,
            moment_2,
            step=step,
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            decay=decay,
        )
    rate = learning_rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    return _kernels.adam_step(
        parameters,
        gradient,
        moment_1,
        moment_2,
        decay,
        learning_rate,
        rate,
        1 - beta_1,
        1 - beta_2,
        epsilon,
    )


_ELEMENTS = {np.dtype(t) for t in ("uint8", "int32", "int64", "float32", "float64")}


@functools.wraps(reference.gather)
def gather(x, rows, dtype, scale=1):
    if (
        dtype != _FLOAT32
        or x.dtype not in _ELEMENTS
        or not (x.flags.c_contiguous and x.flags.aligned)
        or not isinstance(rows, np.ndarray)
        or rows.dtype != np.int64
    ):
        return reference.gather(x, rows, dtype, scale)
    batch = _new((len(rows), *x.shape[1:]))
    _kernels.gather(x.reshape(len(x), -1), rows, scale, batch.reshape(len(rows), -1))
    return batch
