"""Layers that treat each value on its own."""

import math
from typing import Any, ClassVar

import numpy as np

from .. import ops
from .checks import check_number, pixel_shape, sample_axes
from .initializers import fill
from .layer import Layer
from .typing import Array, Shape, Weights

__all__ = [
    "Activation",
    "Dropout",
    "PReLU",
    "Rescaling",
    "SpatialDropout1D",
    "SpatialDropout2D",
]


class Activation(Layer):
    """An activation as a layer.

    Parameters
    ----------
    activation : str or None
        A name in `skconv.ops.ACTIVATIONS`.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Activation
    >>> Activation("relu").predict({}, np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def __init__(self, activation: str | None) -> None:
        self.activation = activation

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        ops.find_activation(self.activation)
        return {}, tuple(input_shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        return ops.activate(x, self.activation)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        y = self.predict(weights, x)
        derivative_from = ops.find_activation(self.activation).derivative_from
        return y, y if derivative_from == "output" else x

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return ops.activate_grad(dy, cache, self.activation), {}


class Dropout(Layer):
    """In training, zero a random part of the values; in prediction, do nothing.

    The other values are divided by ``1 - rate``, so that their expected sum is that of
    prediction (Srivastava et al., "Dropout", 2014, in its inverted form).

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the values to drop.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Dropout
    >>> y, _ = Dropout(0.5).forward({}, np.ones((1, 8)), np.random.default_rng(0))
    >>> y
    array([[2., 2., 2., 0., 0., 0., 0., 0.]])
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        check_number(self.rate, "rate", 0, 1)
        return {}, tuple(input_shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        if "seed" not in weights:
            return x
        # Of a drawn prediction: all samples have the same mask, in each batch.
        rng = np.random.default_rng(weights["seed"])
        drawn = rng.random(self._drawn_shape((1, *x.shape[1:])), dtype=np.float32)
        return self._thin_out(x, drawn >= self.rate)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        if rng is None:
            return x, None
        remains = rng.random(self._drawn_shape(x.shape), dtype=np.float32) >= self.rate
        return self._thin_out(x, remains), remains

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return dy if cache is None else self._thin_out(dy, cache), {}

    def _drawn_shape(self, shape: Shape) -> Shape:
        """Return how many values to draw, for a batch of `shape`."""
        return shape

    def _thin_out(self, values: Array, remains: Array) -> Array:
        return values * remains / (1 - float(self.rate))


class _SpatialDropout(Dropout):
    """Drop channels of images or signals, each as a whole."""

    ndim: ClassVar[int]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        pixel_shape(input_shape, self.ndim)
        return super().build(input_shape, rng, dtype)

    def _drawn_shape(self, shape: Shape) -> Shape:
        n, *size, c = shape
        return (n, *(1 for _ in size), c)


class SpatialDropout2D(_SpatialDropout):
    """In training, zero a random part of an image's channels, each as a whole.

    Neighbouring pixels hold nearly the same: dropping single ones, as `Dropout` does,
    would change little (Tompson et al., "Efficient object localization using
    convolutional networks", 2015, section 3.2).

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the channels to drop; the others are divided by ``1 - rate``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import SpatialDropout2D
    >>> x = np.ones((1, 1, 2, 4))
    >>> SpatialDropout2D(0.5).forward({}, x, np.random.default_rng(0))[0]
    array([[[[2., 2., 2., 0.],
             [2., 2., 2., 0.]]]])
    """

    ndim = 2


class SpatialDropout1D(_SpatialDropout):
    """In training, zero a random part of a signal's channels, each as a whole.

    As `SpatialDropout2D`, for signals.

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the channels to drop.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import SpatialDropout1D
    >>> x = np.ones((1, 2, 4))
    >>> SpatialDropout1D(0.5).forward({}, x, np.random.default_rng(0))[0]
    array([[[2., 2., 2., 0.],
            [2., 2., 2., 0.]]])
    """

    ndim = 1


class Rescaling(Layer):
    """``x * scale + offset``: ``Rescaling(1 / 255)`` brings images of bytes to [0, 1].

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

    def __init__(self, scale: float, offset: float = 0.0) -> None:
        self.scale = scale
        self.offset = offset

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        check_number(self.scale, "scale")
        check_number(self.offset, "offset")
        return {}, tuple(input_shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        y = x * float(self.scale)
        y += float(self.offset)
        return y

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        return self.predict(weights, x), None

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return dy * float(self.scale), {}


class PReLU(Layer):
    """ReLU with a learned slope for values below 0.

    Parameters
    ----------
    shared_axes : int, tuple of int or None, default=None
        Axes along which values share a slope; 1 is the first axis of a sample.
        ``(1, 2)`` learns one for each channel of images, as the paper does, None one
        for each value.
    initial_alpha : float, default=0.25
        First value of the slopes, as in the paper (Keras starts at 0).

    Notes
    -----
    Weights: ``alpha``, the slopes as one vector (weight decay leaves vectors out: it
    would pull towards ReLU). Formula and gradients are at `skconv.ops.prelu`: He,
    Zhang, Ren & Sun, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import PReLU
    >>> layer = PReLU(shared_axes=(1, 2))
    >>> weights, _ = layer.build((28, 28, 3), None, np.dtype(float))
    >>> weights["alpha"]
    array([0.25, 0.25, 0.25])
    """

    def __init__(
        self,
        shared_axes: int | tuple[int, ...] | None = None,
        *,
        initial_alpha: float = 0.25,
    ) -> None:
        self.shared_axes = shared_axes
        self.initial_alpha = initial_alpha

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        check_number(self.initial_alpha, "initial_alpha")
        size = math.prod(self._alpha_shape(input_shape))
        return {"alpha": fill(self.initial_alpha, (size,), rng, dtype)}, tuple(
            input_shape
        )

    def predict(self, weights: Weights, x: Array) -> Array:
        return ops.prelu(x, weights["alpha"].reshape(self._alpha_shape(x.shape[1:])))

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        alpha = weights["alpha"].reshape(self._alpha_shape(dy.shape[1:]))
        dx, dalpha = ops.prelu_backward(dy, cache, alpha, need_dz=need_dx)
        return dx, {"alpha": dalpha.ravel()}

    def _alpha_shape(self, shape: Shape) -> list[int]:
        shared = sample_axes(self.shared_axes, shape, "shared_axes")
        return [1 if a in shared else size for a, size in enumerate(shape, start=1)]
