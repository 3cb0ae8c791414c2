"""Augmentation: recipes that vary the images of a minibatch, in training only."""

import math
from numbers import Real

import numpy as np

from .. import ops
from .._utils.params import ParamsMixin, distinct_components, hint_to_call
from .resampling import pad, resample

__all__ = [
    "GaussianNoise",
    "RandomAffine",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "augment",
    "name_recipes",
]

_MISTAKES = (AttributeError, IndexError, TypeError, ValueError)


def augment(x, recipes, rng):
    """Vary a minibatch by one recipe after the other.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
        It is not changed.
    recipes : callable ``(x, rng) -> x``, such as a recipe, or a list of them or of \
(str, callable)
        ``"passthrough"`` in a list does nothing.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    x : ndarray of the same shape and dtype

    Raises
    ------
    TypeError
        If an entry cannot be called.
    ValueError
        If an argument of a recipe is out of its range, or if what a recipe returns
        has another shape or dtype; the message names the recipe.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomFlip, RandomShift, augment
    >>> x = np.arange(1.0, 13.0).reshape(1, 3, 4, 1)
    >>> y = augment(x, [RandomFlip(), RandomShift(1)], np.random.default_rng(0))
    >>> y[0, :, :, 0]
    array([[ 0.,  1.,  2.,  3.],
           [ 0.,  5.,  6.,  7.],
           [ 0.,  9., 10., 11.]])
    """
    for name, recipe in name_recipes(recipes):
        try:
            y = recipe(x, rng)
            _check_result(y, x)
        except _MISTAKES as error:
            # Subclasses, such as NumPy's, may not be made of a message alone.
            kind = next(kind for kind in _MISTAKES if isinstance(error, kind))
            raise kind(f"augment: recipe {name!r} ({recipe!r}): {error}") from error
        x = y
    return x


def _check_result(y, x):
    if not isinstance(y, np.ndarray):
        raise ValueError(f"must return an array, got {type(y).__name__}: {y!r}")
    if (y.shape, y.dtype) != (x.shape, x.dtype):
        raise ValueError(
            f"must return an array of shape {x.shape} in {x.dtype}, as it was given, "
            f"got {y.shape} in {y.dtype}"
        )


def name_recipes(recipes):
    """Give each recipe a name: its own, or its class and place among those of it.

    Parameters
    ----------
    recipes
        As in `augment`.

    Returns
    -------
    named : list of (str, callable)
        Without those that are ``"passthrough"``.

    Raises
    ------
    TypeError
        If an entry cannot be called, or is a class.
    ValueError
        If two share a name.
    """
    entries = recipes if isinstance(recipes, list | tuple) else [recipes]
    named = distinct_components(entries, "recipes of augment")
    for _, recipe in named:
        if isinstance(recipe, type) or not callable(recipe):
            raise TypeError(
                "augment must be a callable (x, rng) -> x, such as the recipes of "
                "skconv.augmentation, or a list of them or of (name, callable), got "
                f"{recipe!r}{hint_to_call(recipe)}"
            )
    return named


# Recipes -----------------------------------------------------------------------------


class RandomFlip(ParamsMixin):
    """Mirror half of the images, or of signals in time.

    Parameters
    ----------
    horizontal : bool, default=True
        Whether left and right change places, in every other image.
    vertical : bool, default=False
        Whether top and bottom do; signals have neither.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomFlip
    >>> x = np.tile(np.arange(3.0), (2, 1)).reshape(2, 1, 3, 1)
    >>> RandomFlip()(x, np.random.default_rng(0))[:, 0, :, 0]
    array([[0., 1., 2.],
           [2., 1., 0.]])
    """

    def __init__(self, horizontal=True, vertical=False):
        self.horizontal = horizontal
        self.vertical = vertical

    def __call__(self, x, rng):
        """Return images of x, some of them mirrored."""
        y = _images_or_rows(x).copy()
        for name, axis in (("horizontal", 2), ("vertical", 1)):
            if _flag(getattr(self, name), name):
                if axis == 1 and x.ndim == 3:
                    raise ValueError("vertical must be False for signals (n, l, c)")
                chosen = rng.random(len(x)) < 0.5
                y[chosen] = np.flip(y, axis)[chosen]
        return y.reshape(x.shape)


class RandomShift(ParamsMixin):
    """Shift images by whole pixels, or signals in time.

    Parameters
    ----------
    max_shift : int or (int, int)
        Each image moves by up to this many pixels, vertically and horizontally,
        either way; all shifts are equally likely. Signals take one number.
    fill : float, default=0.0
        Value of the pixels that come in from outside.

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

    def __init__(self, max_shift, fill=0.0):
        self.max_shift = max_shift
        self.fill = fill

    def __call__(self, x, rng):
        """Return images of x, shifted."""
        images = _images_or_rows(x)
        n, h, w, _ = images.shape
        dy, dx = ops.pair(self.max_shift, "max_shift", minimum=0)
        if x.ndim == 3:
            if isinstance(self.max_shift, tuple | list):
                raise ValueError(
                    "max_shift must be an int >= 0 for signals (n, l, c), got "
                    f"{self.max_shift!r}"
                )
            dy = 0
        padded = pad(images, dy, dx, _number(self.fill, "fill"))
        # Every part of the padded image that is as large as the image: a view.
        windows = np.lib.stride_tricks.sliding_window_view(padded, (h, w), axis=(1, 2))
        windows = np.moveaxis(windows, 3, -1)
        top, left = rng.integers(0, 2 * dy + 1, n), rng.integers(0, 2 * dx + 1, n)
        return windows[np.arange(n), top, left].reshape(x.shape)


class RandomAffine(ParamsMixin):
    """Rotate, scale, shear and shift images, with bilinear interpolation.

    Parameters
    ----------
    degrees : float, default=0.0
        Each image turns about its centre by an angle between ``-degrees`` and
        ``degrees``, counterclockwise.
    max_shift : float or (float, float), default=0.0
        Largest shift in pixels, vertically and horizontally; it need not be whole.
    scale : (float, float), default=(1.0, 1.0)
        Smallest and largest factor by which an image grows.
    shear : float, default=0.0
        Rows slide along each other by an angle between ``-shear`` and ``shear``, in
        degrees.
    fill : float, default=0.0
        Value of the pixels that come in from outside.

    Notes
    -----
    Angles, shifts and factors are uniformly distributed. A pixel of the result is
    interpolated where the inverse map ``centre + A^-1 (pixel - centre - shift)``
    leads, ``A = scale * rotation * shear``; beyond the image's outermost pixels it
    fades to `fill` within one pixel.

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
        self, degrees=0.0, *, max_shift=0.0, scale=(1.0, 1.0), shear=0.0, fill=0.0
    ):
        self.degrees = degrees
        self.max_shift = max_shift
        self.scale = scale
        self.shear = shear
        self.fill = fill

    def __call__(self, x, rng):
        """Return images of x, transformed."""
        fill = _number(self.fill, "fill")
        most = [
            math.radians(_number(self.degrees, "degrees", 0, 180)),
            math.radians(_number(self.shear, "shear", 0, 89)),
            *_two(self.max_shift, "max_shift", 0),
        ]
        angle, slant, down, right = rng.uniform(-1, 1, (4, len(x))) * np.c_[most]
        scale = rng.uniform(*_ordered(self.scale, "scale", 1e-3), len(x))
        slope, cos, sin = np.tan(slant), np.cos(angle) / scale, np.sin(angle) / scale
        inverse = [[cos, sin], [-sin - slope * cos, cos - slope * sin]]
        return resample(_images(x), inverse, (down, right), fill)


class RandomRotation(ParamsMixin):
    """Turn images about their centre, with bilinear interpolation.

    Parameters
    ----------
    degrees : float
        Each image turns by an angle between ``-degrees`` and ``degrees``.
    fill : float, default=0.0
        Value of the pixels that come in from outside.

    See Also
    --------
    RandomAffine : the same, and scale, shear and shift at once.

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

    def __init__(self, degrees, fill=0.0):
        self.degrees = degrees
        self.fill = fill

    def __call__(self, x, rng):
        """Return images of x, turned."""
        return RandomAffine(self.degrees, fill=self.fill)(x, rng)


class RandomErasing(ParamsMixin):
    """Paint over a rectangle of some of the images.

    Parameters
    ----------
    probability : float, default=0.5
        How many of the images lose one.
    area : (float, float), default=(0.02, 0.33)
        Its least and largest part of the image.
    ratio : (float, float), default=(0.3, 3.3)
        Its least and largest height by width; uniform in the logarithm.
    fill : float, default=0.0
        What it is painted with.

    Notes
    -----
    Zhong et al., "Random erasing data augmentation", 2020; where they draw again as
    a rectangle is longer than the image, it is cut off here.

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
        self, probability=0.5, *, area=(0.02, 0.33), ratio=(0.3, 3.3), fill=0.0
    ):
        self.probability = probability
        self.area = area
        self.ratio = ratio
        self.fill = fill

    def __call__(self, x, rng):
        """Return images of x, some of them with a rectangle painted over."""
        n, h, w, _ = _images(x).shape
        fill = _number(self.fill, "fill")
        probability = _number(self.probability, "probability", 0, 1)
        least, largest = np.log(_ordered(self.ratio, "ratio", 1e-3))
        area = rng.uniform(*_ordered(self.area, "area", 0, 1), n) * h * w
        ratio = np.exp(rng.uniform(least, largest, n))
        rows = _interval(np.sqrt(area * ratio), h, rng)
        columns = _interval(np.sqrt(area / ratio), w, rng)
        erased = rows[:, :, None] & columns[:, None, :]
        erased &= (rng.random(n) < probability)[:, None, None]
        return np.where(erased[..., None], x.dtype.type(fill), x)


class GaussianNoise(ParamsMixin):
    """Add independent normal noise to every value.

    Parameters
    ----------
    std : float
        Its standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import GaussianNoise
    >>> GaussianNoise(0.1)(np.ones((1, 3)), np.random.default_rng(0)).round(2)
    array([[1.01, 0.99, 1.06]])
    """

    def __init__(self, std):
        self.std = std

    def __call__(self, x, rng):
        """Return x with noise."""
        noise = rng.standard_normal(x.shape, x.dtype)
        noise *= _number(self.std, "std", 0)
        noise += x
        return noise


# What they share ---------------------------------------------------------------------


def _images(x):
    if x.ndim != 4:
        hint = ""
        if x.ndim == 3:
            hint = "; for signals there are GaussianNoise, RandomFlip and RandomShift"
        raise ValueError(
            f"takes images (n, h, w, c), got an array of shape {x.shape}{hint}"
        )
    return x


def _images_or_rows(x):
    """Return images, and signals (n, l, c) as images of one row."""
    return x[:, None] if x.ndim == 3 else _images(x)


def _flag(value, name):
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def _number(value, name, low=-math.inf, high=math.inf):
    """Return a finite number from `low` to `high` as a float."""
    is_number = isinstance(value, Real) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        bounds = f" >= {low:g}" if low > -math.inf else ""
        if high < math.inf:
            bounds = f" from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a number{bounds}, got {value!r}")
    return float(value)


def _two(value, name, low, high=math.inf):
    """Return a number, or two of them, as two."""
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be a number or two, got {value!r}")
    return [_number(each, name, low, high) for each in values]


def _ordered(value, name, low, high=math.inf):
    """Return a least and a largest value."""
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    numbers = _two(value, name, low, high) if is_pair else []
    if not numbers or numbers[0] > numbers[1]:
        raise ValueError(f"{name} must be (least, largest), got {value!r}")
    return numbers


def _interval(length, size, rng):
    """Mark that many of `size` pixels in a row, somewhere, for each image."""
    length = np.minimum(np.rint(length), size)
    start = np.floor(rng.random(len(length)) * (size - length + 1))
    pixel = np.arange(size)
    return (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
