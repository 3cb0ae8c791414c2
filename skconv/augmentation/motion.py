"""The same motion for images and for what belongs to their pixels."""

import math
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._utils.params import ParamsMixin
from .batch import Batch
from .checks import as_images

__all__ = ["Motion", "MovesPixels", "move_nearest", "scaled_shift"]

_Array = NDArray[Any]


class Motion(Protocol):
    """A motion that was drawn for each image of a minibatch."""

    def __call__(
        self, images: _Array, fill: float | None, nearest: bool, scale: _Array
    ) -> _Array:
        """Return images (n, h, w, c), moved.

        Parameters
        ----------
        images : ndarray of shape (n, h, w, c)
        fill : float or None
            Value of pixels from outside; None is the one that images of X get.
        nearest : bool
            Whether a pixel is one of the image's, and not between them.
        scale : ndarray of shape (2,)
            How many times as high and as wide these are as those it was drawn for.
        """


class MovesPixels(ParamsMixin):
    """Base of transforms that move pixels, and targets that are images with them."""

    # Whether pixels may come from outside of the image.
    _shows_outside = True

    def _draw(
        self, batch: Batch, shape: tuple[int, ...], rng: np.random.Generator
    ) -> Motion:
        """Return the motion of a minibatch of images of shape (n, h, w, c)."""
        raise NotImplementedError

    def __call__(self, x: _Array, rng: np.random.Generator) -> _Array:
        """Return x with each image moved."""
        return self.transform_batch(Batch(x), rng).x

    def transform_batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return a batch with each image moved, and its target if that is an image.

        Labels and sample weights of pixels are those of the nearest pixel. Pixels from
        outside have no target: their weight is 0.
        """
        images = as_images(batch.x)
        move = self._draw(batch, images.shape, rng)
        x = move(images, None, False, np.ones(2)).reshape(batch.x.shape)
        if not batch.has_pixel_targets:
            return replace(batch, x=x)
        return _move_targets(replace(batch, x=x), move, self._shows_outside)


def _move_targets(batch: Batch, move: Motion, shows_outside: bool) -> Batch:
    """Return a batch with its targets, and the weights of their pixels, moved."""
    signals, targets = batch.x.ndim == 3, batch.targets
    assert targets is not None
    size = batch.target_size

    def moved(values: _Array, fill: float, nearest: bool) -> _Array:
        channels = math.prod(values.shape[1 + len(size) :])
        planes = values.reshape(len(values), *(1,) * signals, *size, channels)
        scale = np.divide(planes.shape[1:3], as_images(batch.x).shape[1:3])
        return move(planes, fill, nearest, scale).reshape(values.shape)

    are_classes = targets.dtype.kind in "iub"
    weight = batch.sample_weight
    if shows_outside or (weight is not None and weight.ndim > 1):
        weight = batch.pixel_weight()
        inside = moved(np.ones(weight.shape, batch.x.dtype), 0.0, are_classes)
        # Between a pixel and the outside there is no target either.
        weight = np.where(inside > 1 - 1e-6, moved(weight, 0.0, True), 0)
        weight = weight.astype(batch.x.dtype)
    targets = moved(targets, 0.0, are_classes)
    return replace(batch, targets=targets, sample_weight=weight)


def scaled_shift(shift: _Array, scale: float, name: str) -> _Array:
    """Return shifts in whole pixels of targets that are larger than the images.

    Raises
    ------
    ValueError
        If they are no whole pixels there.
    """
    moved = shift * scale
    if (moved != np.rint(moved)).any():
        raise ValueError(
            f"{name} moves images by whole pixels, which targets {scale:g} times as "
            "large cannot follow. Use RandomAffine(max_shift=...)"
        )
    return np.rint(moved).astype(np.intp)


def move_nearest(images: _Array, matrix: _Array, shift: _Array, fill: float) -> _Array:
    """Return what `skconv.ops.affine_transform` does, of the nearest pixels.

    All in float64, so that all machines take the same pixels.
    """
    n, h, w, _ = images.shape
    down = np.arange(h) - (h - 1) / 2 - shift[:, :1]
    right = np.arange(w) - (w - 1) / 2 - shift[:, 1:]
    found = []
    for size, row in ((h, matrix[:, 0]), (w, matrix[:, 1])):
        place = row[:, 0, None, None] * down[:, :, None]
        place = place + row[:, 1, None, None] * right[:, None, :]
        found.append(np.rint(place + (size - 1) / 2).astype(np.intp))
    top, left = found
    inside = (top >= 0) & (top < h) & (left >= 0) & (left < w)
    which = np.arange(n)[:, None, None]
    y = images[which, np.clip(top, 0, h - 1), np.clip(left, 0, w - 1)]
    y[~inside] = fill
    return y
