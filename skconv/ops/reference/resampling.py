"""Images at other pixels than their own."""

import numpy as np

__all__ = ["affine_transform"]


def affine_transform(x, matrix, shift, fill):
    """Interpolate between four pixels of images with a border of `fill` around."""
    n, h, w, c = x.shape
    centred = [
        np.arange(size, dtype=x.dtype) - x.dtype.type((size - 1) / 2) - by[:, None]
        for size, by in zip((h, w), shift.T, strict=True)
    ]
    row, down = _locate(h, matrix[:, 0], *centred)
    column, right = _locate(w, matrix[:, 1], *centred)
    row += np.arange(0, n * (h + 2), h + 2)[:, None, None]
    row *= w + 2
    row += column
    corner, y = row.ravel(), np.empty(x.shape, x.dtype)
    padded = np.full((n, h + 2, w + 2, c), fill, x.dtype)
    padded[:, 1:-1, 1:-1] = x
    # One contiguous plane a channel: `take` would copy a strided one at each call.
    planes = np.ascontiguousarray(padded.reshape(-1, c).T)
    for plane, channel in zip(planes, y.reshape(-1, c).T, strict=True):
        upper = blend(plane.take(corner), plane.take(corner + 1), right)
        corner_below = corner + (w + 2)
        lower = blend(plane.take(corner_below), plane.take(corner_below + 1), right)
        channel[:] = blend(upper, lower, down)
    return y


def _locate(size, matrix, down, right):
    """Return the padded pixel at or before each position, and the fraction after it."""
    position = (matrix[:, :1] * down + down.dtype.type((size + 1) / 2))[:, :, None]
    position = position + (matrix[:, 1:] * right)[:, None, :]
    position = np.fmin(np.fmax(position, 0), size + 1)  # of NaN, too
    pixel = np.minimum(position.astype(np.intp), size)
    position -= pixel
    return pixel, position.ravel()


def blend(left, right, fraction):
    """Interpolate, in the memory of `right`; equal values stay equal to the bit."""
    right -= left
    right *= fraction
    right += left
    return right
