"""The dense product, its gradients, and the gradient of any bias."""

from ._types import Activation, Array
from .dispatch import run

__all__ = [
    "dense",
    "dense_backward",
    "dense_grad_input",
    "dense_grad_kernel",
    "grad_bias",
]


def dense(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    activation: Activation = None,
) -> Array:
    """Return ``activation(x @ kernel + bias)``.

    Parameters
    ----------
    x : ndarray of shape (n, features)
    kernel : ndarray of shape (features, units)
    bias : ndarray of shape (units,), optional
    activation : str or None
        A name in `skconv.ops.ACTIVATIONS`.

    Returns
    -------
    y : ndarray of shape (n, units)

    Raises
    ------
    ValueError
        If shapes do not fit each other.
    """
    if x.ndim != 2 or kernel.ndim != 2 or x.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"a dense layer takes x (n, features) and kernel (features, units), got "
            f"{x.shape} and {kernel.shape}"
        )
    if bias is not None and bias.shape != kernel.shape[1:]:
        raise ValueError(
            f"bias must have a value for each of {kernel.shape[1]} units, got an array "
            f"of shape {bias.shape}"
        )
    return run("dense", (x, kernel, bias), activation)


def dense_grad_kernel(dz: Array, x: Array) -> Array:
    """Return the gradient of `dense` in its kernel, ``x^T dz``: (features, units)."""
    return run("dense_grad_kernel", (dz, x))


def dense_grad_input(dz: Array, kernel: Array) -> Array:
    """Return the gradient of `dense` in its input, ``dz kernel^T``: (n, features)."""
    return run("dense_grad_input", (dz, kernel))


def dense_backward(
    dy: Array,
    saved: Array,
    x: Array,
    kernel: Array,
    *,
    activation: Activation = None,
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `dense` and its activation: a layer's backward pass.

    Parameters
    ----------
    dy : ndarray of shape (n, units)
        Gradient in the output.
    saved : ndarray, like dy
        The output, or the activation's input (see `activate_grad`).
    x : ndarray of shape (n, features)
    kernel : ndarray of shape (features, units)
    activation : str or None
    need_dx : bool, default=True
        Whether to compute `dx`.

    Returns
    -------
    dx : ndarray, like x, or None
        None unless `need_dx`.
    dkernel : ndarray, like kernel
    dbias : ndarray of shape (units,)
    """
    return run("dense_backward", (dy, saved, x, kernel), activation, need_dx)


def grad_bias(dz: Array) -> Array:
    """Return the gradient in a bias that was added to every pixel or row: their sum.

    Parameters
    ----------
    dz : ndarray of shape (..., c)

    Returns
    -------
    db : ndarray of shape (c,)
    """
    return run("grad_bias", (dz,))
