"""Views of images that predictions are averaged over: mirrored or shifted ones."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.lookup import did_you_mean
from .checks import as_images

__all__ = ["VIEWS", "View", "average_over_views", "list_views"]

VIEWS = "flip", "vertical_flip", "shift"
"""What `list_views` knows."""


class View(NamedTuple):
    """How an image is seen: mirrored, and then shifted by some pixels."""

    left_right: bool = False
    top_bottom: bool = False
    down: int = 0
    right: int = 0

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return x, images or signals with channels, seen so; edges are repeated."""
        y = as_images(x)
        sides = (2, self.left_right), (1, self.top_bottom)
        axes = tuple(axis for axis, mirrored in sides if mirrored)
        y = np.flip(y, axes)
        for axis, by in ((1, self.down), (2, self.right)):
            places = np.arange(y.shape[axis]) - by
            y = y.take(np.clip(places, 0, len(places) - 1), axis) if by else y
        return np.ascontiguousarray(y).reshape(x.shape)

    def undo(self, y: NDArray[Any], x_shape: tuple[int, ...]) -> NDArray[Any]:
        """Return outputs that are images of x seen so, as if x were seen unchanged.

        Parameters
        ----------
        y : ndarray of shape (n, h, w, k) or (n, l, k)
        x_shape : tuple of int
            Of x. The outputs may be larger or smaller.
        """
        images = as_images(y)
        for axis, places in self.places(images.shape[1:], as_image_shape(x_shape[1:])):
            images = images.take(places, axis + 1)
        return np.ascontiguousarray(images).reshape(y.shape)

    def places(
        self, shape: tuple[int, ...], input_shape: tuple[int, ...]
    ) -> Iterator[tuple[int, NDArray[np.intp]]]:
        """Yield (axis, indices) that `undo` takes from outputs (h, w, k).

        Raises
        ------
        ValueError
            If the image was moved by a part of a pixel of the output.
        """
        moves = (self.top_bottom, self.down), (self.left_right, self.right)
        for axis, (mirrored, by) in enumerate(moves):
            size = shape[axis]
            moved, rest = divmod(by * size, input_shape[axis])
            if rest:
                raise ValueError(
                    "tta='shift' moves images by a pixel, which the network's outputs, "
                    f"{shape[:2]} for images of {input_shape[:2]}, cannot follow. Use "
                    "tta='flip'"
                )
            places = np.clip(np.arange(size) + moved, 0, size - 1)
            if mirrored:
                places = places[::-1]
            if mirrored or moved:
                yield axis, places


def as_image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return (h, w, c), of a signal (length, channels) as an image of one row."""
    return (1, *shape) if len(shape) == 2 else shape


def list_views(tta: Any, input_shape: tuple[int, ...]) -> list[View]:
    """Return the views that `tta` names, each with each; the image itself is the first.

    Parameters
    ----------
    tta : None, str or list of str
        Of `VIEWS`. "shift" is one pixel towards two opposite corners.
    input_shape : tuple of int
        Of one sample. A signal, or an image of one row, is shifted along it.

    Raises
    ------
    ValueError
        If a name is unknown, appears twice, or is not for samples of this shape.
    """
    names = [] if tta is None else [tta] if isinstance(tta, str) else tta
    unknown = [tta]
    if isinstance(names, list | tuple | np.ndarray):
        unknown = [
            name for name in names if not isinstance(name, str) or name not in VIEWS
        ]
    if unknown or len(set(names)) < len(names):
        hint = did_you_mean(unknown[0], VIEWS) if unknown else ", with one twice"
        raise ValueError(
            f"tta must be None, one of {', '.join(map(repr, VIEWS))} or a list of some "
            f"of them, got {tta!r}{hint}"
        )
    has_rows = len(input_shape) == 3 and input_shape[0] > 1
    if "vertical_flip" in names and not has_rows:
        raise ValueError(
            "tta='vertical_flip' is for images of several rows, got samples of shape "
            f"{input_shape}; use 'flip', which mirrors signals, too"
        )
    left_right, top_bottom = (
        (False, True) if name in names else (False,) for name in VIEWS[:2]
    )
    shifts = (0, -1, 1) if "shift" in names else (0,)
    return [
        View(mirrored, turned, by * has_rows, by)
        for mirrored, turned, by in itertools.product(left_right, top_bottom, shifts)
    ]


def average_over_views(
    predict: Callable[[NDArray[Any]], NDArray[Any]],
    views: Sequence[View],
    activation: str,
    x: NDArray[Any],
) -> NDArray[Any]:
    """Return the mean outputs of a network over views of images.

    Parameters
    ----------
    predict : callable ``(x) -> outputs``
    views : list of View
    activation : str
        From outputs to predictions. If it is "exp", predictions are averaged.
    x : ndarray of shape (n, h, w, c) or (n, length, channels)
    """
    total = predict(x)
    if len(views) == 1:
        return total
    total, exponential = total.copy(), activation == "exp"
    for view in views[1:]:
        add = np.logaddexp if exponential else np.add
        outputs = predict(view(x))
        if outputs.ndim > 2:  # images, which move as x does
            outputs = view.undo(outputs, x.shape)
        add(total, outputs, out=total)
    if exponential:
        total -= total.dtype.type(math.log(len(views)))
    else:
        total /= len(views)
    return total
