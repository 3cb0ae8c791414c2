"""The training loop: epochs, batches, and when to stop."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.samples import Samples
from .._utils.floats import quiet
from .diagnosis import find_out_of_range
from .step import Step, take_step

__all__ = ["Epoch", "History", "NonFiniteLossError", "StoppingRule", "train"]

# "adaptive" divides the learning rate by the first, until it is below the second.
_SLOWER, _SLOWEST = 5, 1e-6


class NonFiniteLossError(ValueError):
    """The loss or a weight became infinite or NaN; the message says why."""


@dataclass
class History:
    """Loss, scores and rates by epoch, over all fits that continued one another.

    Losses and scores of epochs without validation are NaN. The best score and loss are
    of the last call, in which epochs compete with the network that it began with.
    """

    loss_curve: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)  # of the last steps
    best_score: float = -math.inf  # of the weights that are restored
    best_loss: float = math.inf  # the same, of the validation data
    samples: int = 0
    steps: int = 0
    slowdown: float = 1.0  # factor of the adaptive schedule

    def add(self, epoch: "Epoch", n_samples: int) -> None:
        """Add an epoch of `n_samples` samples."""
        self.loss_curve.append(epoch.loss)
        self.validation_losses.append(epoch.validation_loss)
        self.validation_scores.append(epoch.validation_score)
        self.learning_rates.append(epoch.learning_rate)
        self.samples += n_samples

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of epochs and of samples."""
        return len(self.loss_curve), self.samples

    def cut(self, size: tuple[int, int]) -> None:
        """Remove what was added after it had a size, maybe only in part."""
        epochs, self.samples = size
        for curve in (
            self.loss_curve, self.validation_losses, self.validation_scores,
            self.learning_rates,
        ):  # fmt: skip
            del curve[epochs:]


class Epoch(NamedTuple):
    """The report of an epoch."""

    number: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    seconds: float
    images_per_second: float


# Fields of `Epoch` that are printed, how, and from which level of `verbose` on.
_COLUMNS = [
    ("number", "Epoch {:4d}", 1),
    ("loss", "loss {:.6f}", 1),
    ("validation_loss", "validation loss {:.6f}", 1),
    ("validation_score", "validation score {:7.4f}", 1),
    ("learning_rate", "learning rate {:<9.3g}", 2),
    ("seconds", "{:7.2f} s", 1),
    ("images_per_second", "{:9,.0f} images/s", 1),
]


@dataclass
class StoppingRule:
    """Stopping criterion and progress of one call of `train`.

    Training stops after more than `patience` epochs in a row that did not improve the
    best figure by `tol`. The figure is the negative training loss or, if
    `by_validation`, the negative validation loss or, if `by_score` too, the validation
    score. With `by_validation` the best weights are restored at the end; of equal
    scores the one with the lower loss is better. Training also stops after an epoch
    with a training loss below `enough`, which leaves nothing to learn. All fields but
    these five are progress, with which another call can continue.
    """

    tol: float
    patience: float
    by_validation: bool = False
    by_score: bool = False
    enough: float = -math.inf
    best: float = -math.inf
    idle: int = 0
    epochs: int = 0
    ended: bool = False
    best_values: NDArray[Any] | None = None  # the network's, at the best score

    def figure(self, loss: float, validation_loss: float, score: float) -> float:
        """Return what epochs are compared by, the larger the better; NaN is worst."""
        if not self.by_validation:
            return -loss
        return score if self.by_score else -validation_loss

    def rank(self, loss: float, score: float) -> tuple[float, float]:
        """Return what the results of validation are compared by, the larger the better.

        Of equal scores the one with the lower loss is better; NaN is the worst.
        """
        return _or_worst(score if self.by_score else -loss), _or_worst(-loss)

    def update(self, figure: float, loss_fell: bool = False) -> None:
        """Take an epoch's figure; if it is NaN, `loss_fell` is what counts."""
        better = figure >= self.best + self.tol
        if math.isnan(figure):
            better = loss_fell
        elif figure > self.best:
            self.best = figure
        self.idle = 0 if better else self.idle + 1

    @property
    def stops(self) -> bool:
        """Whether training should stop."""
        return self.idle > self.patience

    def restore_best(self, network: Any) -> None:
        """Give a network the best weights, if there are any, and forget them."""
        if self.best_values is not None:
            network.values[...] = self.best_values
        self.best_values = None


def _or_worst(figure: float) -> float:
    return -math.inf if math.isnan(figure) else figure


def train(
    network: Any,
    samples: Samples,
    step: Step,
    *,
    max_iter: int,
    rng: np.random.Generator,
    history: History,
    shuffle: bool = True,
    stopping: StoppingRule | None = None,
    validate: Callable[[], tuple[float, float]] | None = None,
    verbose: int = 0,
    after_epoch: Callable[[], bool | None] | None = None,
) -> None:
    """Train a network in place.

    If Ctrl-C ends it early, network and history are those of the epochs that ended.

    Parameters
    ----------
    network : Network
        Anything with `values`, of which `parameters` are a part, `input_shape`, `dtype`
        and `loss_and_gradient`.
    samples : Samples
    step : Step
    max_iter : int
        Number of epochs.
    rng : numpy.random.Generator
        For the order of samples, for augmentation, and for layers that draw.
    history : History
        Of earlier calls; epochs are added to it.
    shuffle : bool, default=True
    stopping : StoppingRule, optional
        Default: all epochs are trained. Epochs that it has seen are not repeated.
    validate : callable ``() -> (loss, score)``, optional
        Called after each epoch.
    verbose : int, default=0
        1 prints a line for each epoch, 2 adds the learning rate.
    after_epoch : callable ``() -> bool or None``, optional
        Called at the end of each epoch; training stops if it returns True.

    Raises
    ------
    NonFiniteLossError
        If the loss or a weight becomes infinite or NaN.
    """
    stopping = stopping or StoppingRule(0.0, math.inf)
    _begin(network, history, stopping, validate)
    complete = history.size
    try:
        while stopping.epochs < max_iter and not _ends(stopping, history):
            start = time.perf_counter()
            loss = _run_epoch(network, samples, step, history, rng, shuffle)
            trained = time.perf_counter()
            validation_loss, score = validate() if validate else (math.nan, math.nan)
            epoch = Epoch(
                len(history.loss_curve) + 1, loss, validation_loss, score,
                step.rate(history), time.perf_counter() - start,
                len(samples) / max(trained - start, 1e-9),
            )  # fmt: skip
            history.add(epoch, len(samples))
            complete = history.size
            _judge(epoch, network, step, history, stopping)
            if verbose:
                _print_epoch(epoch, verbose)
            if after_epoch:
                stopping.ended = bool(after_epoch())
        stopping.ended = True
    finally:  # after Ctrl-C, too
        history.cut(complete)
        stopping.restore_best(network)


def _begin(
    network: Any,
    history: History,
    stopping: StoppingRule,
    validate: Callable[[], tuple[float, float]] | None,
) -> None:
    """Prepare the history and the stopping rule for a call of `train`."""
    if stopping.epochs:  # it resumes
        return
    history.slowdown = 1.0
    history.best_score, history.best_loss = -math.inf, math.inf
    if history.loss_curve and stopping.by_validation and validate:
        # An earlier call's network may remain the best.
        loss, score = history.best_loss, history.best_score = validate()
        stopping.best, _ = stopping.rank(loss, score)
        stopping.best_values = network.values.copy()


def _ends(stopping: StoppingRule, history: History) -> bool:
    """Return whether training ends before the next epoch."""
    if stopping.stops or stopping.ended:
        return True
    return stopping.epochs > 0 and history.loss_curve[-1] < stopping.enough


def _run_epoch(
    network: Any,
    samples: Samples,
    step: Step,
    history: History,
    rng: np.random.Generator,
    shuffle: bool,
) -> float:
    """Take one pass over the samples; return their mean loss."""
    n, total = len(samples), 0.0
    order = rng.permutation(n) if shuffle else np.arange(n)
    # What overflows becomes a loss or a weight that is not finite, and an error below.
    with quiet():
        for start in range(0, n, step.batch_size):
            which = order[start : start + step.batch_size]
            before = rng.bit_generator.state
            value = take_step(step, network, samples, which, history, rng)
            if not math.isfinite(value):
                break
            total += value * len(which)
    loss = total / n
    if math.isfinite(value + loss) and np.isfinite(network.values).all():
        return loss
    rng.bit_generator.state = before
    trained, batch = step.trained(network), samples.batch(which, network)
    found = find_out_of_range(trained, samples, batch, step, history.steps, rng)
    raise NonFiniteLossError(
        "the loss or a weight became infinite or NaN in epoch "
        f"{len(history.loss_curve) + 1}; {found}"
    )


def _judge(
    epoch: Epoch, network: Any, step: Step, history: History, stopping: StoppingRule
) -> None:
    """Remember the best weights; slow down or stop if epochs improve nothing."""
    stopping.epochs += 1
    loss, score = epoch.validation_loss, epoch.validation_score
    loss_fell = loss <= history.best_loss - stopping.tol
    best = stopping.rank(history.best_loss, history.best_score)
    if stopping.by_validation and stopping.rank(loss, score) > best:
        values = network.values.copy()
        # No call between these: an interruption finds all three or none.
        stopping.best_values = values
        history.best_loss, history.best_score = loss, score
    stopping.update(stopping.figure(epoch.loss, loss, score), loss_fell)
    if step.adaptive and stopping.stops and epoch.learning_rate > _SLOWEST:
        history.slowdown /= _SLOWER
        stopping.idle = 0


def _print_epoch(epoch: Epoch, verbose: int) -> None:
    values = [(getattr(epoch, name), form, level) for name, form, level in _COLUMNS]
    print(
        *(
            form.format(value)
            for value, form, level in values
            if verbose >= level and not math.isnan(value)
        ),
        sep="  ",
    )
