"""What a network from a file may cost: each limit, and what counts, by hand."""

import re

import numpy as np
import pytest

from skconv import layers as L
from skconv.layers import chain
from skconv.layers.bounds import Bounds
from skconv.layers.initializers import Blank

W, M = 2**30, 2**24  # operations and numbers that any network may take


def build(layers, shape, n):
    """Build layers of a file with n weights."""
    named = [(f"layer{i}", layer) for i, layer in enumerate(layers)]
    return chain.build(named, shape, Blank(bounds=Bounds(shape, n)), np.dtype("f4"))


POOL = L.MaxPool2D((1000, 2000), stride=1, padding="same")
HALF = L.MaxPool2D((400, 2000), stride=1, padding="same")  # alone it is allowed
TAPS = 2_000_000 * 1000  # the price of POOL's taps
SMALL = (6, 4, 3)
# Layers, a sample, the weights -> the input of the last layer, what is taken, the pixels
# that count, and what is allowed.
REFUSED = {
    "a pool": (
        ([POOL], SMALL, 0),
        (SMALL, 72 * 2_000_000 + TAPS, "operations", 24, W + 64 * 72),
    ),
    "weights": (
        ([POOL], SMALL, 10),
        (SMALL, 72 * 2_000_000 + TAPS, "operations", 24, W + 2 * 24 * 10 + 64 * 72),
    ),
    "two pools": (
        ([HALF, HALF], SMALL, 0),
        (SMALL, 2 * 800_000 * (72 + 1000), "operations", 24, W + 64 * 72),
    ),
    "a layer that enlarges": (
        ([L.UpSampling2D((2, 1)), POOL], SMALL, 0),
        ((12, 4, 3), 144 + 144 * 2_000_000 + TAPS, "operations", 48, W + 64 * 72),
    ),
    "layers that shrink": (
        ([L.MaxPool2D(2), L.Conv2D(5, 3), L.Flatten(), L.Dense(7), L.Reshape((1, 1, 7)), POOL], SMALL, 0),
        (
            (1, 1, 7),
            (72 + 4 * 1000) + (6 * 27 * 5 + 6 * 27 + 9 * 1000) + 30 + (210 + 30) + 7
            + 7 * 2_000_000 + TAPS,
            "operations", 24, W + 64 * (72 + 30 + 7),
        ),
    ),
    "layers inside of layers": (
        ([L.Branches([L.Activation("relu"), L.Activation("relu")]), POOL], SMALL, 0),
        ((6, 4, 6), 2 * 72 + 144 + 144 * 2_000_000 + TAPS, "operations", 24, W + 64 * 72),
    ),
    "a dense kernel": (
        ([L.Dense(30_000)], (40_000,), 0),
        ((40_000,), 30_000 * 40_000 + 40_000, "operations", 1, W + 64 * 70_000),
    ),
    "a convolution's kernel": (
        ([L.Conv2D(128, 3, stride=2)], (400, 200, 128), 0),
        (
            (400, 200, 128), 20_000 * 9 * 128 * (128 + 1) + 9000,
            "operations", 80_000, W + 64 * (80_000 + 20_000) * 128,
        ),
    ),
    "a transposed convolution's kernel": (
        ([L.Conv2DTranspose(128, 3, stride=2)], (200, 100, 128), 0),
        (
            (200, 100, 128), 20_000 * 9 * 128 * (128 + 1) + 9000,
            "operations", 80_000, W + 64 * (80_000 + 20_000) * 128,
        ),
    ),
    "pixels beyond sixteen times the input's": (
        ([L.Conv2D(1, 1, padding=2**14)], (256, 128, 1), 5),
        (
            (256, 128, 1), 2 * (256 + 2**15) * (128 + 2**15) + 1000, "operations", 2**19,
            W + 2 * 2**19 * 5 + 64 * (2**15 + 2**19),
        ),
    ),
    "pixels beyond those of any network": (
        ([L.Conv2D(1, 1, padding=2**14)], (2, 1, 1), 5),
        (
            (2, 1, 1), 2 * (2 + 2**15) * (1 + 2**15) + 1000, "operations", 2**16,
            W + 2 * 2**16 * 5 + 64 * (2 + 2**16),
        ),
    ),
    "outputs": (
        ([L.ZeroPadding2D((4000, 3000))], SMALL, 7),
        (SMALL, 8006 * 6004 * 3, "numbers", 2**16, M + 4 * 72),
    ),
    "outputs of a layer with a kernel": (
        ([L.Conv2DTranspose(2, 3, stride=4000)], (3, 2, 1), 7),
        ((3, 2, 1), 12_000 * 8_000 * 2, "numbers", 2**16, M + 4 * (6 + 2 * 2**16)),
    ),
    "padding before a stride": (
        ([L.AvgPool2D(3000, stride=3000, padding=2999)], (1, 2, 3), 10**10),
        ((1, 2, 3), 5999 * 6000 * 3, "numbers", 2, M + 4 * 6),
    ),
    "padding that a transposed convolution cuts off": (
        ([L.Conv2DTranspose(1, 3, stride=4000, padding=((2, 1), 3))], (3, 2, 1), 7),
        ((3, 2, 1), 12_000 * 8_000, "numbers", 2**16, M + 4 * (6 + 2**16)),
    ),
    "columns": (
        ([L.Conv2D(1, 31)], (256, 256, 1), 100),
        (
            (256, 256, 1), 256 * 256 * 31 * 31,
            "numbers", 2**16, M + 4 * 2 * 2**16 + 2 * 2**16 * 100,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_costs_beyond_the_bounds_are_refused(case):
    given, (shape, n, what, pixels, most) = REFUSED[case]
    words = (
        f": with an input of shape {shape} it takes {n} {what} for a sample, too large "
        f"for the {given[2]} weights of the file and an image of {pixels} pixels, with "
        f"which {most} are allowed"
    )
    with pytest.raises(ValueError, match=re.escape(words) + "$"):
        build(*given)


# A sample and weights -> layers that may take just this, or a little less or more.
@pytest.mark.parametrize(
    ("shape", "n", "allowed", "refused"),
    [
        (
            (1, 1, 1), 0,
            L.ZeroPadding2D(((0, 3), (0, M // 4))),
            L.ZeroPadding2D(((0, 3), (0, M // 4 + 1))),
        ),
        ((40_000,), 60_909_088, L.Dense(30_000), L.Dense(30_001)),
        ((256, 256, 1), 0, L.MaxPool2D(31, stride=1, padding="same"), L.Conv2D(1, 31)),
    ],
)  # fmt: skip
def test_costs_at_the_bounds_are_allowed(shape, n, allowed, refused):
    build([allowed], shape, n)
    with pytest.raises(ValueError, match="are allowed"):
        build([refused], shape, n)
