"""One step of training: a minibatch, its gradient, and what moves the weights."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._data.samples import Samples
from ..augmentation import Batch, augment
from .averaging import Average
from .losses import Loss
from .optimizers import Optimizer, clip_by_norm, make_optimizer
from .schedules import plan_learning_rate

if TYPE_CHECKING:
    from .loop import History

__all__ = ["NEW_STATE", "Step", "auto_batch_size", "plan_step", "take_step"]

# Attributes of an estimator from which no solver and no average can continue.
NEW_STATE: Mapping[str, Any] = {
    "_solver_state": (None, None),  # solver, its state
    "_average_state": None,
}


@dataclass(frozen=True)
class Step:
    """The update of the weights by a minibatch.

    Attributes
    ----------
    optimizer : Adam or SGD
    loss : callable ``(outputs, targets, sample_weight) -> (value, d_outputs)``
    learning_rate : callable ``(step, adaptive_factor=...) -> float``
        Steps count from 1.
    batch_size : int
    adaptive : bool
        Whether the learning rate falls, instead of training stopping, when epochs
        improve nothing any more.
    clip_norm : float or None
        Largest norm of a gradient.
    augment : transforms or None
        What varies a minibatch, see `skconv.augmentation.augment`.
    average : Average or None
        What keeps the network as the average of the one that steps change.
    column_sizes : sequence of int
        As in `Batch`.
    """

    optimizer: Optimizer
    loss: Loss
    learning_rate: Callable[..., float]
    batch_size: int
    adaptive: bool = False
    clip_norm: float | None = None
    augment: Any = None
    average: Average | None = None
    column_sizes: Sequence[int] = ()

    def trained(self, network: Any) -> Any:
        """Return the network that steps change: this one, or what it averages."""
        return network if self.average is None else self.average.trained

    def take(
        self,
        network: Any,
        x: NDArray[Any],
        targets: Any,
        sample_weight: NDArray[Any] | None,
        history: "History",
        rng: np.random.Generator,
        which: NDArray[np.intp] | None = None,
    ) -> float:
        """Take a step; return the loss before it. Take none if that is infinite.

        `which` are their rows in X, for `augment`.
        """
        if self.augment is not None:
            n_outputs, epoch = network.output_shape[-1], len(history.loss_curve)
            batch = Batch(
                *(x, targets, sample_weight, which, epoch, n_outputs),
                column_sizes=self.column_sizes,
                by_pixel=len(network.output_shape) > 1,
            )
            batch = augment(batch, self.augment, rng)
            x, targets, sample_weight = batch.x, batch.targets, batch.sample_weight
        trained = self.trained(network)
        value, gradient = trained.loss_and_gradient(
            x, targets, sample_weight, self.loss, rng
        )
        if not math.isfinite(value):
            return value
        if self.clip_norm is not None:
            clip_by_norm(gradient, self.clip_norm)
        history.steps += 1
        self.optimizer.step(trained.parameters, gradient, self.rate(history))
        if self.average is not None:
            self.average.update(network.values)
        return value

    def rate(self, history: "History") -> float:
        """Return the learning rate of the last step in `history`."""
        return self.learning_rate(history.steps, adaptive_factor=history.slowdown)


def take_step(
    step: Step,
    network: Any,
    samples: Samples,
    which: NDArray[np.intp],
    history: "History",
    rng: np.random.Generator,
) -> float:
    """Take a step on some samples, by their numbers; return the loss before it."""
    batch = samples.batch(which, network)
    return step.take(network, *batch, history, rng, samples.rows_of(which))


def plan_step(
    params: Any,
    network: Any,
    samples: Samples,
    loss: Loss,
    *,
    steps: int,
    epochs: int | None,
    state: tuple[int, NDArray[Any]] | None,
    average_state: tuple[int, NDArray[Any]] | None,
) -> Step:
    """Return the step that an estimator's parameters ask for.

    Parameters
    ----------
    params : estimator
    network : Network
    samples : Samples
    loss : callable
    steps : int
        Number of steps that were taken before, in earlier fits and in this one.
    epochs : int or None
        Epochs of this fit that were trained before. None if `max_iter` counts from
        the very first step on, as in `partial_fit`.
    state : (int, ndarray) or None
        State of the optimizer to continue with.
    average_state : (int, ndarray) or None
        State of the average to continue with.
    """
    batch_size = _clip_batch_size(params.batch_size, len(samples))
    steps_per_epoch = math.ceil(len(samples) / batch_size)
    total_steps = params.max_iter * steps_per_epoch
    if epochs is not None:
        total_steps += steps - epochs * steps_per_epoch
    average = None
    if params.ema_momentum is not None:
        average = Average(network, params.ema_momentum, average_state)
    return Step(
        make_optimizer(params, network, state),
        loss,
        plan_learning_rate(params, total_steps),
        batch_size,
        adaptive=params.learning_rate == "adaptive",
        clip_norm=params.clip_norm,
        augment=params.augment,
        average=average,
        column_sizes=params._encoder.column_sizes,
    )


def _clip_batch_size(batch_size: int | Literal["auto"], n_samples: int) -> int:
    if batch_size == "auto":
        return auto_batch_size(n_samples)
    if batch_size > n_samples:
        warnings.warn(
            f"batch_size={batch_size} is larger than the {n_samples} samples to train "
            "on and is clipped to them",
            stacklevel=2,
        )
    return min(batch_size, n_samples)


def auto_batch_size(n_samples: int) -> int:
    """Return the power of two from 8 to 128 that makes 64 steps an epoch, or more."""
    power = 2 ** max(3, (n_samples // 64).bit_length() - 1)
    return min(power, 128, n_samples)
