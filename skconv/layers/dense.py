"""Layers on flat samples."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from .. import ops
from .affine import Affine
from .layer import Layer
from .typing import Array, Shape, Weights

__all__ = ["Dense", "Flatten", "Reshape"]


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

    def _apply_grad_input(
        self, weights: Weights, x: Array, saved: Array, dy: Array
    ) -> Array:
        dz = ops.activate_grad(dy, saved, self.activation)
        return ops.dense_grad_input(dz, weights["kernel"]).reshape(x.shape)


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


class Reshape(Layer):
    """Samples of another shape, their numbers in the same order.

    Parameters
    ----------
    target_shape : tuple of int
        Of a sample. One of them may be -1: then it is what is left of the sample's
        numbers.

    Notes
    -----
    Numbers are in NumPy's order: pixel by pixel in rows, with their channels together.

    Examples
    --------
    >>> from skconv.layers import Reshape
    >>> Reshape((4, 4, -1)).build((32,), None, None)
    ({}, (4, 4, 2))
    """

    def __init__(self, target_shape: Sequence[int]) -> None:
        self.target_shape = target_shape

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        return {}, self._shape(input_shape)

    def _shape(self, input_shape: Shape) -> Shape:
        """Return the target shape without a -1."""
        target, size = self.target_shape, math.prod(input_shape)
        listed = target.tolist() if isinstance(target, np.ndarray) else target
        are_sizes = isinstance(listed, tuple | list) and len(listed) > 0
        for each in listed if are_sizes else ():
            is_int = isinstance(each, Integral) and not isinstance(each, bool)
            are_sizes = are_sizes and is_int and (each > 0 or each == -1)
        if not are_sizes or list(listed).count(-1) > 1:
            raise ValueError(
                "target_shape must be a tuple of int >= 1, at most one of them -1, got "
                f"{target!r}"
            )
        shape = tuple(map(int, listed))
        known = abs(math.prod(shape))
        if size % known or (-1 not in shape and size != known):
            raise ValueError(
                f"target_shape must hold the {size} numbers of its input "
                f"{tuple(input_shape)}, got {target!r}"
            )
        return tuple(size // known if each == -1 else each for each in shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        return x.reshape(len(x), *self._shape(x.shape[1:]))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        return self.predict(weights, x), x.shape

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return dy.reshape(cache), {}


def _flat(x: Array) -> Array:
    return x.reshape(len(x), math.prod(x.shape[1:]))  # -1 fails without samples
