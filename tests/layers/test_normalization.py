"""Batch normalisation in training and prediction, and penalties of kernels."""

import copy
import pickle
import re

import numpy as np
import pytest
from seeds import SEED
from tolerances import assert_same

from skconv import ConvNetClassifier, Network, ops
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    LayerNorm,
    MaxPool2D,
    Normalization,
    Residual,
)


def built(layer, shape, dtype=np.float64):
    return layer.build(shape, np.random.default_rng(SEED), np.dtype(dtype))[0]


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


@pytest.mark.parametrize("shape", [(1, 4), (1, 1, 1, 4)])
@pytest.mark.parametrize(("before", "share"), [(0, 1 / 1.5), (1, 1 / 1.5), (4, 1 / 3)])
def test_single_value_moves_the_moments_by_its_deviation(shape, before, share, rng):
    """Of the values so far, of which there was at least one."""
    layer = BatchNorm(momentum=0.5)
    weights = built(layer, shape[1:])
    weights["samples"][...] = before
    mean, variance = rng.normal(size=4), rng.random(4)
    weights["moving_mean"][...], weights["moving_variance"][...] = mean, variance
    x = rng.normal(size=shape)
    layer.forward(weights, x, rng)
    away = x.reshape(4) - mean
    np.testing.assert_allclose(weights["samples"], [1 / share])
    np.testing.assert_allclose(weights["moving_mean"], mean + share * away)
    variance += share * ((1 - share) * away**2 - variance)
    np.testing.assert_allclose(weights["moving_variance"], variance)


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
        layers, batch_size=32, max_iter=3, learning_rate_init=0.02, random_state=SEED
    ).set_params(**params)


def lost(clf, X, y):
    """Return how much lower the score is than with the means of X itself."""
    x, network = X.reshape(-1, 8, 8, 1).astype(np.float32), copy.deepcopy(clf.network_)
    for name, layer in network.layers:
        x, _ = layer.forward(network.weights[name], x, None)
    return (x.argmax(axis=1) == y).mean() - clf.score(X, y)


def test_batch_norm_predicts_well_after_few_steps(digits):
    X, X_test, y, y_test = digits
    first, third = [], []
    for seed in range(5):
        part = net(random_state=SEED + seed)
        part.partial_fit(X, y, classes=np.arange(10))
        first.append(lost(part, X_test, y_test))
        for _ in range(2):
            part.partial_fit(X, y)
        third.append(lost(part, X_test, y_test))
    # Means that were not yet right would lose 0.7: one class for all.
    assert np.median(first) < 0.2
    assert np.median(third) < 0.05
    part = net().partial_fit(X, y, classes=np.arange(10))
    for _ in range(2):
        part.partial_fit(X, y)
    whole = net().fit(X, y).network_.arrays["norm.moving_mean"]
    np.testing.assert_array_equal(part.network_.arrays["norm.moving_mean"], whole)


@pytest.mark.parametrize(("batch_size", "epochs"), [(1, 2), (399, 40)])
def test_minibatches_of_one_sample_train(batch_size, epochs, digits):
    """Of 400 samples, minibatches of 399 leave one: its step is as long as the other.

    So they learn less than others: 0.5 to 0.8, and not 0.9. Chance is 0.1.
    """
    X, X_test, y, y_test = digits
    clf = net(batch_size=batch_size, max_iter=epochs, learning_rate_init=0.005)
    clf.fit(X, y)
    assert np.isfinite(clf.network_.values).all()
    assert clf.score(X_test, y_test) > 0.3


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


def test_layer_norm_of_single_values_warns_of_zeros():
    layer = LayerNorm(-1)
    words = (
        "LayerNorm(axis=-1) makes each value 0: samples of shape (4, 1) have one value "
        "along its axes. Normalise along all, axis=(1, 2), or use BatchNorm"
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(words)}$"):
        layer.adapt({}, lambda: iter([(np.ones((3, 4, 1)), None)]))
    layer.adapt({}, lambda: iter([(np.ones((3, 4, 2)), None)]))  # no warning
    layer.adapt({}, lambda: iter(()))
