"""Convolutions that see each channel by itself."""

import math
from functools import partial

import numpy as np

from .. import ops
from .convolution import Sliding
from .initializers import initialize
from .layer import activated, image_shape

__all__ = ["DepthwiseConv2D", "SeparableConv2D"]


class _Depthwise(Sliding):
    """What slides over each channel: `depth_multiplier` kernels for each of them."""

    def _draw_depthwise(self, input_shape, rng, dtype):
        """Return a kernel and the shape of what it makes of `input_shape`."""
        c = image_shape(input_shape)[-1]
        multiplier = ops.positive_int(self.depth_multiplier, "depth_multiplier")
        win = self._window(input_shape)
        kernel = initialize(
            self.depthwise_initializer,
            (*win.size, 1, c * multiplier),
            rng,
            dtype,
            groups=c,
            argument="depthwise_initializer",
        )
        return kernel.reshape(*win.size, c, multiplier), (*win.output, c * multiplier)

    def _depthwise(self, x, kernel, bias=None, activation=None, scale=None):
        operands = x, _by_group(kernel), bias, scale
        return ops.conv2d(*operands, activation=activation, **self._slide(x))

    def _depthwise_backward(self, dy, kept, x, kernel, need_dx, activation=None):
        dx, dkernel, dbias = ops.conv2d_backward(
            dy,
            kept,
            x,
            _by_group(kernel),
            activation=activation,
            need_dx=need_dx,
            **self._slide(x),
        )
        return dx, dkernel.reshape(kernel.shape), dbias

    def _slide(self, x):
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": x.shape[-1],
        }


def _by_group(kernel):
    """View (kh, kw, c, multiplier) as of a convolution where channels are groups."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


class DepthwiseConv2D(_Depthwise):
    """2-D convolution of each channel by itself.

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

    This is what Sifre, "Rigid-motion scattering for image classification", 2014,
    begins his separable convolutions with; the arguments are those of Keras. Initial
    weights count the taps of one kernel as fan in (see `INITIALIZERS`).

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import DepthwiseConv2D
    >>> layer = DepthwiseConv2D(3, depth_multiplier=2)
    >>> weights, shape = layer.build((28, 28, 8), np.random.default_rng(0), np.float32)
    >>> weights["kernel"].shape, shape
    ((3, 3, 8, 2), (28, 28, 16))
    >>> layer.multiply_adds((28, 28, 8), shape)
    112896
    """

    def __init__(
        self,
        kernel_size=3,
        *,
        stride=1,
        padding="same",
        dilation=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
    ):
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.depth_multiplier = depth_multiplier
        self.activation = activation
        self.use_bias = use_bias
        self.depthwise_initializer = depthwise_initializer

    def build(self, input_shape, rng, dtype):
        ops.find_activation(self.activation)
        kernel, shape = self._draw_depthwise(input_shape, rng, dtype)
        bias = {"bias": np.zeros(shape[-1], dtype)} if self.use_bias else {}
        return {"kernel": kernel, **bias}, shape

    def multiply_adds(self, input_shape, output_shape):
        return math.prod(output_shape) * math.prod(self._window(input_shape).size)

    _op = _Depthwise._depthwise

    def _op_backward(self, dy, kept, x, kernel, need_dx):
        return self._depthwise_backward(dy, kept, x, kernel, need_dx, self.activation)


class SeparableConv2D(_Depthwise):
    """A depthwise convolution, and one of single pixels that mixes its channels.

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
        A name in `skconv.ops.ACTIVATIONS`; at the end alone.
    use_bias : bool, default=True
        Of the output channels.
    depthwise_initializer, pointwise_initializer : str, default="glorot_uniform"
        Names in `skconv.layers.initializers.INITIALIZERS`.

    Notes
    -----
    Weights: ``depthwise_kernel (kh, kw, c, depth_multiplier)``, ``pointwise_kernel (1,
    1, c * depth_multiplier, filters)`` and ``bias (filters,)``. The output is that of
    `DepthwiseConv2D`, without bias and activation, through ``Conv2D(filters, 1)``: a
    convolution whose kernels are sums of products of a picture and a mixture
    (Sifre 2014; Chollet, "Xception", 2017), for ``kh kw m + filters m`` instead of
    ``kh kw filters`` multiplications a channel and pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2D, SeparableConv2D
    >>> layer = SeparableConv2D(64)
    >>> weights, shape = layer.build((28, 28, 32), np.random.default_rng(0), np.float32)
    >>> weights["depthwise_kernel"].shape, weights["pointwise_kernel"].shape
    ((3, 3, 32, 1), (1, 1, 32, 64))
    >>> full = Conv2D(64).multiply_adds((28, 28, 32), shape)
    >>> round(full / layer.multiply_adds((28, 28, 32), shape), 1)
    7.9
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        *,
        stride=1,
        padding="same",
        dilation=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
    ):
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

    def build(self, input_shape, rng, dtype):
        ops.find_activation(self.activation)
        filters = ops.positive_int(self.filters, "filters")
        depthwise, (oh, ow, between) = self._draw_depthwise(input_shape, rng, dtype)
        pointwise = initialize(
            self.pointwise_initializer,
            (1, 1, between, filters),
            rng,
            dtype,
            argument="pointwise_initializer",
        )
        weights = {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise}
        if self.use_bias:
            weights["bias"] = np.zeros(filters, dtype)
        return weights, (oh, ow, filters)

    def multiply_adds(self, input_shape, output_shape):
        *pixels, filters = output_shape
        taps = math.prod(self._window(input_shape).size)
        between = input_shape[-1] * self.depth_multiplier
        return math.prod(pixels) * between * (taps + filters)

    def predict(self, weights, x):
        between = self._depthwise(x, weights["depthwise_kernel"])
        return _pointwise(between, weights, self.activation)

    def forward(self, weights, x, rng):
        between = self._depthwise(x, weights["depthwise_kernel"])
        y, kept = activated(partial(_pointwise, between, weights), self.activation)
        return y, (x, between, kept)

    def backward(self, weights, cache, dy, need_dx=True):
        x, between, kept = cache
        dbetween, dpointwise, dbias = ops.conv2d_backward(
            dy, kept, between, weights["pointwise_kernel"], activation=self.activation
        )
        dx, ddepthwise, _ = self._depthwise_backward(
            dbetween, between, x, weights["depthwise_kernel"], need_dx
        )
        grads = {"depthwise_kernel": ddepthwise, "pointwise_kernel": dpointwise}
        return dx, {**grads, "bias": dbias} if self.use_bias else grads


def _pointwise(x, weights, activation):
    operands = map(weights.get, ("pointwise_kernel", "bias", "scale"))
    return ops.conv2d(x, *operands, activation=activation)
