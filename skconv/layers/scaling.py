"""Layers that scale each value, by what they are told, see or learn."""

import math
from numbers import Integral, Real

from .. import ops
from .initializers import fill
from .layer import Layer

__all__ = ["LayerNorm", "PReLU", "Rescaling", "sample_axes"]


class Rescaling(Layer):
    """``x * scale + offset``: ``Rescaling(1 / 255)`` has images of bytes within [0, 1].

    Parameters
    ----------
    scale : float
    offset : float, default=0.0

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Rescaling
    >>> Rescaling(1 / 127.5, offset=-1).predict({}, np.array([[0.0, 127.5, 255.0]]))
    array([[-1.,  0.,  1.]])
    """

    def __init__(self, scale, offset=0.0):
        self.scale = scale
        self.offset = offset

    def build(self, input_shape, rng, dtype):
        _check_number(self.scale, "scale")
        _check_number(self.offset, "offset")
        return {}, tuple(input_shape)

    def predict(self, weights, x):
        y = x * float(self.scale)
        y += float(self.offset)
        return y

    def forward(self, weights, x, rng):
        return self.predict(weights, x), None

    def backward(self, weights, cache, dy, need_dx=True):
        return dy * float(self.scale) if need_dx else None, {}


class LayerNorm(Layer):
    """Give each sample's values mean 0 and variance 1, then scale and shift them.

    Unlike batch normalization it does the same in training and prediction, whatever
    the batch.

    Parameters
    ----------
    axis : int or tuple of int, default=-1
        Along which values belong together; 1 is the first axis of a sample. By default
        these are the channels of a pixel; ``(1, 2, 3)`` takes the whole of an image.
    epsilon : float, default=1e-3
        Added to the variance.
    center : bool, default=True
        Whether to learn ``beta``, which is added at the end.
    scale : bool, default=True
        Whether to learn ``gamma``, which is multiplied with before.

    Notes
    -----
    Weights: ``gamma`` and ``beta``, at first 1 and 0, a value for each place along
    `axis`, each as one vector (weight decay is not for vectors). Formula and gradient
    stand with `skconv.ops.layer_norm`: Ba, Kiros & Hinton, "Layer normalization", 2016;
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

    def __init__(self, axis=-1, *, epsilon=1e-3, center=True, scale=True):
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale

    def build(self, input_shape, rng, dtype):
        axes = sample_axes(self.axis, input_shape, "axis")
        if not axes:
            raise ValueError(f"axis must name at least one axis, got {self.axis!r}")
        if not isinstance(self.epsilon, Real) or not self.epsilon > 0:
            raise ValueError(f"epsilon must be a number above 0, got {self.epsilon!r}")
        size = math.prod(input_shape[a - 1] for a in axes)
        weights = {"gamma": fill(1, (size,), rng, dtype)} if self.scale else {}
        if self.center:
            weights["beta"] = fill(0, (size,), rng, dtype)
        return weights, tuple(input_shape)

    def predict(self, weights, x):
        return ops.layer_norm(x, *self._spread(weights, x), **self._arguments(x))

    def forward(self, weights, x, rng):
        spread = self._spread(weights, x)
        y, *kept = ops.layer_norm_with_statistics(x, *spread, **self._arguments(x))
        return y, kept

    def backward(self, weights, cache, dy, need_dx=True):
        gamma, _ = self._spread(weights, dy)
        axis = self._arguments(dy)["axis"]
        dx, *sums = ops.layer_norm_backward(
            dy, *cache, gamma, axis=axis, need_dx=need_dx
        )
        by_name = dict(zip(("gamma", "beta"), sums, strict=True))
        return dx, {name: by_name[name].ravel() for name in weights}

    def _arguments(self, x):
        axes = sample_axes(self.axis, x.shape[1:], "axis")
        return {"axis": axes, "epsilon": float(self.epsilon)}

    def _spread(self, weights, x):
        """Return gamma and beta, or None, so that they go with a sample of x."""
        axes = self._arguments(x)["axis"]
        shape = [size if a in axes else 1 for a, size in enumerate(x.shape)][1:]
        arrays = (weights.get("gamma"), weights.get("beta"))
        return [None if array is None else array.reshape(shape) for array in arrays]


class PReLU(Layer):
    """ReLU with a slope for values below 0 that is learned.

    Parameters
    ----------
    shared_axes : int, tuple of int or None, default=None
        Along which axes values share a slope; 1 is the first axis of a sample.
        ``(1, 2)`` learns one for each channel of images, as the paper does, None one
        for each value.
    initial_alpha : float, default=0.25
        What slopes start at, as in the paper (Keras starts at 0).

    Notes
    -----
    Weights: ``alpha``, one for each value of a sample or of what is not shared, as one
    vector (weight decay is not for vectors: it would pull towards ReLU). Formula and
    gradients stand with `skconv.ops.prelu`: He, Zhang, Ren & Sun, "Delving deep into
    rectifiers", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import PReLU
    >>> layer = PReLU(shared_axes=(1, 2))
    >>> weights, _ = layer.build((28, 28, 3), None, np.dtype(float))
    >>> weights["alpha"]
    array([0.25, 0.25, 0.25])
    """

    def __init__(self, shared_axes=None, *, initial_alpha=0.25):
        self.shared_axes = shared_axes
        self.initial_alpha = initial_alpha

    def build(self, input_shape, rng, dtype):
        _check_number(self.initial_alpha, "initial_alpha")
        size = math.prod(self._alpha_shape(input_shape))
        return {"alpha": fill(self.initial_alpha, (size,), rng, dtype)}, tuple(
            input_shape
        )

    def predict(self, weights, x):
        return ops.prelu(x, weights["alpha"].reshape(self._alpha_shape(x.shape[1:])))

    def backward(self, weights, cache, dy, need_dx=True):
        alpha = weights["alpha"].reshape(self._alpha_shape(dy.shape[1:]))
        dx, dalpha = ops.prelu_backward(dy, cache, alpha, need_dz=need_dx)
        return dx, {"alpha": dalpha.ravel()}

    def _alpha_shape(self, shape):
        shared = sample_axes(self.shared_axes, shape, "shared_axes")
        return [1 if a in shared else size for a, size in enumerate(shape, start=1)]


def _check_number(value, name):
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")


def sample_axes(value, shape, name):
    """Return axes of samples of `shape` in a batch, where axis 0 is the samples'."""
    values = () if value is None else value
    values = tuple(values) if isinstance(values, tuple | list) else (values,)
    last = len(shape)
    whole = all(isinstance(a, Integral) and not isinstance(a, bool) for a in values)
    axes = {int(a) + (last + 1 if a < 0 else 0) for a in values if whole}
    if len(axes) < len(values) or not axes <= set(range(1, last + 1)):
        raise ValueError(
            f"{name} must be distinct axes from 1 to {last}, or from the end -1 to "
            f"{-last}, for samples of shape {tuple(shape)}, got {value!r}"
        )
    return tuple(sorted(axes))
