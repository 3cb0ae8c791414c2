"""The exercises on the gradients of convolution, with mistakes that are often made."""

from typing import Any

import numpy as np

from . import loops
from .convolutions import WINDOW, cases_of, first_channel, turned
from .exercise import Exercise, Fault

__all__ = ["EXERCISES"]

_ASSIGNED = (
    "that is the result of = in place of +=: a number that gets several parts keeps "
    "the last one only"
)


def _last_image(dz: Any) -> Any:
    return np.where(np.arange(len(dz)) == len(dz) - 1, dz.T, 0).T


def _last_place(dz: Any) -> Any:
    last = np.zeros(dz.shape)
    last[-1, -1, -1] = dz[-1, -1, -1]
    return last


def _last_window(dz: Any) -> Any:
    last = np.zeros(dz.shape)
    last[:, -1, -1] = dz[:, -1, -1]
    return last


def _assigned(dz: Any, kernel: Any, input_shape: Any, stride: int) -> Any:
    dx = np.zeros(input_shape)
    kh, kw = kernel.shape[:2]
    for m, p, q, f in np.ndindex(dz.shape):
        top, left = p * stride, q * stride
        dx[m, top : top + kh, left : left + kw] = dz[m, p, q, f] * kernel[..., f]
    return dx


def _assigned_after_filters(dz: Any, kernel: Any, input_shape: Any, stride: int) -> Any:
    dx = np.zeros(input_shape)
    kh, kw = kernel.shape[:2]
    for m, p, q in np.ndindex(dz.shape[:3]):
        top, left = p * stride, q * stride
        dx[m, top : top + kh, left : left + kw] = kernel @ dz[m, p, q]
    return dx


GRAD_KERNEL = Exercise(
    "conv2d_grad_kernel",
    "the gradient in the kernel, dW",
    loops.conv2d_grad_kernel,
    ("dkernel",),
    lambda: cases_of("dz", "x", "kernel_shape", "stride"),
    (
        Fault(
            "that is divided by the number of samples: the loss divides by it already, "
            "so dz contains it. Here, sum",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz / len(dz), x, kernel_shape, stride
            ),
        ),
        Fault(
            "that is the mean over the windows; the gradient is their sum",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz / dz[0, ..., 0].size, x, kernel_shape, stride
            ),
        ),
        Fault(
            "that is the mean over samples and windows; the gradient is their sum",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz / dz[..., 0].size, x, kernel_shape, stride
            ),
        ),
        Fault(
            WINDOW,
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz, x, kernel_shape, 1
            ),
        ),
        Fault(
            "the kernel's gradient is turned around: dkernel[i, j] belongs to the "
            "pixel at [p * stride + i, q * stride + j], without [::-1]",
            lambda dz, x, kernel_shape, stride: turned(
                loops.conv2d_grad_kernel(dz, x, kernel_shape, stride)
            ),
        ),
        Fault(
            _ASSIGNED,
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                _last_place(dz), x, kernel_shape, stride
            ),
        ),
        Fault(
            _ASSIGNED,
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                _last_window(dz), x, kernel_shape, stride
            ),
        ),
        Fault(
            "only the last sample is counted: add the samples with +=",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                _last_image(dz), x, kernel_shape, stride
            ),
        ),
        Fault(
            "only the first sample is counted: the sum is over n, too",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz[:1], x, kernel_shape, stride
            ),
        ),
        Fault(
            "all filters get the sum over the filters: dkernel[..., f] gets dz[..., f] "
            "only",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                np.repeat(dz.sum(axis=-1, keepdims=True), dz.shape[-1], -1),
                x,
                kernel_shape,
                stride,
            ),
        ),
        Fault(
            "the sign is turned: a step of training subtracts the gradient, later",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                -dz, x, kernel_shape, stride
            ),
        ),
        Fault(
            "x is missing in the products: that is the sum of dz",
            lambda dz, x, kernel_shape, stride: loops.conv2d_grad_kernel(
                dz, np.ones(x.shape), kernel_shape, stride
            ),
        ),
    ),
)

GRAD_INPUT = Exercise(
    "conv2d_grad_input",
    "the gradient in the input, dx",
    loops.conv2d_grad_input,
    ("dx",),
    lambda: cases_of("dz", "kernel", "input_shape", "stride"),
    (
        Fault(
            "the kernel is turned around: dz[n, p, q, f] goes to the pixel at [p * "
            "stride + i, q * stride + j] through kernel[i, j]. (Only if you slide over "
            "dz instead does the kernel turn, once)",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                dz, turned(kernel), input_shape, stride
            ),
        ),
        Fault(
            WINDOW,
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                dz, kernel, input_shape, 1
            ),
        ),
        Fault(_ASSIGNED, _assigned),
        Fault(
            "windows overlap, and a pixel keeps what the last one gave it: add to the "
            "window with +=",
            _assigned_after_filters,
        ),
        Fault(
            "that is divided by the number of samples: each sample has its own dx, so "
            "nothing is averaged",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                dz / len(dz), kernel, input_shape, stride
            ),
        ),
        Fault(
            "only the first filter is counted: the sum is over f, too",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                first_channel(dz), kernel, input_shape, stride
            ),
        ),
        Fault(
            "that is the mean over the filters; the gradient is their sum",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                dz / dz.shape[-1], kernel, input_shape, stride
            ),
        ),
        Fault(
            "the sign is turned: a step of training subtracts the gradient, later",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                -dz, kernel, input_shape, stride
            ),
        ),
        Fault(
            "the kernel is missing in the products",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                dz, np.ones(kernel.shape), input_shape, stride
            ),
        ),
        Fault(
            "all samples get the sum over the samples: dx[n] gets dz[n] only",
            lambda dz, kernel, input_shape, stride: loops.conv2d_grad_input(
                np.repeat(dz.sum(axis=0, keepdims=True), len(dz), 0),
                kernel,
                input_shape,
                stride,
            ),
        ),
    ),
)

EXERCISES = (GRAD_KERNEL, GRAD_INPUT)
