"""Layers that prediction computes in one op, by the types of both.

A fused pair predicts what the two layers do one after the other, up to rounding. Types
must match exactly: a subclass may compute something else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from .. import ops
from .convolution import Conv1D, Conv2D
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .normalization import BatchNorm
from .pooling import MaxPool2D
from .typing import Array, Weights
from .windows import slide

__all__ = ["FUSIONS", "PooledConv2D", "Step", "fuse"]


class Step(Protocol):
    """A step of prediction: a layer, or what several were fused into."""

    def predict(self, weights: Weights, x: Array) -> Array:
        """Compute the output."""


class PooledConv2D(NamedTuple):
    """Predict what a `Conv2D` and a `MaxPool2D` after it do, in one op."""

    conv: Conv2D
    pool: MaxPool2D

    def predict(self, weights: Weights, x: Array) -> Array:
        """Compute the output, with the convolution's weights."""
        return ops.conv2d_max_pool2d(
            x,
            weights["kernel"],
            weights.get("bias"),
            weights.get("scale"),
            activation=self.conv.activation,
            groups=self.conv.groups,
            **slide(self.conv, x.shape[1:]),
            pool_size=self.pool.pool_size,
            pool_stride=self.pool.stride,
            pool_padding=self.pool.padding,
        )


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
    (DepthwiseConv2D, BatchNorm): _fold_batch_norm,
    (SeparableConv2D, BatchNorm): _fold_batch_norm,
    (Conv2D, MaxPool2D): _pool_along,
}
"""(type, type of the layer after it) -> what makes one of both, for `fuse`."""
