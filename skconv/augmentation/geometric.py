"""Transforms that move pixels: flips, shifts, rotations, affine maps."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .._utils.params import ParamsMixin
from .checks import (
    as_images,
    check_flag,
    finite_number,
    number_pair,
    number_range,
    only_images,
)
from .resampling import add_border, resample

__all__ = ["RandomAffine", "RandomFlip", "RandomRotation", "RandomShift"]


class RandomFlip(ParamsMixin):
    """Mirror images at random, or signals in time.

    Parameters
    ----------
    horizontal : bool, default=True
        Whether to swap left and right, with a probability of one half.
    vertical : bool, default=False
        Whether to swap top and bottom, likewise; must be False for signals.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomFlip
    >>> x = np.tile(np.arange(3.0), (2, 1)).reshape(2, 1, 3, 1)
    >>> RandomFlip()(x, np.random.default_rng(0))[:, 0, :, 0]
    array([[0., 1., 2.],
           [2., 1., 0.]])
    """

    def __init__(self, horizontal: bool = True, vertical: bool = False) -> None:
        self.horizontal = horizontal
        self.vertical = vertical

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with some of its images mirrored."""
        y = as_images(x).copy()
        for name, axis in (("horizontal", 2), ("vertical", 1)):
            if check_flag(getattr(self, name), name):
                if axis == 1 and x.ndim == 3:
                    raise ValueError("vertical must be False for signals (n, l, c)")
                chosen = rng.random(len(x)) < 0.5
                y[chosen] = np.flip(y, axis)[chosen]
        return y.reshape(x.shape)


class RandomShift(ParamsMixin):
    """Shift images at random by whole pixels, or signals in time.

    Parameters
    ----------
    max_shift : int or (int, int)
        Largest shift in pixels, vertically and horizontally, in either direction; all
        shifts are equally likely. For signals one int.
    fill : float, default=0.0
        Value of pixels from outside of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomShift
    >>> x = np.tile(np.arange(1.0, 5.0), (3, 1)).reshape(3, 1, 4, 1)
    >>> RandomShift((0, 2))(x, np.random.default_rng(0))[:, 0, :, 0]
    array([[3., 4., 0., 0.],
           [2., 3., 4., 0.],
           [1., 2., 3., 4.]])
    """

    def __init__(self, max_shift: int | tuple[int, int], fill: float = 0.0) -> None:
        self.max_shift = max_shift
        self.fill = fill

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with each image shifted."""
        images = as_images(x)
        n, h, w, _ = images.shape
        dy, dx = ops.pair(self.max_shift, "max_shift", minimum=0)
        if x.ndim == 3:
            if isinstance(self.max_shift, tuple | list):
                raise ValueError(
                    "max_shift must be an int >= 0 for signals (n, l, c), got "
                    f"{self.max_shift!r}"
                )
            dy = 0
        padded = add_border(images, dy, dx, finite_number(self.fill, "fill"))
        # Every part of the padded image that is as large as the image: a view.
        windows = np.lib.stride_tricks.sliding_window_view(padded, (h, w), axis=(1, 2))
        windows = np.moveaxis(windows, 3, -1)
        top, left = rng.integers(0, 2 * dy + 1, n), rng.integers(0, 2 * dx + 1, n)
        return windows[np.arange(n), top, left].reshape(x.shape)


class RandomAffine(ParamsMixin):
    """Rotate, scale, shear and shift images at random, with bilinear interpolation.

    Parameters
    ----------
    degrees : float, default=0.0
        Each image is rotated about its centre by an angle between ``-degrees`` and
        ``degrees``, counterclockwise.
    max_shift : float or (float, float), default=0.0
        Largest shift in pixels, vertically and horizontally; shifts are fractional.
    scale : (float, float), default=(1.0, 1.0)
        Smallest and largest factor of an image's size.
    shear : float, default=0.0
        Rows slide along each other by an angle between ``-shear`` and ``shear``, in
        degrees.
    fill : float, default=0.0
        Value of pixels from outside of the image.

    Notes
    -----
    Angles, shifts and factors are uniformly distributed. A pixel of the result is
    interpolated at ``centre + A^-1 (pixel - centre - shift)`` of the image, where
    ``A = scale * rotation * shear``; outside of the image's outermost pixels values
    fade to `fill` within one pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomAffine
    >>> x = np.ones((2, 5, 5, 1), np.float32)
    >>> zoom = RandomAffine(10, max_shift=1, scale=(0.5, 0.6))
    >>> zoom(x, np.random.default_rng(0))[0, :, :, 0].round(1)
    array([[0. , 0. , 0. , 0. , 0. ],
           [0. , 0. , 0.1, 0.1, 0. ],
           [0. , 0.9, 1. , 1. , 0. ],
           [0. , 0.8, 1. , 1. , 0. ],
           [0. , 0.4, 0.5, 0.5, 0. ]], dtype=float32)
    """

    def __init__(
        self,
        degrees: float = 0.0,
        *,
        max_shift: float | tuple[float, float] = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
        fill: float = 0.0,
    ) -> None:
        self.degrees = degrees
        self.max_shift = max_shift
        self.scale = scale
        self.shear = shear
        self.fill = fill

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with each image transformed."""
        fill = finite_number(self.fill, "fill")
        largest = [
            math.radians(finite_number(self.degrees, "degrees", 0, 180)),
            math.radians(finite_number(self.shear, "shear", 0, 89)),
            *number_pair(self.max_shift, "max_shift", 0),
        ]
        angle, slant, down, right = rng.uniform(-1, 1, (4, len(x))) * np.c_[largest]
        low, high = number_range(self.scale, "scale", 1e-3)
        scale = rng.uniform(low, high, len(x))
        slope, cos, sin = np.tan(slant), np.cos(angle) / scale, np.sin(angle) / scale
        inverse = [[cos, sin], [-sin - slope * cos, cos - slope * sin]]
        return resample(only_images(x), inverse, (down, right), fill)


class RandomRotation(ParamsMixin):
    """Rotate images at random about their centre, with bilinear interpolation.

    Parameters
    ----------
    degrees : float
        Each image is rotated by an angle between ``-degrees`` and ``degrees``.
    fill : float, default=0.0
        Value of pixels from outside of the image.

    See Also
    --------
    RandomAffine : Rotates, scales, shears and shifts in one step.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomRotation
    >>> x = np.zeros((1, 5, 5, 1))
    >>> x[:, 2] = 1
    >>> RandomRotation(45)(x, np.random.default_rng(0))[0, :, :, 0].round(1)
    array([[0. , 0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 0.2, 0.4],
           [0.6, 0.8, 1. , 0.8, 0.6],
           [0.4, 0.2, 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. , 0. ]])
    """

    def __init__(self, degrees: float, fill: float = 0.0) -> None:
        self.degrees = degrees
        self.fill = fill

    def __call__(self, x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Return x with each image rotated."""
        return RandomAffine(self.degrees, fill=self.fill)(x, rng)
