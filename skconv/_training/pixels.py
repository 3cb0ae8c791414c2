"""Loss and score of outputs that are images, of which all would take much memory."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.batches import chunk_size
from .._data.samples import Samples
from .._utils.floats import quiet
from .losses import Loss

__all__ = ["evaluate_pixels", "some_samples"]

# Outputs that one look at the predictions of a network takes, at most.
_MOST_OUTPUTS = 2**23


def evaluate_pixels(
    network: Any,
    samples: Samples,
    encoder: Any,
    loss: Loss,
    loss_weight: NDArray[Any] | None,
) -> tuple[float, float, float]:
    """Return the loss and the score of a network, and its largest output.

    Parameters
    ----------
    network : Network
    samples : Samples
    encoder : MaskEncoder or ImageEncoder
    loss : callable
    loss_weight : ndarray of shape (n,) or (n, h, w), or None
        The sample weight in the loss.

    Returns
    -------
    loss, score, largest : float
        The score is NaN if an output is not finite.
    """
    order = np.arange(len(samples))
    size, value, total, largest = chunk_size(network), 0.0, 0.0, 0.0
    with quiet():
        for start in range(0, len(order), size):
            which = order[start : start + size]
            x, targets, weight = samples.batch(which, network)
            outputs = network.predict(x)
            in_loss = None if loss_weight is None else loss_weight[which]
            value += loss(outputs, targets, in_loss)[0] * len(which)
            total = total + encoder.tally(outputs, targets, weight)
            largest = np.maximum(largest, np.abs(outputs).max())  # or NaN
        score = encoder.score_of(total) if math.isfinite(largest) else math.nan
    return value / len(order), score, float(largest)


def some_samples(samples: Samples, network: Any) -> Samples:
    """Return all samples or, if their outputs are large images, some from all over."""
    if len(network.output_shape) == 1:
        return samples
    step = math.ceil(len(samples) * math.prod(network.output_shape) / _MOST_OUTPUTS)
    return samples if step < 2 else samples.part(np.arange(0, len(samples), step))
