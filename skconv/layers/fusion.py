"""Layers that are computed in one op, by the types of both.

A fused pair computes what the two layers do one after the other, up to rounding. Types
must match exactly: a subclass may compute something else.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import ops
from .convolution import Conv1D, Conv2D
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .marks import is_frozen
from .normalization import BatchNorm
from .pooling import MaxPool2D
from .transposed import Conv1DTranspose, Conv2DTranspose
from .typing import Array, Chain, Weights
from .windows import find_window, slide

__all__ = ["FUSIONS", "PooledConv2D", "Step", "TrainedStep", "fuse", "training_steps"]


class Step(Protocol):
    """A step of prediction: a layer, or what several were fused into."""

    def predict(self, weights: Weights, x: Array) -> Array:
        """Compute the output."""


class TrainedStep(Protocol):
    """A step of training: a layer, or what two were fused into."""

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        """Compute the output, and what `backward` needs."""

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        """Turn the gradient in the output into those in the input and the weights."""


class PooledConv2D(NamedTuple):
    """Do what a `Conv2D` and a `MaxPool2D` after it do, with the former's weights.

    Values that the pool drops are not saved for the backward pass. Where its windows do
    not overlap, they are never all in memory.
    """

    conv: Conv2D
    pool: MaxPool2D

    def predict(self, weights: Weights, x: Array) -> Array:
        """Compute the output."""
        arrays = x, weights["kernel"], weights.get("bias"), weights.get("scale")
        return ops.conv2d_max_pool2d(*arrays, **self._options(x))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        """Compute the output, and what `backward` needs."""
        arrays, options = (x, weights["kernel"], weights.get("bias")), self._options(x)
        y, argmax = ops.conv2d_max_pool2d_with_argmax(*arrays, **options)
        return y, (x, y, argmax, options)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        """Turn the gradient in the output into those in the input and the weights."""
        x, y, argmax, options = cache
        if is_frozen(weights):
            if not need_dx:
                return None, {}
            dz = ops.activate_grad(dy, y, self.conv.activation)
            return self._grad_input(weights, x, argmax, dz), {}
        arrays = dy, y, argmax, x, weights["kernel"]
        dx, *grads = ops.conv2d_max_pool2d_backward(*arrays, need_dx=need_dx, **options)
        return dx, self.conv.name_gradients(*grads)

    def _grad_input(
        self, weights: Weights, x: Array, argmax: Array, dz: Array
    ) -> Array:
        shape = *find_window(self.conv, x.shape[1:]).output, self.conv.filters
        slides = slide(self.pool, shape)
        dz = ops.max_pool2d_grad(dz, argmax, (len(x), *shape), **slides)
        slides = {"groups": self.conv.groups, **slide(self.conv, x.shape[1:])}
        return ops.conv2d_grad_input(dz, weights["kernel"], x.shape, **slides)

    def _options(self, x: Array) -> dict[str, Any]:
        return {
            "activation": self.conv.activation,
            "groups": self.conv.groups,
            **slide(self.conv, x.shape[1:]),
            "pool_size": self.pool.pool_size,
            "pool_stride": self.pool.stride,
            "pool_padding": self.pool.padding,
        }


def training_steps(layers: Chain) -> Iterator[tuple[int, int, TrainedStep]]:
    """Yield the steps in which a chain is trained.

    Yields
    ------
    first, last : int
        Which layers the step consists of. Weights are those of the first.
    step : TrainedStep
    """
    pooled = False
    for i, (_, layer) in enumerate(layers):
        after = layers[i + 1][1] if i + 1 < len(layers) else None
        if pooled:
            pooled = False
        elif (
            type(layer) is Conv2D
            and type(after) is MaxPool2D
            and ops.find_activation(layer.activation).may_be_pooled
        ):
            pooled = True
            yield i, i + 1, PooledConv2D(layer, after)
        else:
            yield i, i, layer


def fuse(
    first: Step, first_weights: Weights, second: Step, second_weights: Weights
) -> tuple[Step, Weights] | None:
    """Return one step for two that follow each other, and its weights.

    Parameters
    ----------
    first, second : Layer
        `first` may be the result of an earlier call.
    first_weights, second_weights : dict of str to ndarray
        They are not changed.

    Returns
    -------
    fused : (step, dict of str to ndarray) or None
        None if the two cannot be one.
    """
    function = FUSIONS.get((type(first), type(second)))
    return function and function(first, first_weights, second, second_weights)


def _fold_batch_norm(
    conv: Any, weights: Weights, norm: BatchNorm, norm_weights: Weights
) -> tuple[Step, Weights] | None:
    """Let the convolution scale and shift each channel as it ends.

    ``scale (z + bias - mean) + shift = scale z + (scale (bias - mean) + shift)``
    """
    if conv.activation is not None or "scale" in weights:
        return None
    mean, scale, shift = norm.prediction_coefficients(norm_weights)
    bias = scale * (weights.get("bias", 0) - mean) + shift
    fused: Any = object.__new__(type(conv))  # faster than copy.copy
    vars(fused).update(vars(conv), activation=norm.activation)
    return fused, {**weights, "bias": bias, "scale": scale}


def _pool_along(
    conv: Conv2D, weights: Weights, pool: MaxPool2D, _: Weights
) -> tuple[Step, Weights]:
    return PooledConv2D(conv, pool), weights


FUSIONS: dict[tuple[type, type], Callable[..., tuple[Step, Weights] | None]] = {
    (Conv1D, BatchNorm): _fold_batch_norm,
    (Conv2D, BatchNorm): _fold_batch_norm,
    (Conv1DTranspose, BatchNorm): _fold_batch_norm,
    (Conv2DTranspose, BatchNorm): _fold_batch_norm,
    (DepthwiseConv2D, BatchNorm): _fold_batch_norm,
    (SeparableConv2D, BatchNorm): _fold_batch_norm,
    (Conv2D, MaxPool2D): _pool_along,
}
"""(type, type of the layer after it) -> what makes one of both, for `fuse`."""
