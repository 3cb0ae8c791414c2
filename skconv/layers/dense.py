"""Layers on flat samples."""

import math
from typing import Any

import numpy as np

from .. import ops
from .affine import Affine
from .layer import Layer
from .typing import Array, Shape, Weights

__all__ = ["Dense", "Flatten"]


class Dense(Affine):
    """Each output depends on every input: ``activation(x @ kernel + bias)``.

    Images are flattened first, pixel by pixel with their channels together.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`.
    use_bias : bool, default=True
    kernel_initializer : str, default="glorot_uniform"
        A name in `skconv.layers.initializers.INITIALIZERS`.
    kernel_l1, kernel_l2 : float, default=0.0
        Strength of a penalty in the loss: ``kernel_l1 * sum(abs(kernel)) + kernel_l2 *
        sum(kernel**2)``.

    Notes
    -----
    Weights: ``kernel (features, units)`` and ``bias (units,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Dense
    >>> layer = Dense(10)
    >>> weights, shape = layer.build((4, 4, 2), np.random.default_rng(0), np.float32)
    >>> weights["kernel"].shape, shape
    ((32, 10), (10,))
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
    ) -> None:
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        units = ops.positive_int(self.units, "units")
        kernel_shape = (math.prod(input_shape), units)
        return self._draw_weights(kernel_shape, rng, dtype), (units,)

    def _apply(self, weights: Weights, x: Array, activation: str | None) -> Array:
        kernel, bias = weights["kernel"], weights.get("bias")
        return ops.dense(_flat(x), kernel, bias, activation=activation)

    def _apply_backward(
        self, weights: Weights, x: Array, saved: Array, dy: Array, need_dx: bool
    ) -> tuple[Array | None, Array, Array]:
        dx, dkernel, dbias = ops.dense_backward(
            dy,
            saved,
            _flat(x),
            weights["kernel"],
            activation=self.activation,
            need_dx=need_dx,
        )
        return None if dx is None else dx.reshape(x.shape), dkernel, dbias


class Flatten(Layer):
    """Images ``(h, w, c)`` as flat samples ``(h * w * c,)``.

    Examples
    --------
    >>> from skconv.layers import Flatten
    >>> Flatten().build((4, 4, 2), None, None)
    ({}, (32,))
    """

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        return {}, (math.prod(input_shape),)

    def predict(self, weights: Weights, x: Array) -> Array:
        return _flat(x)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        return _flat(x), x.shape

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return dy.reshape(cache), {}


def _flat(x: Array) -> Array:
    return x.reshape(len(x), math.prod(x.shape[1:]))  # -1 fails without samples
