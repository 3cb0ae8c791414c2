"""Winograd's algorithm: the definitions' results, its errors, and the rule that chooses it."""

import numpy as np
import pytest
from attacks import winograd
from seeds import SEED
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ops
from skconv.ops.compiled import _kernels

F32 = np.float32


@pytest.fixture
def use_winograd():
    """Choose the algorithm for 3 x 3 kernels and rows at stride 1, against the rule."""
    yield _kernels.use_winograd
    _kernels.use_winograd(None)


# (n, h, w, channels), filters, padding and, unless it is 3 x 3, kernel. Tiles are 4 x 4, or rows
# of 4 or 5; vectors 4, 8 or 16 wide.
HARD = {
    "full tiles": ((2, 8, 12, 16), 16, "same"),
    "last tiles of one row and column": ((2, 5, 9, 8), 4, "same"),
    "last tiles of two and three": ((2, 8, 9, 4), 8, "valid"),
    "one output": ((3, 3, 3, 17), 5, "valid"),
    "one pixel": ((3, 1, 1, 20), 7, "same"),
    "one pixel, three around it": ((2, 1, 1, 1), 1, 3),
    "windows without a pixel": ((2, 5, 4, 3), 6, ((3, 9), (7, 0))),
    "tiles without a pixel": ((1, 4, 4, 2), 2, 9),
    "a row": ((2, 1, 30, 5), 9, "same"),
    "a column": ((2, 30, 1, 5), 9, "same"),
    "one channel": ((2, 10, 10, 1), 33, "same"),
    "one filter": ((2, 10, 10, 33), 1, "same"),
    "odd channels": ((1, 6, 7, 19), 67, 1),
    "several chunks of filters": ((1, 6, 6, 3), 150, "same"),
    "several pieces of the kernel": ((2, 5, 6, 70), 131, "same"),
    "several blocks and shares": ((150, 9, 10, 7), 6, "same"),
    "signals": ((3, 1, 40, 16), 16, "same", (1, 3)),
    "two taps": ((2, 1, 17, 5), 6, "same", (1, 2)),
    "four taps": ((2, 1, 41, 6), 17, "same", (1, 4)),
    "five taps": ((3, 1, 37, 9), 20, "valid", (1, 5)),
    "eight taps": ((2, 1, 33, 19), 5, "same", (1, 8)),
    "eight taps, causal": ((2, 1, 33, 4), 9, ((0, 0), (7, 0)), (1, 8)),
    "many taps": ((2, 1, 50, 3), 5, "same", (1, 23)),
    "signals shorter than the kernel": ((2, 1, 3, 5), 4, "same", (1, 12)),
    "one number": ((3, 1, 1, 20), 7, "same", (1, 5)),
    "a column of signals": ((2, 30, 1, 5), 9, ((3, 0), (0, 0)), (5, 1)),
    "a column of the kernel, zeros beside": ((2, 9, 1, 5), 9, ((3, 0), (0, 2)), (5, 1)),
    "rows of images": ((2, 6, 13, 5), 9, "same", (1, 5)),
    "rows of zeros": ((2, 3, 9, 5), 3, ((2, 1), (4, 9)), (1, 4)),
    "several pieces of five taps": ((2, 1, 21, 140), 131, "same", (1, 5)),
    "several blocks of signals": ((170, 1, 45, 7), 18, "same", (1, 9)),
}  # fmt: skip
POOLS = [(1, 2), (2, 2), (4, 1), (4, 4), (3, 2), (3, 3), (5, 1), (1, 5)]


def with_size(layer):
    return layer if len(layer) == 4 else (*layer, (3, 3))


def problem(case, rng):
    shape, filters, padding, size = with_size(HARD[case])
    x = rng.standard_normal(shape, F32)
    kernel = rng.standard_normal((*size, shape[3], filters), F32)
    kernel /= F32((kernel[..., 0].size) ** 0.5)
    return x, kernel, {"padding": padding}


def doubles(*arrays):
    return [None if a is None else a.astype(np.float64) for a in arrays]


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("case", HARD)
def test_hard_shapes_are_as_defined(case, use_winograd, rng):
    use_winograd(True)
    x, kernel, slide = problem(case, rng)
    bias, scale = rng.standard_normal((2, kernel.shape[3]), F32)
    for activation in ops.ACTIVATIONS if case == "one pixel" else (None, "relu", "elu"):
        act = {"activation": activation, **slide}
        for arrays in [(x, kernel), (x, kernel, bias), (x, kernel, bias, scale)]:
            y = ops.conv2d(*arrays, **act)
            expected = ops.conv2d(*doubles(*arrays), **act)
            assert_same(y, expected, F32, terms=arrays[2:3])
        dy = rng.standard_normal(y.shape, F32)
        # Rounded differently, an output at a corner has another derivative.
        output = ops.find_activation(activation).derivative_from == "output"
        saved = y if output else ops.conv2d(*arrays, **slide)
        found = ops.conv2d_backward(dy, saved, x, kernel, **act)
        expected = ops.conv2d_backward(*doubles(dy, saved, x, kernel), **act)
        dz = ops.activate_grad(*doubles(dy, saved), activation)
        for ours, theirs, terms in zip(found, expected, [(), (), dz], strict=True):
            assert_same(ours, theirs, F32, terms=terms)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("case", HARD)
def test_fused_pools_are_those_of_all_outputs(case, use_winograd, rng):
    use_winograd(True)
    x, kernel, slide = problem(case, rng)
    for activation in (None, "tanh"):
        act = {"activation": activation, **slide}
        y = ops.conv2d(x, kernel, **act)
        for size in POOLS:
            if size[0] <= y.shape[1] and size[1] <= y.shape[2]:
                pooled = ops.conv2d_max_pool2d(x, kernel, pool_size=size, **act)
                np.testing.assert_array_equal(pooled, ops.max_pool2d(y, size))


@pytest.mark.slow
def test_random_shapes_are_as_defined(capsys):
    """A short run of ``python -m tests.attacks winograd``."""
    winograd.main(n=10, seed=SEED + 1)
    assert "finished" in capsys.readouterr().out


# Errors ------------------------------------------------------------------------------------

# As in training: the direct kernel cuts a sum over the pixels of a small batch so short that
# it errs less than any transform.
LAYERS = {
    "64 channels": ((40, 16, 16, 64), 64, "same"),
    "16 channels": ((16, 28, 28, 16), 16, "same"),
    "tiles filled in part": ((60, 13, 13, 32), 48, "valid"),
    "small images": ((160, 7, 7, 48), 32, "same"),
    "three taps": ((64, 1, 128, 64), 64, "same", (1, 3)),
    "four taps": ((64, 1, 128, 48), 64, "same", (1, 4)),
    "five taps": ((64, 1, 128, 64), 64, "same", (1, 5)),
    "five taps, few channels": ((64, 1, 128, 16), 16, "valid", (1, 5)),
    "eight taps": ((64, 1, 128, 32), 48, "same", (1, 8)),
    "nine taps": ((64, 1, 100, 128), 32, "same", (1, 9)),
}


def rms(errors):
    return np.sqrt(np.mean(errors**2))


def passes(x, kernel, dz, slide):
    return [
        ops.conv2d(x, kernel, **slide),
        ops.conv2d_grad_input(dz, kernel, x.shape, **slide),
        ops.conv2d_grad_kernel(dz, x, kernel.shape, **slide),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("case", LAYERS)
def test_errors_are_at_most_three_times_those_of_direct_convolution(
    case, use_winograd, rng
):
    """Roots of mean squares, of errors and of the sums of |a| |b|.

    A sum of products a b in float32 errs by its magnitude, the sum of |a| |b|, and not by
    its result. Winograd's transforms add up numbers of a whole window before they multiply
    them, and rounding these sums costs it a factor of about two.
    """
    shape, filters, padding, size = with_size(LAYERS[case])
    slide = {"padding": padding}
    x = rng.standard_normal(shape, F32)
    kernel = rng.standard_normal((*size, shape[3], filters), F32)
    dz = rng.standard_normal(ops.conv2d(x, kernel, **slide).shape, F32)
    exact = passes(*doubles(x, kernel, dz), slide)
    magnitudes = passes(*doubles(*map(np.abs, (x, kernel, dz))), slide)
    errors = {}
    for use in (False, True):
        use_winograd(use)
        found = passes(x, kernel, dz, slide)
        errors[use] = [
            rms(ours - right) / rms(magnitude)
            for ours, right, magnitude in zip(found, exact, magnitudes, strict=True)
        ]
    assert np.max(errors[True]) < 2e-7
    assert np.max(np.divide(errors[True], errors[False])) < 3, errors


# Bits --------------------------------------------------------------------------------------


def everything(case, rng):
    x, kernel, slide = problem(case, rng)
    bias, scale = rng.standard_normal((2, kernel.shape[3]), F32)
    results = []
    for activation in (None, "relu", "leaky_relu", "elu", "tanh", "logistic"):
        y = ops.conv2d(x, kernel, bias, scale, activation=activation, **slide)
        dy = rng.standard_normal(y.shape, F32)
        act = {"activation": activation, **slide}
        results += [y, *ops.conv2d_backward(dy, y, x, kernel, **act)]
    return results


@pytest.mark.parametrize("case", HARD)
def test_avx2_and_avx512_give_the_same_bits(case, use_winograd):
    use_winograd(True)
    before, found = ops.in_use(), []
    for name in {"avx2", "avx512"} & {*ops.available()}:
        ops.use(name)
        found.append(everything(case, np.random.default_rng(SEED)))
    ops.use(before)
    for results in found[1:]:
        for ours, theirs in zip(results, found[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize(
    "case",
    ["several blocks and shares", "odd channels", "several blocks of signals"],
)
def test_bits_do_not_depend_on_the_number_of_threads(case, use_winograd):
    use_winograd(True)
    found = []
    for threads in (1, 2, 3, 7):
        with threadpool_limits(threads):
            found.append(everything(case, np.random.default_rng(SEED)))
    for results in found[1:]:
        for ours, theirs in zip(results, found[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize(
    ("case", "pool"),
    [("several blocks and shares", 2), ("several blocks of signals", (1, 3))],
)
def test_sample_does_not_depend_on_its_batch(case, pool, use_winograd, rng):
    use_winograd(True)
    x, kernel, slide = problem(case, rng)
    for activation in (None, "tanh"):
        act = {"activation": activation, **slide}
        together = ops.conv2d(x, kernel, **act)
        pooled = ops.conv2d_max_pool2d(x, kernel, pool_size=pool, **act)
        dx = ops.conv2d_grad_input(together, kernel, x.shape, **slide)
        for size in (2, 7, 64):
            for i in range(0, len(x), size):
                part = slice(i, i + size)
                alone = ops.conv2d(x[part], kernel, **act)
                np.testing.assert_array_equal(alone, together[part])
                alone = ops.conv2d_max_pool2d(x[part], kernel, pool_size=pool, **act)
                np.testing.assert_array_equal(alone, pooled[part])
                alone = ops.conv2d_grad_input(
                    together[part], kernel, x[part].shape, **slide
                )
                np.testing.assert_array_equal(alone, dx[part])


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("activation", sorted({*ops.ACTIVATIONS} - {"softmax"}))
def test_nan_is_not_hidden(activation, use_winograd):
    """It spreads over its tiles, which are 4 x 4 outputs, and no further."""
    use_winograd(True)
    x = np.ones((2, 12, 12, 3), F32)
    x[0, 5, 5, 1] = np.nan
    y = ops.conv2d(x, np.ones((3, 3, 3, 9), F32), padding="same", activation=activation)
    assert np.isnan(y[0, 4:7, 4:7]).all()
    assert np.isfinite(y[1]).all()
    assert np.isfinite(y[0, 8:]).all()
    y = ops.conv2d(
        x[:, 5:6], np.ones((1, 5, 3, 9), F32), padding="same", activation=activation
    )
    assert np.isnan(y[0, 0, 3:8]).all()
    assert np.isfinite(y[0, 0, 8:]).all()


# The rule ----------------------------------------------------------------------------------

# Shape of a sample, filters, padding, kernel, and which of the three passes it takes.
ALL = "forward, input, kernel"
CHOSEN = {
    "many channels": ((8, 8, 16), 16, "same", (3, 3), ALL),
    "few channels": ((8, 8, 3), 32, "same", (3, 3), ""),
    "few filters": ((8, 8, 32), 3, "same", (3, 3), ""),
    "tiles nearly empty": ((5, 5, 32), 32, "same", (3, 3), ""),
    "signals": ((1, 40, 64), 64, "same", (1, 5), ALL),
    "signals in a column": ((40, 1, 64), 64, "same", (8, 1), ALL),
    "signals of one channel": ((1, 40, 1), 64, "same", (1, 8), ""),
    "short signals": ((1, 5, 32), 32, "same", (1, 5), ""),
}


@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize("case", CHOSEN)
def test_shape_of_a_layer_alone_chooses(case, n, use_winograd, rng):
    (h, w, c), filters, padding, size, expected = CHOSEN[case]
    x = rng.standard_normal((n, h, w, c), F32)
    kernel = rng.standard_normal((*size, c, filters), F32)
    dz = rng.standard_normal(ops.conv2d(x, kernel, padding=padding).shape, F32)
    found = {}
    for use in (None, False, True):
        use_winograd(use)
        found[use] = passes(x, kernel, dz, {"padding": padding})
    for i, name in enumerate(["forward", "input", "kernel"]):
        assert not np.array_equal(found[False][i], found[True][i])
        np.testing.assert_array_equal(found[None][i], found[name in expected][i])


@pytest.mark.parametrize(
    ("size", "slide"),
    [
        (3, {"stride": 2}),
        (3, {"dilation": 2}),
        (3, {"groups": 2}),
        (5, {}),
        (1, {}),
        ((3, 1), {}),
        ((2, 3), {}),
        ((1, 5), {"stride": (1, 2)}),
        ((1, 5), {"dilation": (1, 2)}),
        ((1, 5), {"groups": 2}),
    ],
)
def test_other_kernels_are_never_taken(size, slide, use_winograd, rng):
    x = rng.standard_normal((2, 12, 12, 32), F32)
    kh, kw = ops.pair(size, "size")
    kernel = rng.standard_normal((kh, kw, 32 // slide.get("groups", 1), 32), F32)
    found = []
    for use in (False, True):
        use_winograd(use)
        found.append(ops.conv2d(x, kernel, **slide))
    np.testing.assert_array_equal(*found)
