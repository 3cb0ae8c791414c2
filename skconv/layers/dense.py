"""Layers on flat samples."""

import math

from .. import ops
from .layer import Affine, Layer

__all__ = ["Dense", "Flatten"]


class Dense(Affine):
    """Each output sees every input: ``activation(x @ kernel + bias)``.

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
        What the loss has added for large weights: ``kernel_l1 * sum(abs(kernel)) +
        kernel_l2 * sum(kernel**2)``.

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
        units,
        activation=None,
        *,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        kernel_l1=0.0,
        kernel_l2=0.0,
    ):
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2

    def build(self, input_shape, rng, dtype):
        units = ops.positive_int(self.units, "units")
        kernel_shape = (math.prod(input_shape), units)
        return self._draw_weights(kernel_shape, rng, dtype), (units,)

    def multiply_adds(self, input_shape, output_shape):
        return math.prod(input_shape) * math.prod(output_shape)

    def _op(self, x, kernel, bias, activation):
        return ops.dense(_flat(x), kernel, bias, activation=activation)

    def _op_backward(self, dy, kept, x, kernel, need_dx):
        dx, dkernel, dbias = ops.dense_backward(
            dy, kept, _flat(x), kernel, activation=self.activation, need_dx=need_dx
        )
        return dx.reshape(x.shape) if need_dx else None, dkernel, dbias


class Flatten(Layer):
    """Images ``(h, w, c)`` as flat samples ``(h * w * c,)``.

    Examples
    --------
    >>> from skconv.layers import Flatten
    >>> Flatten().build((4, 4, 2), None, None)
    ({}, (32,))
    """

    def build(self, input_shape, rng, dtype):
        return {}, (math.prod(input_shape),)

    def predict(self, weights, x):
        return _flat(x)

    def forward(self, weights, x, rng):
        return _flat(x), x.shape

    def backward(self, weights, cache, dy, need_dx=True):
        return dy.reshape(cache), {}


def _flat(x):
    return x.reshape(len(x), math.prod(x.shape[1:]))  # -1 fails without samples
