"""Convolutions and pools of small integers, tap by tap, in float64.

They are the sums of `oracles.py`, whose loops they are compared with in the tests, but add
a tap of all outputs at a time. Nothing is rounded: integers are exact up to 2**53.
"""

import functools
from typing import NamedTuple

import numpy as np


class Axis(NamedTuple):
    """How a window slides along one axis of an image."""

    size: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def extent(self):
        return (self.taps - 1) * self.dilation + 1

    @property
    def output(self):
        return (self.size + self.before + self.after - self.extent) // self.stride + 1


@functools.cache
def seen(axis):
    """Return, for each tap that sees pixels: the tap, the outputs p and these pixels."""
    found = []
    for tap in range(axis.taps):
        places = [
            (p, p * axis.stride + tap * axis.dilation - axis.before)
            for p in range(axis.output)
        ]
        places = [(p, r) for p, r in places if 0 <= r < axis.size]
        if places:
            (p, r), (last_p, last_r) = places[0], places[-1]
            found.append((tap, slice(p, last_p + 1), slice(r, last_r + 1, axis.stride)))
    return found


def both(rows, columns):
    """Yield the taps (i, j) that see pixels, the outputs and the pixels, in order."""
    for i, p, r in seen(rows):
        for j, q, s in seen(columns):
            yield (i, j), (slice(None), p, q), (slice(None), r, s)


def conv2d(x, kernel, rows, columns):
    z = np.zeros((len(x), rows.output, columns.output, kernel.shape[3]))
    for tap, outputs, pixels in both(rows, columns):
        z[outputs] += x[pixels] @ kernel[tap]
    return z


def conv2d_grad_input(dz, kernel, rows, columns):
    dx = np.zeros((len(dz), rows.size, columns.size, kernel.shape[2]))
    for tap, outputs, pixels in both(rows, columns):
        dx[pixels] += dz[outputs] @ kernel[tap].T
    return dx


def conv2d_grad_kernel(dz, x, rows, columns):
    """Return each image's part: (n, kh, kw, c, f)."""
    shape = len(x), rows.taps, columns.taps, x.shape[3], dz.shape[3]
    dkernel = np.zeros(shape)
    for tap, outputs, pixels in both(rows, columns):
        of_x = x[pixels].reshape(len(x), -1, x.shape[3])
        of_dz = dz[outputs].reshape(len(x), -1, dz.shape[3])
        dkernel[:, *tap] = of_x.transpose(0, 2, 1) @ of_dz
    return dkernel


def max_pool2d(x, rows, columns):
    """Return the largest number of each window, and the first tap that saw it."""
    y = np.full((len(x), rows.output, columns.output, x.shape[3]), -np.inf)
    argmax = np.zeros(y.shape, np.uint8)
    for (i, j), outputs, pixels in both(rows, columns):
        larger = x[pixels] > y[outputs]
        y[outputs][larger] = x[pixels][larger]
        argmax[outputs][larger] = i * columns.taps + j
    return y, argmax


def max_pool2d_grad(dy, argmax, rows, columns):
    dx = np.zeros((len(dy), rows.size, columns.size, dy.shape[3]))
    for (i, j), outputs, pixels in both(rows, columns):
        dx[pixels] += dy[outputs] * (argmax[outputs] == i * columns.taps + j)
    return dx


def avg_pool2d(x, dy, rows, columns):
    """Return the means and the gradient; exact if the counts divide all numbers."""
    total = np.zeros((len(x), rows.output, columns.output, x.shape[3]))
    count, dx = (
        np.zeros(total.shape),
        np.zeros((len(x), rows.size, columns.size, x.shape[3])),
    )
    for _, outputs, pixels in both(rows, columns):
        total[outputs] += x[pixels]
        count[outputs] += 1
    for _, outputs, pixels in both(rows, columns):
        dx[pixels] += dy[outputs] / count[outputs]
    return total / count, dx


def shares(size, by, interpolation):
    """Return how much of each of `size` pixels is in each of `by` times as many.

    As whole numbers, ``2 * by`` for all of a pixel.
    """
    matrix = np.zeros((size * by, size))
    for p in range(size * by):
        if interpolation == "nearest":
            matrix[p, p // by] = 2 * by
            continue
        # In units of a pixel / (2 by), from the centre of the first pixel.
        place = min(max(2 * p + 1 - by, 0), 2 * by * (size - 1))
        for i in range(size):
            matrix[p, i] = max(2 * by - abs(place - 2 * by * i), 0)
    return matrix


def upsample2d(x, dy, size, interpolation):
    """Return the value and the gradient."""
    down, right = (
        shares(n, by, interpolation) for n, by in zip(x.shape[1:3], size, strict=True)
    )
    unit = 4 * size[0] * size[1]
    y = np.einsum("pr,qs,nrsc->npqc", down, right, x)
    dx = np.einsum("pr,qs,npqc->nrsc", down, right, dy)
    return y / unit, dx / unit
