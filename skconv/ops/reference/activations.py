"""Activations, each beside its derivative: one row of a table.

Most derivatives can be computed from the *output* (for ``y = tanh(z)`` it is
``1 - y**2``): such an activation may overwrite ``z``, and a compiled op may fuse it
into the store of its result. GELU's cannot, so its input must be saved.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from ..._utils import elementary
from ..._utils.lookup import look_up
from .._types import Activation, Array

__all__ = [
    "ACTIVATIONS",
    "ActivationFunction",
    "activate",
    "activate_grad",
    "add",
    "find_activation",
]

LEAKY_RELU_SLOPE = 0.2  # Keras' default
_GELU_RANGE = 40.0  # beyond, Phi is 0 or 1, also of float64; infinity times 0 is NaN


class ActivationFunction(NamedTuple):
    """One activation.

    Attributes
    ----------
    apply : callable ``(z, out) -> out``
        Write the activation of ``z`` to ``out``, which may be ``z`` itself.
    gradient : callable ``(dy, saved) -> dz``
        The chain rule's step, from the saved array.
    derivative_from : {"output", "input"}
        Which array ``gradient`` needs.
    elementwise : bool
        Whether a number's output, and its derivative, depend on that number alone.
    """

    apply: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    derivative_from: str
    elementwise: bool = True

    @property
    def may_be_pooled(self) -> bool:
        """Whether what a max pool leaves of the output is enough for ``gradient``."""
        return self.elementwise and self.derivative_from == "output"


def _identity(z, out):
    if out is not z:
        out[...] = z
    return out


def _relu(z, out):
    return np.maximum(z, 0, out=out)


def _leaky_relu(z, out):
    return np.maximum(z, LEAKY_RELU_SLOPE * z, out=out)


def _elu(z, out):
    # expm1 first: it needs z, which out may overwrite; min avoids an overflow
    negative = np.expm1(np.minimum(z, 0))
    np.maximum(z, 0, out=out)
    out += negative
    return out


def _gelu(z, out):
    """Z Phi(z), Phi the normal distribution function (Hendrycks & Gimpel 2016)."""
    phi = special.ndtr(z)
    return np.multiply(np.maximum(z, -_GELU_RANGE), phi, out=out)


def _gelu_gradient(dy, z):
    z = np.clip(z, -_GELU_RANGE, _GELU_RANGE)  # the square must not overflow
    density = elementary.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
    return dy * (special.ndtr(z) + z * density)


def _softmax(z, out):
    np.subtract(z, z.max(axis=-1, keepdims=True), out=out)
    elementary.exp(out, out=out)
    out /= out.sum(axis=-1, keepdims=True)
    return out


def _softmax_gradient(dy, y):
    """J^T dy with J = diag(y) - y y^T."""
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


_LOGISTIC = ActivationFunction(
    lambda z, out: special.expit(z, out=out),
    lambda dy, y: dy * (y * (1 - y)),
    "output",
)
_IDENTITY = ActivationFunction(_identity, lambda dy, y: dy, "output")

ACTIVATIONS: dict[str, ActivationFunction] = {
    "identity": _IDENTITY,
    "linear": _IDENTITY,
    "relu": ActivationFunction(_relu, lambda dy, y: np.where(y > 0, dy, 0), "output"),
    "leaky_relu": ActivationFunction(
        _leaky_relu,
        lambda dy, y: np.where(y > 0, dy, LEAKY_RELU_SLOPE * dy),
        "output",
    ),
    "elu": ActivationFunction(_elu, lambda dy, y: dy * np.minimum(y + 1, 1), "output"),
    "gelu": ActivationFunction(_gelu, _gelu_gradient, "input"),
    "tanh": ActivationFunction(
        lambda z, out: np.tanh(z, out=out),
        lambda dy, y: dy * ((1 - y) * (1 + y)),
        "output",
    ),
    "logistic": _LOGISTIC,
    "sigmoid": _LOGISTIC,
    "softmax": ActivationFunction(_softmax, _softmax_gradient, "output", False),
}
"""Name -> `ActivationFunction`. ``linear`` and ``sigmoid`` are Keras' names for
scikit-learn's ``identity`` and ``logistic``; ``softmax`` runs over the last axis."""


def find_activation(name: Activation) -> ActivationFunction:
    """Return the row of `ACTIVATIONS` called `name`; None is the identity.

    Raises
    ------
    ValueError
        If there is no such activation.
    """
    return _IDENTITY if name is None else look_up(ACTIVATIONS, name, "activation")


def activate(z, activation, out=None):
    """Write to `out`, or to a new array if it is None."""
    out = np.empty_like(z) if out is None else out
    return find_activation(activation).apply(z, out)


def add(x, y, activation):
    """``activation(x + y)``."""
    z = x + y
    return activate(z, activation, out=z)


def activate_grad(dy, saved, activation):
    """Take the chain rule's step."""
    return find_activation(activation).gradient(dy, saved)
