"""Convolution to few filters along pixels: the bits of the direct kernel, and the rule."""

import numpy as np
import pytest
from seeds import SEED
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ops
from skconv.ops.compiled import _kernels

F32 = np.float32


@pytest.fixture
def use_thin():
    """Choose the algorithm at stride 1, against the rule."""
    _kernels.use_winograd(False)
    yield _kernels.use_thin
    _kernels.use_thin(None)
    _kernels.use_winograd(None)


# (n, h, w, channels), filters, kernel, slide. Sums are 1 to 6 filters x 2 to 6 vectors.
HARD = {
    "one filter": ((2, 9, 20, 1), 1, (3, 3), {"padding": "same"}),
    "two filters": ((2, 9, 20, 2), 2, (3, 3), {"padding": "same"}),
    "three filters": ((1, 30, 30, 3), 3, (5, 5), {"padding": "same"}),
    "four filters": ((2, 7, 40, 4), 4, (1, 5), {}),
    "five filters": ((2, 12, 12, 5), 5, (2, 3), {"padding": "same"}),
    "six filters": ((3, 28, 28, 1), 6, (5, 5), {"padding": "same"}),
    "groups of filters": ((2, 10, 11, 3), 17, (3, 3), {"padding": "same"}),
    "one output": ((3, 3, 3, 5), 6, (3, 3), {}),
    "one pixel": ((3, 1, 1, 5), 6, (3, 3), {"padding": "same"}),
    "windows without a pixel": ((2, 5, 4, 3), 6, (3, 3), {"padding": ((3, 9), (7, 0))}),
    "a dilation": ((2, 15, 15, 2), 6, (3, 3), {"padding": "same", "dilation": (3, 2)}),
    "a row": ((2, 1, 100, 2), 3, (1, 7), {"padding": "same"}),
    "a column": ((2, 100, 1, 2), 3, (7, 1), {"padding": "same"}),
    "several blocks": ((90, 20, 22, 1), 6, (3, 3), {"padding": "same"}),
    "blocks of rows": ((1, 200, 120, 2), 3, (3, 3), {"padding": "same"}),
    "parts of a row": ((1, 3, 20000, 2), 3, (3, 3), {"padding": "same"}),
}  # fmt: skip
POOLS = [(1, 2), (2, 2), (2, 1), (3, 2), (3, 3), (2, 4), (1, 30)]


def problem(case, rng):
    shape, filters, size, slide = HARD[case]
    x = rng.standard_normal(shape, F32)
    kernel = rng.standard_normal((*size, shape[3], filters), F32)
    return x, kernel, slide


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("case", HARD)
def test_hard_shapes_have_the_direct_kernels_bits(case, use_thin, rng):
    x, kernel, slide = problem(case, rng)
    bias, scale = rng.standard_normal((2, kernel.shape[3]), F32)
    for activation in (None, "relu", "tanh"):
        for arrays in [(x, kernel), (x, kernel, bias), (x, kernel, bias, scale)]:
            found = []
            for use in (False, True):
                use_thin(use)
                found.append(ops.conv2d(*arrays, activation=activation, **slide))
            np.testing.assert_array_equal(*found)
    doubles = [a.astype(np.float64) for a in (x, kernel, bias, scale)]
    assert_same(found[1], ops.conv2d(*doubles, activation="tanh", **slide), F32)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("case", HARD)
def test_fused_pools_and_places_are_those_of_all_outputs(case, use_thin, rng):
    use_thin(True)
    x, kernel, slide = problem(case, rng)
    for activation in (None, "relu"):
        act = {"activation": activation, **slide}
        y = ops.conv2d(x, kernel, **act)
        for size in POOLS:
            if size[0] > y.shape[1] or size[1] > y.shape[2]:
                continue
            pooled = ops.conv2d_max_pool2d(x, kernel, pool_size=size, **act)
            np.testing.assert_array_equal(pooled, ops.max_pool2d(y, size))
            found = ops.conv2d_max_pool2d_with_argmax(x, kernel, pool_size=size, **act)
            expected = ops.max_pool2d_with_argmax(y, size)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("activation", sorted({*ops.ACTIVATIONS} - {"softmax"}))
def test_nan_is_not_hidden(activation, use_thin):
    use_thin(True)
    x = np.ones((2, 12, 12, 1), F32)
    x[0, 5, 5, 0] = np.nan
    kernel = np.ones((3, 3, 1, 5), F32)
    slide = {"padding": "same", "activation": activation}
    y = ops.conv2d(x, kernel, **slide)
    assert np.isnan(y[0, 4:7, 4:7]).all()
    assert np.isnan(y).sum() == 3 * 3 * 5
    pooled = ops.conv2d_max_pool2d(x, kernel, **slide)
    assert np.isnan(pooled[0, 2:4, 2:4]).all()
    assert np.isnan(pooled).sum() == 2 * 2 * 5


@pytest.mark.parametrize("case", HARD)
def test_avx2_and_avx512_give_the_same_bits(case, use_thin):
    use_thin(True)
    before, found = ops.in_use(), []
    for name in {"avx2", "avx512"} & {*ops.available()}:
        ops.use(name)
        x, kernel, slide = problem(case, np.random.default_rng(SEED))
        found.append(ops.conv2d(x, kernel, activation="elu", **slide))
    ops.use(before)
    for y in found[1:]:
        np.testing.assert_array_equal(y, found[0])


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("case", ["several blocks", "groups of filters"])
def test_bits_depend_neither_on_threads_nor_on_the_batch(case, use_thin, rng):
    use_thin(True)
    x, kernel, slide = problem(case, rng)
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, **slide)
    for threads in (1, 2, 3, 7):
        with threadpool_limits(threads):
            found = ops.conv2d_max_pool2d_with_argmax(x, kernel, **slide)
        np.testing.assert_array_equal(found[0], y)
        np.testing.assert_array_equal(found[1], argmax)
    for size in (1, 7, 64):
        for i in range(0, len(x), size):
            part = slice(i, i + size)
            alone = ops.conv2d_max_pool2d(x[part], kernel, **slide)
            np.testing.assert_array_equal(alone, y[part])


@pytest.mark.parametrize("slide", [{"stride": 2}, {"stride": (1, 2)}, {"groups": 2}])
def test_other_kernels_are_never_taken(slide, use_thin, rng):
    x = rng.standard_normal((2, 12, 30, 4), F32)
    kernel = rng.standard_normal((3, 3, 4 // slide.get("groups", 1), 4), F32)
    found = []
    for use in (False, True):
        use_thin(use)
        found.append(ops.conv2d(x, kernel, **slide))
    np.testing.assert_array_equal(*found)
