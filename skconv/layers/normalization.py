"""Layers that bring values to a mean of 0 and a variance of 1."""

import numpy as np

from .. import ops
from .convolution import Conv2D
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .initializers import fill
from .layer import Layer, activated, check_number
from .signals import Conv1D

__all__ = ["BatchNorm", "Normalization", "inverse_deviation"]

# Whose prediction takes a scale. The very types: a subclass may compute something else.
_SCALABLE = {Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D}


class BatchNorm(Layer):
    """Normalise each channel by the mean and the variance of its minibatch.

    ``y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta)``, over all
    samples and pixels of a minibatch in training. Prediction takes running means of
    both instead, so that a sample's output does not depend on others.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        By how much each step discounts what running means have seen: a minibatch of n
        samples takes part by ``n / samples``, with ``samples = momentum * samples +
        n``. So the first takes all of it, a few have equal shares, and in the long run
        each has ``1 - momentum`` if it is as large as the others. Keras' default, 0.99,
        needs some hundred steps.
    epsilon : float, default=0.001
        Added to the variance.
    center : bool, default=True
        Whether to learn what is added, ``beta``.
    scale : bool, default=True
        Whether to learn what is multiplied, ``gamma``.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`; here it costs less than in a layer of its
        own.

    Notes
    -----
    Ioffe & Szegedy, "Batch normalization", 2015; the running variance is the unbiased
    one of their algorithm 2 (Keras takes the biased). The gradient goes through mean
    and variance: see `skconv.ops.batch_norm_backward`.

    Where a minibatch holds a single value of each channel, one flat sample, it has no
    variance: it is normalised by the running mean and variance before it, as constants,
    which its deviation from them then updates. So `batch_size` may be 1, and a last
    minibatch of one sample does no harm. Samples' weights have no part in the moments.

    Weights: ``gamma (c,)``, ``beta (c,)``; and, kept without a gradient,
    ``moving_mean (c,)``, ``moving_variance (c,)`` and ``samples (1,)``.

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
        self, momentum=0.9, epsilon=1e-3, *, center=True, scale=True, activation=None
    ):
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.activation = activation

    def build(self, input_shape, rng, dtype):
        check_number(self.momentum, "momentum", 0, 1)
        check_number(self.epsilon, "epsilon", 0, above=True)
        ops.find_activation(self.activation)
        channels = input_shape[-1]
        weights = {}
        if self.scale:
            weights["gamma"] = fill(1, (channels,), rng, dtype)
        if self.center:
            weights["beta"] = fill(0, (channels,), rng, dtype)
        weights["moving_mean"] = fill(0, (channels,), rng, dtype)
        weights["moving_variance"] = fill(1, (channels,), rng, dtype)
        weights["samples"] = np.zeros(1, dtype)
        return weights, tuple(input_shape)

    def predict(self, weights, x):
        mean, scale, shift = self._running(weights)
        return ops.normalize(x, mean, scale, shift, activation=self.activation)

    def fuse(self, before, weights_before, weights):
        # What this layer does to each channel a convolution can do as it ends:
        # scale (z + bias - mean) + shift = scale z + (scale (bias - mean) + shift)
        if type(self) is not BatchNorm or type(before) not in _SCALABLE:
            return None
        if before.activation is not None or "scale" in weights_before:
            return None
        mean, scale, shift = self._running(weights)
        bias = scale * (weights_before.get("bias", 0) - mean) + shift
        fused = type(before).__new__(type(before))  # less than copy.copy does
        vars(fused).update(vars(before), activation=self.activation)
        return fused, {**weights_before, "bias": bias, "scale": scale}

    def forward(self, weights, x, rng):
        has_variance = x.size > x.shape[-1]
        if has_variance:
            moments = ops.channel_moments(x)
        else:
            moments = weights["moving_mean"].copy(), weights["moving_variance"].copy()
        self._update(weights, x, *moments)
        mean, inverse, scale, shift = self._coefficients(weights, *moments)
        y, kept = self._normalized(x, mean, scale, shift)
        return y, (kept, x, mean, inverse, scale, has_variance)

    def backward(self, weights, cache, dy, need_dx=True):
        *kept, has_variance = cache
        backward = ops.batch_norm_backward if has_variance else _backward_of_constants
        dx, dgamma, dbeta = backward(
            dy, *kept, activation=self.activation, need_dx=need_dx
        )
        grads = {"gamma": dgamma, "beta": dbeta}
        return dx, {name: grads[name] for name in grads if name in weights}

    def input_gradient(self, weights, x, dy):
        mean, scale, shift = self._running(weights)
        _, kept = self._normalized(x, mean, scale, shift)
        return ops.activate_grad(dy, kept, self.activation) * scale

    def _normalized(self, *arrays):
        """Return the output, and what its gradient needs."""
        return activated(
            lambda activation: ops.normalize(*arrays, activation=activation),
            self.activation,
        )

    def _running(self, weights):
        """Return mean, scale and shift of prediction."""
        moments = weights["moving_mean"], weights["moving_variance"]
        mean, _, scale, shift = self._coefficients(weights, *moments)
        return mean, scale, shift

    def _coefficients(self, weights, mean, variance):
        """Return mean, inverse, scale and shift, as the ops take them."""
        inverse = 1 / np.sqrt(variance + float(self.epsilon))
        scale = inverse * weights["gamma"] if self.scale else inverse
        shift = weights["beta"] if self.center else np.zeros_like(mean)
        return mean, inverse, scale, shift

    def _update(self, weights, x, mean, variance):
        """Have a minibatch take part in the running moments."""
        m = x.size // x.shape[-1]
        before = float(weights["samples"][0])
        if m == 1:  # x was normalised by the first moments: they count as a sample
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
    dy, kept, x, mean, inverse, scale, *, activation=None, need_dx=True
):
    """As `ops.batch_norm_backward` of one sample whose moments do not depend on it."""
    dz = ops.activate_grad(dy, kept, activation)
    dgamma = ops.grad_bias(dz * (x - mean)) * inverse
    return dz * scale if need_dx else None, dgamma, ops.grad_bias(dz)


class Normalization(Layer):
    """Shift and scale each channel to mean 0 and variance 1 over the training data.

    A first layer of it lets a network train on images of raw pixels, 0 to 255, say.
    What it learns it does so before the first step of a fit; `partial_fit` and
    `warm_start` go on with what the first call saw.

    Notes
    -----
    ``y = (x - mean) / sqrt(variance)``, over all pixels and all samples, as their
    weights have them count. Behind other layers it learns from what these, untrained,
    make of the data. A channel that never varies is only shifted, as in scikit-learn's
    `StandardScaler`. Before it has seen data, it does nothing.

    Weights: ``mean (c,)`` and ``variance (c,)``, both kept without a gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Normalization
    >>> layer, x = Normalization(), np.array([[0.0, 5.0], [255.0, 5.0]])
    >>> weights, _ = layer.build((2,), np.random.default_rng(0), np.dtype(float))
    >>> layer.adapt(weights, lambda: [(x, None)])
    >>> layer.predict(weights, x)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    state = ("mean", "variance")

    def build(self, input_shape, rng, dtype):
        channels = input_shape[-1]
        weights = {
            "mean": fill(0, (channels,), rng, dtype),
            "variance": fill(1, (channels,), rng, dtype),
        }
        return weights, tuple(input_shape)

    def adapt(self, weights, batches):
        total, mean, squares = 0.0, 0.0, 0.0
        for x, weight in batches():
            # Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for
            # computing sample variances", 1979.
            counted, here, deviations = _weighted_moments(x, weight)
            total += counted
            delta = here - mean
            mean = mean + delta * (counted / total)
            squares = squares + deviations + delta**2 * counted * (1 - counted / total)
        variance = squares / total
        weights["mean"][...] = mean
        rounding = np.finfo(weights["mean"].dtype).eps * np.abs(mean)
        weights["variance"][...] = np.where(variance > rounding**2, variance, 0)

    def predict(self, weights, x):
        scale = inverse_deviation(weights)
        return ops.normalize(x, weights["mean"], scale, np.zeros_like(scale))

    def forward(self, weights, x, rng):
        return self.predict(weights, x), None

    def backward(self, weights, cache, dy, need_dx=True):
        return dy * inverse_deviation(weights) if need_dx else None, {}


def _weighted_moments(x, weight):
    """Return the sum of weights, the mean and the sum of squared deviations."""
    x = x.reshape(len(x), -1, x.shape[-1]).astype(np.float64)
    weight = np.ones(len(x)) if weight is None else weight.astype(np.float64)
    counted = weight.sum() * x.shape[1]
    mean = weight @ x.sum(axis=1) / counted
    x -= mean
    return counted, mean, weight @ np.square(x, out=x).sum(axis=1)


def inverse_deviation(weights):
    """Return what `Normalization` multiplies with: 1 where a channel never varies."""
    deviation = np.sqrt(weights["variance"])
    return 1 / np.where(deviation > 0, deviation, 1)
