"""Pooling layers."""

from .. import ops
from .base import Layer, image_shape

__all__ = ["AvgPool2D", "GlobalAvgPool2D", "GlobalMaxPool2D", "MaxPool2D"]


class _Pool2D(Layer):
    """Windows over the image, channel by channel; subclasses say what is taken."""

    def __init__(self, pool_size=2, *, stride=None, padding="valid"):
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding

    def build(self, input_shape, rng, dtype):
        h, w, c = image_shape(input_shape)
        win = ops.pool_window(
            (h, w), self.pool_size, stride=self.stride, padding=self.padding
        )
        return {}, (*win.output, c)

    def _slide(self):
        return {
            "pool_size": self.pool_size,
            "stride": self.stride,
            "padding": self.padding,
        }


class MaxPool2D(_Pool2D):
    """Largest value under each window.

    Parameters
    ----------
    pool_size : int or (ph, pw), default=2
    stride : int, (sh, sw) or None, default=None
        Step between the windows; None takes `pool_size`, so that they do not overlap.
    padding : {"valid", "same"}, int, (ph, pw) or ((top, bottom), (left, right)), \
default="valid"
        As in `Conv2D`, less than `pool_size` on each side. Padding never wins.

    Notes
    -----
    The gradient goes to the pixel that was largest; where several are, to the first
    in row order.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import MaxPool2D
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> MaxPool2D(2).predict({}, image)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    def predict(self, weights, x):
        return ops.max_pool2d(x, **self._slide())

    def forward(self, weights, x, rng):
        y, argmax = ops.max_pool2d_with_argmax(x, **self._slide())
        return y, (argmax, x.shape)

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.max_pool2d_grad(dy, *cache, **self._slide()), {}


class AvgPool2D(_Pool2D):
    """Mean of each window; padding is not counted.

    Parameters
    ----------
    pool_size : int or (ph, pw), default=2
    stride : int, (sh, sw) or None, default=None
        Step between the windows; None takes `pool_size`.
    padding : {"valid", "same"}, int, (ph, pw) or ((top, bottom), (left, right)), \
default="valid"
        As in `MaxPool2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import AvgPool2D
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> AvgPool2D(2).predict({}, image)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def predict(self, weights, x):
        return ops.avg_pool2d(x, **self._slide())

    def forward(self, weights, x, rng):
        return self.predict(weights, x), x.shape

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.avg_pool2d_grad(dy, cache, **self._slide()), {}


class _GlobalPool2D(Layer):
    def build(self, input_shape, rng, dtype):
        return {}, (image_shape(input_shape)[2],)


class GlobalAvgPool2D(_GlobalPool2D):
    """Mean of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalAvgPool2D
    >>> GlobalAvgPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[7.5]])
    """

    def predict(self, weights, x):
        return ops.global_avg_pool2d(x)

    def forward(self, weights, x, rng):
        return self.predict(weights, x), x.shape

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.global_avg_pool2d_grad(dy, cache), {}


class GlobalMaxPool2D(_GlobalPool2D):
    """Largest value of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalMaxPool2D
    >>> GlobalMaxPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[15.]])
    """

    def predict(self, weights, x):
        return ops.global_max_pool2d(x)

    def forward(self, weights, x, rng):
        y, argmax = ops.global_max_pool2d_with_argmax(x)
        return y, (argmax, x.shape)

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.global_max_pool2d_grad(dy, *cache), {}
