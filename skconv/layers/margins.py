"""Layers that add zeros around images and signals, or cut their margins off."""

from typing import Any, ClassVar

import numpy as np

from .. import ops
from .checks import check_room, pixel_shape
from .layer import Layer
from .typing import Array, Margins, Margins1D, Shape, Weights

__all__ = ["Cropping1D", "Cropping2D", "ZeroPadding1D", "ZeroPadding2D"]

_Sides = tuple[tuple[int, int], ...]


class _Margins(Layer):
    """What happens to the margins of all axes but the last, which `ndim` counts."""

    ndim: ClassVar[int]

    def predict(self, weights: Weights, x: Array) -> Array:
        return self.forward(weights, x, None)[0]


class _ZeroPadding(_Margins):
    padding: Any

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        sides = ops.margins(self.padding, "padding", self.ndim)
        size = pixel_shape(input_shape, self.ndim)
        made = [n + sum(side) for n, side in zip(size, sides, strict=True)]
        check_room((*made, input_shape[-1]), "use less padding")
        return {}, (*made, input_shape[-1])

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        sides = ops.margins(self.padding, "padding", self.ndim)
        return _pad(x, sides), sides

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return _crop(dy, cache), {}


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    Parameters
    ----------
    padding : int, (h, w) or ((top, bottom), (left, right)), default=1
        Rows and columns to add.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import ZeroPadding2D
    >>> layer = ZeroPadding2D(((0, 1), (1, 0)))
    >>> layer.predict({}, np.ones((1, 1, 2, 1)))[0, :, :, 0]
    array([[0., 1., 1.],
           [0., 0., 0.]])
    """

    ndim = 2

    def __init__(self, padding: Margins = 1) -> None:
        self.padding = padding


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after signals.

    Parameters
    ----------
    padding : int or (left, right), default=1
        How many to add.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import ZeroPadding1D
    >>> ZeroPadding1D((0, 2)).predict({}, np.ones((1, 2, 1)))[0, :, 0]
    array([1., 1., 0., 0.])
    """

    ndim = 1

    def __init__(self, padding: Margins1D = 1) -> None:
        self.padding = padding


class _Cropping(_Margins):
    cropping: Any

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        sides = ops.margins(self.cropping, "cropping", self.ndim)
        size = pixel_shape(input_shape, self.ndim)
        left = [n - sum(side) for n, side in zip(size, sides, strict=True)]
        if min(left) < 1:
            raise ValueError(
                f"cropping must leave something of its input {tuple(input_shape)}, got "
                f"{self.cropping!r}"
            )
        return {}, (*left, input_shape[-1])

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        sides = ops.margins(self.cropping, "cropping", self.ndim)
        return _crop(x, sides), sides

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        return _pad(dy, cache), {}


class Cropping2D(_Cropping):
    """Images without their margins.

    Parameters
    ----------
    cropping : int, (h, w) or ((top, bottom), (left, right)), default=((0, 0), (0, 0))
        Rows and columns to cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Cropping2D
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> Cropping2D(((1, 0), (0, 2))).predict({}, image)[0, :, :, 0]
    array([[3.],
           [6.]])
    """

    ndim = 2

    def __init__(self, cropping: Margins = ((0, 0), (0, 0))) -> None:
        self.cropping = cropping


class Cropping1D(_Cropping):
    """Signals without their beginning and end.

    Parameters
    ----------
    cropping : int or (left, right), default=1
        How many values to cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Cropping1D
    >>> Cropping1D((0, 2)).predict({}, np.arange(4.0).reshape(1, 4, 1))[0, :, 0]
    array([0., 1.])
    """

    ndim = 1

    def __init__(self, cropping: Margins1D = 1) -> None:
        self.cropping = cropping


def _pad(x: Array, sides: _Sides) -> Array:
    size = [n + sum(side) for n, side in zip(x.shape[1:-1], sides, strict=True)]
    y = np.zeros((len(x), *size, x.shape[-1]), x.dtype)
    y[_inside(sides, y.shape)] = x
    return y


def _crop(x: Array, sides: _Sides) -> Array:
    """Return a copy: ops would copy a view, each of them again."""
    return x[_inside(sides, x.shape)].copy()


def _inside(sides: _Sides, shape: Shape) -> tuple[slice, ...]:
    pixels = zip(sides, shape[1:-1], strict=True)
    return slice(None), *(slice(side[0], n - side[1]) for side, n in pixels)
