"""The parts of a training step besides layers and loss: a minibatch, and the update."""

import numpy as np

from .._arguments import apart, floats, indices, number, updated
from .._types import Array
from .dtypes import flush_denormals

__all__ = ["adam_step", "gather", "sgd_step"]

# Steps from one search for denormal moments to the next: those of weights without a
# gradient shrink to some. A search takes a quarter of a step.
_FLUSH_EVERY = 32

# Parameters that a step updates at a time: its intermediate results stay in cache.
_STEP_LENGTH = 2**15


def gather(x, rows, dtype):
    """Copy only where x is of another dtype or order, or `rows` are no slice."""
    if not isinstance(rows, slice):
        rows = indices("rows", rows, len(x))
    return np.asarray(x[rows], dtype=dtype, order="C")


def adam_step(gradient, decay, arrays, rates, step):
    """Make Kingma & Ba's update, with the corrections for the start in `rate`."""
    parameters, moment_1, moment_2 = arrays
    moments = {"moment_1": moment_1, "moment_2": moment_2}
    updated(parameters=parameters, **moments)
    gradient, decay = apart(parameters, gradient, decay, **moments)
    learning_rate, rate, beta_1, beta_2, epsilon = rates
    for start in range(0, len(parameters), _STEP_LENGTH):
        part = slice(start, start + _STEP_LENGTH)
        w, g, m, v = parameters[part], gradient[part], moment_1[part], moment_2[part]
        if decay is not None:
            w -= learning_rate * decay[part] * w
        m += (1 - beta_1) * (g - m)
        v += (1 - beta_2) * (g * g - v)
        w -= rate * m / (np.sqrt(v) + epsilon)
        if step % _FLUSH_EVERY == 0:
            flush_denormals(m)
            flush_denormals(v)


def sgd_step(
    parameters: Array,
    gradient: Array,
    velocity: Array,
    *,
    learning_rate: float,
    momentum: float = 0.9,
    nesterov: bool = True,
    decay: Array | None = None,
) -> None:
    """Take a step of gradient descent, in place on the parameters and the velocity.

    Parameters
    ----------
    parameters, gradient, velocity : ndarray of shape (p,)
        Two of them are updated and must not overlap; the gradient may.
    learning_rate : float
    momentum : float, default=0.9
        The part of the velocity that remains after a step.
    nesterov : bool, default=True
        Whether to move by the velocity that the next step would have if its gradient
        were the same.
    decay : ndarray of shape (p,), optional
        As in `adam_step`.

    Raises
    ------
    ValueError, TypeError
        As in `adam_step`.

    Notes
    -----
    Sutskever et al., "On the importance of initialization and momentum in deep
    learning", 2013, in the form of scikit-learn's ``MLPClassifier``; the decay after
    Loshchilov & Hutter 2019.
    """
    updated(parameters=parameters, velocity=velocity)
    gradient, decay = floats(("gradient", "decay?"), gradient, decay)
    gradient, decay = apart(parameters, gradient, decay, velocity=velocity)
    learning_rate = number("learning_rate", learning_rate)
    momentum = number("momentum", momentum)
    for start in range(0, len(parameters), _STEP_LENGTH):
        part = slice(start, start + _STEP_LENGTH)
        w, v, move = parameters[part], velocity[part], learning_rate * gradient[part]
        if decay is not None:
            w -= learning_rate * decay[part] * w
        v *= momentum
        v -= move
        w += momentum * v - move if nesterov else v
