"""Compiled twins of the ops that make larger images; see `skconv.ops.compiled`."""

from typing import Any

import numpy as np

from . import compiled as _module
from .compiled import _kernels

__all__ = [
    "conv2d_transpose",
    "conv2d_transpose_backward",
    "upsample2d",
    "upsample2d_grad",
]


compiled: Any = _module  # its functions are looked up at each call


def conv2d_transpose(x, kernel, bias, output_shape, win, activation):
    z = compiled.conv2d_grad_input(x, kernel, output_shape, win, 1)
    if bias is None:
        done = activation in (None, "identity", "linear")
        return z if done else _activated(z, activation)
    code, rest = compiled._split(activation)
    rows, ones = compiled._rows(z), np.ones_like(bias)
    _kernels.normalize(rows, np.zeros_like(bias), ones, bias, rows, code)
    return compiled._finish(z, rest)


def _activated(z, activation):
    y = compiled.activate(z, activation, z)
    return compiled._finish(z, activation) if y is NotImplemented else y


def conv2d_transpose_backward(dy, saved, x, kernel, win, activation, need_dx):
    dz = compiled.activate_grad(dy, saved, activation)
    if dz is NotImplemented:
        dz = compiled.reference.activate_grad(dy, saved, activation)
    dx = None
    if need_dx:
        dx = compiled.conv2d(dz, kernel, None, None, win, 1, None)
    dkernel = compiled.conv2d_grad_kernel(x, dz, kernel.shape, win, 1)
    return dx, dkernel, compiled.grad_bias(dz)


def upsample2d(x, size, interpolation):
    n, h, w, c = x.shape
    y = compiled._new((n, h * size[0], w * size[1], c))
    _kernels.upsample(x, y, interpolation == "bilinear")
    return y


def upsample2d_grad(dy, size, interpolation):
    n, h, w, c = dy.shape
    dx = compiled._new((n, h // size[0], w // size[1], c))
    _kernels.upsample_grad(dy, dx, interpolation == "bilinear")
    return dx
