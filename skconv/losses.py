"""Losses by the activation that turns outputs into probabilities."""

from . import ops

__all__ = ["LOSSES"]

LOSSES = {
    "softmax": lambda z, codes, w: ops.softmax_cross_entropy(z, codes, w),
    "logistic": lambda z, targets, w: ops.sigmoid_cross_entropy(z, targets, w),
}
"""Output activation -> ``(outputs, targets, weight) -> (value, d_outputs)``, the
cross-entropy whose outputs are the activation's input, so that nothing overflows."""
