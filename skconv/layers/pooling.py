"""Pooling layers on images and on signals."""

from typing import Any, ClassVar

import numpy as np

from .. import ops
from .checks import pixel_shape
from .layer import Layer
from .typing import Array, Padding, Padding1D, Pair, Shape, Weights
from .windows import add_row, drop_row, find_window, slide

__all__ = [
    "AvgPool1D",
    "AvgPool2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "MaxPool1D",
    "MaxPool2D",
]


class _Pool(Layer):
    """Windows over all axes but the last, which `ndim` counts, channel by channel."""

    ndim: ClassVar[int]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        return {}, (*find_window(self, input_shape).output, input_shape[-1])


class _MaxPool(_Pool):
    def predict(self, weights: Weights, x: Array) -> Array:
        y = ops.max_pool2d(add_row(x, self.ndim), **slide(self, x.shape[1:]))
        return drop_row(y, self.ndim)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        slides, x = slide(self, x.shape[1:]), add_row(x, self.ndim)
        y, argmax = ops.max_pool2d_with_argmax(x, **slides)
        return drop_row(y, self.ndim), (argmax, x.shape, slides)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        argmax, shape, slides = cache
        dx = ops.max_pool2d_grad(add_row(dy, self.ndim), argmax, shape, **slides)
        return drop_row(dx, self.ndim), {}


class MaxPool2D(_MaxPool):
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
    The gradient is passed to the largest pixel; if several are, to the first of them in
    row order.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import MaxPool2D
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> MaxPool2D(2).predict({}, image)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    ndim = 2

    def __init__(
        self,
        pool_size: Pair = 2,
        *,
        stride: Pair | None = None,
        padding: Padding = "valid",
    ) -> None:
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding


class MaxPool1D(_MaxPool):
    """Largest value under each window of a signal.

    Parameters
    ----------
    pool_size : int, default=2
    stride : int or None, default=None
        Step between the windows; None takes `pool_size`, so that they do not overlap.
    padding : {"valid", "same", "causal"}, int or (left, right), default="valid"
        As in `Conv1D`, less than `pool_size` on each side. Padding never wins.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import MaxPool1D
    >>> MaxPool1D(2).predict({}, np.array([1.0, 4, 3, 2]).reshape(1, 4, 1))[0, :, 0]
    array([4., 3.])
    """

    ndim = 1

    def __init__(
        self,
        pool_size: int = 2,
        *,
        stride: int | None = None,
        padding: Padding1D = "valid",
    ) -> None:
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding


class _AvgPool(_Pool):
    def predict(self, weights: Weights, x: Array) -> Array:
        y = ops.avg_pool2d(add_row(x, self.ndim), **slide(self, x.shape[1:]))
        return drop_row(y, self.ndim)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        slides, x = slide(self, x.shape[1:]), add_row(x, self.ndim)
        return drop_row(ops.avg_pool2d(x, **slides), self.ndim), (x.shape, slides)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        shape, slides = cache
        dx = ops.avg_pool2d_grad(add_row(dy, self.ndim), shape, **slides)
        return drop_row(dx, self.ndim), {}


class AvgPool2D(_AvgPool):
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

    ndim = 2

    def __init__(
        self,
        pool_size: Pair = 2,
        *,
        stride: Pair | None = None,
        padding: Padding = "valid",
    ) -> None:
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding


class AvgPool1D(_AvgPool):
    """Mean of each window of a signal; padding is not counted.

    Parameters
    ----------
    pool_size, stride, padding
        As in `MaxPool1D`.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import AvgPool1D
    >>> AvgPool1D(2).predict({}, np.array([1.0, 4, 3, 2]).reshape(1, 4, 1))[0, :, 0]
    array([2.5, 2.5])
    """

    ndim = 1

    def __init__(
        self,
        pool_size: int = 2,
        *,
        stride: int | None = None,
        padding: Padding1D = "valid",
    ) -> None:
        self.pool_size = pool_size
        self.stride = stride
        self.padding = padding


class _GlobalPool(Layer):
    """One window, as large as its input."""

    ndim: ClassVar[int]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        pixel_shape(input_shape, self.ndim)
        return {}, (input_shape[-1],)


class _GlobalAvgPool(_GlobalPool):
    def predict(self, weights: Weights, x: Array) -> Array:
        return ops.global_avg_pool2d(add_row(x, self.ndim))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        x = add_row(x, self.ndim)
        return ops.global_avg_pool2d(x), x.shape

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return drop_row(ops.global_avg_pool2d_grad(dy, cache), self.ndim), {}


class GlobalAvgPool2D(_GlobalAvgPool):
    """Mean of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalAvgPool2D
    >>> GlobalAvgPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[7.5]])
    """

    ndim = 2


class GlobalAvgPool1D(_GlobalAvgPool):
    """Mean of each channel over the whole signal, ``(channels,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalAvgPool1D
    >>> GlobalAvgPool1D().predict({}, np.arange(6.0).reshape(1, 3, 2))
    array([[2., 3.]])
    """

    ndim = 1


class _GlobalMaxPool(_GlobalPool):
    def predict(self, weights: Weights, x: Array) -> Array:
        return ops.global_max_pool2d(add_row(x, self.ndim))

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        x = add_row(x, self.ndim)
        y, argmax = ops.global_max_pool2d_with_argmax(x)
        return y, (argmax, x.shape)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return drop_row(ops.global_max_pool2d_grad(dy, *cache), self.ndim), {}


class GlobalMaxPool2D(_GlobalMaxPool):
    """Largest value of each channel over the whole image: ``(h, w, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalMaxPool2D
    >>> GlobalMaxPool2D().predict({}, np.arange(16.0).reshape(1, 4, 4, 1))
    array([[15.]])
    """

    ndim = 2


class GlobalMaxPool1D(_GlobalMaxPool):
    """Largest value of each channel over the whole signal, ``(channels,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalMaxPool1D
    >>> GlobalMaxPool1D().predict({}, np.arange(6.0).reshape(1, 3, 2))
    array([[4., 5.]])
    """

    ndim = 1
