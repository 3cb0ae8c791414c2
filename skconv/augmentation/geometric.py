"""Transforms that move pixels: flips, shifts, rotations, affine maps."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .batch import Batch
from .checks import (
    check_flag,
    each,
    fill_or_mode,
    finite_number,
    no_pair,
    number_pair,
    number_range,
    only_images,
    pixels_or_shares,
)
from .motion import Motion, MovesPixels, move_nearest, scaled_shift

__all__ = ["RandomAffine", "RandomFlip", "RandomRotation", "RandomShift"]


class RandomFlip(MovesPixels):
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

    _shows_outside = False

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        mirrored = []
        for name, axis in (("horizontal", 2), ("vertical", 1)):
            if check_flag(getattr(self, name), name):
                if axis == 1 and batch.x.ndim == 3:
                    raise ValueError(
                        "vertical must be False for signals (n, length, channels)"
                    )
                chosen = rng.random(len(batch)) < 0.5
                mirrored.append((axis, chosen))

        def move(
            images: NDArray[Any], fill: float | None, nearest: bool, scale: NDArray[Any]
        ) -> NDArray[Any]:
            y = images.copy()
            for axis, chosen in mirrored:
                y[chosen] = np.flip(y, axis)[chosen]
            return y

        return move


class RandomShift(MovesPixels):
    """Shift images at random by whole pixels, or signals in time.

    This is a random crop of the padded image: ``RandomShift(4)`` is torchvision's
    ``RandomCrop(size, padding=4)``.

    Parameters
    ----------
    max_shift : int, float or a pair of them
        Largest shift, vertically and horizontally, in either direction; all shifts are
        equally likely. An int is in pixels, a float below 1 a share of the height or
        width, rounded to pixels. For signals one number.
    fill : float, "edge" or "reflect", default=0.0
        Value of pixels from outside of the image; or the outermost pixels, repeated, or
        the image mirrored there.

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

    def __init__(
        self, max_shift: float | tuple[float, float], fill: float | str = 0.0
    ) -> None:
        self.max_shift = max_shift
        self.fill = fill

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        n, h, w, _ = shape
        if batch.x.ndim == 3:
            no_pair(self.max_shift, "max_shift")
        dy, dx = pixels_or_shares(self.max_shift, "max_shift", (h, w))
        if batch.x.ndim == 3:
            dy = 0
        own_fill = fill_or_mode(self.fill, ("edge", "reflect"))
        top, left = rng.integers(0, 2 * dy + 1, n), rng.integers(0, 2 * dx + 1, n)

        def move(
            images: NDArray[Any], fill: float | None, nearest: bool, scale: NDArray[Any]
        ) -> NDArray[Any]:
            most = np.array([dy, dx])
            corners = np.stack([top, left])
            if (scale != 1).any():
                most = np.ceil(most * scale).astype(np.intp)
                away = corners - [[dy], [dx]]
                parts = [
                    scaled_shift(each, by, "RandomShift")
                    for each, by in zip(away, scale, strict=True)
                ]
                corners = most[:, None] + np.stack(parts)
            outside = own_fill if fill is None or isinstance(own_fill, str) else fill
            down, right = map(int, most)
            padded = _pad(images, down, right, outside)
            return _windows(padded, images.shape, corners)

        return move


def _windows(
    padded: NDArray[Any], shape: tuple[int, ...], corners: NDArray[np.intp]
) -> NDArray[Any]:
    """Return the part of each padded image that begins at its (top, left) corner."""
    # Every part that is as large as the image: a view.
    windows = np.lib.stride_tricks.sliding_window_view(padded, shape[1:3], axis=(1, 2))
    return np.moveaxis(windows, 3, -1)[np.arange(len(padded)), *corners]


def _pad(x: NDArray[Any], dy: int, dx: int, fill: float | str) -> NDArray[Any]:
    """Return images with `dy` rows and `dx` columns more on each side."""
    n, h, w, c = x.shape
    if isinstance(fill, str):
        mode: Any = fill
        return np.pad(x, ((0, 0), (dy, dy), (dx, dx), (0, 0)), mode)
    padded = np.full((n, h + 2 * dy, w + 2 * dx, c), fill, x.dtype)
    padded[:, dy : dy + h, dx : dx + w] = x
    return padded


class RandomAffine(MovesPixels):
    """Rotate, scale, shear and shift images at random, with bilinear interpolation.

    Of signals, `scale` and `max_shift` change the time.

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
    fade to `fill` within one pixel. `skconv.ops.affine_transform` computes it.

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

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        n, signals = len(batch), batch.x.ndim == 3
        if signals:
            no_pair(self.max_shift, "max_shift")
            for name in ("degrees", "shear"):
                if getattr(self, name):
                    raise ValueError(
                        f"{name} must be 0 for signals (n, length, channels)"
                    )
        own_fill = finite_number(self.fill, "fill")
        largest = [
            math.radians(finite_number(self.degrees, "degrees", 0, 180)),
            math.radians(finite_number(self.shear, "shear", 0, 89)),
            *number_pair(self.max_shift, "max_shift", 0),
        ]
        angle, slant, down, right = rng.uniform(-1, 1, (4, n)) * np.c_[largest]
        low, high = number_range(self.scale, "scale", 1e-3)
        size = rng.uniform(low, high, n)
        slope = each(math.tan, slant)
        cos, sin = each(math.cos, angle) / size, each(math.sin, angle) / size
        inverse = np.array([[cos, sin], [-sin - slope * cos, cos - slope * sin]])
        matrix = np.moveaxis(inverse, 2, 0)
        shift = np.stack([down * (not signals), right], axis=1)

        def move(
            images: NDArray[Any], fill: float | None, nearest: bool, scale: NDArray[Any]
        ) -> NDArray[Any]:
            # In the pixels of images of another size.
            stretched = matrix * (scale[:, None] / scale)
            outside = own_fill if fill is None else fill
            if nearest:
                return move_nearest(images, stretched, shift * scale, outside)
            return ops.affine_transform(images, stretched, shift * scale, outside)

        return move


class RandomRotation(MovesPixels):
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

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        only_images(batch.x)
        return RandomAffine(self.degrees, fill=self.fill)._draw(batch, shape, rng)
