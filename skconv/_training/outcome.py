"""A warning if a network has learnt nothing, or has diverged."""

import math
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from .._data.encoder import TargetEncoder
from .._data.samples import Samples
from .diagnosis import find_out_of_range
from .loop import History, StoppingRule
from .losses import Loss, loss_of
from .pixels import some_samples
from .step import Step
from .validation import Validator

__all__ = ["warn_of_outcome"]

# By how many times the loss of a constant prediction must be exceeded to be divergence.
_DIVERGED = 100
# The same for a network that stopped without having learnt anything.
_BAD = 1.5
# A lower loss, in the same units, is no reason to look at the predictions.
_NEAR = 0.8
# How many times larger than training data validation data are out of range.
_FAR = 10
# Samples whose loss is computed at a time.
_CHUNK = 2**14


def warn_of_outcome(
    network: Any,
    encoder: TargetEncoder,
    samples: Samples,
    validate: Validator | None,
    step: Step,
    stopping: StoppingRule,
    history: History,
) -> None:
    """Warn if training diverged, or stopped with a network that has learnt nothing.

    It has learnt nothing if its loss is much larger than that of the best constant
    prediction, or not smaller and it predicts about the same for all samples, as if all
    units of a layer are 0. Random labels are no reason for a warning. The loss is that
    of the validation samples if these ended training, else of the training samples.

    Parameters
    ----------
    network : Network
        After training.
    encoder : TargetEncoder
    samples : Samples
        Those trained on.
    validate : Validator or None
    step : Step
    stopping : StoppingRule
    history : History
    """
    validated = stopping.by_validation and validate is not None
    curve = history.loss_curve[-1:]
    reached = history.best_loss if validated else max(curve, default=0.0)
    undefined = validated and not np.isfinite(reached)  # which gave a warning
    if undefined or not (stopping.stops or reached > _DIVERGED):
        return
    # In the units of what was reached, which may be smoothed or focal.
    loss = loss_of(encoder) if validated else step.loss
    outputs = encoder.constant_outputs(samples.targets, samples.sample_weight)
    judged = samples
    if validated and validate is not None:
        judged = replace(validate.samples, sample_weight=validate.loss_weight)
    shape = encoder.output_shape
    constant = _loss_of_constant(judged, np.broadcast_to(outputs, shape), loss)
    if constant <= 10 * stopping.tol or reached < _NEAR * constant:
        return
    samples = some_samples(samples, network)
    predicted = samples.predict(network)
    if not validated:
        with np.errstate(over="ignore"):
            targets = samples.targets[: len(samples)]
            reached, _ = loss(predicted, targets, samples.sample_weight)
    words = (
        f"{stopping.epochs} epochs with a loss of {reached:.4g}, where the same "
        f"prediction for all samples has {constant:.4g}"
    )
    if not reached <= _DIVERGED * max(1.0, constant):  # or NaN
        found = _compare(samples, judged)
        if not found:
            # Where outputs are the largest.
            sizes = np.abs(predicted).reshape(len(predicted), -1).max(axis=1)
            worst = np.argsort(-sizes)[: step.batch_size]
            batch = samples.batch(worst, network)
            rng = np.random.default_rng(0)
            found = find_out_of_range(network, samples, batch, step, history.steps, rng)
        words = f"training diverged: it ended after {words}; {found}"
    elif stopping.stops and (reached > _BAD * constant or _is_constant(predicted)):
        words = (
            f"the network has learnt nothing: training stopped after {words}. Try "
            "another random_state, a lower learning_rate_init or another network"
        )
    else:
        return
    warnings.warn(words, ConvergenceWarning, stacklevel=2)


def _compare(samples: Samples, validated: Samples) -> str:
    """Return in words which validation data are far larger than the training data."""
    for name, train, other in [
        ("X", samples.X, validated.X),
        ("y", _numbers(samples), _numbers(validated)),
    ]:
        if train is None or other is None or train is other:
            continue
        size = max(abs(float(train.min())), abs(float(train.max())))
        low, high = float(other.min()), float(other.max())
        if max(-low, high) > _FAR * size:
            return (
                f"out of range: {name}_val between {low:g} and {high:g}, where {name} "
                f"is between {train.min():g} and {train.max():g} (scale both alike)"
            )
    return ""


def _numbers(samples: Samples) -> NDArray[Any] | None:
    """Return the numbers to predict, None of classes."""
    return samples.numbers() if samples.targets.dtype.kind == "f" else samples.y


def _is_constant(outputs: NDArray[Any]) -> bool:
    """Return whether outputs are about the same for all samples, or pixels."""
    outputs = outputs.reshape(-1, outputs.shape[-1])
    return bool(outputs.std(axis=0).max() < 1e-5 * max(1.0, np.abs(outputs).max()))


def _loss_of_constant(samples: Samples, outputs: NDArray[Any], loss: Loss) -> float:
    """Return the loss of samples if the network's outputs are the same for all."""
    total, size = 0.0, max(1, _CHUNK // math.prod(outputs.shape[:-1]))
    for start in range(0, len(samples), size):
        part = slice(start, start + size)
        weight, targets = samples.sample_weight, samples.targets[part]
        same = np.repeat(np.asarray(outputs, np.float64)[None], len(targets), axis=0)
        value, _ = loss(same, targets, None if weight is None else weight[part])
        total += value * len(targets)
    return total / len(samples)
