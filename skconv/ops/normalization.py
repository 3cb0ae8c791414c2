"""Normalisation of channels by their mean and variance, and its gradient."""

from ._types import Activation, Array
from .dispatch import run

__all__ = ["batch_norm_backward", "channel_moments", "normalize"]


def channel_moments(x: Array) -> tuple[Array, Array]:
    """Return the mean and the variance of each channel, over all samples and pixels.

    Parameters
    ----------
    x : ndarray of shape (..., c)

    Returns
    -------
    mean : ndarray of shape (c,)
    variance : ndarray of shape (c,)
        ``sum((x - mean)**2) / m`` for the m values of a channel.

    Raises
    ------
    ValueError
        If there is no value.
    """
    if not x.size:
        raise ValueError(f"moments need at least one value, got x of shape {x.shape}")
    return run("channel_moments", (x,))


def normalize(
    x: Array,
    mean: Array,
    scale: Array,
    shift: Array,
    *,
    activation: Activation = None,
) -> Array:
    """Return ``activation((x - mean) * scale + shift)``, channel by channel.

    Parameters
    ----------
    x : ndarray of shape (..., c)
    mean, scale, shift : ndarray of shape (c,)
    activation : str or None
        A name in `skconv.ops.ACTIVATIONS`.

    Returns
    -------
    y : ndarray, like x
    """
    return run("normalize", (x, mean, scale, shift), activation)


def batch_norm_backward(
    dy: Array,
    saved: Array,
    x: Array,
    mean: Array,
    inverse: Array,
    scale: Array,
    *,
    activation: Activation = None,
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `normalize` by x's own moments: batch normalisation.

    The formulas are in `skconv.ops.reference.normalization`.

    Parameters
    ----------
    dy : ndarray, like x
        Gradient in the output.
    saved : ndarray, like x
        The output, or the activation's input (see `activate_grad`).
    x : ndarray of shape (..., c)
    mean : ndarray of shape (c,)
        Of x, see `channel_moments`.
    inverse : ndarray of shape (c,)
        ``1 / sqrt(variance + epsilon)``.
    scale : ndarray of shape (c,)
        What x was multiplied with: ``gamma * inverse``.
    activation : str or None
    need_dx : bool, default=True
        Whether to compute `dx`.

    Returns
    -------
    dx : ndarray, like x, or None
        None unless `need_dx`.
    dgamma, dbeta : ndarray of shape (c,)
    """
    arrays = dy, saved, x, mean, inverse, scale
    return run("batch_norm_backward", arrays, activation, need_dx)
