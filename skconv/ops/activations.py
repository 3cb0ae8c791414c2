"""Activations and their derivatives; the table of them is part of the definitions."""

from ._types import Activation, Array
from .dispatch import run
from .reference.activations import ACTIVATIONS, ActivationFunction, find_activation

__all__ = [
    "ACTIVATIONS",
    "ActivationFunction",
    "activate",
    "activate_grad",
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
        Where to write; may be ``z``. By default a new array.

    Returns
    -------
    y : ndarray, like z

    Raises
    ------
    ValueError
        If there is no such activation.
    """
    return run("activate", (z,), activation, out)


def activate_grad(dy: Array, saved: Array, activation: Activation) -> Array:
    """Return the gradient in ``z``, given the one in ``y = activation(z)``.

    Parameters
    ----------
    dy : ndarray
        Gradient of the loss in the activation's output.
    saved : ndarray, like dy
        ``y``, or ``z`` where the activation's ``derivative_from`` is "input".
    activation : str or None

    Returns
    -------
    dz : ndarray, like dy; for the identity it is ``dy`` itself

    Raises
    ------
    ValueError
        If there is no such activation, or the arrays differ in shape.
    """
    return run("activate_grad", (dy, saved), activation)
