"""Layers that enlarge images and signals without weights."""

from typing import Any, ClassVar

import numpy as np

from .. import ops
from .checks import check_room, pixel_shape
from .layer import Layer
from .typing import Array, Pair, Shape, Weights
from .windows import add_row, drop_row

__all__ = ["UpSampling1D", "UpSampling2D"]


class _UpSampling(Layer):
    """Each pixel becomes several, along all axes but the last, which `ndim` counts."""

    ndim: ClassVar[int]
    size: Any
    interpolation: str

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        pixels, factors = pixel_shape(input_shape, self.ndim), self._factors()
        if self.interpolation not in ops.INTERPOLATIONS:
            raise ValueError(
                f"interpolation must be {' or '.join(map(repr, ops.INTERPOLATIONS))}, "
                f"got {self.interpolation!r}"
            )
        made = [n * by for n, by in zip(pixels, factors[-self.ndim :], strict=True)]
        check_room((*made, input_shape[-1]), "use a smaller size")
        return {}, (*made, input_shape[-1])

    def _factors(self) -> tuple[int, int]:
        """Return by how much images grow; signals are images of one row."""
        if self.ndim == 2:
            return ops.pair(self.size, "size")
        return 1, ops.positive_int(self.size, "size")

    def predict(self, weights: Weights, x: Array) -> Array:
        x = add_row(x, self.ndim)
        y = ops.upsample2d(x, self._factors(), self.interpolation)
        return drop_row(y, self.ndim)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        return self.predict(weights, x), None

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        dy = add_row(dy, self.ndim)
        dx = ops.upsample2d_grad(dy, self._factors(), self.interpolation)
        return drop_row(dx, self.ndim), {}


class UpSampling2D(_UpSampling):
    """Images enlarged by whole numbers.

    Parameters
    ----------
    size : int or (sh, sw), default=2
        How many times as high and as wide.
    interpolation : {"nearest", "bilinear"}, default="nearest"
        "nearest" repeats each pixel; "bilinear" interpolates between their centres, as
        Keras and torch (``align_corners=False``) do.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import UpSampling2D
    >>> image = np.array([[0.0, 4.0]]).reshape(1, 1, 2, 1)
    >>> UpSampling2D((1, 2)).predict({}, image)[0, :, :, 0]
    array([[0., 0., 4., 4.]])
    >>> UpSampling2D((1, 2), interpolation="bilinear").predict({}, image)[0, :, :, 0]
    array([[0., 1., 3., 4.]])
    """

    ndim = 2

    def __init__(self, size: Pair = 2, *, interpolation: str = "nearest") -> None:
        self.size = size
        self.interpolation = interpolation


class UpSampling1D(_UpSampling):
    """Signals of which each value is repeated.

    Parameters
    ----------
    size : int, default=2
        How many times as long.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import UpSampling1D
    >>> UpSampling1D(3).predict({}, np.array([1.0, 2.0]).reshape(1, 2, 1))[0, :, 0]
    array([1., 1., 1., 2., 2., 2.])
    """

    ndim = 1
    interpolation = "nearest"

    def __init__(self, size: int = 2) -> None:
        self.size = size
