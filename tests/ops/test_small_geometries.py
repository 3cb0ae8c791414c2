"""A short run of ``python -m tests.attacks geometries``, and its sums against loops."""

import numpy as np
import oracles
import pytest
from attacks import geometries, geometry_cases
from attacks.geometry_sums import Axis

from skconv import ops

BLOCKS = geometries.blocks()
FEW = 120  # windows of each kind, which has up to 16 million


@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
def test_ops_are_equal_to_the_sums(name):
    for block in BLOCKS[name]:
        windows = range(min(FEW // len(BLOCKS[name]), len(block)))
        found = geometries.compare(block, windows)
        assert found.configurations
        assert {each for each, _ in found.calls} == set(ops.available())
    if ops.compiled:
        assert found.distance < 0.1  # of Winograd's sums of 7200 at most


@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose_backward"])
def test_difference_of_one_number_is_found(op, monkeypatch):
    right = getattr(ops, op)

    def wrong(*arrays, **options):
        found = right(*arrays, **options)
        last = found if type(found) is np.ndarray else found[1]
        last[..., -1:] += np.float32(2**-20)
        return found

    monkeypatch.setattr(ops, op, wrong)
    block = BLOCKS["convolutions, valid padding"][0]
    with pytest.raises(AssertionError, match=f"{op} of .*instead of"):
        geometries.compare(block, range(1))


def test_parts_of_the_list_are_disjoint_and_complete():
    total = sum(len(b) * b.cases for bs in BLOCKS.values() for b in bs)
    size = total // 7
    found = {name: [] for name in BLOCKS}
    for k in range(8):
        for name, _, windows in geometries.parts(size, size * k):
            found[name].append(windows)
    for name, its_blocks in BLOCKS.items():
        assert sum(map(len, found[name])) == sum(map(len, its_blocks))


def test_order_has_each_window_once():
    block = BLOCKS["convolutions, valid padding"][0]
    assert len({block.window(i) for i in range(len(block))}) == len(block)


# The sums, against loops -----------------------------------------------------------------

WINDOWS = [
    (Axis(4, 2), Axis(3, 3)),
    (Axis(5, 3, 2, 1, 2, 1), Axis(4, 2, 3, 3, 1, 3)),
    (Axis(2, 4, 1, 2, 6, 3), Axis(1, 1, 2)),
    (Axis(3, 2, 3, 3, 3, 3), Axis(6, 3, 1, 2, 0, 1)),
]


def slide_of(options, dilation=True):
    """Return stride, dilation and padding as the loops take them."""
    names = ["stride", "dilation", "padding"] if dilation else ["stride", "padding"]
    return [options[name] for name in names]


def floats(arrays):
    return [np.asarray(a, float) if isinstance(a, np.ndarray) else a for a in arrays]


def convolved(arrays, options):
    return [oracles.conv2d(*arrays, *slide_of(options), options["groups"])]


def convolved_back(arrays, options):
    dz, _, x, kernel = arrays
    slide = *slide_of(options), options["groups"]
    return oracles.conv2d_gradients(dz, x, kernel, *slide)


def transposed(arrays, options):
    sizes = options["output_size"], *slide_of(options)
    return [oracles.conv2d_transpose(*arrays, *sizes)]


def transposed_back(arrays, options):
    dy, _, x, kernel = arrays
    return oracles.conv2d_transpose_gradients(dy, x, kernel, *slide_of(options))


LOOPS = {
    "conv2d": convolved,
    "conv2d_backward": convolved_back,
    "conv2d_transpose": transposed,
    "conv2d_transpose_backward": transposed_back,
}


@pytest.mark.parametrize("rows, columns", WINDOWS)
def test_convolutions_are_the_loops(rows, columns):
    for case in geometry_cases.convolutions(rows, columns)[::5]:
        for op, arrays, options, expected in case.calls:
            loops = LOOPS[op](floats(arrays), options)
            for ours, right in zip(expected, loops, strict=True):
                np.testing.assert_array_equal(ours, right)


@pytest.mark.parametrize("rows, columns", WINDOWS[1:])
def test_convolutions_before_pools_are_the_loops(rows, columns):
    pool = min(rows.output, 2), min(columns.output, 3)
    for case in geometry_cases.fused_pools(rows, columns, pool)[::7]:
        forward, _, backward = case.calls
        x, kernel, bias = floats(forward.arrays)
        slide = *slide_of(forward.options), forward.options["groups"]
        z, none = oracles.conv2d(x, kernel, bias, *slide), ((0, 0), (0, 0))
        dy = floats(backward.arrays)[0]
        y, dz = oracles.max_pool2d(np.maximum(z, 0), dy, pool, pool, none)
        gradients = oracles.conv2d_gradients(dz * (z > 0), x, kernel, *slide)
        expected = *forward.expected, *backward.expected
        for ours, right in zip(expected, (y, *gradients), strict=True):
            np.testing.assert_array_equal(ours, right)


@pytest.mark.parametrize(
    "rows, columns",
    [
        (Axis(5, 2, 2), Axis(6, 3, 3)),
        (Axis(5, 3, 1, 1, 2, 1), Axis(4, 4, 2, 1, 3, 2)),
        (Axis(1, 1), Axis(2, 4, 3, 1, 0, 3)),
    ],
)
def test_pools_are_the_loops(rows, columns):
    size = rows.taps, columns.taps
    for k, case in enumerate(geometry_cases.pools(rows, columns)):
        (_, (x, _), options, (y,)), *_, (_, (dy, *_), _, (dx,)) = case.calls
        pool = oracles.avg_pool2d if k % 2 else oracles.max_pool2d
        slide = slide_of(options, dilation=False)
        loops = pool(*floats([x, dy]), size, *slide)
        for ours, right in zip((y, dx), loops, strict=True):
            np.testing.assert_array_equal(ours, right)


def test_pools_of_images_are_those_of_windows():
    """A window of the image's size, whose sums are compared with loops above."""
    local = geometry_cases.pools(Axis(5, 5), Axis(4, 4))
    for ours, theirs in zip(geometry_cases.global_pools(5, 4), local, strict=True):
        for one, other in zip(ours.calls, theirs.calls, strict=True):
            for a, b in zip(one.expected, other.expected, strict=True):
                np.testing.assert_array_equal(a, b.reshape(a.shape))


@pytest.mark.parametrize("rows, columns", [((3, 4), (2, 2)), ((1, 1), (4, 3))])
def test_upsamplings_are_the_loops(rows, columns):
    by = rows[1], columns[1]
    for case in geometry_cases.upsamplings(rows, columns):
        (_, (x, _), options, (y,)), (_, (dy, _), _, (dx,)) = case.calls
        loops = oracles.upsample2d(*floats([x, dy]), by, options["interpolation"])
        for ours, right in zip((y, dx), loops, strict=True):
            np.testing.assert_allclose(ours, right, rtol=1e-14)  # theirs have thirds
