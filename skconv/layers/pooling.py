"""Pooling layers on images, and what they share with those on signals."""

from .. import ops
from .convolution import Conv2D, PooledConv2D
from .layer import Layer, image_shape

__all__ = [
    "AvgPool",
    "AvgPool2D",
    "GlobalAvgPool",
    "GlobalAvgPool2D",
    "GlobalMaxPool",
    "GlobalMaxPool2D",
    "MaxPool",
    "MaxPool2D",
]


class Pool(Layer):
    """Windows over all axes but the last, channel by channel.

    A subclass says what is taken of each, and has a function ``_expect(input_shape)``
    that checks what these axes are.
    """

    def __init__(self, pool_size=2, *, stride=None, padding="valid"):
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding

    def build(self, input_shape, rng, dtype):
        *size, c = self._expect(input_shape)
        win = ops.pool_window(
            tuple(size), self.pool_size, stride=self.stride, padding=self.padding
        )
        return {}, (*win.output, c)

    def _slide(self, shape):
        """Say how windows slide over images of `shape` (n, h, w, c)."""
        return {
            "pool_size": self.pool_size,
            "stride": self.stride,
            "padding": self.padding,
        }


class MaxPool(Pool):
    """The verbs, for images (n, h, w, c)."""

    def predict(self, weights, x):
        return ops.max_pool2d(x, **self._slide(x.shape))

    def forward(self, weights, x, rng):
        y, argmax = ops.max_pool2d_with_argmax(x, **self._slide(x.shape))
        return y, (argmax, x.shape)

    def backward(self, weights, cache, dy, need_dx=True):
        argmax, shape = cache
        return ops.max_pool2d_grad(dy, argmax, shape, **self._slide(shape)), {}


class MaxPool2D(MaxPool):
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

    _expect = staticmethod(image_shape)

    def fuse(self, before, weights_before, weights):
        # A subclass of either may compute something else.
        if type(self) is MaxPool2D and type(before) is Conv2D:
            return PooledConv2D(before, self), weights_before
        return None


class AvgPool(Pool):
    """The verbs, for images (n, h, w, c)."""

    def predict(self, weights, x):
        return ops.avg_pool2d(x, **self._slide(x.shape))

    def forward(self, weights, x, rng):
        return ops.avg_pool2d(x, **self._slide(x.shape)), x.shape

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.avg_pool2d_grad(dy, cache, **self._slide(cache)), {}


class AvgPool2D(AvgPool):
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

    _expect = staticmethod(image_shape)


class GlobalPool(Layer):
    """One window, which is as large as what it sees."""

    def build(self, input_shape, rng, dtype):
        return {}, (self._expect(input_shape)[-1],)


class GlobalAvgPool(GlobalPool):
    """The verbs, for images (n, h, w, c)."""

    def predict(self, weights, x):
        return ops.global_avg_pool2d(x)

    def forward(self, weights, x, rng):
        return ops.global_avg_pool2d(x), x.shape

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.global_avg_pool2d_grad(dy, cache), {}


class GlobalAvgPool2D(GlobalAvgPool):
    """Mean of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalAvgPool2D
    >>> GlobalAvgPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[7.5]])
    """

    _expect = staticmethod(image_shape)


class GlobalMaxPool(GlobalPool):
    """The verbs, for images (n, h, w, c)."""

    def predict(self, weights, x):
        return ops.global_max_pool2d(x)

    def forward(self, weights, x, rng):
        y, argmax = ops.global_max_pool2d_with_argmax(x)
        return y, (argmax, x.shape)

    def backward(self, weights, cache, dy, need_dx=True):
        return ops.global_max_pool2d_grad(dy, *cache), {}


class GlobalMaxPool2D(GlobalMaxPool):
    """Largest value of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalMaxPool2D
    >>> GlobalMaxPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[15.]])
    """

    _expect = staticmethod(image_shape)
