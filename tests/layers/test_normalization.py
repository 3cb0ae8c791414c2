"""Normalisation: the ops, and what BatchNorm keeps for prediction."""

import pickle
import tracemalloc

import numpy as np
import oracles
import pytest
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ConvNetClassifier, Network, ops
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    MaxPool2D,
    Normalization,
    Residual,
)

# Ops ----------------------------------------------------------------------------------

# Few channels and many, whole vectors and parts; rows for one block and for many shares.
SHAPES = [
    (2, 1), (5, 3), (7, 1, 1, 64), (3, 4, 5, 16), (2, 3, 3, 17), (40, 9, 9, 10),
    (64, 28, 28, 3), (4001, 1), (3000, 70), (9, 7, 7, 300), (6, 2500), (3, 20_001),
]  # fmt: skip
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(shape, rng, dtype=np.float32):
    """An input far from 0, and all else that the ops take."""
    c = shape[-1]
    x = (rng.standard_normal(shape) * rng.uniform(0.1, 3, c) + 20).astype(dtype)
    gamma, beta = rng.standard_normal((2, c)).astype(dtype)
    return x, gamma, beta


def batch_norm(x, gamma, beta, dy, activation=None, epsilon=1e-3, on=None):
    """Forward and backward, as the layer calls them."""
    on = on or ops
    mean, variance = on.channel_moments(x)
    inverse = 1 / np.sqrt(variance + epsilon)
    arrays = x, mean, inverse * gamma
    derivative_from = ops.find_activation(activation).derivative_from
    y = on.normalize(*arrays, beta, activation=activation)
    saved = y if derivative_from == "output" else on.normalize(*arrays, beta)
    grads = on.batch_norm_backward(
        dy, saved, x, mean, inverse, inverse * gamma, activation=activation
    )
    return y, *grads


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("each_ops")
def test_batch_norm_ops_equal_loops_of_the_formulas(dtype, rng):
    for shape in ((2, 1), (7, 3), (12, 5)):
        x, gamma, beta = draw(shape, rng, dtype)
        dy = rng.standard_normal(shape).astype(dtype)
        expected = oracles.batch_norm(
            *(a.astype(np.float64) for a in (x, gamma, beta)), 1e-3, dy
        )
        for ours, theirs in zip(batch_norm(x, gamma, beta, dy), expected, strict=True):
            assert ours.dtype == dtype
            assert_same(ours, theirs, dtype, scale=30)  # the mean takes 4 bits of x


@each_shape
@pytest.mark.usefixtures("each_ops")
def test_channel_moments_are_accurate_far_from_zero(shape, rng):
    x, _, _ = draw(shape, rng)
    mean, variance = ops.channel_moments(x)
    rows = x.reshape(-1, shape[-1]).astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=2e-6)
    np.testing.assert_allclose(
        variance, rows.var(axis=0), rtol=2e-3 if len(rows) < 10 else 1e-4
    )


@each_shape
@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu", "softmax"])
@pytest.mark.usefixtures("each_ops")
def test_batch_norm_ops_equal_the_reference(shape, activation, rng):
    x, gamma, beta = draw(shape, rng)
    dy = rng.standard_normal(shape, np.float32)
    mean, variance = ops.channel_moments(x.astype(np.float64))
    inverse = 1 / np.sqrt(variance + 1e-3)
    vectors = mean, inverse * gamma, beta
    as_32 = [vector.astype(np.float32) for vector in vectors]
    y = ops.normalize(x, *as_32, activation=activation)
    double = [a.astype(np.float64) for a in (x, *as_32)]
    assert_same(y, ops.normalize(*double, activation=activation), np.float32)

    saved = y if activation != "gelu" else ops.normalize(x, *as_32)
    arrays = [dy, saved, x, as_32[0], inverse.astype(np.float32), as_32[1]]
    double = [a.astype(np.float64) for a in arrays]
    actual = ops.batch_norm_backward(*arrays, activation=activation)
    expected = ops.batch_norm_backward(*double, activation=activation)
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.dtype == np.float32
        assert_same(ours, theirs, np.float32, scale=2)
    none, *rest = ops.batch_norm_backward(*arrays, activation=activation, need_dx=False)
    assert none is None
    for ours, theirs in zip(rest, actual[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@each_shape
@pytest.mark.usefixtures("each_ops")
def test_normalize_of_a_sample_does_not_depend_on_its_batch(shape, rng):
    x, gamma, beta = draw(shape, rng)
    vectors = x.reshape(-1, shape[-1]).mean(axis=0), gamma, beta
    for activation in ("relu", "tanh", "elu"):
        y = ops.normalize(x, *vectors, activation=activation)
        for part in (slice(0, 1), slice(1, 2), slice(len(x) // 2, None)):
            here = ops.normalize(x[part], *vectors, activation=activation)
            np.testing.assert_array_equal(here, y[part])


@pytest.mark.usefixtures("each_ops")
def test_batch_norm_does_not_depend_on_threads(rng):
    if ops.in_use() == "numpy":
        pytest.skip("BLAS decides")
    for shape in ((64, 28, 28, 16), (3000, 70), (64, 14, 14, 3)):
        x, gamma, beta = draw(shape, rng)
        dy = rng.standard_normal(shape, np.float32)
        results = []
        for threads in (1, 2, 3, 7):
            with threadpool_limits(threads):
                results.append(batch_norm(x, gamma, beta, dy, "relu"))
        for result in results[1:]:
            for ours, one in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(ours, one)


@pytest.mark.usefixtures("each_ops")
def test_compiled_batch_norm_copies_nothing_and_stays_in_bounds(rng, monkeypatch):
    if ops.in_use() == "numpy":
        pytest.skip("NumPy makes arrays on the way")
    x, gamma, beta = draw((32, 28, 28, 16), rng)
    tracemalloc.start()
    batch_norm(x, gamma, beta, x, "relu")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * x.nbytes * 1.01
    new, buffers = ops.compiled._new, []

    def guarded(shape, dtype=np.float32):
        size = int(np.prod(shape))
        buffers.append(new(size + 32, dtype))
        buffers[-1][:] = 1234.5
        return buffers[-1][16 : 16 + size].reshape(shape)

    monkeypatch.setattr(ops.compiled, "_new", guarded)
    for shape in SHAPES:
        x, gamma, beta = draw(shape, rng)
        batch_norm(x, gamma, beta, x, "relu")
    for buffer in buffers:
        assert (buffer[:16] == 1234.5).all()
        assert (buffer[-16:] == 1234.5).all()


@pytest.mark.usefixtures("each_ops")
def test_nan_stays_in_its_channel(rng):
    x, gamma, beta = draw((40, 6), rng)
    x[3, 2] = np.nan
    for result in batch_norm(x, gamma, beta, np.ones_like(x), "relu"):
        is_nan = np.isnan(result).reshape(-1, 6).any(axis=0)
        assert not is_nan[[0, 1, 3, 4, 5]].any()
    assert np.isnan(ops.channel_moments(x)).any(axis=0).tolist() == [0, 0, 1, 0, 0, 0]


@pytest.mark.skipif(ops.compiled is None, reason="the compiled ops were not built")
def test_kernels_refuse_arrays_that_do_not_fit():
    kernels = ops.compiled._kernels
    x, c, y = (
        np.ones((4, 3), np.float32),
        np.ones(3, np.float32),
        np.ones((4, 3), np.float32),
    )
    kernels.normalize(x, c, c, c, y, 1)
    for wrong, words in [
        ((x[:0], c, c, c, y[:0], 1), "x must not be empty"),
        ((x, c[:2], c, c, y, 1), "vectors must have x's columns"),
        ((x, c, c, c, y[:3], 1), "y must have x's shape"),
        ((x, c, c, c, y, 99), "activation must be"),
    ]:
        with pytest.raises(ValueError, match=words):
            kernels.normalize(*wrong)
    for wrong, words in [
        ((x, None, x, c, c.copy(), c[:2].copy(), 0), "vectors must have"),
        ((x, None, x, c, c.copy(), c.copy(), 1), "only the identity takes None"),
        ((x[:2], None, x, c, c.copy(), c.copy(), 0), "must have x's shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            kernels.channel_products(*wrong)


# BatchNorm ----------------------------------------------------------------------------


def built(layer, shape, dtype=np.float64):
    return layer.build(shape, np.random.default_rng(0), np.dtype(dtype))[0]


@pytest.mark.parametrize("shape", [(5, 4, 3), (3,)])
def test_running_moments_discount_earlier_minibatches_and_weigh_by_size(shape, rng):
    layer = BatchNorm(momentum=0.8)
    weights = built(layer, shape)
    sizes = [6, 6, 3, 6, 40, 2, 6]
    batches = [rng.standard_normal((n, *shape)) * 2 + 5 for n in sizes]
    for x in batches:
        layer.forward(weights, x, rng)
    rows = [x.reshape(-1, 3) for x in batches]
    shares = np.array(sizes) * 0.8 ** np.arange(len(sizes))[::-1]
    np.testing.assert_allclose(weights["samples"], shares.sum())
    for name, moments in [
        ("moving_mean", [each.mean(axis=0) for each in rows]),
        ("moving_variance", [each.var(axis=0, ddof=1) for each in rows]),
    ]:
        expected = np.average(moments, axis=0, weights=shares)
        np.testing.assert_allclose(weights[name], expected)


def test_batch_norm_predicts_by_running_moments_and_changes_none(rng):
    layer = BatchNorm(epsilon=0.1, activation="relu")
    weights = built(layer, (3,))
    for weight in weights.values():
        weight[...] = rng.uniform(0.5, 2, weight.shape)
    before = pickle.dumps(weights)
    x = rng.standard_normal((5, 3))
    u = (x - weights["moving_mean"]) / np.sqrt(weights["moving_variance"] + 0.1)
    expected = np.maximum(weights["gamma"] * u + weights["beta"], 0)
    np.testing.assert_allclose(layer.predict(weights, x), expected)
    assert pickle.dumps(weights) == before


def test_single_flat_sample_is_normalised_by_earlier_moments(rng):
    layer = BatchNorm(momentum=0.99)
    weights = built(layer, (4,))
    before = {name: weight.copy() for name, weight in weights.items()}
    x = rng.standard_normal((1, 4)) + 3
    y, _ = layer.forward(weights, x, rng)
    np.testing.assert_allclose(y, layer.predict(before, x))
    assert y.any()
    stream = rng.standard_normal((4000, 1, 4)) * 2 + 3
    for x in stream:
        layer.forward(weights, x, rng)
    assert np.abs(weights["moving_mean"] - 3).max() < 0.6
    assert np.abs(np.log(weights["moving_variance"] / 4)).max() < 0.6


def test_gradient_of_a_single_sample_treats_moments_as_constants(rng):
    layer = BatchNorm(activation="gelu")
    weights = built(layer, (4,))
    for name in ("gamma", "beta", "moving_mean"):
        weights[name][...] = rng.standard_normal(4)
    x, dy, u = rng.standard_normal((3, 1, 4))
    here = {name: weight.copy() for name, weight in weights.items()}
    dx, grads = layer.backward(here, layer.forward(here, x, rng)[1], dy)

    def output(x, **changed):
        return layer.predict({**weights, **changed}, x)

    step = 1e-6 * u
    numeric = np.vdot(dy, output(x + step) - output(x - step)) / 2e-6
    np.testing.assert_allclose(np.vdot(dx, u), numeric, rtol=1e-6)
    for name in ("gamma", "beta"):
        more, less = weights[name] + step[0], weights[name] - step[0]
        numeric = (
            np.vdot(dy, output(x, **{name: more}) - output(x, **{name: less})) / 2e-6
        )
        np.testing.assert_allclose(grads[name] @ u[0], numeric, rtol=1e-6)


def test_gradient_with_normalisations_is_the_derivative_of_the_loss(rng):
    layers = [
        ("normal", Normalization()),
        ("block", Residual([Conv2D(2), BatchNorm(activation="tanh"), Conv2D(2)])),
        ("norm", BatchNorm(activation="gelu")),
        ("dense", Dense(4, kernel_l1=0.02, kernel_l2=0.3)),
        ("flat", BatchNorm(center=False)),
        ("output", Dense(3)),
    ]
    network = Network.build(layers, (4, 4, 2), rng, "float64")
    x, codes, weight = (
        rng.standard_normal((5, 4, 4, 2)),
        np.arange(5) % 3,
        rng.random(5),
    )
    network.adapt(lambda: [(x, weight)])
    start = network.parameters.copy()

    def loss(parameters):
        network.parameters[:] = parameters
        return network.loss_and_gradient(
            x, codes, weight, ops.softmax_cross_entropy, rng
        )

    _, gradient = loss(start)
    network.parameters[:] = start
    numeric = np.zeros(gradient.shape)
    for i in range(len(start)):
        step = np.zeros(len(start))
        step[i] = 1e-6
        numeric[i] = (loss(start + step)[0] - loss(start - step)[0]) / 2e-6
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-8)


def net(**params):
    layers = [
        ("conv", Conv2D(8, use_bias=False)),
        ("norm", BatchNorm(activation="relu")),
        ("pool", MaxPool2D(2)),
        ("dense", Dense(16, use_bias=False)),
        ("norm2", BatchNorm(activation="relu")),
    ]
    return ConvNetClassifier(
        layers, batch_size=32, max_iter=3, learning_rate_init=0.02, random_state=0
    ).set_params(**params)


def test_batch_norm_predicts_well_after_few_steps(digits):
    X, X_test, y, y_test = digits
    part = net().partial_fit(X, y, classes=np.arange(10))
    assert part.score(X_test, y_test) > 0.8
    for _ in range(2):
        part.partial_fit(X, y)
    assert part.score(X_test, y_test) > 0.9
    whole = net().fit(X, y).network_.arrays["norm.moving_mean"]
    np.testing.assert_array_equal(part.network_.arrays["norm.moving_mean"], whole)


@pytest.mark.parametrize(
    ("batch_size", "epochs", "least"), [(1, 2, 0.65), (399, 40, 0.6)]
)
def test_minibatches_of_one_sample_train(batch_size, epochs, least, digits):
    """Of 400 samples, minibatches of 399 leave one: its step is as long as the other."""
    X, X_test, y, y_test = digits
    clf = net(batch_size=batch_size, max_iter=epochs, learning_rate_init=0.005)
    clf.fit(X, y)
    assert np.isfinite(clf.network_.values).all()
    assert clf.score(X_test, y_test) > least


def test_weight_decay_excludes_scales_and_shifts():
    network = Network.build([*net().layers, Dense(2)], (8, 8, 1), 0)
    network.values[:] = 0
    network.parameters[:] = network.decayed(1.0)
    decayed = {name for name, array in network.arrays.items() if array.any()}
    assert decayed == {"conv.kernel", "dense.kernel", "dense_2.kernel"}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (BatchNorm(1.0), r"momentum must be a number in \[0, 1\), got 1.0"),
        (BatchNorm(-0.1), r"momentum must be a number in \[0, 1\), got -0.1"),
        (BatchNorm(epsilon=0), "epsilon must be a number > 0, got 0"),
        (BatchNorm(epsilon="small"), "epsilon must be a number > 0, got 'small'"),
        (BatchNorm(activation="rulu"), "did you mean 'relu'"),
        (Dense(2, kernel_l2=-1), "kernel_l2 must be a number >= 0, got -1"),
        (Conv2D(2, kernel_l1="a"), "kernel_l1 must be a number >= 0, got 'a'"),
    ],
)
def test_build_refuses_wrong_arguments(layer, words):
    with pytest.raises(ValueError, match=words):
        built(layer, (4, 4, 2))


# Penalties ----------------------------------------------------------------------------


def test_penalties_are_added_to_the_loss_and_shrink_kernels(digits, rng):
    layers = [
        ("block", Residual([("conv", Conv2D(1, kernel_l1=0.5)), Conv2D(1)])),
        ("output", Dense(3, kernel_l2=0.25)),
    ]
    network = Network.build(layers, (4, 4, 1), rng)
    plain = Network.build(
        [("block", Residual([("conv", Conv2D(1)), Conv2D(1)])), ("output", Dense(3))],
        (4, 4, 1), rng,
    )  # fmt: skip
    plain.values[:] = network.values
    x, codes = rng.standard_normal((2, 4, 4, 1), np.float32), np.array([0, 2])
    (with_it, gradient), (without, plain_gradient) = (
        each.loss_and_gradient(x, codes, None, ops.softmax_cross_entropy, rng)
        for each in (network, plain)
    )
    conv, dense = (network.arrays[f"{n}.kernel"] for n in ("block.conv", "output"))
    expected = 0.5 * np.abs(conv).sum() + 0.25 * np.square(dense).sum()
    assert with_it - without == pytest.approx(expected, rel=1e-5)
    plain.parameters[:] = gradient - plain_gradient
    differences = plain.arrays
    assert_same(differences["block.conv.kernel"], 0.5 * np.sign(conv), scale=5)
    assert_same(differences["output.kernel"], 0.5 * dense, scale=5)
    assert not differences["output.bias"].any()

    X, _, y, _ = digits
    norms = [
        np.abs(
            net(dense__kernel_l1=l1, alpha=0).fit(X, y).network_.arrays["dense.kernel"]
        )
        for l1 in (0, 0.01)
    ]
    assert norms[1].mean() < 0.7 * norms[0].mean()
