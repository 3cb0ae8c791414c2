"""Images looked up between the pixels of others."""

import numpy as np

__all__ = ["pad", "resample"]


def pad(x, dy, dx, fill):
    """Surround images with `dy` rows and `dx` columns of `fill` on each side."""
    n, h, w, c = x.shape
    padded = np.full((n, h + 2 * dy, w + 2 * dx, c), fill, x.dtype)
    padded[:, dy : dy + h, dx : dx + w] = x
    return padded


def resample(x, inverse, shift, fill):
    """Look up where each pixel of the result comes from, between four pixels of x.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c)
    inverse : ((ndarray, ndarray), (ndarray, ndarray)), each of shape (n,)
        Turns offsets (down, right) from the result's centre into such from x's.
    shift : (ndarray, ndarray), each of shape (n,)
        How far the result's centre lies from x's.
    fill : float
        What surrounds x.
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
    # Planes of their own: each lookup in every third value would first copy them.
    planes = np.ascontiguousarray(pad(x, 1, 1, fill).reshape(-1, c).T)
    for plane, channel in zip(planes, y.reshape(-1, c).T, strict=True):
        upper = _blend(plane.take(corner), plane.take(corner + 1), right)
        corner_below = corner + (w + 2)
        lower = _blend(plane.take(corner_below), plane.take(corner_below + 1), right)
        channel[:] = _blend(upper, lower, down)
    return y


def _locate(size, inverse, down, right):
    """Return the padded pixel at or before each place, and how far on it lies."""
    per_row, per_column = (a.astype(down.dtype)[:, None] for a in inverse)
    place = (per_row * down + (size + 1) / 2)[:, :, None]
    place = place + (per_column * right)[:, None, :]
    np.clip(place, 0, size + 1, out=place)
    pixel = np.minimum(place.astype(np.intp), size)
    place -= pixel
    return pixel, place.ravel()


def _blend(here, there, part):
    """Interpolate in the memory of `there`; what is equal stays so to the bit."""
    there -= here
    there *= part
    there += here
    return there
