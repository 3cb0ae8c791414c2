"""Normalisation of channels by their mean and variance, and its gradient."""

import numpy as np

from .activations import activate, activate_grad
from .dense import grad_bias

__all__ = ["batch_norm_backward", "channel_moments", "normalize"]


def channel_moments(x):
    """Mean and variance of each channel, over all samples and pixels.

    Parameters
    ----------
    x : ndarray of shape (..., c)

    Returns
    -------
    mean : ndarray of shape (c,)
    variance : ndarray of shape (c,)
        ``sum((x - mean)**2) / m``, m being the number of values of a channel.
    """
    x = x.reshape(-1, x.shape[-1])
    deviations = x - x[0]  # about any row: sums of large numbers would lose digits
    shift = grad_bias(deviations) / len(x)
    deviations -= shift
    variance = grad_bias(np.square(deviations, out=deviations)) / len(x)
    return x[0] + shift, variance


def normalize(x, mean, scale, shift, *, activation=None):
    """``activation((x - mean) * scale + shift)``, channel by channel.

    Parameters
    ----------
    x : ndarray of shape (..., c)
    mean, scale, shift : ndarray of shape (c,)
    activation : str or None

    Returns
    -------
    y : ndarray, like x
    """
    y = x - mean  # first: folded into the shift it would take digits along
    y *= scale
    y += shift
    return activate(y, activation, out=y)


def batch_norm_backward(
    dy, kept, x, mean, inverse, scale, *, activation=None, need_dx=True
):
    """All gradients of `normalize` by x's own moments: batch normalisation, backwards.

    Parameters
    ----------
    dy : ndarray, like x
        Gradient in the output.
    kept : ndarray, like x
        The output, or what came before the activation (see `activate_grad`).
    x : ndarray of shape (..., c)
    mean : ndarray of shape (c,)
        Of x, see `channel_moments`.
    inverse : ndarray of shape (c,)
        ``1 / sqrt(variance + epsilon)``.
    scale : ndarray of shape (c,)
        What x was multiplied with: ``gamma * inverse``.
    activation : str or None
    need_dx : bool, default=True

    Returns
    -------
    dx : ndarray, like x, or None
        None if nobody needs it.
    dgamma, dbeta : ndarray of shape (c,)

    Notes
    -----
    Ioffe & Szegedy, "Batch normalization", 2015, section 3. With ``u = (x - mean) *
    inverse`` and ``z = gamma * u + beta``, sums over the m values of a channel::

        dbeta = sum(dz)
        dgamma = sum(dz * u)

    ``u`` depends on x also through its mean and its variance. As ``sum(u) = 0``, the
    derivatives of these take from ``du = gamma * dz`` its part along the constants and
    its part along u (for ``epsilon = 0`` the projections onto them)::

        dx = inverse * (du - sum(du) / m - u * sum(du * u) / m)
           = scale * (dz - dbeta / m - u * dgamma / m)
    """
    dz = activate_grad(dy, kept, activation)
    u = (x - mean) * inverse
    dgamma, dbeta = grad_bias(dz * u), grad_bias(dz)
    if not need_dx:
        return None, dgamma, dbeta
    m = x.size // x.shape[-1]
    return scale * (dz - dbeta / m - u * (dgamma / m)), dgamma, dbeta
