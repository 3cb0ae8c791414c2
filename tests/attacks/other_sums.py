"""Sums with bounds of their own: moments, the gradient of a normalisation, losses."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skconv import ops

from .rounding import TINY, U, bound, gamma

# Rows that are added in float32 before float64 takes over, in both twins.
BLOCK = 256


class Sums(NamedTuple):
    """An op, its arrays, and a function of these: exact results, and their bounds."""

    call: Callable[..., tuple]
    arrays: list
    define: Callable[..., list]  # of pairs

    @property
    def has_denormals(self):
        return any(((a != 0) & (np.abs(a) < TINY)).any() for a in self.arrays)

    def exact(self, arrays):
        return [right for right, _ in self.define(*(a.astype(float) for a in arrays))]

    def bounds(self, arrays):
        return [error for _, error in self.define(*(a.astype(float) for a in arrays))]


def moments(rng, numbers):
    """Mean and variance of channels.

    Blocks have the mean c = m + e of their rows, e below ``e = gamma_N 2 max |x|``, and
    sums of squares around it. Those are ``V + e^2`` on average and err by gamma_N, since
    no term is negative; the means of blocks, which are merged in float64, add as much as
    ``2 sqrt(V) e + e^2`` (Cauchy and Schwarz).
    """
    x = numbers((int(rng.integers(1, 4000)), int(rng.integers(1, 70))), True)

    def define(x):
        n = min(len(x), BLOCK) + 4
        most, variance = np.abs(x).max(0), x.var(0)
        mean_error = bound(n, 2 * np.abs(x).mean(0))
        e = 2 * bound(n, most)
        error = bound(n, variance + e**2) + 2 * np.sqrt(variance) * e + 2 * e**2
        return [(x.mean(0), mean_error), (variance, error)]

    return Sums(ops.channel_moments, [x], define)


def normalization(rng, numbers):
    """The gradients of a batch normalisation in its scale and shift."""
    shape = int(rng.integers(1, 4000)), int(rng.integers(1, 70))
    x, dy = numbers(shape), numbers(shape, True)
    mean, inverse = x[0].copy(), np.ones(shape[1], np.float32)
    arrays = [dy, x, mean]

    def call(dy, x, mean):
        shift = None
        return ops.batch_norm_backward(
            dy, None, x, mean, inverse, inverse, shift, need_dx=False
        )[1:]

    def define(dy, x, mean):
        n = len(x) + 4
        centred = x - mean
        dgamma = bound(n, (np.abs(dy * centred)).sum(0), TINY * np.abs(dy).sum(0))
        dbeta = bound(n, np.abs(dy).sum(0))
        return [((dy * centred).sum(0), dgamma), (dy.sum(0), dbeta)]

    return Sums(call, arrays, define)


def cross_entropy(rng, numbers):
    """Softmax and cross-entropy, and their gradient.

    With d = z - max(z) <= 0, rounded, exp(d) errs by a part of u |d| and by one unit, 2 u.
    So do the sum of k of them and its logarithm, and the probabilities p, by more of
    these; no p is above 1.
    """
    shape = n, k = int(rng.integers(1, 500)), int(rng.integers(2, 60))
    logits = np.clip(numbers(shape, True), -1e30, 1e30)
    codes, rows = rng.integers(0, k, n), np.arange(n)

    def call(logits):
        loss, dlogits = ops.softmax_cross_entropy(logits, codes)
        return np.array(loss), dlogits

    def define(logits):
        d = logits - logits.max(1, keepdims=True)
        total = np.exp(d).sum(1, keepdims=True)
        p, onehot = np.exp(d) / total, np.zeros(shape)
        onehot[rows, codes] = 1
        losses = np.log(total[:, 0]) - d[rows, codes]
        of_total = gamma(k + 8) + 2 * U * (p * np.abs(d)).sum(1)
        each = of_total + 4 * U * np.abs(d[rows, codes]) + 4 * U * np.abs(losses)
        error = bound(n + 4, losses.mean()) + each.mean() + k * TINY
        relative = of_total[:, None] + 2 * U * np.abs(d)
        slopes = (p * relative + 4 * U * (p + onehot)) / n + 4 * k * TINY
        return [(losses.mean(), error), ((p - onehot) / n, slopes)]

    return Sums(call, [logits], define)


def regression(rng, numbers):
    """Losses of regression, whose terms are never negative: so the bound is a part."""
    shape = n, k = int(rng.integers(1, 500)), int(rng.integers(1, 30))
    outputs, targets = numbers(shape), numbers(shape, True)
    squares = max(np.abs(outputs).max(), np.abs(targets).max()) < 1e12

    def call(outputs, targets):
        found = [
            *([ops.squared_error(outputs, targets)] if squares else []),
            ops.absolute_error(outputs, targets),
            ops.huber(outputs, targets),
            ops.quantile(outputs, targets, quantile=0.3),
        ]
        return tuple(np.array(loss) for loss, _ in found)

    def define(outputs, targets):
        return [
            (loss, bound(n * k + 8, loss, 2 * n * k * TINY))
            for loss in call(outputs, targets)
        ]

    return Sums(call, [outputs, targets], define)


OTHERS: tuple[Any, ...] = (moments, normalization, cross_entropy, regression)
