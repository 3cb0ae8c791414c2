"""Normalisation of channels by their mean and variance, and its gradient."""

from ._arguments import (
    check_channels,
    check_saved,
    check_shape,
    check_vectors,
    floats,
)
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
    (x,) = floats(("x",), x)
    check_channels("x", x)
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

    Raises
    ------
    ValueError
        If there is no such activation, or vectors have another length.
    """
    names = "x", "mean", "scale", "shift"
    x, mean, scale, shift = floats(names, x, mean, scale, shift)
    check_channels("x", x)
    check_vectors("channel", x.shape[-1], names[1:], mean, scale, shift)
    return run("normalize", (x, mean, scale, shift), activation)


def batch_norm_backward(
    dy: Array,
    saved: Array | None,
    x: Array,
    mean: Array,
    inverse: Array,
    scale: Array,
    shift: Array | None = None,
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
        The output, or the activation's input (see `activate_grad`). May be None for
        the identity and with `shift`: then it is computed again.
    x : ndarray of shape (..., c)
    mean : ndarray of shape (c,)
        Of x, see `channel_moments`.
    inverse : ndarray of shape (c,)
        ``1 / sqrt(variance + epsilon)``.
    scale : ndarray of shape (c,)
        What x was multiplied with: ``gamma * inverse``.
    shift : ndarray of shape (c,), optional
        What was added. For ReLU, compiled ops are faster with it than with `saved`:
        they read x anyway.
    activation : str or None
    need_dx : bool, default=True
        Whether to compute `dx`.

    Returns
    -------
    dx : ndarray, like x, or None
        None unless `need_dx`.
    dgamma, dbeta : ndarray of shape (c,)

    Raises
    ------
    ValueError
        If there is no such activation, or shapes do not fit each other.
    """
    names = "dy", "saved?", "x", "mean", "inverse", "scale", "shift?"
    arrays = dy, saved, x, mean, inverse, scale, shift
    arrays = dy, saved, x, *vectors = floats(names, *arrays)
    check_channels("x", x)
    check_shape("dy", dy, x.shape, "x")
    check_vectors("channel", x.shape[-1], (*names[3:6], "shift"), *vectors)
    if saved.shape != dy.shape if saved is not None else shift is None:
        check_saved(saved, dy, activation)
    return run("batch_norm_backward", arrays, activation, need_dx)
