"""The dense product, its gradients, and the gradient of any bias."""

import numpy as np

from .activations import activate, activate_grad

__all__ = [
    "dense",
    "dense_backward",
    "dense_grad_input",
    "dense_grad_kernel",
    "grad_bias",
]


def dense(x, kernel, bias=None, *, activation=None):
    """``activation(x @ kernel + bias)``.

    Parameters
    ----------
    x : ndarray of shape (n, features)
    kernel : ndarray of shape (features, units)
    bias : ndarray of shape (units,), optional
    activation : str or None

    Returns
    -------
    y : ndarray of shape (n, units)
    """
    # Row by row: BLAS adds in another order for other numbers of rows, and a sample's
    # prediction shall not depend on its batch.
    y = (x[:, None] @ kernel)[:, 0]
    if bias is not None:
        y += bias
    return activate(y, activation, out=y)


def dense_grad_kernel(dz, x):
    """Gradient of `dense` in its kernel, ``x^T dz``: (features, units)."""
    return x.T @ dz


def dense_grad_input(dz, kernel):
    """Gradient of `dense` in its input, ``dz kernel^T``: (n, features)."""
    return dz @ kernel.T


def dense_backward(dy, kept, x, kernel, *, activation=None, need_dx=True):
    """All gradients of `dense`, back through its activation: a layer's backward pass.

    Parameters
    ----------
    dy : ndarray of shape (n, units)
        Gradient in the output.
    kept : ndarray, like dy
        The output, or what came before the activation (see `activate_grad`).
    x : ndarray of shape (n, features)
    kernel : ndarray of shape (features, units)
    activation : str or None
    need_dx : bool, default=True

    Returns
    -------
    dx : ndarray, like x, or None
        None if nobody needs it.
    dkernel : ndarray, like kernel
    dbias : ndarray of shape (units,)
    """
    dz = activate_grad(dy, kept, activation)
    dx = dense_grad_input(dz, kernel) if need_dx else None
    return dx, dense_grad_kernel(dz, x), grad_bias(dz)


def grad_bias(dz):
    """Gradient in a bias that was added to every pixel or row: the sum over them.

    Parameters
    ----------
    dz : ndarray of shape (..., c)

    Returns
    -------
    db : ndarray of shape (c,)
    """
    dz = dz.reshape(-1, dz.shape[-1])
    return np.ones(len(dz), dz.dtype) @ dz  # as a product: faster and no less exact
