"""Transposed convolutions, which make images and signals larger."""

from typing import Any, ClassVar

import numpy as np

from .. import ops
from .affine import Affine
from .checks import pixel_shape
from .typing import Array, Padding, Pair, Shape, Weights
from .windows import add_row, drop_row, find_window, slide, transposed_size

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "TransposedConvolution"]


class TransposedConvolution(Affine):
    """Each pixel adds its value times a kernel to a window of the output."""

    ndim: ClassVar[int]
    filters: int

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        pixel_shape(input_shape, self.ndim)
        filters = ops.positive_int(self.filters, "filters")
        size = transposed_size(self, input_shape)
        taps = find_window(self, input_shape).size
        weights = self._draw_weights((*taps, input_shape[-1], filters), rng, dtype)
        # Drawn like the kernel of a convolution, whose last axis are filters.
        weights["kernel"] = weights["kernel"].swapaxes(-1, -2)
        return weights, (*size, filters)

    def _apply(self, weights: Weights, x: Array, activation: str | None) -> Array:
        kernel, size = weights["kernel"], transposed_size(self, x.shape[1:])
        if "scale" in weights:
            kernel = kernel * weights["scale"][:, None]
        y = ops.conv2d_transpose(
            add_row(x, self.ndim),
            add_row(kernel, self.ndim, axis=0),
            weights.get("bias"),
            output_size=size if self.ndim == 2 else (1, *size),
            activation=activation,
            **slide(self, x.shape[1:]),
        )
        return drop_row(y, self.ndim)

    def _apply_backward(
        self, weights: Weights, x: Array, saved: Array, dy: Array, need_dx: bool
    ) -> tuple[Array | None, Array, Array]:
        dx, dkernel, dbias = ops.conv2d_transpose_backward(
            add_row(dy, self.ndim),
            add_row(saved, self.ndim),
            add_row(x, self.ndim),
            add_row(weights["kernel"], self.ndim, axis=0),
            activation=self.activation,
            need_dx=need_dx,
            **slide(self, x.shape[1:]),
        )
        return drop_row(dx, self.ndim), drop_row(dkernel, self.ndim, axis=0), dbias


class Conv2DTranspose(TransposedConvolution):
    """2-D transposed convolution, which makes images larger.

    What a `Conv2D` with the same arguments does to the size of an image, it undoes.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int or (kh, kw), default=3
    stride : int or (sh, sw), default=1
        By how much the image grows.
    padding : {"valid", "same"}, int, (ph, pw) or ((top, bottom), (left, right)), \
default="same"
        What is cut off from the windows around the image. "same": the output is
        ``input * stride`` large. "valid": nothing is cut off; the output is ``(input -
        1) * stride + kernel_size`` large, or ``input * stride`` if the stride is larger
        than the kernel. Numbers are pixels that are cut off from that, as in torch.
    output_padding : int, (h, w) or None, default=None
        Which size the output has, where a `Conv2D` would make the input's size of
        several, as in Keras: pixels at the bottom and right beyond ``(input - 1) *
        stride + kernel_size - padding``, or with "same" beyond ``(input - 1) * stride +
        kernel_size % 2``. None: as above.
    dilation : int or (dh, dw), default=1
        Step between the taps of one window, in pixels.
    activation : str or None, default=None
        A name in `skconv.ops.ACTIVATIONS`.
    use_bias : bool, default=True
    kernel_initializer : str, default="glorot_uniform"
        A name in `skconv.layers.initializers.INITIALIZERS`.
    kernel_l1, kernel_l2 : float, default=0.0
        As in `Conv2D`.

    Notes
    -----
    Weights: ``kernel (kh, kw, filters, c)``, as in Keras, and ``bias (filters,)``. The
    formulas are at `skconv.ops.conv2d_transpose`. Neighbouring windows overlap evenly
    where the stride divides the kernel's size; otherwise a checkerboard may show
    (Odena, Dumoulin & Olah, "Deconvolution and checkerboard artifacts", 2016), which an
    `UpSampling2D` and a `Conv2D` avoid.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2DTranspose
    >>> layer = Conv2DTranspose(8, 2, stride=2, activation="relu")
    >>> weights, shape = layer.build((14, 14, 3), np.random.default_rng(0), np.float32)
    >>> shape, weights["kernel"].shape
    ((28, 28, 8), (2, 2, 8, 3))
    """

    ndim = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Pair = 3,
        *,
        stride: Pair = 1,
        padding: Padding = "same",
        output_padding: Pair | None = None,
        dilation: Pair = 1,
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
        self.output_padding = output_padding
        self.dilation = dilation
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2


class Conv1DTranspose(TransposedConvolution):
    """1-D transposed convolution, which makes signals longer.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size : int, default=3
    stride : int, default=1
        By how much the signal grows.
    padding : {"valid", "same"}, int or (left, right), default="same"
        As in `Conv2DTranspose`.
    output_padding : int or None, default=None
        As in `Conv2DTranspose`.
    dilation : int, default=1
    activation, use_bias, kernel_initializer, kernel_l1, kernel_l2
        As in `Conv2DTranspose`.

    Notes
    -----
    Weights: ``kernel (k, filters, c)``, as in Keras, and ``bias (filters,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv1DTranspose
    >>> layer = Conv1DTranspose(1, 2, stride=2, use_bias=False)
    >>> kernel = np.array([1.0, 0.5]).reshape(2, 1, 1)
    >>> signal = np.array([1.0, 4.0]).reshape(1, 2, 1)
    >>> layer.predict({"kernel": kernel}, signal)[0, :, 0]
    array([1. , 0.5, 4. , 2. ])
    """

    ndim = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        padding: Padding = "same",
        output_padding: int | None = None,
        dilation: int = 1,
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
        self.output_padding = output_padding
        self.dilation = dilation
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.kernel_l1 = kernel_l1
        self.kernel_l2 = kernel_l2
