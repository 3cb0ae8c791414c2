"""Normalisation of channels by their mean and variance, and its gradient.

Batch normalisation (Ioffe & Szegedy, "Batch normalization", 2015, section 3) is, with
``u = (x - mean) * inverse`` and ``z = gamma * u + beta``, and sums over the m values of
a channel::

    dbeta = sum(dz)
    dgamma = sum(dz * u)

``u`` depends on x also through its mean and its variance. As ``sum(u) = 0``, the
derivatives of these take from ``du = gamma * dz`` its part along the constants and its
part along u (for ``epsilon = 0`` the projections onto them)::

    dx = inverse * (du - sum(du) / m - u * sum(du * u) / m)
       = scale * (dz - dbeta / m - u * dgamma / m)
"""

import math

import numpy as np

from .activations import activate, activate_grad, find_activation
from .dense import grad_bias

__all__ = [
    "batch_norm_backward",
    "channel_moments",
    "normalize",
    "saved_of_normalize",
]

_BLOCK_ROWS = 256


def channel_moments(x):
    """Return the mean and ``sum((x - mean)**2) / m``."""
    x = x.reshape(-1, x.shape[-1])
    mean = _mean(x)
    deviations = x - mean
    rest = _mean(deviations)  # the digits that sums of large numbers lost
    deviations -= rest
    return mean + rest, _mean(np.square(deviations, out=deviations))


def _mean(x):
    """Return the mean of rows.

    BLAS adds one row after the other: sums of many, or of one that is large and others,
    would lose digits. Those of a block are few, and blocks are added in float64.
    """
    whole = len(x) // _BLOCK_ROWS * _BLOCK_ROWS
    blocks = x[:whole].reshape(-1, _BLOCK_ROWS, x.shape[1])
    total = grad_bias(x[whole:]).astype(np.float64)
    total += (np.ones(_BLOCK_ROWS, x.dtype) @ blocks).sum(0, dtype=np.float64)
    return (total / len(x)).astype(x.dtype)


def normalize(x, mean, scale, shift, activation):
    """``activation((x - mean) * scale + shift)``."""
    y = x - mean  # first: folded into the shift, the mean would cost digits
    y *= scale
    y += shift
    return activate(y, activation, out=y)


def saved_of_normalize(x, mean, scale, shift, activation):
    """Return what the activation's derivative is computed from."""
    of_output = find_activation(activation).derivative_from == "output"
    return normalize(x, mean, scale, shift, activation if of_output else None)


def batch_norm_backward(dy, saved, x, mean, inverse, scale, shift, activation, need_dx):
    """Use the formulas above."""
    if saved is None and shift is not None:
        saved = saved_of_normalize(x, mean, scale, shift, activation)
    dz = activate_grad(dy, saved, activation)
    u = (x - mean) * inverse
    dgamma, dbeta = grad_bias(dz * u), grad_bias(dz)
    if not need_dx:
        return None, dgamma, dbeta
    m = max(math.prod(x.shape[:-1]), 1)
    return scale * (dz - dbeta / m - u * (dgamma / m)), dgamma, dbeta
