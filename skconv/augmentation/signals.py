"""Transforms of signals alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batch import Batch
from .checks import each, finite_number, number_range
from .motion import Motion, MovesPixels

__all__ = ["WindowWarp"]


class WindowWarp(MovesPixels):
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

    _shows_outside = False

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        n, h, length, _ = shape
        if h != 1:
            raise ValueError(
                "takes signals (n, length, channels), or images of one row, got "
                f"{batch.x.shape}"
            )
        window = finite_number(self.window, "window", 0, 1) * (length - 1)
        low, high = map(math.log, number_range(self.scale, "scale", 1e-3))
        factor = each(math.exp, rng.uniform(low, high, n))[:, None]
        start = rng.uniform(0, length - 1 - window, n)[:, None]

        def move(
            images: NDArray[Any], fill: float | None, nearest: bool, scale: NDArray[Any]
        ) -> NDArray[Any]:
            # Where each value comes from: before, in and after the window.
            size = images.shape[2]
            time = np.linspace(
                0, length - 1 + window * (factor[:, 0] - 1), size, axis=1
            )
            inside = np.clip(time - start, 0, window * factor)
            time = np.clip(time + inside / factor - inside, 0, length - 1)
            if size != length:
                time *= (size - 1) / max(1, length - 1)
            signals = images.reshape(n, size, images.shape[3])
            if nearest:
                places = np.rint(time).astype(np.intp)
                y = signals[np.arange(n)[:, None], places]
            else:
                y = _interpolate(signals, time)
            return y.reshape(images.shape)

        return move


def _interpolate(signals: NDArray[Any], time: NDArray[Any]) -> NDArray[Any]:
    """Return the values of signals at times (n, length), between two of theirs."""
    n, length, _ = signals.shape
    before = np.minimum(time.astype(np.intp), max(length - 2, 0))
    fraction = (time - before).astype(signals.dtype)[:, :, None]
    rows = np.arange(n)[:, None]
    left = signals[rows, before]
    y = signals[rows, np.minimum(before + 1, length - 1)]
    y -= left
    y *= fraction
    y += left
    return y
