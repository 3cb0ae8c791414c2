"""The dense product, its gradients, and the gradient of any bias."""

import math

import numpy as np

from .activations import activate, activate_grad

__all__ = [
    "dense",
    "dense_backward",
    "dense_grad_input",
    "dense_grad_kernel",
    "grad_bias",
]


def dense(x, kernel, bias, activation):
    """``activation(x @ kernel + bias)``."""
    # Row by row: BLAS adds in another order for other numbers of rows, and a sample's
    # prediction must not depend on its batch.
    y = (x[:, None] @ kernel)[:, 0]
    if bias is not None:
        y += bias
    return activate(y, activation, out=y)


def dense_grad_kernel(dz, x):
    """``x^T dz``."""
    return x.T @ dz


def dense_grad_input(dz, kernel):
    """``dz kernel^T``."""
    return dz @ kernel.T


def dense_backward(dy, saved, x, kernel, activation, need_dx):
    """Go through the activation first, then to x, kernel and bias."""
    dz = activate_grad(dy, saved, activation)
    dx = dense_grad_input(dz, kernel) if need_dx else None
    return dx, dense_grad_kernel(dz, x), grad_bias(dz)


def grad_bias(dz):
    """Sum up pixels or rows."""
    dz = dz.reshape(math.prod(dz.shape[:-1]), dz.shape[-1])
    return np.ones(len(dz), dz.dtype) @ dz  # as a product: faster and no less exact
