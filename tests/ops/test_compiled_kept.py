"""Gradients from the numbers that a pool kept: the definitions' results, and the rule."""

import numpy as np
import pytest
from attacks import kept
from seeds import SEED
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ops
from skconv.ops.compiled import _kernels

F32 = np.float32


@pytest.fixture
def use_kept():
    """Choose the algorithm behind pools, against the rule."""
    yield _kernels.use_kept
    _kernels.use_kept(None)


# (n, h, w, channels), filters, kernel, slide, pool. Windows are 1 to 5 rows x 1 to 6 vectors
# at a time.
HARD = {
    "rows of four": ((3, 10, 9, 1), 7, (3, 4), {"padding": "same"}, 2),
    "rows of eight": ((3, 28, 28, 1), 6, (5, 5), {"padding": "same"}, 2),
    "rows of thirty": ((3, 14, 14, 6), 16, (5, 5), {}, 2),
    "full vectors": ((2, 9, 9, 16), 5, (3, 3), {"padding": "same"}, 3),
    "several pieces of a row": ((2, 7, 7, 50), 3, (3, 4), {"padding": 2}, 2),
    "several pieces of a kernel": ((2, 16, 12, 11), 3, (13, 3), {"padding": "same"}, (2, 1)),
    "a row of the kernel": ((2, 3, 40, 5), 6, (1, 5), {"padding": "same"}, (1, 4)),
    "a column of the kernel": ((2, 40, 3, 5), 6, (5, 1), {"padding": "same"}, (4, 1)),
    "one tap": ((2, 8, 8, 3), 4, (1, 1), {}, 2),
    "one output": ((2, 4, 4, 3), 4, (3, 3), {}, 2),
    "strides": ((2, 20, 21, 3), 4, (3, 3), {"stride": (3, 2), "padding": "same"}, 2),
    "a stride over the kernel": ((2, 20, 21, 3), 4, (2, 2), {"stride": 4}, 2),
    "a dilation of rows": ((2, 20, 12, 3), 4, (3, 3), {"dilation": (3, 1)}, 2),
    "windows without a pixel": ((2, 5, 4, 3), 6, (3, 3), {"padding": ((3, 9), (7, 0))}, 2),
    "what the pool drops": ((2, 9, 11, 3), 6, (3, 3), {"padding": "same"}, (2, 3)),
    "a large pool": ((2, 18, 18, 2), 3, (3, 3), {"padding": "same"}, 16),
    "several blocks and shares": ((150, 12, 10, 7), 6, (3, 3), {"padding": "same"}, 2),
    "blocks of rows": ((2, 90, 80, 4), 3, (3, 3), {"padding": "same"}, 2),
    "parts of a row": ((1, 4, 9000, 2), 3, (3, 3), {"padding": "same"}, 2),
}  # fmt: skip


def problem(case, rng, activation="relu"):
    """Return arguments of the backward pass, and how kernel and pool slide."""
    shape, filters, size, slide, pool = HARD[case]
    x = rng.standard_normal(shape, F32)
    kernel = rng.standard_normal((*size, shape[3], filters), F32)
    kernel /= F32(kernel[..., 0].size ** 0.5)
    act = {"activation": activation, "pool_size": pool, **slide}
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, **act)
    return (rng.standard_normal(y.shape, F32), y, argmax, x, kernel), act


def double(array):
    return array.astype(np.float64) if array.dtype == F32 else array


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("case", HARD)
def test_hard_shapes_are_as_defined(case, use_kept, rng):
    use_kept(True)
    for activation in (None, "relu", "elu"):
        arrays, act = problem(case, rng, activation)
        found = ops.conv2d_max_pool2d_backward(*arrays, **act)
        expected = ops.conv2d_max_pool2d_backward(*map(double, arrays), **act)
        for ours, theirs in zip(found, expected, strict=True):
            assert_same(ours, theirs, F32)


@pytest.mark.slow
def test_random_shapes_are_as_defined(capsys):
    """A short run of ``python -m tests.attacks kept``."""
    kept.main(n=20, seed=SEED + 1)
    assert "finished" in capsys.readouterr().out


@pytest.mark.usefixtures("each_set", "guarded")
def test_gradient_of_zeros_is_zero(use_kept, rng):
    use_kept(True)
    (dy, *arrays), act = problem("rows of eight", rng)
    for each in ops.conv2d_max_pool2d_backward(np.zeros_like(dy), *arrays, **act):
        assert not each.any()


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_stay_in_their_windows(value, use_kept, rng):
    """A vector reaches over the end of a window's row, and adds nothing there."""
    use_kept(True)
    (dy, y, argmax, x, kernel), act = problem("rows of eight", rng, None)
    dy[1, 6, 6, 2] = value
    dx, dkernel, db = ops.conv2d_max_pool2d_backward(
        dy, y, argmax, x, np.abs(kernel), **act
    )
    i, j = divmod(int(argmax[1, 6, 6, 2]), 2)
    window = dx[1, 12 + i - 2 : 12 + i + 3, 12 + j - 2 : 12 + j + 3]
    assert not np.isfinite(window).any()
    assert np.isfinite(dx).sum() == dx.size - 25
    assert not np.isfinite(dkernel[..., 2]).any()
    assert not np.isfinite(db[2])
    assert np.isfinite(np.delete(dkernel, 2, axis=3)).all()


# Bits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", HARD)
def test_avx2_and_avx512_give_the_same_bits(case, use_kept):
    use_kept(True)
    before, found = ops.in_use(), []
    for name in {"avx2", "avx512"} & {*ops.available()}:
        ops.use(name)
        arrays, act = problem(case, np.random.default_rng(SEED), "tanh")
        found.append(ops.conv2d_max_pool2d_backward(*arrays, **act))
    ops.use(before)
    for results in found[1:]:
        for ours, theirs in zip(results, found[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
def test_bits_do_not_depend_on_the_number_of_threads(use_kept, rng):
    use_kept(True)
    arrays, act = problem("several blocks and shares", rng)
    expected = ops.conv2d_max_pool2d_backward(*arrays, **act)
    for threads in (1, 2, 3, 7):
        with threadpool_limits(threads):
            found = ops.conv2d_max_pool2d_backward(*arrays, **act)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
def test_gradient_in_a_sample_does_not_depend_on_its_batch(use_kept, rng):
    use_kept(True)
    (*arrays, kernel), act = problem("several blocks and shares", rng)
    dx = ops.conv2d_max_pool2d_backward(*arrays, kernel, **act)[0]
    for size in (1, 7, 64):
        for i in range(0, len(dx), size):
            part = [a[i : i + size] for a in arrays]
            alone = ops.conv2d_max_pool2d_backward(*part, kernel, **act)[0]
            np.testing.assert_array_equal(alone, dx[i : i + size])


# The rule ----------------------------------------------------------------------------------

# Shape of a sample, filters, size of the kernel, padding, pool, and which gradients it takes.
CHOSEN = {
    "few channels": ((14, 14, 6), 16, 5, "valid", 2, "input, kernel"),
    "one channel": ((28, 28, 1), 6, 5, "same", 2, "input, kernel"),
    "small windows": ((28, 28, 1), 16, 3, "same", 2, "input"),
    "one of three kept": ((12, 12, 6), 8, 5, "valid", (1, 3), ""),
    "where tiles are not full": ((13, 13, 32), 64, 3, "valid", 2, "input, kernel"),
    "where tiles are full": ((16, 16, 64), 64, 3, "same", 2, ""),
}


@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("case", CHOSEN)
def test_shape_of_a_layer_alone_chooses(case, n, use_kept, rng):
    (h, w, c), filters, size, padding, pool, expected = CHOSEN[case]
    act = {"pool_size": pool, "padding": padding}
    x = rng.standard_normal((n, h, w, c), F32)
    kernel = rng.standard_normal((size, size, c, filters), F32)
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, **act)
    arrays = rng.standard_normal(y.shape, F32), y, argmax, x, kernel
    found = {}
    for use in (None, False, True):
        use_kept(use)
        found[use] = ops.conv2d_max_pool2d_backward(*arrays, **act)
    for i, name in enumerate(["input", "kernel"]):
        if (
            n > 1
        ):  # of one image, sums may run through the same numbers in the same order
            assert not np.array_equal(found[False][i], found[True][i])
        np.testing.assert_array_equal(found[None][i], found[name in expected][i])


@pytest.mark.parametrize("slide", [{"dilation": (1, 2)}, {"groups": 2}])
def test_other_kernels_are_never_taken(slide, use_kept, rng):
    x = rng.standard_normal((2, 12, 12, 6), F32)
    kernel = rng.standard_normal((5, 5, 6 // slide.get("groups", 1), 8), F32)
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, **slide)
    arrays = rng.standard_normal(y.shape, F32), y, argmax, x, kernel
    found = []
    for use in (False, True):
        use_kept(use)
        found.append(ops.conv2d_max_pool2d_backward(*arrays, **slide))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
