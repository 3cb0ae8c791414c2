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

import numpy as np

from .activations import activate, activate_grad
from .dense import grad_bias

__all__ = ["batch_norm_backward", "channel_moments", "normalize"]


def channel_moments(x):
    """Return the mean and ``sum((x - mean)**2) / m``."""
    x = x.reshape(-1, x.shape[-1])
    deviations = x - x[0]  # about any row: sums of large numbers would lose digits
    shift = grad_bias(deviations) / len(x)
    deviations -= shift
    variance = grad_bias(np.square(deviations, out=deviations)) / len(x)
    return x[0] + shift, variance


def normalize(x, mean, scale, shift, activation):
    """``activation((x - mean) * scale + shift)``."""
    y = x - mean  # first: folded into the shift, the mean would cost digits
    y *= scale
    y += shift
    return activate(y, activation, out=y)


def batch_norm_backward(dy, saved, x, mean, inverse, scale, activation, need_dx):
    """Use the formulas above."""
    dz = activate_grad(dy, saved, activation)
    u = (x - mean) * inverse
    dgamma, dbeta = grad_bias(dz * u), grad_bias(dz)
    if not need_dx:
        return None, dgamma, dbeta
    m = x.size // x.shape[-1]
    return scale * (dz - dbeta / m - u * (dgamma / m)), dgamma, dbeta
