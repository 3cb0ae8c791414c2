"""Transforms that replace or change the values of pixels: erased rectangles, noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.params import ParamsMixin
from .checks import finite_number, number_range, only_images

__all__ = ["GaussianNoise", "RandomErasing"]


class RandomErasing(ParamsMixin):
    """Fill a rectangle of some of the images with one value.

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
        n, h, w, _ = only_images(x).shape
        fill = finite_number(self.fill, "fill")
        probability = finite_number(self.probability, "probability", 0, 1)
        smallest, largest = np.log(number_range(self.ratio, "ratio", 1e-3))
        low, high = number_range(self.area, "area", 0, 1)
        area = rng.uniform(low, high, n) * h * w
        ratio = np.exp(rng.uniform(smallest, largest, n))
        rows = _random_runs(np.sqrt(area * ratio), h, rng)
        columns = _random_runs(np.sqrt(area / ratio), w, rng)
        erased = rows[:, :, None] & columns[:, None, :]
        erased &= rng.random((n, 1, 1)) < probability
        return np.where(erased[..., None], x.dtype.type(fill), x)


class GaussianNoise(ParamsMixin):
    """Add independent normal noise to every value.

    Parameters
    ----------
    std : float
        Standard deviation of the noise.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import GaussianNoise
    >>> GaussianNoise(0.1)(np.ones((1, 3)), np.random.default_rng(0)).round(2)
    array([[1.01, 0.99, 1.06]])
    """

    def __init__(self, std: float) -> None:
        self.std = std

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x plus noise."""
        noise = rng.standard_normal(x.shape, x.dtype)
        noise *= finite_number(self.std, "std", 0)
        noise += x
        return noise


def _random_runs(
    length: NDArray[Any], size: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return masks (n, size), each of one run of True of its length, at random."""
    length = np.minimum(np.rint(length), size)
    start = np.floor(rng.random(len(length)) * (size - length + 1))
    pixel = np.arange(size)
    return (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
