"""The compiled ops give their definitions' results, on every instruction set."""

import inspect

import numpy as np
import pytest
from configurations import (
    POOLS,
    any_convolution,
    convolutions,
    pools,
    wide_depthwise_convolution,
)
from tolerances import assert_same

from skconv import ops
from skconv.ops import compiled, reference


def defined(op, *args, **kwargs):
    """What the definition of an op, in NumPy, gives."""
    before = ops.in_use()
    ops.use("numpy")
    try:
        return op(*args, **kwargs)
    finally:
        ops.use(before)


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("activation", [None, "elu", "logistic"])
def test_rounding_does_not_depend_on_the_number_of_channels_or_rows(
    width, depthwise, activation, rng
):
    """Tiles of any number of rows, vectors that channels fill in part: the same bits."""
    for channels in [*range(1, 36), 67]:
        groups = channels if depthwise else 1
        kernel = rng.standard_normal(
            (2, width, channels // groups, channels), np.float32
        )
        bias = rng.standard_normal(channels, np.float32)
        x = rng.standard_normal((13, 3, 4, channels), np.float32)
        both = {"groups": groups, "activation": activation}
        for scale in (None, bias):
            together = ops.conv2d(x, kernel, bias, scale, **both)
            for n in range(1, 13):
                alone = ops.conv2d(x[:n], kernel, bias, scale, **both)
                np.testing.assert_array_equal(alone, together[:n])


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("shape", [(2, 1, 37, 61), (1, 2, 33, 5), (3, 1, 40, 6)])
def test_images_larger_than_a_cache_have_the_bits_of_their_parts(shape, rng):
    """Products ask for memory ahead only then: of rows that exist, in tiles of all sizes."""
    kernel = rng.standard_normal(shape, np.float32)
    x = rng.standard_normal((23, 25, 17, shape[2]), np.float32)
    y = ops.conv2d(x, kernel)
    dx = ops.conv2d_grad_input(y, kernel, x.shape)
    assert x.size > 2**18
    for i in range(len(x)):
        part = slice(i, i + 1)
        np.testing.assert_array_equal(ops.conv2d(x[part], kernel), y[part])
        back = ops.conv2d_grad_input(y[part], kernel, x[part].shape)
        np.testing.assert_array_equal(back, dx[part])
    assert_same(y, defined(ops.conv2d, x.astype(np.float64), kernel), np.float32)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize(
    "case",
    [
        *convolutions(any_convolution, 150, fast=40),
        *convolutions(wide_depthwise_convolution, 80, fast=20),
    ],
)
def test_random_convolutions_are_as_defined(case, rng):
    shape, kernel_shape, slide, activation = case
    x, kernel = (rng.standard_normal(s, np.float32) for s in (shape, kernel_shape))
    bias, scale = rng.standard_normal((2, kernel_shape[3]), np.float32)
    for arrays in [
        (x, kernel, bias, scale),
        (x, kernel, None, scale),
        (x, kernel, bias),
    ]:
        y = ops.conv2d(*arrays, activation=activation, **slide)
        double = [a if a is None else a.astype(np.float64) for a in arrays]
        expected = ops.conv2d(*double, activation=activation, **slide)
        assert y.dtype == np.float32
        assert_same(y, expected, np.float32)

        for pool in [(1, 1), (1, 2), (2, 2), (3, 2)]:
            if pool[0] <= y.shape[1] and pool[1] <= y.shape[2]:
                pooled = ops.conv2d_max_pool2d(
                    *arrays, activation=activation, pool_size=pool, **slide
                )
                np.testing.assert_array_equal(pooled, ops.max_pool2d(y, pool))

    derivative_from = ops.find_activation(activation).derivative_from
    saved = y if derivative_from == "output" else ops.conv2d(x, kernel, bias, **slide)
    dy = rng.standard_normal(y.shape, np.float32)
    actual = ops.conv2d_backward(dy, saved, x, kernel, activation=activation, **slide)
    # Softmax's derivative may cancel: its own tests say how far it is off.
    dz = ops.activate_grad(dy, saved, activation)
    double = [a.astype(np.float64) for a in (dz, saved, x, kernel)]
    expected = ops.conv2d_backward(*double, **slide)
    for ours, theirs, terms in zip(actual, expected, [(), (), dz], strict=True):
        assert_same(ours, theirs, np.float32, terms=terms)


POOLS_AFTER = [
    *({"pool_size": size} for size in [(1, 1), (1, 3), (2, 2), (3, 2)]),
    {"pool_size": 2, "pool_stride": 1},
    {"pool_size": 2, "pool_padding": "same"},
]


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("case", convolutions(any_convolution, 100, fast=30))
def test_pooled_convolutions_are_trained_as_one_after_the_other(case, rng):
    shape, kernel_shape, slide, activation = case
    if not ops.find_activation(activation).may_be_pooled:
        activation = "tanh"
    slide = {**slide, "activation": activation}
    x, kernel = (rng.standard_normal(s, np.float32) for s in (shape, kernel_shape))
    bias = rng.standard_normal(kernel_shape[3], np.float32)
    between = ops.conv2d(x, kernel, bias, **slide)
    for pool in POOLS_AFTER:
        size = np.broadcast_to(pool["pool_size"], 2)
        if (size > between.shape[1:3]).any():
            continue
        alone = {
            name.replace("pool_stride", "stride").replace(
                "pool_padding", "padding"
            ): value
            for name, value in pool.items()
        }
        both = {**slide, **pool}
        y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, bias, **both)
        expected, places = ops.max_pool2d_with_argmax(between, **alone)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(argmax, places)
        assert argmax.dtype == places.dtype

        dy = rng.standard_normal(y.shape, np.float32)
        single = dy, y, x, kernel
        double = [a.astype(np.float64) for a in single]
        dz = ops.max_pool2d_grad(double[0], argmax, between.shape, **alone)
        expected = ops.conv2d_backward(dz, between.astype(float), *double[2:], **slide)
        for dy_, y_, *rest in (single, double):
            actual = ops.conv2d_max_pool2d_backward(dy_, y_, argmax, *rest, **both)
            for ours, theirs, terms in zip(actual, expected, [(), (), dz], strict=True):
                assert_same(ours, theirs, np.float32, terms=terms)
        dx, *_ = ops.conv2d_max_pool2d_backward(
            dy, y, argmax, x, kernel, need_dx=False, **both
        )
        assert dx is None


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("case", [*pools(100), *POOLS.values()], ids=str)
def test_random_pools_are_as_defined(case, ties, rng):
    shape, size, slide = case
    x = rng.standard_normal(shape, np.float32)
    x = np.round(x) if ties else x
    y, argmax = ops.max_pool2d_with_argmax(x, size, **slide)
    expected, expected_argmax = defined(ops.max_pool2d_with_argmax, x, size, **slide)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, expected_argmax)
    assert argmax.dtype == expected_argmax.dtype
    np.testing.assert_array_equal(ops.max_pool2d(x, size, **slide), expected)
    dy = rng.standard_normal(y.shape, np.float32)
    assert_same(
        ops.max_pool2d_grad(dy, argmax, shape, size, **slide),
        defined(ops.max_pool2d_grad, dy, argmax, shape, size, **slide),
        terms=dy,
    )
    assert_same(
        ops.avg_pool2d(x, size, **slide),
        defined(ops.avg_pool2d, x, size, **slide),
        terms=x / np.sqrt(np.prod(size)),
    )
    assert_same(
        ops.avg_pool2d_grad(dy, shape, size, **slide),
        defined(ops.avg_pool2d_grad, dy, shape, size, **slide),
    )


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("nans", [0, 0.3])
@pytest.mark.parametrize("channels", [3, 4, 16])
@pytest.mark.parametrize("padding", ["valid", ((1, 0), (1, 0)), ((1, 1), (0, 1))])
def test_small_windows_at_edges_and_with_nan_are_as_defined(
    padding, channels, nans, rng
):
    """Whole vectors of channels, and 2 x 2, have a path of their own."""
    x = rng.standard_normal((2, 5, 6, channels), np.float32)
    x[rng.random(x.shape) < nans] = np.nan
    for size in (2, (3, 2), (2, 3)):
        slide = {"stride": 1, "padding": padding}
        expected = defined(ops.max_pool2d_with_argmax, x, size, **slide)
        for ours, theirs in zip(
            ops.max_pool2d_with_argmax(x, size, **slide), expected, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("activation", ops.ACTIVATIONS)
@pytest.mark.parametrize(
    ("n", "features", "units"), [(1, 1, 1), (7, 40, 10), (64, 300, 33)]
)
def test_dense_layers_are_as_defined(n, features, units, activation, rng):
    shapes = (n, features), (features, units), units, (n, units)
    x, kernel, bias, dy = (rng.standard_normal(s, np.float32) for s in shapes)
    kernel /= features**0.5
    y = ops.dense(x, kernel, bias, activation=activation)
    assert_same(y, defined(ops.dense, x, kernel, bias, activation=activation))
    derivative_from = ops.find_activation(activation).derivative_from
    saved = y if derivative_from == "output" else ops.dense(x, kernel, bias)
    for ours, theirs in zip(
        ops.dense_backward(dy, saved, x, kernel, activation=activation),
        defined(ops.dense_backward, dy, saved, x, kernel, activation=activation),
        strict=True,
    ):
        assert_same(ours, theirs)
    assert_same(ops.dense_grad_kernel(dy, x), defined(ops.dense_grad_kernel, dy, x))
    assert_same(ops.dense_grad_input(dy, kernel), dy @ kernel.T)
    assert_same(ops.grad_bias(dy), dy.sum(0))


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 7, 7, 16), (9, 8193)])
@pytest.mark.parametrize("activation", [None, "relu", "elu", "tanh", "gelu", "softmax"])
def test_sum_is_activated(shape, activation, rng):
    x, y = rng.standard_normal((2, *shape), np.float32)
    x.flat[0] = np.nan
    z = ops.add(x, y, activation)
    np.testing.assert_array_equal(z, ops.activate(x + y, activation))


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activations_are_close_where_they_are_small_and_large(name, request):
    if name not in ("gelu", "softmax"):  # which have no kernel
        request.getfixturevalue("guarded")
    tiny = np.logspace(-30, -3, 50)
    z = np.concatenate([-tiny, [0], tiny, np.linspace(-100, 100, 999)])[:, None]
    y = ops.activate(z.astype(np.float32), name)
    exact = ops.activate(z.astype(np.float32).astype(float), name)
    np.testing.assert_allclose(y, exact, rtol=2e-6, atol=1e-37)
    z = z.astype(np.float32)
    saved = y if ops.find_activation(name).derivative_from == "output" else z
    np.testing.assert_allclose(
        ops.activate_grad(np.ones_like(z), saved, name),
        defined(ops.activate_grad, np.ones_like(z), saved, name),
        rtol=1e-5,
        atol=1e-7,
    )


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("name", sorted({*ops.ACTIVATIONS} - {"softmax"}))
def test_nan_is_not_hidden(name):
    x = np.ones((1, 4, 4, 3), np.float32)
    x[0, 1, 1, 1] = np.nan
    assert np.isnan(ops.activate(x, name)).sum() == 1
    kernel = np.ones((1, 1, 3, 9), np.float32)
    assert np.isnan(ops.conv2d(x, kernel, activation=name)).sum() == 9
    assert np.isnan(ops.max_pool2d(x)).sum() == 1


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("k", "smoothing"),
    [(1, 0), (2, 0), (10, 0), (17, 0), (1000, 0), (2, 0.1), (17, 0.1), (1000, 0.1)],
)
def test_softmax_cross_entropy_is_as_defined(k, weighted, smoothing, rng):
    logits = 10 * rng.standard_normal((30, k), np.float32)
    codes = rng.integers(0, k, 30)
    sample_weight = rng.uniform(0, 2, 30) if weighted else None
    loss, dlogits = ops.softmax_cross_entropy(logits, codes, sample_weight, smoothing)
    expected, expected_dlogits = ops.softmax_cross_entropy(
        logits.astype(float), codes, sample_weight, smoothing
    )
    assert_same(loss, expected, np.float32)
    assert_same(dlogits, expected_dlogits, np.float32)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize("k", [1, 2, 10, 17, 1000])
def test_cross_entropy_of_probabilities_is_as_defined(k, smoothing, rng):
    logits = 10 * rng.standard_normal((30, k), np.float32)
    targets = rng.dirichlet(np.ones(k), 30)
    for weight in (None, rng.uniform(0, 2, 30)):
        options = weight, smoothing
        loss, dlogits = ops.softmax_cross_entropy(logits, targets, *options)
        exact = ops.softmax_cross_entropy(logits.astype(float), targets, *options)
        assert_same(loss, exact[0], np.float32)
        assert_same(dlogits, exact[1], np.float32)


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 1, 9, 2), (40, 7, 6, 3)])
@pytest.mark.parametrize("strength", [0, 0.3, 3])
def test_affine_transform_is_as_defined(shape, strength, rng):
    x = rng.standard_normal(shape, np.float32)
    matrix = np.eye(2) + strength * rng.standard_normal((shape[0], 2, 2))
    shift = strength * rng.standard_normal((shape[0], 2))
    arrays = matrix.astype(np.float32), shift.astype(np.float32)
    y = ops.affine_transform(x, *arrays, fill=0.5)
    expected = ops.affine_transform(x.astype(float), *arrays, fill=0.5)
    np.testing.assert_allclose(y, expected, atol=5e-5)
    if not strength:
        np.testing.assert_array_equal(y, x)


@pytest.mark.usefixtures("each_set")
def test_affine_transform_of_numbers_that_are_not_finite_stays_within_the_image():
    x = np.ones((3, 4, 5, 2), np.float32)
    matrix = np.array(
        [[[np.nan, 1], [1, 1]], np.full((2, 2), np.inf), -1e30 * np.eye(2)]
    )
    for dtype in (np.float32, np.float64):
        matrix = matrix.astype(dtype)
        with np.errstate(invalid="ignore"):
            y = ops.affine_transform(x.astype(dtype), matrix, np.zeros((3, 2)))
        assert np.isin(y[2], [0, 1]).all()


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("decayed", [False, True])
def test_adam_step_is_as_defined(decayed, rng):
    size = 20_001  # more than one task takes
    ours = [rng.standard_normal(size, np.float32) for _ in range(4)]
    ours[3] = ours[3] ** 2
    theirs = [a.astype(float) for a in ours]
    decay = rng.random(size, np.float32) if decayed else None
    for step in (1, 2, 3):
        rates = {"step": step, "learning_rate": 0.01, "decay": decay}
        ops.adam_step(*ours, **rates)
        ops.adam_step(*theirs, **rates)
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a, b, np.float32)


def check_gathering(dtype, rng):
    X = rng.integers(0, 2 if dtype == "bool" else 256, (50, 3, 4)).astype(dtype)
    rows = rng.integers(0, 50, 70)
    batch = ops.gather(X, rows, np.dtype(np.float32))
    expected = X[rows].astype(np.float32)
    np.testing.assert_array_equal(batch, expected)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
def test_gathering_is_indexing(dtype, rng):
    check_gathering(dtype, rng)


@pytest.mark.parametrize("dtype", ["float16", "bool", ">f8"])
def test_gathering_of_other_dtypes_is_left_to_numpy(dtype, rng):
    check_gathering(dtype, rng)


def test_float64_is_left_to_the_definitions(rng):
    x, kernel = rng.standard_normal((2, 5, 5, 3)), rng.standard_normal((3, 3, 3, 4))
    np.testing.assert_array_equal(ops.conv2d(x, kernel), defined(ops.conv2d, x, kernel))
    mixed = ops.conv2d(x.astype(np.float32), kernel)
    assert mixed.dtype == np.float64


def test_awkward_float32_arrays_give_the_same(rng):
    x = rng.standard_normal((2, 6, 6, 4), np.float32)
    kernel = rng.standard_normal((3, 3, 4, 5), np.float32)
    expected = ops.conv2d(x, kernel)
    unaligned = np.empty(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    unaligned[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    twisted = x[::-1, ::-1].copy()[::-1, ::-1]
    for awkward in (unaligned, read_only, twisted, np.asfortranarray(x)):
        np.testing.assert_array_equal(ops.conv2d(awkward, kernel), expected)
    swapped = x.astype(">f4")
    assert_same(ops.conv2d(swapped, kernel), expected, np.float32)


def test_compiled_twins_take_their_definitions_arguments():
    for name in compiled.__all__:
        twin, definition = (getattr(m, name) for m in (compiled, reference))
        theirs = inspect.signature(definition).parameters
        assert list(inspect.signature(twin).parameters) == list(theirs), name
        assert set(inspect.signature(getattr(ops, name)).parameters) - {*theirs} <= {
            # resolved to a window, or to Adam's rates, before a twin is called
            *("stride", "padding", "dilation", "pool_size", "pool_stride"),
            *("pool_padding", "step", "learning_rate", "beta_1", "beta_2", "epsilon"),
            *("parameters", "moment_1", "moment_2"),
        }, name
