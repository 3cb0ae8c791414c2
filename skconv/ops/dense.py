"""The dense product, its gradients, and the gradient of any bias."""

from ._arguments import (
    check_channels,
    check_dimensions,
    check_saved,
    check_shape,
    check_vectors,
    floats,
)
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
    x, kernel, bias = floats(("x", "kernel", "bias?"), x, kernel, bias)
    _check_product(x, kernel)
    check_vectors("unit", kernel.shape[1], ("bias",), bias)
    return run("dense", (x, kernel, bias), activation)


def _check_product(x, kernel):
    """Raise ValueError unless both have two axes, and ``x @ kernel`` exists."""
    if x.ndim != 2 or kernel.ndim != 2 or x.shape[1] != kernel.shape[0]:
        raise ValueError(
            "a dense layer takes x (n, features) and kernel (features, units), got "
            f"{x.shape} and {kernel.shape}"
        )


def dense_grad_kernel(dz: Array, x: Array) -> Array:
    """Return the gradient of `dense` in its kernel, ``x^T dz``: (features, units)."""
    dz, x = floats(("dz", "x"), dz, x)
    check_dimensions("dz", dz, 2, "(n, units)")
    check_dimensions("x", x, 2, "(n, features)")
    check_shape("dz", dz, (len(x), dz.shape[1]), "the layer's output")
    return run("dense_grad_kernel", (dz, x))


def dense_grad_input(dz: Array, kernel: Array) -> Array:
    """Return the gradient of `dense` in its input, ``dz kernel^T``: (n, features)."""
    dz, kernel = floats(("dz", "kernel"), dz, kernel)
    check_dimensions("dz", dz, 2, "(n, units)")
    check_dimensions("kernel", kernel, 2, "(features, units)")
    check_shape("dz", dz, (len(dz), kernel.shape[1]), "the layer's output")
    return run("dense_grad_input", (dz, kernel))


def dense_backward(
    dy: Array,
    saved: Array | None,
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
        The output, or the activation's input (see `activate_grad`); may be None for
        the identity.
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

    Raises
    ------
    ValueError
        If shapes do not fit each other.
    """
    names = "dy", "saved?", "x", "kernel"
    arrays = dy, saved, x, kernel = floats(names, dy, saved, x, kernel)
    _check_product(x, kernel)
    check_shape("dy", dy, (len(x), kernel.shape[1]), "the layer's output")
    if saved is None or saved.shape != dy.shape:
        check_saved(saved, dy, activation)
    return run("dense_backward", arrays, activation, need_dx)


def grad_bias(dz: Array) -> Array:
    """Return the gradient in a bias that was added to every pixel or row: their sum.

    Parameters
    ----------
    dz : ndarray of shape (..., c)

    Returns
    -------
    db : ndarray of shape (c,)
    """
    (dz,) = floats(("dz",), dz)
    check_channels("dz", dz)
    return run("grad_bias", (dz,))
