"""Pad images and interpolate between their pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["add_border", "resample"]


def add_border(x: NDArray[Any], dy: int, dx: int, fill: float) -> NDArray[Any]:
    """Return images with `dy` rows and `dx` columns of `fill` added on each side."""
    n, h, w, c = x.shape
    padded = np.full((n, h + 2 * dy, w + 2 * dx, c), fill, x.dtype)
    padded[:, dy : dy + h, dx : dx + w] = x
    return padded


def resample(
    x: NDArray[Any],
    inverse: Sequence[Sequence[NDArray[Any]]],
    shift: Sequence[NDArray[Any]],
    fill: float,
) -> NDArray[Any]:
    """Return images whose pixels are interpolated between four pixels of x.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    inverse : ((ndarray, ndarray), (ndarray, ndarray)), each of shape (n,)
        Matrix of each image: maps an offset (down, right) from the result's centre to
        an offset from the centre of x.
    shift : (ndarray, ndarray), each of shape (n,)
        Offset (down, right) of the result's centre from the centre of x.
    fill : float
        Value of pixels outside of x.
    """
    n, h, w, c = x.shape
    centred = [
        (np.arange(size) - (size - 1) / 2 - by[:, None]).astype(x.dtype)
        for size, by in zip((h, w), shift, strict=True)
    ]
    row, down = _locate(h, inverse[0], *centred)
    column, right = _locate(w, inverse[1], *centred)
    row += np.arange(0, n * (h + 2), h + 2)[:, None, None]
    row *= w + 2
    row += column
    corner, y = row.ravel(), np.empty_like(x)
    # One contiguous plane a channel: `take` would copy a strided one at each call.
    planes = np.ascontiguousarray(add_border(x, 1, 1, fill).reshape(-1, c).T)
    for plane, channel in zip(planes, y.reshape(-1, c).T, strict=True):
        upper = _blend(plane.take(corner), plane.take(corner + 1), right)
        corner_below = corner + (w + 2)
        lower = _blend(plane.take(corner_below), plane.take(corner_below + 1), right)
        channel[:] = _blend(upper, lower, down)
    return y


def _locate(
    size: int, inverse: Sequence[NDArray[Any]], down: NDArray[Any], right: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the padded pixel at or before each position, and the fraction after it."""
    per_row, per_column = (a.astype(down.dtype)[:, None] for a in inverse)
    position = (per_row * down + (size + 1) / 2)[:, :, None]
    position = position + (per_column * right)[:, None, :]
    np.clip(position, 0, size + 1, out=position)
    pixel = np.minimum(position.astype(np.intp), size)
    position -= pixel
    return pixel, position.ravel()


def _blend(
    left: NDArray[Any], right: NDArray[Any], fraction: NDArray[Any]
) -> NDArray[Any]:
    """Interpolate, in the memory of `right`; equal values stay equal to the bit."""
    right -= left
    right *= fraction
    right += left
    return right
