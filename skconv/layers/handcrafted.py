"""Convolutions with filters that were designed by hand and are not trained."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import ops
from .checks import pixel_shape
from .convolution import Convolution
from .initializers import Blank
from .typing import Array, Padding1D, Shape, Weights
from .windows import add_row, drop_row, slide

__all__ = ["HandcraftedConv1D"]


class HandcraftedConv1D(Convolution):
    """1-D convolution with fixed filters that find rises, falls and peaks of signals.

    Parameters
    ----------
    kernel_sizes : sequence of int, default=(2, 4, 8, 16, 32, 64)
        Even numbers. Each gives a filter for rises and one for falls; a multiple of 4
        gives one for peaks, too, half as long again. By default there are 17 filters.
    activation : str or None, default="relu"
        A name in `skconv.ops.ACTIVATIONS`.

    Notes
    -----
    Ismail-Fawaz, Devanne, Weber & Forestier, "Deep learning for time series
    classification using new hand-crafted convolution filters", 2022. A filter for rises
    is ``-1, 1, -1, 1, ...``, for falls its negative. One for peaks has six parts, each
    a quarter of the kernel size long: with the parabola ``q = (1/n)^2, (2/n)^2, ...,
    1`` and the same backwards, ``-q, -q', 2 q, 2 q', -q, -q'``.

    The padding is "same", the stride 1. All channels are added.

    Weights: ``kernel (k, c, filters)``, as state, which no gradient trains: all filters
    with zeros around the shorter ones, in the order rises, falls, peaks.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import HandcraftedConv1D
    >>> layer = HandcraftedConv1D([2, 4])
    >>> weights, shape = layer.build((9, 1), np.random.default_rng(0), np.dtype(float))
    >>> shape
    (9, 5)
    >>> weights["kernel"][:, 0].T
    array([[ 0.,  0., -1.,  1.,  0.,  0.],
           [ 0., -1.,  1., -1.,  1.,  0.],
           [ 0.,  0.,  1., -1.,  0.,  0.],
           [ 0.,  1., -1.,  1., -1.,  0.],
           [-1., -1.,  2.,  2., -1., -1.]])
    """

    state = ("kernel",)
    ndim = 1
    # What a convolution has as arguments.
    use_bias = False
    kernel_initializer = "handcrafted"
    groups = 1
    stride: ClassVar[int] = 1
    dilation: ClassVar[int] = 1
    padding: ClassVar[Padding1D] = "same"

    def __init__(
        self,
        kernel_sizes: Sequence[int] = (2, 4, 8, 16, 32, 64),
        *,
        activation: str | None = "relu",
    ) -> None:
        self.kernel_sizes = kernel_sizes
        self.activation = activation

    @property
    def kernel_size(self) -> int:
        """The length of the longest filter."""
        return max(size + (0 if size % 4 else size // 2) for size in self._sizes())

    @property
    def filters(self) -> int:  # type: ignore[override]
        """The number of filters."""
        return sum(2 + (size % 4 == 0) for size in self._sizes())

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        ops.find_activation(self.activation)
        sizes = self._sizes()
        pixel_shape(input_shape, self.ndim)
        length, c = input_shape
        shape = (self.kernel_size, c, self.filters)
        if isinstance(rng, Blank):
            kernel = rng.blank(shape, np.dtype(dtype))
        else:
            kernel = np.zeros(shape, dtype)
            for filter_, values in enumerate(_filters(sizes)):
                start = (shape[0] - len(values)) // 2  # both are even
                kernel[start : start + len(values), :, filter_] = values[:, None]
        return {"kernel": kernel}, (length, self.filters)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        if not need_dx:
            return None, {}
        x, saved = cache
        dx = ops.conv2d_grad_input(
            add_row(ops.activate_grad(dy, saved, self.activation), self.ndim),
            add_row(weights["kernel"], self.ndim, axis=0),
            add_row(x, self.ndim).shape,
            **slide(self, x.shape[1:]),
        )
        return drop_row(dx, self.ndim), {}

    def _sizes(self) -> list[int]:
        sizes = self.kernel_sizes
        given = list(sizes) if isinstance(sizes, Iterable) else []
        checked = [ops.positive_int(size, "each of kernel_sizes") for size in given]
        if not checked or any(size % 2 for size in checked):
            raise ValueError(
                f"kernel_sizes must be one even number or more in a list, got {sizes!r}"
            )
        return checked


def _filters(sizes: list[int]) -> list[Array]:
    """Return the values of each filter: for rises, for falls, for peaks."""
    rises = [np.resize([-1.0, 1.0], size) for size in sizes]
    peaks = []
    for size in (size for size in sizes if size % 4 == 0):
        half = (np.arange(4, size + 1, 4) / size) ** 2
        both = np.concatenate([half, half[::-1]])
        peaks.append(np.concatenate([-both, 2 * both, -both]))
    return [*rises, *(-values for values in rises), *peaks]
