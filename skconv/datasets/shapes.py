"""Images of shapes, with their labels, masks, positions or angles."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

__all__ = ["SHAPES", "make_shapes"]

_Array = NDArray[Any]

SHAPES = "circle", "square", "triangle"


@dataclass(frozen=True)
class _Shape:
    """A shape in an image; lengths are in pixels, the angle in radians."""

    kind: int  # of SHAPES
    row: float
    column: float
    radius: float
    angle: float

    def is_apart_from(self, other: "_Shape") -> bool:
        distance = np.hypot(self.row - other.row, self.column - other.column)
        return bool(distance > self.radius + other.radius + 1)


# Target -> what y holds for one image, given its shapes and its mask.
_TARGETS: dict[str, Callable[[list[_Shape], _Array], Any]] = {
    "label": lambda shapes, mask: SHAPES[shapes[0].kind],
    "mask": lambda shapes, mask: mask,
    "position": lambda shapes, mask: (shapes[0].row, shapes[0].column),
    "angle": lambda shapes, mask: (np.cos(shapes[0].angle), np.sin(shapes[0].angle)),
}


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "image_size": [Interval(Integral, 16, None, closed="left")],
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "target": [StrOptions(set(_TARGETS))],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_shapes(
    n_samples: int = 100,
    *,
    image_size: int = 64,
    n_channels: int = 3,
    noise: float = 0.05,
    target: str = "label",
    random_state: Any = None,
) -> tuple[NDArray[np.float32], _Array]:
    """Generate images of circles, squares and triangles.

    Size, place, angle, colours and contrast of the shapes vary, and so does the light
    from one side of an image to the other.

    Parameters
    ----------
    n_samples : int, default=100
    image_size : int, default=64
        Height and width, at least 16 pixels.
    n_channels : int, default=3
    noise : float, default=0.05
        Standard deviation of the noise that is added to each value. Shapes are lighter
        than their background, by 0.25 to 0.5 in one channel and less in the others.
    target : {"label", "mask", "position", "angle"}, default="label"
        What y holds:

        - "label": "circle", "square" or "triangle", each for about a third of the
          images;
        - "mask": the class of each pixel: 0 for the background, 1 for circles, 2 for
          squares and 3 for triangles. These images have one to three shapes, which do
          not overlap; all others have one;
        - "position": row and column of the shape's centre, in pixels;
        - "angle": cosine and sine of the angle by which a triangle is turned
          clockwise, as 359° is near to 0°. All images are of triangles, which point up
          at 0°.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same images in every call.

    Returns
    -------
    X : ndarray of shape (n_samples, image_size, image_size, n_channels)
        Of float32, from 0 to 1.
    y : ndarray
        Of shape (n_samples,) for "label", (n_samples, image_size, image_size) for
        "mask", (n_samples, 2) for "position" and "angle".

    See Also
    --------
    make_events : Signals.

    Examples
    --------
    >>> from skconv.datasets import make_shapes
    >>> X, y = make_shapes(4, random_state=0)
    >>> X.shape, y.tolist()
    ((4, 64, 64, 3), ['square', 'square', 'square', 'circle'])
    >>> X, y = make_shapes(4, target="mask", random_state=0)
    >>> y.shape, y.max()
    ((4, 64, 64), np.uint8(3))
    """
    rng = check_random_state(random_state)
    X = np.empty((n_samples, image_size, image_size, n_channels), np.float32)
    y = []
    for image in X:
        shapes = _draw_shapes(rng, image_size, target)
        mask = _paint(image, shapes, noise, rng)
        y.append(_TARGETS[target](shapes, mask))
    return X, np.array(y)


def _draw_shapes(rng: np.random.RandomState, size: int, target: str) -> list[_Shape]:
    """Return the shapes of an image, at random."""
    kinds = [2] if target == "angle" else [0, 1, 2]
    wanted = rng.randint(1, 4) if target == "mask" else 1
    shapes: list[_Shape] = []
    for _ in range(10 * wanted):  # tries: there may be no room left
        radius = rng.uniform(0.15, 0.3) * size
        row, column = rng.uniform(radius, size - 1 - radius, 2)
        kind, angle = int(rng.choice(kinds)), rng.uniform(0, 2 * np.pi)
        shape = _Shape(kind, row, column, radius, angle)
        if all(map(shape.is_apart_from, shapes)):
            shapes.append(shape)
        if len(shapes) == wanted:
            break
    return shapes


def _paint(
    image: _Array, shapes: list[_Shape], noise: float, rng: np.random.RandomState
) -> NDArray[np.uint8]:
    """Paint shapes into an image; return the class of each pixel."""
    size, _, channels = image.shape
    rows, columns = np.mgrid[:size, :size]
    mask = np.zeros((size, size), np.uint8)
    background = rng.uniform(0.1, 0.5, channels)
    image[:] = background
    for shape in shapes:
        depth = _depth(shape, rows, columns)
        cover = np.clip(depth + 0.5, 0, 1)[..., None]  # of a pixel at the edge a part
        light = rng.uniform(0.2, 1, (channels,))
        colour = background + rng.uniform(0.25, 0.5) * light / light.max()
        image[:] = (1 - cover) * image + cover * colour
        mask[depth > 0] = shape.kind + 1
    slope = rng.uniform(-0.1, 0.1, 2)
    shade = slope[0] * (2 * rows / size - 1) + slope[1] * (2 * columns / size - 1)
    image += shade[..., None] + noise * rng.standard_normal(image.shape)
    np.clip(image, 0, 1, out=image)
    return mask


def _depth(shape: _Shape, rows: _Array, columns: _Array) -> _Array:
    """Return how deep in a shape each pixel is; negative outside."""
    down, right = rows - shape.row, columns - shape.column
    cos, sin = np.cos(shape.angle), np.sin(shape.angle)
    across, along = right * cos + down * sin, down * cos - right * sin
    r = shape.radius
    if SHAPES[shape.kind] == "circle":
        return 0.85 * r - np.hypot(down, right)
    if SHAPES[shape.kind] == "square":
        return r / np.sqrt(2) - np.maximum(abs(across), abs(along))
    # Its tip is at `along` = -r; its base, at 0.8 r, is 1.2 r wide.
    side = (0.6 * (along + r) - 1.8 * abs(across)) / np.hypot(1.8, 0.6)
    return np.minimum(side, 0.8 * r - along)
