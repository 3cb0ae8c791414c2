"""Convolutional layers on images and on signals."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from .. import ops
from .affine import Affine
from .checks import pixel_shape
from .typing import Array, Batches, Padding, Padding1D, Pair, Shape, Weights
from .whitening import LARGEST, whiten
from .windows import add_row, drop_row, find_window, slide

__all__ = ["Conv1D", "Conv2D", "Convolution"]


_WHITENING = "whitening"


class Convolution(Affine):
    """Kernels that slide over all axes but the last, which `ndim` counts."""

    ndim: ClassVar[int]
    filters: int
    groups: int
    adapting_initializers = (_WHITENING,)

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        pixel_shape(input_shape, self.ndim)
        c = input_shape[-1]
        filters = ops.positive_int(self.filters, "filters")
        groups = ops.positive_int(self.groups, "groups")
        if c % groups or filters % groups:
            raise ValueError(
                f"groups must divide its {c} input channels and its {filters} filters, "
                f"got {groups}"
            )
        win = find_window(self, input_shape)
        kernel_shape = (*win.size, c // groups, filters)
        weights = self._draw_weights(kernel_shape, rng, dtype, groups)
        inputs = math.prod(kernel_shape[:-1])
        if self.kernel_initializer == _WHITENING and (groups > 1 or inputs > LARGEST):
            raise ValueError(
                f"kernel_initializer={_WHITENING!r} is for first convolutions, of one "
                f"group and of at most {LARGEST} inputs, got {groups} groups and "
                f"{inputs} inputs of a filter; use 'he_normal'"
            )
        return weights, (*win.output, filters)

    def adapt(self, weights: Weights, batches: Batches) -> None:
        if self.kernel_initializer != _WHITENING:
            return

        def images() -> Iterator[tuple[Array, Array | None]]:
            for x, sample_weight in batches():
                yield add_row(x, self.ndim), sample_weight

        kernel = add_row(weights["kernel"], self.ndim, axis=0)
        found = [ops.pair(each, "") for each in (self.stride, self.dilation)]
        if self.ndim == 1:
            found = [(1, size) for _, size in found]
        bias = whiten(kernel, images, *found)
        if self.use_bias and bias is not None:
            weights["bias"][...] = bias

    def _apply(self, weights: Weights, x: Array, activation: str | None) -> Array:
        y = ops.conv2d(
            add_row(x, self.ndim),
            add_row(weights["kernel"], self.ndim, axis=0),
            weights.get("bias"),
            weights.get("scale"),
            activation=activation,
            groups=self.groups,
            **slide(self, x.shape[1:]),
        )
        return drop_row(y, self.ndim)

    def _apply_backward(
        self, weights: Weights, x: Array, saved: Array, dy: Array, need_dx: bool
    ) -> tuple[Array | None, Array, Array]:
        dx, dkernel, dbias = ops.conv2d_backward(
            add_row(dy, self.ndim),
            add_row(saved, self.ndim),
            add_row(x, self.ndim),
            add_row(weights["kernel"], self.ndim, axis=0),
            activation=self.activation,
            need_dx=need_dx,
            groups=self.groups,
            **slide(self, x.shape[1:]),
        )
        return drop_row(dx, self.ndim), drop_row(dkernel, self.ndim, axis=0), dbias

    def _apply_grad_input(
        self, weights: Weights, x: Array, saved: Array, dy: Array
    ) -> Array:
        dz = ops.activate_grad(dy, saved, self.activation)
        dx = ops.conv2d_grad_input(
            add_row(dz, self.ndim),
            add_row(weights["kernel"], self.ndim, axis=0),
            add_row(x, self.ndim).shape,
            groups=self.groups,
            **slide(self, x.shape[1:]),
        )
        return drop_row(dx, self.ndim)


class Conv2D(Convolution):
    """2-D convolution.

    Parameters
    ----------
    filters : int
        Number of kernels, and so of output channels.
    kernel_size : int or (kh, kw), default=3
    stride : int or (sh, sw), default=1
        Step between the windows, in pixels.
    padding : {"valid", "same"}, int, (ph, pw) or ((top, bottom), (left, right)), \
default="same"
        Zeros around the image. "valid": none. "same": enough to make the output
        ``ceil(input / stride)`` large, the odd one at the bottom and right (as Keras).
    dilation : int or (dh, dw), default=1
        Step between the taps of one window, in pixels.
    groups : int, default=1
        Number of groups of channels and filters; filters see the channels of their own
        group only. As many groups as channels make the convolution depthwise.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`.
    use_bias : bool, default=True
    kernel_initializer : str, default="glorot_uniform"
        A name in `skconv.layers.initializers.INITIALIZERS`; or "whitening": before the
        first step, the first filters become those that whiten the patches of the
        training data, in pairs of both signs. That
        is for the first convolution, if it has many filters of few inputs.
    kernel_l1, kernel_l2 : float, default=0.0
        Strength of a penalty in the loss: ``kernel_l1 * sum(abs(kernel)) + kernel_l2 *
        sum(kernel**2)``.

    Notes
    -----
    Weights: ``kernel (kh, kw, c / groups, filters)`` and ``bias (filters,)``. The
    formulas are at `skconv.ops.conv2d` and its gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2D
    >>> layer = Conv2D(8, 3, stride=2, activation="relu")
    >>> weights, shape = layer.build((28, 28, 1), np.random.default_rng(0), np.float32)
    >>> shape
    (14, 14, 8)
    >>> layer.predict(weights, np.ones((5, 28, 28, 1), np.float32)).shape
    (5, 14, 14, 8)
    """

    ndim = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = 3,
        *,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
    ) -> None:
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2


class Conv1D(Convolution):
    """1-D convolution of signals, spectra, time series.

    Parameters
    ----------
    filters : int
        Number of kernels, and so of output channels.
    kernel_size : int, default=3
    stride : int, default=1
        Step between the windows, in samples of the signal.
    padding : {"valid", "same", "causal"}, int or (left, right), default="same"
        Zeros around the signal. "valid" and "same": as in `Conv2D`. "causal": enough
        on the left that an output depends on nothing that comes after it (van den Oord
        et al., "WaveNet", 2016, section 2.1).
    dilation : int, default=1
        Step between the taps of one window.
    groups, activation, use_bias, kernel_initializer, kernel_l1, kernel_l2
        As in `Conv2D`.

    Notes
    -----
    Weights: ``kernel (k, c / groups, filters)`` and ``bias (filters,)``. Formula and
    gradients are those of `skconv.ops.conv2d`, for images of one row::

        z[n, p, f] = b[f] + sum over t, c of  x[n, p stride + t dilation - left, c]
                                              * kernel[t, c, f]

    Examples
    --------
    Each output is a value less the one before:

    >>> import numpy as np
    >>> from skconv.layers import Conv1D
    >>> layer = Conv1D(1, 2, padding="causal", use_bias=False)
    >>> kernel = np.array([-1.0, 1.0]).reshape(2, 1, 1)
    >>> signal = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1)
    >>> layer.predict({"kernel": kernel}, signal)[0, :, 0]
    array([1., 1., 2., 4.])
    """

    ndim = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        padding: Padding1D = "same",
        dilation: int = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
    ) -> None:
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2
