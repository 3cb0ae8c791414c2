"""Random configurations of windows, convolutions and pools: drawn here and nowhere else.

The first half draws arguments of layers, on images and on signals; the second half draws
shapes and arguments of ops, on images. All that is drawn fits its input.
"""

import numpy as np
import pytest
from seeds import SEED

from skconv import ops

CHANNELS = (1, 2, 3, 4, 5, 8, 17)


def one_of(rng, *values):
    return values[rng.integers(len(values))]


def ints(rng, low, high, axes):
    """An int, or one for each axis."""
    if axes == 2 and rng.random() < 0.5:
        return tuple(int(i) for i in rng.integers(low, high + 1, 2))
    return int(rng.integers(low, high + 1))


def activation(rng):
    return one_of(rng, None, *(a for a in ops.ACTIVATIONS if a != "leaky_relu"))


def sample_shape(rng, axes, c=None):
    size = rng.integers(1, 12, axes)
    return (*map(int, size), c or int(one_of(rng, *CHANNELS)))


def padding(rng, axes, most=3):
    side = lambda: int(rng.integers(0, most + 1))  # noqa: E731
    sides = (side(), side()) if axes == 1 else ((side(), side()), (side(), side()))
    names = ("valid", "same", "causal") if axes == 1 else ("valid", "same")
    return one_of(rng, *names, side(), sides)


def fits(window, size, arguments):
    """Whether a window, the first of the arguments, fits an image or signal."""
    first, *rest = arguments.items()
    try:
        window(size, first[1], **dict(rest))
    except ValueError:
        return False
    return True


def sliding(rng, axes):
    """The shape of an input, and the arguments of a layer whose kernel slides over it."""
    while True:
        shape = sample_shape(rng, axes)
        arguments = {
            "kernel_size": ints(rng, 1, 5, axes),
            "stride": ints(rng, 1, 3, axes),
            "dilation": ints(rng, 1, 3, axes),
            "padding": padding(rng, axes),
        }
        if fits(ops.window, shape[:-1], arguments):
            return shape, arguments


def pooling(rng, axes):
    """The shape of an input, and the arguments of a pooling layer."""
    while True:
        shape = sample_shape(rng, axes)
        arguments = {
            "pool_size": ints(rng, 1, 4, axes),
            "stride": one_of(rng, None, ints(rng, 1, 3, axes)),
            "padding": padding(rng, axes, most=2),
        }
        if fits(ops.pool_window, shape[:-1], arguments):
            return shape, arguments


# Ops: shapes, how a window slides, an activation ----------------------------------------

POOLS = {
    "2x2": ((2, 6, 4, 3), 2, {}),
    "odd image": ((2, 5, 7, 2), 2, {}),
    "overlapping": ((2, 6, 7, 2), 3, {"stride": 1}),
    "stride > pool": ((2, 7, 8, 2), 2, {"stride": 3}),
    "oblong": ((2, 6, 6, 2), (3, 2), {"stride": (2, 1)}),
    "same": ((2, 5, 5, 2), 2, {"padding": "same"}),
    "same, overlapping": ((2, 5, 4, 2), 3, {"stride": 2, "padding": "same"}),
    "padding": ((2, 4, 4, 1), 3, {"padding": ((1, 2), (0, 1))}),
    "pool is the image": ((3, 3, 4, 17), (3, 4), {}),
    "one pixel": ((1, 1, 1, 1), 1, {}),
    "300 taps": ((1, 20, 20, 1), (20, 15), {}),
}


def any_convolution(rng):
    """Many vectors of channels and parts of one, groups, depthwise, strides, dilations."""
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    channels = int(rng.choice([1, 2, 3, 5, 8, 16, 17]))
    filters = int(rng.choice([1, 2, 3, 6, 8, 10, 16, 20, 33, 40, 70]))
    if rng.random() < 0.2:
        groups, channels, filters = int(rng.integers(2, 40)), 1, 1  # depthwise
    shape = (*map(int, rng.integers(1, [5, 14, 14])), channels * groups)
    kernel_shape = (*map(int, rng.integers(1, 5, 2)), channels, filters * groups)
    slide = {
        "stride": tuple(map(int, rng.integers(1, 4, 2))),
        "padding": one_of(rng, "same", "valid", rng.integers(0, 4, (2, 2)).tolist()),
        "dilation": tuple(map(int, rng.integers(1, 3, 2))),
        "groups": groups,
    }
    return shape, kernel_shape, slide, one_of(rng, None, *ops.ACTIVATIONS)


def wide_depthwise_convolution(rng):
    """Three or five taps wide, as the kernels for runs of pixels take them."""
    c = int(rng.choice([4, 8, 12, 16, 28, 36, 64, 100]))
    shape = (*map(int, rng.integers(1, [4, 12, 45])), c)
    kernel_shape = int(rng.integers(1, 6)), int(rng.choice([3, 5])), 1, c
    strides = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    slide = {
        "stride": one_of(rng, 1, strides),
        "padding": one_of(rng, "same", "valid", rng.integers(0, 7, (2, 2)).tolist()),
        "dilation": (int(rng.integers(1, 3)), 1),
        "groups": c,
    }
    return shape, kernel_shape, slide, one_of(rng, None, "relu", "tanh", "gelu")


def convolutions(draw, n, fast, seed=0):
    """Yield n of what is drawn, as parameters of a test: all but `fast` are slow."""
    rng = np.random.default_rng(SEED + seed)
    while n:
        shape, kernel_shape, slide, activation_ = draw(rng)
        window = {key: value for key, value in slide.items() if key != "groups"}
        if fits(ops.window, shape[1:3], {"size": kernel_shape[:2], **window}):
            case = shape, kernel_shape, slide, activation_
            marks = [] if fast > 0 else [pytest.mark.slow]
            yield pytest.param(case, id=str(case), marks=marks)
            n, fast = n - 1, fast - 1


def pools(n, seed=0):
    """Yield n shapes of images, sizes of pools, and how these slide."""
    rng = np.random.default_rng(SEED + seed)
    while n:
        shape = tuple(map(int, rng.integers(1, [4, 14, 14])))
        channels = int(rng.choice([1, 2, 3, 5, 6, 8, 10, 16, 17, 32]))
        size = tuple(map(int, rng.integers(1, 5, 2)))
        paddings = [rng.integers(0, k, 2).tolist() for k in size]
        slide = {
            "stride": tuple(map(int, rng.integers(1, 5, 2))),
            "padding": one_of(rng, "same", "valid", paddings),
        }
        if fits(ops.pool_window, shape[1:], {"pool_size": size, **slide}):
            n -= 1
            yield (*shape, channels), size, slide
