"""The pixels that a sliding window sees, as views: for convolution and pooling."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["pad", "padded_zeros", "taps", "unpad", "windows"]


def pad(x, win, value=0):
    """Put `value` around images (n, h, w, c); ``x`` itself if there is no padding."""
    if not any(map(any, win.padding)):
        return x
    padded = padded_zeros(x.shape, win, x.dtype)
    if value:
        padded.fill(value)
    unpad(padded, x.shape, win)[...] = x
    return padded


def padded_zeros(shape, win, dtype):
    """Zeros for images of `shape` (n, h, w, c) and their padding."""
    n, h, w, c = shape
    (top, bottom), (left, right) = win.padding
    return np.zeros((n, top + h + bottom, left + w + right, c), dtype)


def unpad(padded, shape, win):
    """View the images within their padding; not as ``[p:-p]``, which is empty at 0."""
    (top, _), (left, _) = win.padding
    return padded[:, top : top + shape[1], left : left + shape[2]]


def windows(padded, win):
    """View (n, h, w, c) as what each window sees, (n, oh, ow, kh, kw, c)."""
    n, _, _, c = padded.shape
    step_n, step_h, step_w, step_c = padded.strides
    (sh, sw), (dh, dw) = win.stride, win.dilation
    strides = (step_n, sh * step_h, sw * step_w, dh * step_h, dw * step_w, step_c)
    return as_strided(padded, (n, *win.output, *win.size, c), strides)


def taps(padded, win):
    """Yield, tap by tap in rows, the pixels (n, oh, ow, c) that the tap sees.

    Each is a view that holds no pixel twice: adding to it in place is safe.
    """
    seen = windows(padded, win)
    for i, j in np.ndindex(win.size):
        yield seen[:, :, :, i, j]
