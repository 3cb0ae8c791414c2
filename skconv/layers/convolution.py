"""Convolutional layers on images."""

import math

from .. import ops
from .layer import Affine, Layer, image_shape

__all__ = ["Conv2D", "Convolution", "PooledConv2D", "Sliding"]

# What an op is given of a layer's weights.
_OPERANDS = "kernel", "bias", "scale"


class Sliding(Affine):
    """What slides over all axes but the last; its arguments are those of a window.

    Its ``_op`` takes a scale as the last argument, as `skconv.ops.conv2d` does. Among
    its weights there is one in prediction alone, from a layer fused into it.
    """

    def predict(self, weights, x):
        kernel, bias, scale = map(weights.get, _OPERANDS)
        return self._op(x, kernel, bias, self.activation, scale)

    def _window(self, input_shape):
        return ops.window(
            tuple(input_shape[:-1]),
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )


class Convolution(Sliding):
    """Kernels that slide over all axes but the last; a subclass says which these are.

    It has a function ``_expect(input_shape)``, which checks that, besides what `Affine`
    asks for.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        *,
        stride=1,
        padding="same",
        dilation=1,
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        kernel_l1=0.0,
        kernel_l2=0.0,
    ):
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

    def build(self, input_shape, rng, dtype):
        c = self._expect(input_shape)[-1]
        filters = ops.positive_int(self.filters, "filters")
        groups = ops.positive_int(self.groups, "groups")
        if c % groups or filters % groups:
            raise ValueError(
                f"groups must divide its {c} input channels and its {filters} filters, "
                f"got {groups}"
            )
        win = self._window(input_shape)
        kernel_shape = (*win.size, c // groups, filters)
        weights = self._draw_weights(kernel_shape, rng, dtype, groups)
        return weights, (*win.output, filters)

    def multiply_adds(self, input_shape, output_shape):
        taps = math.prod(self._window(input_shape).size)
        return math.prod(output_shape) * taps * (input_shape[-1] // self.groups)


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
        Zeros around the image. "valid": none. "same": as many as make the output
        ``ceil(input / stride)`` large, the odd one at the bottom and right (as Keras).
    dilation : int or (dh, dw), default=1
        Step between the taps of one window, in pixels.
    groups : int, default=1
        Channels and filters fall into this many groups that do not see each other;
        with as many as there are channels the convolution is depthwise.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`.
    use_bias : bool, default=True
    kernel_initializer : str, default="glorot_uniform"
        A name in `skconv.layers.initializers.INITIALIZERS`.
    kernel_l1, kernel_l2 : float, default=0.0
        What the loss has added for large weights: ``kernel_l1 * sum(abs(kernel)) +
        kernel_l2 * sum(kernel**2)``.

    Notes
    -----
    Weights: ``kernel (kh, kw, c / groups, filters)`` and ``bias (filters,)``. The
    formulas stand with `skconv.ops.conv2d` and its gradients.

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

    _expect = staticmethod(image_shape)

    def _op(self, x, kernel, bias, activation, scale=None):
        slide = self._slide()
        return ops.conv2d(x, kernel, bias, scale, activation=activation, **slide)

    def _op_backward(self, dy, kept, x, kernel, need_dx):
        return ops.conv2d_backward(
            dy,
            kept,
            x,
            kernel,
            activation=self.activation,
            need_dx=need_dx,
            **self._slide(),
        )

    def _slide(self):
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }


class PooledConv2D(Layer):
    """What prediction makes of a `Conv2D` and a `MaxPool2D` behind it."""

    def __init__(self, conv, pool):
        self.conv = conv
        self.pool = pool

    def predict(self, weights, x):
        return ops.conv2d_max_pool2d(
            x,
            *map(weights.get, _OPERANDS),
            activation=self.conv.activation,
            **self.conv._slide(),
            pool_size=self.pool.pool_size,
            pool_stride=self.pool.stride,
            pool_padding=self.pool.padding,
        )
