"""The layer that learns the scale of its input before training."""

import warnings
from typing import Any

import numpy as np

from .. import ops
from .checks import check_number
from .initializers import fill
from .layer import Layer
from .typing import Array, Batches, Shape, Weights

__all__ = ["Normalization", "inverse_scale"]

# A deviation of 8 times the smallest difference that the network's dtype can hold next
# to the largest value is precise enough.
_STEPS = 8


class Normalization(Layer):
    """Shift and scale each channel to mean 0 and deviation 1 over the training data.

    As the first layer it lets a network train on values of any size, such as pixels
    from 0 to 255. It learns before the first step of a fit; `partial_fit` and
    `warm_start` reuse what the first call learned.

    Parameters
    ----------
    deviation : float, default=1.0
        The standard deviation of the output. The default network begins with
        ``Normalization(0.5)``, which brings most values to [-1, 1], two deviations.

    Notes
    -----
    ``y = (x - mean) / scale``, with the mean and ``scale = std / deviation`` over all
    pixels and all samples, with their sample weights. The first layer of a network
    learns from X in float64, piece by piece, before X is converted to the network's
    dtype. After other layers it learns from what these, untrained, make of the data. A
    channel that never varies becomes 0: it is shifted, and divided by its absolute
    value (if that is not 0). Before it has seen data, it does nothing.

    A warning says which channel varies by less than the network's dtype can hold, such
    as 1e6 ± 0.001 in float32.

    Weights: ``mean (c,)`` and ``scale (c,)``, both as state. Not the variance: that of
    values of 1e-25 or 1e25 leaves the range of float32.

    Gelman, "Scaling regression inputs by dividing by two standard deviations", 2008.

    Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979.

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

    state = ("mean", "scale")

    def __init__(self, deviation: float = 1.0) -> None:
        self.deviation = deviation

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        check_number(self.deviation, "deviation", 0, above=True)
        channels = input_shape[-1]
        weights = {
            "mean": fill(0, (channels,), rng, dtype),
            "scale": fill(1, (channels,), rng, dtype),
        }
        return weights, tuple(input_shape)

    def adapt(self, weights: Weights, batches: Batches) -> None:
        moments = _Moments()
        for x, sample_weight in batches():
            moments.add(x, sample_weight)
        if not moments.total:
            return
        mean, std, largest = moments.result()
        limits = np.finfo(weights["scale"].dtype)
        step = np.maximum(limits.eps * largest, limits.tiny)
        _warn_of_lost_differences(mean, std, largest, step, limits)
        fallback = np.where(largest > limits.tiny, largest, 1)
        weights["mean"][...] = mean
        scale = np.where(std > step, std / float(self.deviation), fallback)
        weights["scale"][...] = np.minimum(scale, limits.max)

    def predict(self, weights: Weights, x: Array) -> Array:
        scale = inverse_scale(weights)
        return ops.normalize(x, weights["mean"], scale, np.zeros_like(scale))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        return self.predict(weights, x), None

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return dy * inverse_scale(weights) if need_dx else None, {}


class _Moments:
    """Mean and standard deviation of each channel in float64, from pieces of data."""

    def __init__(self) -> None:
        self.total = 0.0
        self.mean: Any = 0.0
        self.squares: Any = 0.0
        self.low: Any = np.inf
        self.high: Any = -np.inf
        self.unit: Any = None

    def add(self, x: Array, sample_weight: Array | None) -> None:
        """Take a piece, of shape (n, ..., c), and the weights of its samples."""
        if not len(x):
            return
        x = x.reshape(len(x), -1, x.shape[-1])
        weight = np.ones(len(x))
        if sample_weight is not None:
            x, weight = x[sample_weight > 0], sample_weight[sample_weight > 0]
            weight = weight.astype(np.float64)
        if not len(x):
            return
        low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
        if self.unit is None:  # a power of two, so that no square leaves float64
            exponent = np.frexp(_largest(low, high))[1].clip(-1000, 1000)
            self.unit = np.ldexp(1.0, exponent)
        x = np.multiply(x, 1 / self.unit, dtype=np.float64)
        self._merge(weight, x)
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)

    def _merge(self, weight: Array, x: Array) -> None:
        # Sums, not products of matrices: those may depend on the number of threads.
        here = (weight[:, None] * x.mean(axis=1)).sum(axis=0) / weight.sum()
        x -= here
        squares = (weight[:, None] * np.square(x, out=x).sum(axis=1)).sum(axis=0)
        count = weight.sum() * x.shape[1]
        self.total += count
        delta, share = here - self.mean, count / self.total
        self.mean = self.mean + delta * share
        self.squares = self.squares + squares + delta**2 * count * (1 - share)

    def result(self) -> tuple[Array, Array, Array]:
        """Return mean, deviation (0 of a constant) and the largest absolute value."""
        std = np.sqrt(self.squares / self.total) * self.unit
        std = np.where(self.low == self.high, 0, std)
        return self.mean * self.unit, std, _largest(self.low, self.high)


def _largest(low: Array, high: Array) -> Array:
    return np.maximum(-np.asarray(low, np.float64), np.asarray(high, np.float64))


def _warn_of_lost_differences(
    mean: Array, std: Array, largest: Array, step: Array, limits: Any
) -> None:
    """Warn, once, of channels whose differences the network's dtype does not hold."""
    too_small = (std > 0) & (std < _STEPS * step)
    too_large = (std * limits.tiny > 1) | (2 * largest > limits.max)
    lost = np.flatnonzero(too_small | too_large)
    if not len(lost):
        return
    c = lost[0]
    away = step[c] > limits.tiny and not too_large[c]
    others = f" (and of {len(lost) - 1} others)" if len(lost) > 1 else ""
    warnings.warn(
        f"channel {c}{others} of the input varies by {std[c]:.2g} about {mean[c]:.6g}, "
        f"which {limits.dtype} does not hold with enough digits: "
        f"{'subtract its mean from' if away else 'scale'} X"
        f"{'' if limits.dtype == np.float64 else ', or use dtype=' + repr('float64')}",
        stacklevel=2,
    )


def inverse_scale(weights: Weights) -> Array:
    """Return the factor of `Normalization`: 1 where the scale is 0, as Keras has it."""
    return 1 / np.where(weights["scale"] > 0, weights["scale"], 1)
