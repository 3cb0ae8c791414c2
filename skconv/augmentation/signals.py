"""Transforms of signals alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.params import ParamsMixin
from .checks import as_images, each, finite_number, number_range

__all__ = ["WindowWarp"]


class WindowWarp(ParamsMixin):
    """Slow down or speed up a window of each signal, which keeps its length.

    Parameters
    ----------
    window : float, default=0.1
        Length of the window, as a fraction of the signal's.
    scale : (float, float), default=(0.5, 2.0)
        Smallest and largest factor of the window's duration; log-uniform. The whole is
        then brought to the length that it had.

    See Also
    --------
    RandomAffine : Its `scale` stretches whole signals.

    Notes
    -----
    Le Guennec, Malinowski & Tavenard, "Data augmentation for time series
    classification using convolutional neural networks", 2016, with factors between
    their two, and linear interpolation.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import WindowWarp
    >>> x = np.arange(6.0).reshape(1, 6, 1)
    >>> WindowWarp(0.4, scale=(2, 2))(x, np.random.default_rng(1))[0, :, 0].round(2)
    array([0.  , 1.4 , 2.8 , 3.53, 4.23, 5.  ])
    """

    def __init__(
        self, window: float = 0.1, scale: tuple[float, float] = (0.5, 2.0)
    ) -> None:
        self.window = window
        self.scale = scale

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with a window of each signal warped."""
        n, h, length, _ = as_images(x).shape
        if h != 1:
            raise ValueError(
                f"takes signals (n, l, c), or images of one row, got {x.shape}"
            )
        window = finite_number(self.window, "window", 0, 1) * (length - 1)
        low, high = map(math.log, number_range(self.scale, "scale", 1e-3))
        factor = each(math.exp, rng.uniform(low, high, n))[:, None]
        start = rng.uniform(0, length - 1 - window, n)[:, None]
        # Where each value comes from: before, in and after the window.
        time = np.linspace(0, length - 1 + window * (factor[:, 0] - 1), length, axis=1)
        inside = np.clip(time - start, 0, window * factor)
        time = np.clip(time + inside / factor - inside, 0, length - 1)
        before = np.minimum(time.astype(np.intp), max(length - 2, 0))
        fraction = (time - before).astype(x.dtype)[:, :, None]
        signals = x.reshape(n, length, x.shape[-1])
        rows = np.arange(n)[:, None]
        left = signals[rows, before]
        y = signals[rows, np.minimum(before + 1, length - 1)]
        y -= left
        y *= fraction
        y += left
        return y.reshape(x.shape)
