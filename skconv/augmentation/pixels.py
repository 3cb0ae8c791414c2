"""Transforms that replace or change the values of pixels, or of signals."""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .._utils.params import ParamsMixin
from .checks import as_images, each, finite_number, number_range

__all__ = ["GaussianNoise", "RandomBrightness", "RandomContrast", "RandomErasing"]


class RandomErasing(ParamsMixin):
    """Fill a rectangle of some of the images with one value.

    Of signals, and of images of one row, it is a stretch.

    Parameters
    ----------
    probability : float, default=0.5
        Probability that an image gets a rectangle.
    area : (float, float), default=(0.02, 0.33)
        Smallest and largest area of the rectangle, as a fraction of the image's.
    ratio : (float, float), default=(0.3, 3.3)
        Smallest and largest ratio of its height to its width; log-uniform.
    fill : float, default=0.0
        Value of its pixels.

    Notes
    -----
    Zhong et al., "Random erasing data augmentation", 2020. They draw again if a
    rectangle is longer than the image; here it is cut off.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomErasing
    >>> x = np.ones((1, 5, 5, 1))
    >>> RandomErasing(1)(x, np.random.default_rng(0))[0, :, :, 0]
    array([[0., 0., 0., 1., 1.],
           [0., 0., 0., 1., 1.],
           [1., 1., 1., 1., 1.],
           [1., 1., 1., 1., 1.],
           [1., 1., 1., 1., 1.]])
    """

    def __init__(
        self,
        probability: float = 0.5,
        *,
        area: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        fill: float = 0.0,
    ) -> None:
        self.probability = probability
        self.area = area
        self.ratio = ratio
        self.fill = fill

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with a rectangle filled in some of its images."""
        n, h, w, _ = as_images(x).shape
        fill = finite_number(self.fill, "fill")
        probability = finite_number(self.probability, "probability", 0, 1)
        smallest, largest = map(math.log, number_range(self.ratio, "ratio", 1e-3))
        low, high = number_range(self.area, "area", 0, 1)
        area = rng.uniform(low, high, n) * h * w
        ratio = each(math.exp, rng.uniform(smallest, largest, n))
        if h == 1:
            ratio = 1 / np.maximum(area, 1e-9)
        rows = _random_runs(np.sqrt(area * ratio), h, rng)
        columns = _random_runs(np.sqrt(area / ratio), w, rng)
        y = x.copy()
        for i in np.flatnonzero(rng.random(n) < probability):
            as_images(y)[i, slice(*rows[i]), slice(*columns[i])] = fill
        return y


class RandomBrightness(ParamsMixin):
    """Add a random number to all values of an image or a signal.

    Parameters
    ----------
    max_change : float
        Largest number, in either direction; all are equally likely.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomBrightness
    >>> RandomBrightness(0.2)(np.ones((2, 1, 3)), np.random.default_rng(0)).round(2)
    array([[[1.05, 1.05, 1.05]],
    <BLANKLINE>
           [[0.91, 0.91, 0.91]]])
    """

    def __init__(self, max_change: float) -> None:
        self.max_change = max_change

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with a number added to each image."""
        largest = finite_number(self.max_change, "max_change", 0)
        return x + _one_each(rng.uniform(-largest, largest, len(x)), x)


class RandomContrast(ParamsMixin):
    """Scale the differences of an image's or a signal's values from their mean.

    Parameters
    ----------
    scale : (float, float), default=(0.8, 1.25)
        Smallest and largest factor; log-uniform.
    center : float or None, default=None
        The value that does not change; None is the mean of each channel. 0 scales a
        signal's amplitude.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomContrast
    >>> x = np.array([[[1.0], [2.0], [3.0]]])
    >>> RandomContrast((2, 2))(x, np.random.default_rng(0))[0, :, 0]
    array([0., 2., 4.])
    >>> RandomContrast((2, 2), center=0)(x, np.random.default_rng(0))[0, :, 0]
    array([2., 4., 6.])
    """

    def __init__(
        self, scale: tuple[float, float] = (0.8, 1.25), center: float | None = None
    ) -> None:
        self.scale = scale
        self.center = center

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with the values of each image scaled."""
        low, high = map(math.log, number_range(self.scale, "scale", 1e-3))
        factor = _one_each(each(math.exp, rng.uniform(low, high, len(x))), x)
        y = x * factor
        if self.center is None:
            # Row by row: NumPy is slow where its last axis has a few channels.
            n, h, w, c = as_images(x).shape
            sums = x.reshape(n, h, w * c).sum(axis=1).reshape(n, w, c).sum(axis=1)
            center = np.tile(sums / (h * w), w).reshape(n, 1, w * c)
            rows = y.reshape(n, h, w * c)
            rows += center * (1 - factor.reshape(n, 1, 1))
        else:
            y += finite_number(self.center, "center") * (1 - factor)
        return y


class GaussianNoise(ParamsMixin):
    """Add independent normal noise to every value.

    Parameters
    ----------
    std : float
        Standard deviation of the noise.

    Notes
    -----
    Of noise of standard deviation 1, 2 ** 16 quantiles are equally likely; the largest
    is 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import GaussianNoise
    >>> GaussianNoise(0.1)(np.ones((1, 3)), np.random.default_rng(0)).round(2)
    array([[1.  , 1.1 , 1.14]])
    """

    def __init__(self, std: float) -> None:
        self.std = std

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x plus noise."""
        quantiles = _normal_quantiles(x.dtype) * finite_number(self.std, "std", 0)
        noise = quantiles.take(rng.integers(0, 2**16, x.shape, np.uint16))
        noise += x
        return noise


@cache
def _normal_quantiles(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return 2 ** 16 quantiles: to look one up takes a fifth of drawing a number."""
    quantiles = special.ndtri((np.arange(2**16) + 0.5) / 2**16)
    return (quantiles / quantiles.std()).astype(dtype)


def _one_each(numbers: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """Return a number for each image, as x can be multiplied with."""
    return numbers.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))


def _random_runs(
    length: NDArray[Any], size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the start and the stop of runs of these lengths, at random, (n, 2)."""
    length = np.minimum(np.rint(length), size)
    start = np.floor(rng.random(len(length)) * (size - length + 1))
    return np.stack([start, start + length], axis=1).astype(np.intp)
