"""Layers on signals (l, c), which the ops see as images of one row, (1, l, c)."""

from .. import ops
from .convolution import Convolution
from .layer import Layer, signal_shape
from .pointwise import SpatialDropout
from .pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool

__all__ = [
    "AvgPool1D",
    "Conv1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "MaxPool1D",
    "OnSignals",
    "SpatialDropout1D",
]


class OnSignals(Layer):
    """What layers on signals are: a network that holds one reads signals."""

    _expect = staticmethod(signal_shape)


def _one_row(win):
    """Say how a window over a signal slides over images of one row."""
    return {"stride": (1, *win.stride), "padding": ((0, 0), *win.padding)}


class Conv1D(OnSignals, Convolution):
    """1-D convolution of signals, spectra, time series.

    Parameters
    ----------
    filters : int
        Number of kernels, and so of output channels.
    kernel_size : int, default=3
    stride : int, default=1
        Step between the windows, in samples of the signal.
    padding : {"valid", "same", "causal"}, int or (left, right), default="same"
        Zeros around the signal. "valid" and "same": as in `Conv2D`. "causal": as many
        on the left as have an output see nothing that comes after it (van den Oord et
        al., "WaveNet", 2016, section 2.1).
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

    def _op(self, x, kernel, bias, activation, scale=None):
        operands = x[:, None], kernel[None], bias, scale
        return ops.conv2d(*operands, activation=activation, **self._slide(x))[:, 0]

    def _op_backward(self, dy, kept, x, kernel, need_dx):
        dx, dkernel, dbias = ops.conv2d_backward(
            dy[:, None],
            kept[:, None],
            x[:, None],
            kernel[None],
            activation=self.activation,
            need_dx=need_dx,
            **self._slide(x),
        )
        return dx[:, 0] if need_dx else None, dkernel[0], dbias

    def _slide(self, x):
        win = self._window(x.shape[1:])
        return {**_one_row(win), "dilation": (1, *win.dilation), "groups": self.groups}


class _Pooled(OnSignals):
    """Run the verbs of a pooling layer on images of one row."""

    def predict(self, weights, x):
        return _without_row(super().predict(weights, x[:, None]))

    def forward(self, weights, x, rng):
        y, cache = super().forward(weights, x[:, None], rng)
        return _without_row(y), cache

    def backward(self, weights, cache, dy, need_dx=True):
        dy = dy[:, None] if dy.ndim == 3 else dy  # of a global pool (n, c)
        dx, grads = super().backward(weights, cache, dy, need_dx)
        return dx[:, 0], grads

    def _slide(self, shape):
        win = ops.pool_window(
            shape[2:3], self.pool_size, stride=self.stride, padding=self.padding
        )
        return {**_one_row(win), "pool_size": (1, *win.size)}


def _without_row(y):
    return y[:, 0] if y.ndim == 4 else y


class MaxPool1D(_Pooled, MaxPool):
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


class AvgPool1D(_Pooled, AvgPool):
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


class GlobalAvgPool1D(_Pooled, GlobalAvgPool):
    """Mean of each channel over the whole signal: ``(l, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalAvgPool1D
    >>> GlobalAvgPool1D().predict({}, np.arange(6.0).reshape(1, 3, 2))
    array([[2., 3.]])
    """


class GlobalMaxPool1D(_Pooled, GlobalMaxPool):
    """Largest value of each channel over the whole signal: ``(l, c)`` to ``(c,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import GlobalMaxPool1D
    >>> GlobalMaxPool1D().predict({}, np.arange(6.0).reshape(1, 3, 2))
    array([[4., 5.]])
    """


class SpatialDropout1D(OnSignals, SpatialDropout):
    """In training, zero a random part of a signal's channels, each as a whole.

    As `SpatialDropout2D`, for signals.

    Parameters
    ----------
    rate : float in [0, 1)
        Share of the channels to drop.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import SpatialDropout1D
    >>> x = np.ones((1, 2, 4))
    >>> SpatialDropout1D(0.5).forward({}, x, np.random.default_rng(0))[0]
    array([[[2., 2., 2., 0.],
            [2., 2., 2., 0.]]])
    """
