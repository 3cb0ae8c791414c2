"""A range test: the training loss while the learning rate grows, step by step."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from .._data.samples import Samples
from .._training.loop import History
from .._training.step import plan_step, take_step
from .._utils.floats import quiet
from .fitting import _adapt, _set_aside, build, read

__all__ = ["losses_by_rate"]


def losses_by_rate(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    rates: NDArray[np.float64],
) -> Iterator[float]:
    """Yield the loss of each step of training with these learning rates.

    The network is new, and it is trained as `fit` does: on the estimator's minibatches,
    with its loss, augmentation and solver. The estimator is not changed.

    Parameters
    ----------
    estimator : ConvNetClassifier or ConvNetRegressor
    X, y, sample_weight
        As in `fit`.
    rates : ndarray of shape (n_steps,)

    Raises
    ------
    ValueError, TypeError
        As in `fit`; not if a loss is infinite.
    """

    def rate(step: int) -> float:
        return float(rates[min(step, len(rates)) - 1])

    draft = clone(estimator).set_params(learning_rate=rate, warmup_steps=0)
    draft._validate_params()
    draft._check_options()
    samples = read(draft, X, y, sample_weight, None, False, False)
    build(draft)
    draft.early_stopping = False  # all samples are for training
    samples, _ = _set_aside(draft, samples, None, False)
    network, history, rng = draft.network_, History(), draft._rng
    _adapt(draft, samples, resumed=False)
    step = plan_step(
        *(draft, network, samples, draft._loss(samples)),
        steps=0,
        epochs=0,
        state=None,
        average_state=None,
    )
    batches = _batches(samples, step.batch_size, rng)
    for which in (next(batches) for _ in rates):
        with quiet():
            loss = take_step(step, network, samples, which, history, rng)
        yield loss


def _batches(
    samples: Samples, size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield the numbers of minibatches, epoch by epoch, but not of small last ones."""
    while True:
        order = rng.permutation(len(samples))
        for start in range(0, len(samples) - size + 1, size):
            yield order[start : start + size]
