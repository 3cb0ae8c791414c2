"""Layers that bring the values of a minibatch or a sample to mean 0 and variance 1."""

import math
import warnings
from typing import Any

import numpy as np

from .. import ops
from .affine import activated
from .checks import check_flag, check_number, sample_axes
from .initializers import fill
from .layer import Layer
from .typing import Array, Batches, Shape, Weights

__all__ = ["BatchNorm", "LayerNorm"]


class BatchNorm(Layer):
    """Normalise each channel by the mean and the variance of its minibatch.

    ``y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta)``, over all
    samples and pixels of a minibatch in training. Prediction takes running means of
    both instead, so that a sample's output does not depend on others.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        By how much each step discounts the moments of earlier minibatches: one of n
        samples gets a share of ``n / samples``, with ``samples = momentum * samples +
        n``. So the first minibatch gets all, the first few get equal shares, and in the
        long run each gets ``1 - momentum`` if it is as large as the others. Keras'
        default, 0.99, needs some hundred steps.
    epsilon : float, default=0.001
        Added to the variance.
    center : bool, default=True
        Whether to learn ``beta``, which is added.
    scale : bool, default=True
        Whether to learn ``gamma``, the factor.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`; here it costs less than as a separate
        layer.

    Notes
    -----
    Ioffe & Szegedy, "Batch normalization", 2015; the running variance is the unbiased
    one of their algorithm 2 (Keras uses the biased one). The gradient includes the part
    through mean and variance: see `skconv.ops.batch_norm_backward`.

    A minibatch that holds a single value of each channel, one flat sample, has no
    variance: it is normalised by the running mean and variance before it, as constants,
    which its deviation from them then updates. So `batch_size` may be 1, and a last
    minibatch of one sample does no harm. Sample weights do not affect the moments.

    Weights: ``gamma (c,)``, ``beta (c,)``; and, as state, ``moving_mean (c,)``,
    ``moving_variance (c,)`` and ``samples (1,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import BatchNorm
    >>> layer, x = BatchNorm(), np.arange(8.0).reshape(4, 2)
    >>> weights, _ = layer.build((2,), np.random.default_rng(0), np.dtype(float))
    >>> y, _ = layer.forward(weights, x, np.random.default_rng(0))
    >>> y.mean(axis=0), y.std(axis=0).round(3)
    (array([0., 0.]), array([1., 1.]))
    >>> weights["moving_mean"]
    array([3., 4.])
    """

    state = ("moving_mean", "moving_variance", "samples")

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-3,
        *,
        center: bool = True,
        scale: bool = True,
        activation: str | None = None,
    ) -> None:
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.activation = activation

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        check_number(self.momentum, "momentum", 0, 1)
        check_number(self.epsilon, "epsilon", 0, above=True)
        check_flag(self.center, "center")
        check_flag(self.scale, "scale")
        ops.find_activation(self.activation)
        channels = input_shape[-1]
        weights = {}
        if self.scale:
            weights["gamma"] = fill(1, (channels,), rng, dtype)
        if self.center:
            weights["beta"] = fill(0, (channels,), rng, dtype)
        weights["moving_mean"] = fill(0, (channels,), rng, dtype)
        weights["moving_variance"] = fill(1, (channels,), rng, dtype)
        weights["samples"] = fill(0, (1,), rng, dtype)
        return weights, tuple(input_shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        mean, scale, shift = self.prediction_coefficients(weights)
        return ops.normalize(x, mean, scale, shift, activation=self.activation)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        by_minibatch = rng is not None and x.size > x.shape[-1]
        if by_minibatch:
            moments = ops.channel_moments(x)
        else:
            moments = weights["moving_mean"].copy(), weights["moving_variance"].copy()
        if rng is not None:
            self._update(weights, x, *moments)
        mean, inverse, scale, shift = self._coefficients(weights, *moments)
        y, saved = activated(
            lambda activation: ops.normalize(
                x, mean, scale, shift, activation=activation
            ),
            self.activation,
        )
        # ReLU's output is computed from x again where it is needed: less to read.
        again = self.activation == "relu" and by_minibatch
        vectors = mean, inverse, scale, shift
        return y, (None if again else saved, x, *vectors, by_minibatch)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        *arrays, by_minibatch = cache
        backward = ops.batch_norm_backward if by_minibatch else _backward_of_constants
        dx, dgamma, dbeta = backward(
            dy, *arrays, activation=self.activation, need_dx=need_dx
        )
        grads = {"gamma": dgamma, "beta": dbeta}
        return dx, {name: grads[name] for name in grads if name in weights}

    def prediction_coefficients(self, weights: Weights) -> tuple[Array, Array, Array]:
        """Return mean, scale and shift: ``y = activation(scale * (x - mean) + shift)``.

        Parameters
        ----------
        weights : dict of str to ndarray

        Returns
        -------
        mean, scale, shift : ndarray of shape (c,)
        """
        moments = weights["moving_mean"], weights["moving_variance"]
        mean, _, scale, shift = self._coefficients(weights, *moments)
        return mean, scale, shift

    def _coefficients(
        self, weights: Weights, mean: Array, variance: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Return mean, inverse, scale and shift, as the ops take them."""
        inverse = 1 / np.sqrt(variance + float(self.epsilon))
        scale = inverse * weights["gamma"] if self.scale else inverse
        shift = weights["beta"] if self.center else np.zeros_like(mean)
        return mean, inverse, scale, shift

    def _update(self, weights: Weights, x: Array, mean: Array, variance: Array) -> None:
        """Add a minibatch's share to the running moments."""
        m = math.prod(x.shape[:-1])
        before = float(weights["samples"][0])
        if m == 1:  # x was normalised by the first moments: they weigh as one sample
            before = max(before, 1.0)
        samples = float(self.momentum) * before + len(x)
        part = len(x) / samples
        if m == 1:
            deviation = x.reshape(mean.shape) - mean
            mean, variance = mean + deviation, (1 - part) * deviation**2
        else:
            variance = variance * (m / (m - 1))
        for name, value in (("moving_mean", mean), ("moving_variance", variance)):
            weights[name] += part * (value - weights[name])
        weights["samples"][...] = samples


def _backward_of_constants(
    dy, saved, x, mean, inverse, scale, _shift, *, activation=None, need_dx=True
):
    """Do what `ops.batch_norm_backward` does, for moments that do not depend on x."""
    dz = ops.activate_grad(dy, saved, activation)
    dgamma = ops.grad_bias(dz * (x - mean)) * inverse
    return dz * scale if need_dx else None, dgamma, ops.grad_bias(dz)


class LayerNorm(Layer):
    """Give each sample's values mean 0 and variance 1, then scale and shift them.

    Unlike batch normalization it does the same in training and prediction, and does not
    depend on the batch.

    Parameters
    ----------
    axis : int or tuple of int, default=-1
        Axes of the values that are normalised together; 1 is the first axis of a
        sample. By default the channels of each pixel; ``(1, 2, 3)``: the whole image.
    epsilon : float, default=1e-3
        Added to the variance.
    center : bool, default=True
        Whether to learn ``beta``, which is added at the end.
    scale : bool, default=True
        Whether to learn ``gamma``, the factor before that.

    Notes
    -----
    Weights: ``gamma`` and ``beta``, at first 1 and 0, a value for each position along
    `axis`, each as one vector (weight decay leaves vectors out). Formula and gradient
    are at `skconv.ops.layer_norm`: Ba, Kiros & Hinton, "Layer normalization", 2016;
    arguments as in Keras.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import LayerNorm
    >>> layer = LayerNorm(epsilon=1e-9)
    >>> weights, _ = layer.build((3,), None, np.dtype(float))
    >>> layer.predict(weights, np.array([[1.0, 2.0, 3.0], [10, 20, 30]])).round(2)
    array([[-1.22,  0.  ,  1.22],
           [-1.22,  0.  ,  1.22]])
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] = -1,
        *,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
    ) -> None:
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        axes = sample_axes(self.axis, input_shape, "axis")
        if not axes:
            raise ValueError(f"axis must name at least one axis, got {self.axis!r}")
        check_number(self.epsilon, "epsilon", 0, above=True)
        check_flag(self.center, "center")
        check_flag(self.scale, "scale")
        size = math.prod(input_shape[a - 1] for a in axes)
        weights = {"gamma": fill(1, (size,), rng, dtype)} if self.scale else {}
        if self.center:
            weights["beta"] = fill(0, (size,), rng, dtype)
        return weights, tuple(input_shape)

    def adapt(self, weights: Weights, batches: Batches) -> None:
        x, _ = next(iter(batches()), (None, None))
        if x is None:
            return
        sizes = [x.shape[a] for a in self._arguments(x)["axis"]]
        if math.prod(sizes) == 1:
            warnings.warn(
                f"LayerNorm(axis={self.axis!r}) makes each value 0: samples of shape "
                f"{x.shape[1:]} have one value along its axes. Normalise along all, "
                f"axis={tuple(range(1, x.ndim))}, or use BatchNorm",
                stacklevel=2,
            )

    def predict(self, weights: Weights, x: Array) -> Array:
        return ops.layer_norm(x, *self._spread(weights, x), **self._arguments(x))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        spread = self._spread(weights, x)
        y, *saved = ops.layer_norm_with_statistics(x, *spread, **self._arguments(x))
        return y, saved

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        gamma, _ = self._spread(weights, dy)
        normalized, inverse = cache
        axis = self._arguments(dy)["axis"]
        dx, dgamma, dbeta = ops.layer_norm_backward(
            dy, normalized, inverse, gamma, axis=axis, need_dx=need_dx
        )
        grads = {"gamma": dgamma, "beta": dbeta}
        return dx, {name: grads[name].ravel() for name in weights}

    def _arguments(self, x: Array) -> dict[str, Any]:
        axes = sample_axes(self.axis, x.shape[1:], "axis")
        return {"axis": axes, "epsilon": float(self.epsilon)}

    def _spread(self, weights: Weights, x: Array) -> list[Array | None]:
        """Return gamma and beta, or None, shaped so that a sample of x broadcasts."""
        axes = self._arguments(x)["axis"]
        shape = [size if a in axes else 1 for a, size in enumerate(x.shape)][1:]
        arrays = (weights.get("gamma"), weights.get("beta"))
        return [None if array is None else array.reshape(shape) for array in arrays]
