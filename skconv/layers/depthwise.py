"""Convolutions that see each channel on its own."""

from functools import partial
from typing import Any

import numpy as np

from .. import ops
from .affine import Affine, activated
from .checks import check_flag
from .initializers import fill, initialize
from .layer import Layer
from .marks import is_frozen
from .typing import Array, Padding, Pair, Shape, Weights
from .windows import find_window, slide

__all__ = ["DepthwiseConv2D", "SeparableConv2D"]


class DepthwiseConv2D(Affine):
    """2-D convolution of each channel on its own.

    Parameters
    ----------
    kernel_size : int or (kh, kw), default=3
    stride, padding, dilation
        As in `Conv2D`.
    depth_multiplier : int, default=1
        Number of kernels for each channel.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`.
    use_bias : bool, default=True
    depthwise_initializer : str, default="glorot_uniform"
        A name in `skconv.layers.initializers.INITIALIZERS`.

    Notes
    -----
    Weights: ``kernel (kh, kw, c, depth_multiplier)`` and ``bias (c *
    depth_multiplier,)``. Output channel ``k m + j``, for ``m = depth_multiplier``, is
    channel ``k`` with its kernel ``j``. With ``q(p, t)`` the pixel that tap ``t`` of
    the window at ``p`` sees (`skconv.ops.conv2d`)::

        z[n, p, k m + j] = b[k m + j] + sum over t of  x[n, q(p, t), k] kernel[t, k, j]

    It is the first half of a separable convolution (Sifre, "Rigid-motion scattering for
    image classification", 2014); the arguments are those of Keras. The fan in
    of initial weights is the taps of one kernel (see `INITIALIZERS`).

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import DepthwiseConv2D
    >>> layer = DepthwiseConv2D(3, depth_multiplier=2)
    >>> weights, shape = layer.build((28, 28, 8), np.random.default_rng(0), np.float32)
    >>> weights["kernel"].shape, shape
    ((3, 3, 8, 2), (28, 28, 16))
    """

    ndim = 2

    def __init__(
        self,
        kernel_size: Pair = 3,
        *,
        stride: Pair = 1,
        padding: Padding = "same",
        dilation: Pair = 1,
        depth_multiplier: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: str = "glorot_uniform",
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.depth_multiplier = depth_multiplier
        self.activation = activation
        self.use_bias = use_bias
        self.depthwise_initializer = depthwise_initializer

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        ops.find_activation(self.activation)
        check_flag(self.use_bias, "use_bias")
        kernel, shape = _draw_depthwise(self, input_shape, rng, dtype)
        weights = {"kernel": kernel}
        if self.use_bias:
            weights["bias"] = fill(0, (shape[-1],), rng, dtype)
        return weights, shape

    def _apply(self, weights: Weights, x: Array, activation: str | None) -> Array:
        operands = weights["kernel"], weights.get("bias"), weights.get("scale")
        return _depthwise(self, x, *operands, activation=activation)

    def _apply_backward(
        self, weights: Weights, x: Array, saved: Array, dy: Array, need_dx: bool
    ) -> tuple[Array | None, Array, Array]:
        arrays = dy, saved, x, weights["kernel"]
        return _depthwise_backward(
            self, *arrays, activation=self.activation, need_dx=need_dx
        )

    def _apply_grad_input(
        self, weights: Weights, x: Array, saved: Array, dy: Array
    ) -> Array:
        dz = ops.activate_grad(dy, saved, self.activation)
        return _depthwise_grad_input(self, dz, x, weights["kernel"])


class SeparableConv2D(Layer):
    """A depthwise convolution, then a 1 × 1 convolution that mixes its channels.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or (kh, kw), default=3
        Of the depthwise part.
    stride, padding, dilation
        Of the depthwise part, as in `Conv2D`.
    depth_multiplier : int, default=1
        Number of depthwise kernels for each channel.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`; applied at the end only.
    use_bias : bool, default=True
        Of the output channels.
    depthwise_initializer, pointwise_initializer : str, default="glorot_uniform"
        Names in `skconv.layers.initializers.INITIALIZERS`.

    Notes
    -----
    Weights: ``depthwise_kernel (kh, kw, c, depth_multiplier)``, ``pointwise_kernel (1,
    1, c * depth_multiplier, filters)`` and ``bias (filters,)``. The layer is
    `DepthwiseConv2D` without bias and activation, followed by ``Conv2D(filters, 1)``: a
    convolution whose kernels are sums of products of a picture and a mixture (Sifre
    2014; Chollet, "Xception", 2017), with ``kh kw m + filters m`` instead of ``kh kw
    filters`` multiplications for each channel and pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2D, SeparableConv2D
    >>> layer = SeparableConv2D(64)
    >>> weights, shape = layer.build((28, 28, 32), np.random.default_rng(0), np.float32)
    >>> weights["depthwise_kernel"].shape, weights["pointwise_kernel"].shape
    ((3, 3, 32, 1), (1, 1, 32, 64))
    >>> full, _ = Conv2D(64).build((28, 28, 32), np.random.default_rng(0), np.float32)
    >>> kernels = weights["depthwise_kernel"].size + weights["pointwise_kernel"].size
    >>> round(full["kernel"].size / kernels, 1)
    7.9
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
        depth_multiplier: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: str = "glorot_uniform",
        pointwise_initializer: str = "glorot_uniform",
    ) -> None:
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.depth_multiplier = depth_multiplier
        self.activation = activation
        self.use_bias = use_bias
        self.depthwise_initializer = depthwise_initializer
        self.pointwise_initializer = pointwise_initializer

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        ops.find_activation(self.activation)
        check_flag(self.use_bias, "use_bias")
        filters = ops.positive_int(self.filters, "filters")
        depthwise, (*size, between) = _draw_depthwise(self, input_shape, rng, dtype)
        pointwise = initialize(
            self.pointwise_initializer,
            (1, 1, between, filters),
            rng,
            dtype,
            argument="pointwise_initializer",
        )
        weights = {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise}
        if self.use_bias:
            weights["bias"] = fill(0, (filters,), rng, dtype)
        return weights, (*size, filters)

    def predict(self, weights: Weights, x: Array) -> Array:
        between = _depthwise(self, x, weights["depthwise_kernel"])
        return _pointwise(between, weights, self.activation)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        between = _depthwise(self, x, weights["depthwise_kernel"])
        y, saved = activated(partial(_pointwise, between, weights), self.activation)
        return y, (x, between, saved)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        x, between, saved = cache
        if is_frozen(weights):
            return self._grad_input(weights, cache, dy) if need_dx else None, {}
        dbetween, dpointwise, dbias = ops.conv2d_backward(
            dy, saved, between, weights["pointwise_kernel"], activation=self.activation
        )
        assert dbetween is not None  # asked for: need_dx is True by default
        dx, ddepthwise, _ = _depthwise_backward(
            self, dbetween, between, x, weights["depthwise_kernel"], need_dx=need_dx
        )
        grads = {"depthwise_kernel": ddepthwise, "pointwise_kernel": dpointwise}
        return dx, {**grads, "bias": dbias} if self.use_bias else grads

    def _grad_input(self, weights: Weights, cache: Any, dy: Array) -> Array:
        x, between, saved = cache
        dz = ops.activate_grad(dy, saved, self.activation)
        kernel, shape = weights["pointwise_kernel"], between.shape
        dbetween = ops.conv2d_grad_input(dz, kernel, shape)
        return _depthwise_grad_input(self, dbetween, x, weights["depthwise_kernel"])


Depthwise = DepthwiseConv2D | SeparableConv2D


def _draw_depthwise(
    layer: Depthwise,
    input_shape: Shape,
    rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> tuple[Array, Shape]:
    """Return a depthwise kernel and the shape of its output."""
    win, c = find_window(layer, input_shape), input_shape[-1]
    multiplier = ops.positive_int(layer.depth_multiplier, "depth_multiplier")
    kernel = initialize(
        layer.depthwise_initializer,
        (*win.size, 1, c * multiplier),
        rng,
        dtype,
        groups=c,
        argument="depthwise_initializer",
    )
    return kernel.reshape(*win.size, c, multiplier), (*win.output, c * multiplier)


def _depthwise(
    layer: Depthwise,
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    scale: Array | None = None,
    *,
    activation: str | None = None,
) -> Array:
    return ops.conv2d(
        x,
        _by_group(kernel),
        bias,
        scale,
        activation=activation,
        groups=x.shape[-1],
        **slide(layer, x.shape[1:]),
    )


def _depthwise_backward(
    layer: Depthwise,
    dy: Array,
    saved: Array,
    x: Array,
    kernel: Array,
    *,
    activation: str | None = None,
    need_dx: bool,
) -> tuple[Array | None, Array, Array]:
    dx, dkernel, dbias = ops.conv2d_backward(
        dy,
        saved,
        x,
        _by_group(kernel),
        activation=activation,
        need_dx=need_dx,
        groups=x.shape[-1],
        **slide(layer, x.shape[1:]),
    )
    return dx, dkernel.reshape(kernel.shape), dbias


def _depthwise_grad_input(
    layer: Depthwise, dz: Array, x: Array, kernel: Array
) -> Array:
    return ops.conv2d_grad_input(
        dz,
        _by_group(kernel),
        x.shape,
        groups=x.shape[-1],
        **slide(layer, x.shape[1:]),
    )


def _by_group(kernel: Array) -> Array:
    """View a kernel (kh, kw, c, multiplier) as one with channels as groups."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def _pointwise(x: Array, weights: Weights, activation: str | None) -> Array:
    return ops.conv2d(
        x,
        weights["pointwise_kernel"],
        weights.get("bias"),
        weights.get("scale"),
        activation=activation,
    )
