"""Layers that treat each value by itself."""

import numpy as np

from .. import ops
from .layer import Layer, check_number, image_shape

__all__ = ["Activation", "Dropout", "SpatialDropout", "SpatialDropout2D"]


class Activation(Layer):
    """An activation as a layer of its own.

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

    def __init__(self, activation):
        self.activation = activation

    def build(self, input_shape, rng, dtype):
        ops.find_activation(self.activation)
        return {}, tuple(input_shape)

    def predict(self, weights, x):
        return ops.activate(x, self.activation)

    def forward(self, weights, x, rng):
        y = self.predict(weights, x)
        return y, (
            y if ops.find_activation(self.activation).derivative_from == "output" else x
        )

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.activate_grad(dy, cache, self.activation), {}


class Dropout(Layer):
    """In training, zero a random part of the values; at prediction do nothing.

    The values that stay are divided by ``1 - rate``, so that their expected sum is
    what prediction sees (Srivastava et al., "Dropout", 2014, in its inverted form).

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the values to drop.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Dropout
    >>> y, kept = Dropout(0.5).forward({}, np.ones((1, 8)), np.random.default_rng(0))
    >>> y
    array([[2., 2., 2., 0., 0., 0., 0., 0.]])
    """

    def __init__(self, rate):
        self.rate = rate

    def build(self, input_shape, rng, dtype):
        check_number(self.rate, "rate", 0, 1)
        return {}, tuple(input_shape)

    def predict(self, weights, x):
        return x

    def forward(self, weights, x, rng):
        kept = rng.random(self._drawn(x.shape), dtype=np.float32) >= self.rate
        return self._thin(x, kept), kept

    def backward(self, weights, cache, dy, need_dx=True):
        return self._thin(dy, cache), {}

    def _drawn(self, shape):
        return shape

    def input_gradient(self, weights, x, dy):
        return dy

    def _thin(self, values, kept):
        return values * kept / (1 - float(self.rate))


class SpatialDropout(Dropout):
    """Drop channels as a whole; a subclass says what its input is (``_expect``)."""

    def build(self, input_shape, rng, dtype):
        return super().build(self._expect(input_shape), rng, dtype)

    def _drawn(self, shape):
        n, *size, c = shape
        return (n, *(1 for _ in size), c)


class SpatialDropout2D(SpatialDropout):
    """In training, zero a random part of an image's channels, each as a whole.

    Neighbouring pixels tell nearly the same: dropped one by one, as by `Dropout`, they
    would be missed little (Tompson et al., "Efficient object localization using
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

    _expect = staticmethod(image_shape)
