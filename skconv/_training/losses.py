"""Losses: how far outputs are from targets, and which way to go."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .. import ops

__all__ = ["LOSSES", "REGRESSION_LOSSES", "RegressionLoss"]

# An op is looked up when it is called: a twin laid over it is then the one.
LOSSES = {
    "softmax": lambda z, codes, w, smoothing=0.0: ops.softmax_cross_entropy(
        z, codes, w, smoothing
    ),
    "logistic": lambda z, targets, w, smoothing=0.0: ops.sigmoid_cross_entropy(
        z, targets, w, smoothing
    ),
}
"""Output activation -> ``(outputs, targets, weight, smoothing=0) -> (value,
d_outputs)``, the cross-entropy whose outputs are the activation's input, so that
nothing overflows."""


class RegressionLoss(NamedTuple):
    """A loss, and how its outputs are meant.

    Attributes
    ----------
    loss : callable ``(outputs, targets, weight) -> (value, d_outputs)``
    inverse_link : callable ``(outputs) -> predictions``
    smallest_target : float
        Targets below have no likelihood.
    """

    loss: Callable
    inverse_link: Callable
    smallest_target: float = -math.inf


REGRESSION_LOSSES = {
    "squared_error": RegressionLoss(
        lambda outputs, targets, w: ops.squared_error(outputs, targets, w),
        lambda outputs: outputs,
    ),
    "huber": RegressionLoss(
        lambda outputs, targets, w: ops.huber(outputs, targets, w),
        lambda outputs: outputs,
    ),
    "poisson": RegressionLoss(
        lambda outputs, targets, w: ops.poisson(outputs, targets, w), np.exp, 0.0
    ),
}
"""Name -> `RegressionLoss`."""
