"""Losses with their gradients in a network's outputs."""

from collections.abc import Sequence

import numpy as np

from ..._utils import elementary
from .._arguments import check_loss, check_shape, indices, levels, number, numbers
from .._types import Array, LossAndGradient
from .activations import activate
from .dtypes import flush_denormals

# Of the logarithms of `gaussian`'s standard deviations: they are from 0.001 to 1100.
_BOUND = 7.0

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


def softmax_cross_entropy(logits, targets, sample_weight, smoothing, gamma):
    """``log(sum(exp(z))) - z[code]``, of logits z whose largest is 0."""
    (n, k), rows = logits.shape, np.arange(len(logits))
    is_soft = getattr(targets, "dtype", None) == logits.dtype
    codes = None if is_soft else indices("targets", targets, k, (n,))
    shifted = logits - logits.max(axis=1, keepdims=True)
    if gamma or is_soft:
        if not is_soft:
            targets = np.zeros_like(logits)
            targets[rows, codes] = 1
        if smoothing:
            even = targets.sum(axis=1, keepdims=True) / k
            targets = targets + smoothing * (even - targets)
        if gamma:
            losses, dlogits = _focal_softmax(shifted, targets, gamma)
        else:
            losses, dlogits = _soft_cross_entropy(shifted, targets)
        return _weighted_mean(losses, dlogits, sample_weight)
    exponentials = elementary.exp(shifted)
    total = exponentials.sum(axis=1)
    losses = elementary.log(total) - shifted[rows, codes]
    dlogits = exponentials / total[:, None]
    dlogits[rows, codes] -= 1
    if smoothing:
        losses += smoothing * (shifted[rows, codes] - shifted.mean(axis=1))
        dlogits[rows, codes] += smoothing
        dlogits -= smoothing / k
    return _weighted_mean(losses, dlogits, sample_weight)


def _focal_softmax(shifted, targets, gamma):
    """``-sum(t (1 - p)^gamma log p)`` of probabilities p, and its gradient.

    With ``g = t (1 - p)^gamma (1 - gamma p log(p) / (1 - p))``, the gradient in
    log p is -g; in the logits it is ``p sum(g) - g``.
    """
    log_p = shifted - elementary.log(elementary.exp(shifted).sum(axis=1, keepdims=True))
    p, rest = elementary.exp(log_p), -elementary.expm1(log_p)
    focused = targets * elementary.power(rest, gamma)
    ratio = np.divide(log_p, rest, out=np.full_like(log_p, -1), where=rest > 0)
    g = focused * (1 - gamma * p * ratio)
    losses = -np.where(focused > 0, focused * log_p, 0).sum(axis=1)
    return losses, p * g.sum(axis=1, keepdims=True) - g


def _soft_cross_entropy(shifted, targets):
    """Return the losses of targets that are probabilities, and their gradient."""
    exponentials = elementary.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    losses = (targets * (elementary.log(total) - shifted)).sum(axis=1)
    dlogits = exponentials * (targets.sum(axis=1, keepdims=True) / total)
    dlogits -= targets
    return losses, dlogits


def sigmoid_cross_entropy(
    logits: Array,
    targets: Array,
    sample_weight: Array | None = None,
    smoothing: float = 0.0,
    gamma: float = 0.0,
) -> LossAndGradient:
    """Return the mean over samples of their binary cross-entropies, summed over labels.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    targets : ndarray of shape (n, k)
        0 or 1; of any dtype.
    sample_weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.
    smoothing : float, default=0.0
        Targets become ``(1 - smoothing) * targets + smoothing / 2``: each label is a
        choice of two.
    gamma : float, default=0.0
        As in `softmax_cross_entropy`, for the probabilities of 1 and of 0.

    Returns
    -------
    loss : float
        Of ``max(z, 0) - z t + log(1 + exp(-|z|))``, which never overflows.
    dlogits : ndarray of shape (n, k)
        ``(sigmoid(logits) - targets) * sample_weight / n`` if `gamma` is 0.
    """
    logits, sample_weight = check_loss("logits", logits, sample_weight)
    targets = numbers("targets", targets).astype(logits.dtype)
    check_shape("targets", targets, logits.shape, "logits")
    smoothing = number("smoothing", smoothing, 1)
    if smoothing:
        targets += smoothing * (0.5 - targets)
    if gamma := number("gamma", gamma):
        losses, dlogits = _focal_sigmoid(logits, targets, gamma)
        return _weighted_mean(losses.sum(axis=1), dlogits, sample_weight)
    losses = np.maximum(logits, 0) - logits * targets
    losses += elementary.log1p(elementary.exp(-np.abs(logits)))
    dlogits = activate(logits, "sigmoid")
    dlogits -= targets
    return _weighted_mean(losses.sum(axis=1), dlogits, sample_weight)


def _focal_sigmoid(logits, targets, gamma):
    """``-t q^gamma log p - (1 - t) p^gamma log q`` with ``q = 1 - p``; its gradient."""
    softplus = elementary.log1p(elementary.exp(-np.abs(logits)))
    log_p, log_q = np.minimum(logits, 0) - softplus, np.minimum(-logits, 0) - softplus
    p, q = elementary.exp(log_p), elementary.exp(log_q)
    ones = targets * elementary.power(q, gamma)
    zeros = (1 - targets) * elementary.power(p, gamma)
    losses = -(ones * log_p + zeros * log_q)
    slopes = q - gamma * p * log_p, p - gamma * q * log_q
    return losses, zeros * slopes[1] - ones * slopes[0]


def squared_error(
    outputs: Array, targets: Array, sample_weight: Array | None = None
) -> LossAndGradient:
    """Return the mean over samples of half the squared errors, summed over outputs.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
    targets : ndarray of shape (n, k), or (n,) where k is 1
        Of any real dtype.
    sample_weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``(outputs - targets) ** 2 / 2``.
    doutputs : ndarray of shape (n, k)
        ``(outputs - targets) * sample_weight / n``.

    Notes
    -----
    The gradient is the one that scikit-learn's ``MLPRegressor`` follows; the loss it
    reports is the mean over the outputs.
    """
    outputs, targets, sample_weight = _regression(outputs, targets, sample_weight)
    errors = outputs - targets
    return _weighted_mean((errors * errors).sum(axis=1) / 2, errors, sample_weight)


def huber(
    outputs: Array,
    targets: Array,
    sample_weight: Array | None = None,
    delta: float = 1.0,
) -> LossAndGradient:
    """Return squared errors that continue as lines: an outlier pulls no harder.

    Parameters
    ----------
    outputs, targets, sample_weight
        As in `squared_error`.
    delta : float, default=1.0
        The error at which the line begins.

    Returns
    -------
    loss : float
        Of ``error ** 2 / 2`` where ``|error| <= delta``, else of
        ``delta * (|error| - delta / 2)``.
    doutputs : ndarray of shape (n, k)
        ``clip(outputs - targets, -delta, delta) * sample_weight / n``.

    Notes
    -----
    Huber, "Robust estimation of a location parameter", 1964.
    """
    outputs, targets, sample_weight = _regression(outputs, targets, sample_weight)
    errors, delta = outputs - targets, number("delta", delta)
    clipped = np.clip(errors, -delta, delta)
    # error ** 2 / 2 where nothing was clipped, as error and clipped are then the same.
    losses = clipped * (errors - clipped / 2)
    return _weighted_mean(losses.sum(axis=1), clipped, sample_weight)


def absolute_error(
    outputs: Array, targets: Array, sample_weight: Array | None = None
) -> LossAndGradient:
    """Return the mean over samples of the absolute errors, summed over outputs.

    Parameters
    ----------
    outputs, targets, sample_weight
        As in `squared_error`.

    Returns
    -------
    loss : float
        Of ``abs(outputs - targets)``: the best constant output is the median.
    doutputs : ndarray of shape (n, k)
        ``sign(outputs - targets) * sample_weight / n``.
    """
    outputs, targets, sample_weight = _regression(outputs, targets, sample_weight)
    errors = outputs - targets
    losses = np.abs(errors).sum(axis=1)
    return _weighted_mean(losses, np.sign(errors), sample_weight)


def quantile(
    outputs: Array,
    targets: Array,
    sample_weight: Array | None = None,
    quantile: float | Sequence[float] = 0.5,
) -> LossAndGradient:
    """Return the pinball loss, whose best constant outputs are quantiles.

    Parameters
    ----------
    outputs : ndarray of shape (n, k * n_quantiles)
        All quantiles of the first target, then those of the second, and so on.
    targets : ndarray of shape (n, k), or (n,) where k is 1
        Of any real dtype.
    sample_weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.
    quantile : float or sequence of float, default=0.5
        The quantiles, each above 0 and below 1.

    Returns
    -------
    loss : float
        Of ``quantile * (t - z)`` where an output z is below its target t, else of
        ``(1 - quantile) * (z - t)``; a mean over samples of sums over outputs.
    doutputs : ndarray of shape (n, k * n_quantiles)
        ``-quantile`` or ``1 - quantile``, 0 where they are equal; times
        ``sample_weight / n``.

    Notes
    -----
    Koenker & Bassett, "Regression quantiles", 1978. Sorted, outputs for one target
    never have a larger loss.
    """
    q = np.array(levels("quantile", quantile))
    outputs, targets, sample_weight = _regression(
        outputs, targets, sample_weight, per_target=len(q)
    )
    errors = outputs.reshape(len(outputs), -1, len(q)) - targets[:, :, None]
    slopes = np.where(errors < 0, -q, np.sign(errors) * (1 - q)).astype(outputs.dtype)
    losses = (errors * slopes).sum(axis=(1, 2))
    return _weighted_mean(losses, slopes.reshape(outputs.shape), sample_weight)


def gaussian(
    outputs: Array, targets: Array, sample_weight: Array | None = None
) -> LossAndGradient:
    """Return the negative log-likelihood of normal distributions.

    Parameters
    ----------
    outputs : ndarray of shape (n, 2 * k)
        The mean m and the number z of the first target, then those of the second, and
        so on. The standard deviation is ``gaussian_std(z)``.
    targets : ndarray of shape (n, k), or (n,) where k is 1
        Of any real dtype.
    sample_weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``((t - m) / std) ** 2 / 2 + log(std)``, which leaves out ``log(2 pi) / 2``
        and is negative where distributions are narrow; a mean over samples of sums over
        targets.
    doutputs : ndarray of shape (n, 2 * k)

    Notes
    -----
    Nix & Weigend, "Estimating the mean and variance of the target probability
    distribution", 1994. Computed in float64, as squares of float32 may overflow.
    """
    outputs, targets, sample_weight = _regression(
        outputs, targets, sample_weight, per_target=2
    )
    pairs = outputs.reshape(len(outputs), -1, 2).astype(np.float64)
    bounded = np.tanh(pairs[..., 1] / _BOUND)
    inverse = 1 / gaussian_std(pairs[..., 1])
    distance = (pairs[..., 0] - targets) * inverse
    losses = (distance**2 / 2 + _BOUND * bounded).sum(axis=1)
    slopes = (1 - distance**2) * (1 - bounded**2)
    doutputs = np.stack([distance * inverse, slopes], axis=-1).reshape(outputs.shape)
    doutputs = doutputs.astype(outputs.dtype)
    return _weighted_mean(losses, doutputs, sample_weight)


def gaussian_std(z: Array) -> Array:
    """Return the standard deviation of a network's output for `gaussian`.

    Parameters
    ----------
    z : ndarray of any shape

    Returns
    -------
    std : ndarray of float64, of the shape of `z`
        ``exp(7 * tanh(z / 7))``: about ``exp(z)``, but from 0.001 to 1100, so that no
        likelihood is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> ops.gaussian_std(np.array([-1, 0, 1])).round(2)
    array([0.37, 1.  , 2.7 ])
    """
    z = numbers("z", z).astype(np.float64)
    return elementary.exp(_BOUND * np.tanh(z / _BOUND))


def poisson(
    outputs: Array, targets: Array, sample_weight: Array | None = None
) -> LossAndGradient:
    """Return half the Poisson deviance of counts with expected values ``exp(outputs)``.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
        Logarithms of the expected values.
    targets : ndarray of shape (n, k), or (n,) where k is 1
        At least 0; of any real dtype.
    sample_weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``t log(t) - t z - t + exp(z)`` for targets t and outputs z, 0 where the
        expected value is the target; a mean over samples of sums over outputs.
    doutputs : ndarray of shape (n, k)
        ``(exp(outputs) - targets) * sample_weight / n``.

    Notes
    -----
    The loss of scikit-learn's ``MLPRegressor(loss="poisson")``, in the logarithm of
    the expected value; McCullagh & Nelder, "Generalized linear models", 1989, 2.3.
    """
    outputs, targets, sample_weight = _regression(outputs, targets, sample_weight)
    expected = elementary.exp(outputs)
    log_targets = elementary.log(np.where(targets > 0, targets, 1))
    losses = targets * (log_targets - outputs) - targets + expected
    return _weighted_mean(losses.sum(axis=1), expected - targets, sample_weight)


def _regression(outputs, targets, sample_weight, per_target=1):
    """Return what a loss of regression takes, after checks; targets of their dtype."""
    outputs, sample_weight = check_loss("outputs", outputs, sample_weight)
    targets = numbers("targets", targets).astype(outputs.dtype)
    n, k = outputs.shape
    if k == per_target and targets.ndim == 1:
        targets = targets[:, None]
    if k % per_target:
        raise ValueError(
            f"outputs must have {per_target} numbers for each target, got an array of "
            f"shape {outputs.shape}"
        )
    of = "outputs" if per_target == 1 else f"one for {per_target} outputs each"
    check_shape("targets", targets, (n, k // per_target), of)
    return outputs, targets, sample_weight


def _weighted_mean(losses, doutputs, sample_weight):
    """Return the mean loss and its gradient, both with the samples' weights.

    A saturated output has a gradient of 0, or of a denormal number, which would slow
    all layers: it is flushed.
    """
    if sample_weight is not None:
        losses = losses * sample_weight
        doutputs *= sample_weight[:, None]
    doutputs /= len(losses)
    return float(losses.mean()), flush_denormals(doutputs)
