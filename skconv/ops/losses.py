"""Losses with their gradients in a network's outputs."""

import numpy as np

from ._arguments import check_loss, check_shape, number, numbers
from ._types import Array, LossAndGradient
from .dispatch import run
from .reference.losses import (
    absolute_error,
    gaussian,
    gaussian_std,
    huber,
    poisson,
    quantile,
    sigmoid_cross_entropy,
    squared_error,
)

__all__ = [
    "absolute_error",
    "gaussian",
    "gaussian_std",
    "huber",
    "poisson",
    "quantile",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]


def softmax_cross_entropy(
    logits: Array,
    targets: Array,
    sample_weight: Array | None = None,
    smoothing: float = 0.0,
    gamma: float = 0.0,
) -> LossAndGradient:
    """Return the mean cross-entropy of ``softmax(logits)``, and its gradient.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    targets : ndarray of int, (n,), or of floats, (n, k)
        Class of each sample, 0 to k - 1; or the probabilities of its classes, as of
        images that are mixed.
    sample_weight : ndarray of shape (n,), optional
        Weight of each sample. The mean divides by ``n``, not by the sum of weights: a
        minibatch of light samples takes a light step.
    smoothing : float, default=0.0
        The part of each target that is shared evenly by all k classes: the target is
        ``(1 - smoothing) * onehot(targets) + smoothing / k``.
    gamma : float, default=0.0
        Of the focal loss: the logarithm of each probability p is multiplied by
        ``(1 - p) ** gamma``, so that samples that are predicted well count less. 0 is
        the cross-entropy.

    Returns
    -------
    loss : float
        Of ``-(target * log softmax(logits)).sum()`` for each sample.
    dlogits : ndarray of shape (n, k)
        ``(target.sum() * softmax(logits) - target) * sample_weight / n`` if `gamma` is
        0; the sum of probabilities is 1.

    Raises
    ------
    ValueError
        If `targets` or `sample_weight` do not have these shapes, classes are not
        integers from 0 to k - 1, there is no sample, `smoothing` is not from 0 up to 1,
        or `gamma` is negative.
    TypeError
        If an array is none, or not of real numbers.

    Notes
    -----
    Smoothing: Szegedy et al., "Rethinking the Inception architecture for computer
    vision", 2016, section 7. Focal loss: Lin et al., "Focal loss for dense object
    detection", 2017, equation 4; its factors alpha are sample weights.
    """
    logits, sample_weight = check_loss("logits", logits, sample_weight)
    if sample_weight is not None:
        sample_weight = sample_weight.astype(logits.dtype, copy=False)
    smoothing = number("smoothing", smoothing, 1)
    options = smoothing, number("gamma", gamma)
    if isinstance(targets, np.ndarray) and targets.dtype.kind == "f":
        targets = np.asarray(numbers("targets", targets), logits.dtype)
        check_shape("targets", targets, logits.shape, "logits, or be classes, (n,)")
    return run("softmax_cross_entropy", (logits,), targets, sample_weight, *options)
