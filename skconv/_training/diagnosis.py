"""What is out of range when training diverges or leaves the finite numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.samples import Samples
from ..augmentation.batch import Batch
from ..augmentation.protocol import augment, name_transforms
from .step import Step

__all__ = ["find_out_of_range"]

_Array = NDArray[Any]

# Larger values of X, targets and weights are named, as are steps of such a rate.
_LARGE = {"X": 100, "targets": 1e3, "weights": 1e4, "rate": 1}
# Targets that are looked at at a time.
_CHUNK = 256
# By how much a layer or a transform may enlarge values without being named.
_GROWTH = 1e4


def find_out_of_range(
    network: Any, samples: Samples, batch: Any, step: Step, steps: int, rng: Any
) -> str:
    """Return in words what is out of range, and what to do about it.

    The step that failed is computed again, piece by piece.

    Parameters
    ----------
    network : Network
        As the failed step found it.
    samples : Samples
        All of them.
    batch : (x, targets, sample_weight)
        The minibatch of the step.
    step : Step
    steps : int
        Number of steps taken.
    rng : numpy.random.Generator
        In the state that it had before the step.
    """
    with np.errstate(all="ignore"):
        largest = max((each for _, each in step.optimizer.parts), default=1.0)
        rate = step.learning_rate(max(1, steps)) * largest
        pieces = [*_find_in_pieces(network, samples, batch, step, rng)]
        causes = [*_find_in_solver(step, rate, network.dtype)]
    causes += [words for is_cause, words in pieces if is_cause]
    if causes:
        return f"out of range: {'; '.join(causes)}"
    first = f"it began with {pieces[0][1]}" if pieces else "each value is in range"
    return (
        f"{first}. The learning rate was {rate:g}: lower learning_rate_init, or limit "
        "steps with clip_norm=1.0"
    )


def _find_in_solver(step: Step, rate: float, dtype: np.dtype[Any]) -> Iterator[str]:
    """Yield what makes a step too large for any gradient."""
    if rate > _LARGE["rate"]:
        yield f"the learning rate, {rate:g} (lower learning_rate_init)"
    decay = step.optimizer.decay
    strength = 0.0 if decay is None else float(decay.max(initial=0))
    if strength * min(rate, _LARGE["rate"]) > 2:
        yield (
            f"alpha={strength:g}, as each step multiplies kernels by 1 - alpha * "
            f"learning rate = {1 - strength * rate:.3g}, which must be from -1 to 1"
        )
    epsilon = getattr(step.optimizer, "epsilon", 1.0)
    if dtype.type(epsilon) < np.finfo(dtype).tiny:
        yield f"epsilon={epsilon:g}, which is 0 in {dtype} (increase it)"
    beta_1, beta_2 = (getattr(step.optimizer, f"beta_{i}", i - 1.0) for i in (1, 2))
    if beta_1**2 > beta_2:  # then Adam's steps have no limit, as its paper says
        yield (
            f"beta_1={beta_1:g} with beta_2={beta_2:g}, as steps of Adam are limited "
            "only if beta_1**2 <= beta_2 (increase beta_2)"
        )


def _find_in_pieces(
    network: Any, samples: Samples, batch: Any, step: Step, rng: Any
) -> Iterator[tuple[bool, str]]:
    """Yield what is out of range in a step, and whether it is a cause of the rest."""
    yield from _find_in_targets(samples)
    low, high = float(np.min(samples.X)), float(np.max(samples.X))
    x, targets, weight = batch
    *pixels, n_outputs = network.output_shape
    varied = Batch(
        *(x, targets, weight),
        n_outputs=n_outputs,
        column_sizes=step.column_sizes,
        by_pixel=bool(pixels),
    )
    for name, transform in name_transforms(step.augment or []):
        x = varied.x
        varied = augment(varied, [(name, transform)], rng)
        if growth := _describe_growth(x, varied.x):
            is_cause, words = growth
            yield is_cause, f"augment: transform {name!r} ({transform!r}) {words}"
        if not np.isfinite(varied.x).all():
            return
    x, targets, weight = varied.x, varied.targets, varied.sample_weight
    assert targets is not None
    if not _size(network.values) <= _GROWTH:
        yield False, "weights that left their range in the step before"
        network = _with_new_weights(network)
    scaled = max(-low, high) <= _LARGE["X"]
    for name, layer in network.layers:
        if not scaled and _is_trained(network, name):
            scaled = True
            if _size(x) > _LARGE["X"]:
                yield True, _describe_x(low, high, network, name)
        penalty, _ = layer.penalty(network.weights[name])
        if not penalty < _GROWTH:
            yield True, f"the penalty of layer {name!r} ({layer!r}), {penalty:.3g}"
        y, _ = layer.forward(network.weights[name], x, rng)
        if growth := _describe_growth(x, y):
            is_cause, words = growth
            yield is_cause, f"layer {name!r} ({layer!r}) {words}"
        if not np.isfinite(y).all():
            return
        x = y
    value, gradient = step.loss(x, targets, weight)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        yield False, f"the loss, {value:.3g}, of outputs up to {_size(x):.3g}"


def _find_in_targets(samples: Samples) -> Iterator[tuple[bool, str]]:
    targets, weight = samples.targets, samples.sample_weight
    starts = range(0, len(targets), _CHUNK) if targets.dtype.kind == "f" else ()
    parts = (targets[start : start + _CHUNK] for start in starts)
    if any(not _size(part) < _LARGE["targets"] for part in parts):
        y = samples.numbers()
        yield True, f"y between {y.min():g} and {y.max():g} (scale y)"
    if weight is not None and not _size(weight) < _LARGE["weights"]:
        yield True, f"sample_weight up to {weight.max():g} (scale it to about 1)"


def _describe_x(low: float, high: float, network: Any, trained: str) -> str:
    way_out = (
        "scale X to about [0, 1], with a division or with Normalization(0.5) as the "
        "first layer"
    )
    names = [name for name, _ in network.layers]
    for name, layer in network.layers[: names.index(trained)]:
        if "scale" in layer.state:  # learned before the first step
            way_out = (
                f"layer {name!r} keeps the scale of the first call: scale X as then, "
                "or start again with warm_start=False and fit"
            )
    return f"X between {low:g} and {high:g} ({way_out})"


def _with_new_weights(network: Any) -> Any:
    """Return a network as it began, but with the state that layers learned from X."""
    build, new = type(network).build, network.copy()
    drawn = build(network.layers, network.input_shape, 0, network.dtype)
    for name, array in new.arrays.items():
        lost = ~np.isfinite(array) | np.may_share_memory(array, new.parameters)
        array[lost] = drawn.arrays[name][lost]
    return new


def _is_trained(network: Any, name: str) -> bool:
    """Return whether a layer has weights that gradients train."""
    return any(
        key.partition(".")[0] == name and np.may_share_memory(array, network.parameters)
        for key, array in network.arrays.items()
    )


def _size(array: _Array) -> float:
    return float(np.abs(array).max(initial=0))


def _describe_growth(x: _Array, y: _Array) -> tuple[bool, str] | None:
    """Say what makes y too large for its input x, and whether that is a cause.

    It is none if x was too large before.
    """
    before, after = _size(x), _size(y)
    if not after <= np.finfo(y.dtype).max:
        words = f"returned infinity or NaN for an input up to {before:.3g}"
        return before <= _GROWTH**2, words
    if after > _GROWTH * max(1.0, before):
        words = f"returned values up to {after:.3g} for an input up to {before:.3g}"
        return True, words
    return None
