"""The training loop: order, batches, steps, and when to stop."""

import math
import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from .batches import gather

__all__ = ["History", "NonFiniteLossError", "StoppingRule", "train"]


class NonFiniteLossError(ValueError):
    """The loss or a weight left the finite numbers; the argument is the epoch."""


@dataclass
class History:
    """What training has seen, epoch by epoch; it goes on from call to call."""

    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)  # NaN where not taken
    best_score: float = -math.inf
    samples: int = 0


@dataclass
class StoppingRule:
    """When epochs bring nothing any more.

    A validation score decides where there is one, else the training loss: training
    stops after more than `patience` epochs in a row that did not improve the best by
    `tol`.
    """

    tol: float
    patience: float
    best: float = -math.inf
    idle: int = 0

    def update(self, figure):
        """Take an epoch's figure, the larger the better."""
        self.idle = self.idle + 1 if figure < self.best + self.tol else 0
        self.best = max(self.best, figure)

    @property
    def stops(self):
        """Whether training is to end."""
        return self.idle > self.patience


def train(
    network,
    optimizer,
    loss,
    data,
    *,
    max_iter,
    batch_size,
    learning_rate,
    rng,
    history,
    shuffle=True,
    stopping=None,
    validate=None,
    report=None,
):
    """Train a network in place. Ctrl-C ends training early, with a warning.

    Parameters
    ----------
    network : Network
        Anything with `parameters`, `input_shape`, `dtype` and `loss_and_gradient`.
    optimizer : Adam
    loss : callable ``(outputs, targets, weight) -> (value, d_outputs)``
    data : (rows, X, targets, weight)
        ``rows`` are the indices to train on. ``X`` is anything that NumPy can index,
        of any numeric dtype; minibatches are gathered from it, never all of it.
        ``weight`` may be None.
    max_iter : int
        Number of epochs.
    batch_size : int
    learning_rate : float
    rng : numpy.random.Generator
        Of the order of the samples, and of layers that draw.
    history : History
        To go on with.
    shuffle : bool, default=True
    stopping : StoppingRule, optional
        Default: all epochs are trained.
    validate : callable ``() -> float``, optional
        Score of the network after each epoch; the best epoch's weights are restored.
    report : callable ``(history, seconds)``, optional
        Called after each epoch.

    Raises
    ------
    NonFiniteLossError
        If the loss or a weight is no finite number any more.
    """
    epochs = 0
    # An earlier call's best weights, which are the network's now, may remain the best.
    best = network.parameters.copy() if validate and history.loss_curve else None
    try:
        while epochs < max_iter and not (stopping and stopping.stops):
            start = time.perf_counter()
            # What overflows becomes a loss that is not finite, and an error below.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                mean_loss = _run_epoch(
                    network,
                    optimizer,
                    loss,
                    data,
                    batch_size,
                    learning_rate,
                    rng,
                    shuffle,
                )
            if not (math.isfinite(mean_loss) and np.isfinite(network.parameters).all()):
                raise NonFiniteLossError(len(history.loss_curve) + 1)
            score = validate() if validate else math.nan
            epochs += 1
            history.loss_curve.append(mean_loss)
            history.validation_scores.append(score)
            history.samples += len(data[0])
            if score > history.best_score:
                history.best_score = score
                best = network.parameters.copy()
            if stopping:
                stopping.update(score if validate else -mean_loss)
            if report:
                report(history, time.perf_counter() - start)
    except KeyboardInterrupt:
        warnings.warn(
            f"Training interrupted by user after {len(history.loss_curve)} epochs; "
            "the model is usable as it is.",
            stacklevel=2,
        )
    if best is not None:
        network.parameters[...] = best


def _run_epoch(network, optimizer, loss, data, batch_size, learning_rate, rng, shuffle):
    """Take one pass over the data; return its mean loss, or the first infinite one."""
    rows, X, targets, weight = data
    order = rng.permutation(rows) if shuffle else rows
    total = 0.0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        batch_weight = None if weight is None else weight[batch]
        value, gradient = network.loss_and_gradient(
            gather(X, batch, network), targets[batch], batch_weight, loss, rng
        )
        if not math.isfinite(value):
            return value
        optimizer.step(network.parameters, gradient, learning_rate)
        del gradient  # as large as the network: gone before the next is made
        total += value * len(batch)
    return total / len(order)
