"""What ops must return for a window that slides over small images of small integers.

Each function takes the two axes of a window, and returns cases: calls of ops with float32
arrays, and the exact results. A case is one configuration: channels, groups, number of
images. All cases of a window are computed at once, as a convolution of the channels of
them all whose kernel has the cases' kernels on its diagonal.
"""

import functools
import itertools
from typing import Any, NamedTuple

import numpy as np

from . import geometry_sums as sums

SIZE, TAPS, FACTOR = 6, 4, 4  # at most
OUTPUT = SIZE + (TAPS - 1) * 3  # with a dilation of 3, and as much padding as helps
IMAGES = 1, 2


class Call(NamedTuple):
    op: str
    arrays: tuple
    options: dict[str, Any]
    expected: tuple


class Case(NamedTuple):
    """A configuration: its calls, forward and backward."""

    calls: tuple
    groups: int = 1


class Channels(NamedTuple):
    """Of an image, of the output, the groups; and where they are among those of all."""

    c: int
    f: int
    groups: int
    of_x: slice
    of_z: slice


def _list_channels():
    found, at_c, at_f = [], 0, 0
    for groups, c, f in itertools.product(range(1, 5), repeat=3):
        if c % groups == 0 and f % groups == 0:
            places = slice(at_c, at_c + c), slice(at_f, at_f + f)
            found.append(Channels(c, f, groups, *places))
            at_c, at_f = at_c + c, at_f + f
    return found


CHANNELS = _list_channels()
IN, OUT = CHANNELS[-1].of_x.stop, CHANNELS[-1].of_z.stop
PER_FUSED = len(IMAGES) * len(CHANNELS)
PER_WINDOW = PER_FUSED + len(IMAGES) * sum(ch.groups == 1 for ch in CHANNELS)


def _integers(seed, *shape):
    """Return integers from -4 to 4, but not 0, which would hide a wrong place."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 5, shape) * rng.choice([-1.0, 1.0], shape)


X, DZ = _integers(0, 2, SIZE, SIZE, IN), _integers(1, 2, OUTPUT, OUTPUT, OUT)
INPUTS = {"x": X, "dz": DZ, "3600x": 3600 * X, "3600dz": 3600 * DZ}
NINES = 9 * (_integers(5, 2, SIZE * FACTOR, SIZE * FACTOR, 4) + 12)
BIAS_OF_X, BIAS_OF_Z = _integers(2, IN), _integers(3, OUT)
KERNELS = [_integers((4, i), TAPS, TAPS, ch.c // ch.groups, ch.f)
           for i, ch in enumerate(CHANNELS)]  # fmt: skip


def _diagonal():
    """Return the kernel of all cases, and where the numbers of each one's are."""
    kernel, places = np.zeros((TAPS, TAPS, IN, OUT)), []
    for ch, its in zip(CHANNELS, KERNELS, strict=True):
        k, f = np.indices(its.shape[2:])
        first = f // (ch.f // ch.groups) * (ch.c // ch.groups)
        places.append((ch.of_x.start + first + k, ch.of_z.start + f))
        kernel[:, :, *places[-1]] = its
    return kernel, places


ALL_KERNELS, PLACES = _diagonal()


def single(array):
    return np.ascontiguousarray(array, np.float32)


@functools.cache
def kernel_of(taps, i):
    return single(KERNELS[i][: taps[0], : taps[1]])


@functools.cache
def images_of(which, n, h, w, channels):
    """Return the first pixels and some channels of an input."""
    return single(INPUTS[which][:n, :h, :w, slice(*channels)])


def of(which, n, size, channels):
    return images_of(which, n, *size, (channels.start, channels.stop))


def sliding(rows, columns):
    """Return the options of an op."""
    return {
        "stride": (rows.stride, columns.stride),
        "padding": ((rows.before, rows.after), (columns.before, columns.after)),
    }


def size_of(rows, columns):
    return (rows.size, columns.size), (rows.output, columns.output)


def convolutions(rows, columns):
    """Return convolutions and transposed ones, forward and backward."""
    taps, (size, output) = (rows.taps, columns.taps), size_of(rows, columns)
    x, dz = X[:, : size[0], : size[1]], DZ[:, : output[0], : output[1]]
    kernel = ALL_KERNELS[: taps[0], : taps[1]]
    z = sums.conv2d(x, kernel, rows, columns).astype(np.float32)
    dx = sums.conv2d_grad_input(dz, kernel, rows, columns).astype(np.float32)
    by_image = sums.conv2d_grad_kernel(dz, x, rows, columns).astype(np.float32)
    biased, spread = z + single(BIAS_OF_Z), dx + single(BIAS_OF_X)
    slide = {**sliding(rows, columns), "dilation": (rows.dilation, columns.dilation)}
    cases = []
    for n, (i, ch) in itertools.product(IMAGES, enumerate(CHANNELS)):
        its_x, its_dz = of("x", n, size, ch.of_x), of("dz", n, output, ch.of_z)
        its_kernel, bias = kernel_of(taps, i), single(BIAS_OF_Z[ch.of_z])
        dkernel = by_image[:n, :, :, *PLACES[i]].sum(0)
        db, its_dx = its_dz.sum((0, 1, 2)), dx[:n, ..., ch.of_x]
        options = {**slide, "groups": ch.groups}
        forward = (biased[:n, ..., ch.of_z],)
        cases.append(Case((
            Call("conv2d", (its_x, its_kernel, bias), options, forward),
            Call("conv2d_backward", (its_dz, None, its_x, its_kernel), options,
                 (its_dx, dkernel, db)),
        ), ch.groups))  # fmt: skip
        if ch.groups > 1:
            continue  # a transposed convolution has none
        bias, db = single(BIAS_OF_X[ch.of_x]), its_x.sum((0, 1, 2))
        forward, options = (spread[:n, ..., ch.of_x],), {**slide, "output_size": size}
        cases.append(Case((
            Call("conv2d_transpose", (its_dz, its_kernel, bias), options, forward),
            Call("conv2d_transpose_backward", (its_x, None, its_dz, its_kernel), slide,
                 (z[:n, ..., ch.of_z], dkernel, db)),
        )))  # fmt: skip
    return cases


def fused_pools(rows, columns, pool):
    """Return convolutions with ReLU and a pool, in prediction and in training."""
    taps, (size, output) = (rows.taps, columns.taps), size_of(rows, columns)
    x, kernel = X[:, : size[0], : size[1]], ALL_KERNELS[: taps[0], : taps[1]]
    z = sums.conv2d(x, kernel, rows, columns) + BIAS_OF_Z
    side_by_side = [
        sums.Axis(n, k, stride=k) for n, k in zip(output, pool, strict=True)
    ]
    y, argmax = sums.max_pool2d(np.maximum(z, 0), *side_by_side)
    dy = DZ[:, : y.shape[1], : y.shape[2]]
    kept = dy * (y > 0)
    dz = sums.max_pool2d_grad(kept, argmax, *side_by_side)
    dx = sums.conv2d_grad_input(dz, kernel, rows, columns).astype(np.float32)
    by_image = sums.conv2d_grad_kernel(dz, x, rows, columns).astype(np.float32)
    y, db = single(y), single(kept.sum((1, 2)))
    slide = {**sliding(rows, columns), "dilation": (rows.dilation, columns.dilation)}
    slide |= {"activation": "relu", "pool_size": pool}
    cases = []
    for n, (i, ch) in itertools.product(IMAGES, enumerate(CHANNELS)):
        its_x, its_dy = of("x", n, size, ch.of_x), of("dz", n, y.shape[1:3], ch.of_z)
        arrays = its_x, kernel_of(taps, i), single(BIAS_OF_Z[ch.of_z])
        its_y, places = single(y[:n, ..., ch.of_z]), argmax[:n, ..., ch.of_z].copy()
        options = {**slide, "groups": ch.groups}
        gradients = (dx[:n, ..., ch.of_x], by_image[:n, :, :, *PLACES[i]].sum(0),
                     db[:n, ch.of_z].sum(0))  # fmt: skip
        cases.append(Case((
            Call("conv2d_max_pool2d", arrays, options, (its_y,)),
            Call("conv2d_max_pool2d_with_argmax", arrays, options, (its_y, places)),
            Call("conv2d_max_pool2d_backward", (its_dy, its_y, places, *arrays[:2]),
                 options, gradients),
        ), ch.groups))  # fmt: skip
    return cases


CHANNELS_OF_POOLS = range(1, 5)
PER_POOL = 2 * len(IMAGES) * len(CHANNELS_OF_POOLS)


def pools(rows, columns):
    """Return max pools, with places, and average pools.

    A window has a number of pixels that divides 3600: means are whole.
    """
    (size, output), most = size_of(rows, columns), CHANNELS_OF_POOLS[-1]
    x, dy = X[:, : size[0], : size[1], :most], DZ[:, : output[0], : output[1], :most]
    largest, argmax = sums.max_pool2d(x, rows, columns)
    dx = sums.max_pool2d_grad(dy, argmax, rows, columns).astype(np.float32)
    means, dx_of_means = map(
        single, sums.avg_pool2d(3600 * x, 3600 * dy, rows, columns)
    )
    largest, pool = single(largest), (rows.taps, columns.taps)
    slide, cases = sliding(rows, columns), []
    for n, c in itertools.product(IMAGES, CHANNELS_OF_POOLS):
        part = np.s_[:n, ..., :c]
        arrays = (images_of(which, n, *size_, (0, c)) for which, size_ in
                  (("x", size), ("dz", output), ("3600x", size), ("3600dz", output)))  # fmt: skip
        its_x, its_dy, x_60, dy_60 = arrays
        y, places = largest[part], argmax[part].copy()
        cases.append(Case((
            Call("max_pool2d", (its_x, pool), slide, (y,)),
            Call("max_pool2d_with_argmax", (its_x, pool), slide, (y, places)),
            Call("max_pool2d_grad", (its_dy, places, its_x.shape, pool), slide, (dx[part],)),
        )))  # fmt: skip
        cases.append(Case((
            Call("avg_pool2d", (x_60, pool), slide, (means[part],)),
            Call("avg_pool2d_grad", (dy_60, x_60.shape, pool), slide, (dx_of_means[part],)),
        )))  # fmt: skip
    return cases


def global_pools(h, w):
    """Return pools of whole images."""
    whole, most = (sums.Axis(h, h), sums.Axis(w, w)), CHANNELS_OF_POOLS[-1]
    x, dy = X[:, :h, :w, :most], DZ[:, :1, :1, :most]
    largest, argmax = sums.max_pool2d(x, *whole)
    dx = sums.max_pool2d_grad(dy, argmax, *whole)
    means, dx_of_means = sums.avg_pool2d(3600 * x, 3600 * dy, *whole)
    y, places, means = (
        single(largest)[:, 0, 0],
        argmax[:, 0, 0].astype(int),
        single(means),
    )
    cases = []
    for n, c in itertools.product(IMAGES, CHANNELS_OF_POOLS):
        part, vectors = np.s_[:n, ..., :c], np.s_[:n, :c]
        its_x, x_60 = (images_of(which, n, h, w, (0, c)) for which in ("x", "3600x"))
        its_dy, dy_60 = (
            images_of(which, n, 1, 1, (0, c))[:, 0, 0] for which in ("dz", "3600dz")
        )
        its_y, its_places = y[vectors], places[vectors].copy()
        cases.append(Case((
            Call("global_max_pool2d", (its_x,), {}, (its_y,)),
            Call("global_max_pool2d_with_argmax", (its_x,), {}, (its_y, its_places)),
            Call("global_max_pool2d_grad", (its_dy, its_places, its_x.shape), {},
                 (single(dx[part]),)),
        )))  # fmt: skip
        cases.append(Case((
            Call("global_avg_pool2d", (x_60,), {}, (means[:, 0, 0][vectors],)),
            Call("global_avg_pool2d_grad", (dy_60, x_60.shape), {},
                 (single(dx_of_means[part]),)),
        )))  # fmt: skip
    return cases


def upsamplings(rows, columns):
    """Return images that grow from a size by a factor, by both interpolations.

    All numbers are above 0 and of nines, with which the thirds of a factor of three are
    whole, and no difference of them is so small that it shows their rounding.
    """
    (h, by_h), (w, by_w) = rows, columns
    by, large, most = (by_h, by_w), (h * by_h, w * by_w), CHANNELS_OF_POOLS[-1]
    cases = []
    for interpolation in "nearest", "bilinear":
        x, dy = NINES[:, :h, :w, :most], NINES[:, : large[0], : large[1], :most]
        y, dx = map(single, sums.upsample2d(x, dy, by, interpolation))
        for n, c in itertools.product(IMAGES, CHANNELS_OF_POOLS):
            part, options = np.s_[:n, ..., :c], {"interpolation": interpolation}
            cases.append(Case((
                Call("upsample2d", (single(x[part]), by), options, (y[part],)),
                Call("upsample2d_grad", (single(dy[part]), by), options, (dx[part],)),
            )))  # fmt: skip
    return cases
