"""Activations and their derivatives; the table of them is part of the definitions."""

import numpy as np

from ._arguments import check_saved, check_shape, floats, updated
from ._types import Activation, Array
from .dispatch import run
from .reference.activations import ACTIVATIONS, ActivationFunction, find_activation

__all__ = [
    "ACTIVATIONS",
    "ActivationFunction",
    "activate",
    "activate_grad",
    "add",
    "find_activation",
]


def activate(z: Array, activation: Activation, *, out: Array | None = None) -> Array:
    """Apply an activation.

    Parameters
    ----------
    z : ndarray
        Integers are taken for float64.
    activation : str or None
        A name in `ACTIVATIONS`; None is the identity.
    out : ndarray, optional
        Where to write, an array of floats of z's shape. It may be ``z``, or overlap
        it. By default a new array.

    Returns
    -------
    y : ndarray, like z

    Raises
    ------
    ValueError
        If there is no such activation, or `out` has another shape or is read-only.
    TypeError
        If an array is none, or not of real numbers.
    """
    (z,) = floats(("z",), z)
    _check_axis("z", z, activation)
    if out is None:
        return run("activate", (z,), activation, None)
    updated(out=out)
    check_shape("out", out, z.shape, "z")
    direct = out is z or (out.dtype == z.dtype and not np.may_share_memory(out, z))
    y = run("activate", (z,), activation, out if direct else None)
    if y is not out:
        out[...] = y
    return out


def activate_grad(dy: Array, saved: Array | None, activation: Activation) -> Array:
    """Return the gradient in ``z``, given the one in ``y = activation(z)``.

    Parameters
    ----------
    dy : ndarray
        Gradient of the loss in the activation's output.
    saved : ndarray, like dy
        ``y``, or ``z`` where the activation's ``derivative_from`` is "input". It may be
        None for the identity.
    activation : str or None

    Returns
    -------
    dz : ndarray, like dy; for the identity it is ``dy`` itself

    Raises
    ------
    ValueError
        If there is no such activation, or the arrays differ in shape.
    """
    dy, saved = floats(("dy", "saved?"), dy, saved)
    _check_axis("dy", dy, activation)
    check_saved(saved, dy, activation)
    return run("activate_grad", (dy, saved), activation)


def add(x: Array, y: Array, activation: Activation = None) -> Array:
    """Return ``activation(x + y)``, in one pass.

    Parameters
    ----------
    x : ndarray
    y : ndarray, like x
    activation : str or None

    Returns
    -------
    z : ndarray, like x

    Raises
    ------
    ValueError
        If there is no such activation, or the arrays differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> ops.add(np.array([1.0, 2.0]), np.array([-3.0, 1.0]), "relu")
    array([0., 3.])
    """
    x, y = floats(("x", "y"), x, y)
    check_shape("y", y, x.shape, "x")
    _check_axis("x", x, activation)
    return run("add", (x, y), activation)


def _check_axis(name, array, activation):
    if not array.ndim and activation == "softmax":
        raise ValueError(f"softmax runs over the last axis; {name} is a single number")
