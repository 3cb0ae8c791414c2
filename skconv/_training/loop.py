"""The training loop: order, batches, steps, and when to stop."""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._data.batches import gather
from ..augmentation import augment
from .optimizers import clip_by_norm

__all__ = [
    "Epoch",
    "History",
    "NonFiniteLossError",
    "Step",
    "StoppingRule",
    "train",
]

# What "adaptive" divides the learning rate by, and the rate below which it gives up.
_SLOWER, _SLOWEST = 5, 1e-6


class NonFiniteLossError(ValueError):
    """The loss or a weight left the finite numbers; the argument is the epoch."""


@dataclass
class History:
    """What training has seen, epoch by epoch; it goes on from call to call.

    Where there was no validation, its loss and score are NaN.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)  # of the last steps
    best_score: float = -math.inf  # of the weights that were kept for it
    samples: int = 0
    steps: int = 0
    slowdown: float = 1.0  # what the adaptive schedule has come to


class Epoch(NamedTuple):
    """What is reported of an epoch."""

    number: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    seconds: float
    images_per_second: float


@dataclass
class StoppingRule:
    """When epochs bring nothing any more, and how far one call of `train` has come.

    Training stops after more than `patience` epochs in a row that did not improve the
    best figure by `tol`: the validation score if `by_validation`, which also has the
    best weights restored, else the training loss. All but these three are the call's
    progress, with which another one goes on.
    """

    tol: float
    patience: float
    by_validation: bool = False
    best: float = -math.inf
    idle: int = 0
    epochs: int = 0
    ended: bool = False
    best_values: np.ndarray | None = None  # the best weights

    def update(self, figure):
        """Take an epoch's figure, the larger the better."""
        better = figure >= self.best + self.tol  # no NaN is
        self.idle = 0 if better else self.idle + 1
        self.best = max(self.best, figure)

    @property
    def stops(self):
        """Whether training is to end."""
        return self.idle > self.patience

    def keep(self, network):
        """Remember a network's weights as the best."""
        self.best_values = network.values.copy()

    def restore_best(self, network):
        """Give a network the best weights, if any were kept, and let go of them."""
        if self.best_values is not None:
            network.values[...] = self.best_values
        self.best_values = None


@dataclass(frozen=True)
class Step:
    """How a minibatch moves the weights.

    Attributes
    ----------
    optimizer : Adam or SGD
    loss : callable ``(outputs, targets, weight) -> (value, d_outputs)``
    learning_rate : callable ``(step, adaptive_factor=...) -> float``
        Steps count from 1.
    batch_size : int
    adaptive : bool
        Whether the rate falls, instead of training coming to its end, when epochs
        bring nothing any more.
    clip_norm : float or None
        Largest norm of a gradient.
    augment : transforms or None
        What varies a minibatch, see `skconv.augmentation.augment`.
    """

    optimizer: Any
    loss: Callable
    learning_rate: Callable
    batch_size: int
    adaptive: bool = False
    clip_norm: float | None = None
    augment: Any = None

    def take(self, network, x, targets, weight, history, rng):
        """Take a step; return the loss before it, without one if it is infinite."""
        if self.augment is not None:
            x = augment(x, self.augment, rng)
        value, gradient = network.loss_and_gradient(x, targets, weight, self.loss, rng)
        if not math.isfinite(value):
            return value
        if self.clip_norm is not None:
            clip_by_norm(gradient, self.clip_norm)
        history.steps += 1
        self.optimizer.step(network.parameters, gradient, self.rate(history))
        return value

    def rate(self, history):
        """Return the learning rate of the step that `history` has come to."""
        return self.learning_rate(history.steps, adaptive_factor=history.slowdown)


def train(
    network,
    data,
    step,
    *,
    max_iter,
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
        Anything with `values`, of which `parameters` are a part, `input_shape`, `dtype`
        and `loss_and_gradient`.
    data : (rows, X, targets, weight)
        ``rows`` are the indices to train on. ``X`` is anything that NumPy can index,
        of any numeric dtype; minibatches are gathered from it, never all of it.
        ``weight`` may be None.
    step : Step
    max_iter : int
        Number of epochs.
    rng : numpy.random.Generator
        Of the order of the samples, of augmentation, and of layers that draw.
    history : History
        To go on with.
    shuffle : bool, default=True
    stopping : StoppingRule, optional
        Default: all epochs are trained. One that has seen epochs goes on from there.
    validate : callable ``() -> (loss, score)``, optional
        What the network after each epoch is worth.
    report : callable ``(Epoch) -> bool or None``, optional
        Called after each epoch; training ends where it returns True.

    Raises
    ------
    NonFiniteLossError
        If the loss or a weight is no finite number any more.
    """
    stopping = stopping or StoppingRule(0.0, math.inf)
    if stopping.epochs == 0:
        if not stopping.by_validation:
            history.best_score = -math.inf
        elif history.loss_curve:
            # An earlier call's best weights, the network's now, may remain the best.
            stopping.keep(network)
    try:
        while stopping.epochs < max_iter and not (stopping.stops or stopping.ended):
            start = time.perf_counter()
            # What overflows becomes a loss that is not finite, and an error below.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                loss = _run_epoch(network, data, step, history, rng, shuffle)
            if not (math.isfinite(loss) and np.isfinite(network.values).all()):
                raise NonFiniteLossError(len(history.loss_curve) + 1)
            trained = time.perf_counter()
            validation_loss, score = validate() if validate else (math.nan, math.nan)
            stopping.epochs += 1
            history.loss_curve.append(loss)
            history.validation_losses.append(validation_loss)
            history.validation_scores.append(score)
            history.samples += len(data[0])
            if stopping.by_validation and score > history.best_score:
                history.best_score = score
                stopping.keep(network)
            rate = step.rate(history)
            history.learning_rates.append(rate)
            stopping.update(score if stopping.by_validation else -loss)
            if step.adaptive and stopping.stops and rate > _SLOWEST:
                history.slowdown /= _SLOWER
                stopping.idle = 0
            if report:
                stopping.ended = bool(
                    report(
                        Epoch(
                            len(history.loss_curve), loss, validation_loss, score, rate,
                            time.perf_counter() - start,
                            len(data[0]) / max(trained - start, 1e-9),
                        )
                    )
                )  # fmt: skip
        stopping.ended = True
    except KeyboardInterrupt:
        warnings.warn(
            f"Training interrupted by user after {len(history.loss_curve)} epochs; "
            "the model is usable as it is.",
            stacklevel=2,
        )
    stopping.restore_best(network)


def _run_epoch(network, data, step, history, rng, shuffle):
    """Take one pass over the data; return its mean loss, or the first infinite one."""
    rows, X, targets, weight = data
    order = rng.permutation(rows) if shuffle else rows
    total = 0.0
    for start in range(0, len(order), step.batch_size):
        batch = order[start : start + step.batch_size]
        value = step.take(
            network,
            gather(X, batch, network),
            targets[batch],
            None if weight is None else weight[batch],
            history,
            rng,
        )
        if not math.isfinite(value):
            return value
        total += value * len(batch)
    return total / len(order)
