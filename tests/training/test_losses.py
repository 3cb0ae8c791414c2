"""Losses: their formulas and gradients, their links and the range of targets."""

import math

import numpy as np
import oracles
import pytest
from scipy import optimize, special
from seeds import SEED
from sklearn.metrics import mean_poisson_deviance
from sklearn.neural_network import MLPRegressor
from tolerances import assert_same

from skconv import ops
from skconv._data.regression_encoder import REGRESSION_LOSSES
from skconv._training.losses import find_loss

pytestmark = pytest.mark.usefixtures("each_ops")

# Straight from the formulas, of one output z and its target t.
ONE = {
    "squared_error": lambda z, t: (z - t) ** 2 / 2,
    "absolute_error": lambda z, t: abs(z - t),
    "quantile": lambda z, t: abs(z - t) / 2,  # of 0.5
    "huber": lambda z, t: (z - t) ** 2 / 2 if abs(z - t) <= 1 else abs(z - t) - 0.5,
    "poisson": lambda z, t: special.xlogy(t, t) - t * z - t + math.exp(z),
}


def regression(k, rng, dtype=np.float64):
    outputs = 2 * rng.standard_normal((6, k)).astype(dtype)
    return outputs, rng.poisson(2.0, (6, k)), rng.uniform(0, 2, 6).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", ONE)
def test_regression_losses_are_their_formulas(name, k, dtype, rng):
    outputs, targets, weight = regression(k, rng, dtype)
    for w in (None, weight):
        value, gradient = find_loss(name)(outputs, targets, w)
        ones = np.ones(6) if w is None else w
        expected = oracles.mean_over_samples(ONE[name], outputs, targets, ones)
        assert isinstance(value, float)
        assert_same(value, expected, dtype)
        assert gradient.shape == outputs.shape
        assert gradient.dtype == dtype


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ONE)
def test_gradients_of_regression_losses_are_their_derivatives(name, weighted, rng):
    outputs, targets, weight = regression(3, rng)
    weight = weight if weighted else None
    loss = find_loss(name)
    numeric = optimize.approx_fprime(
        outputs.ravel(),
        lambda z: loss(z.reshape(outputs.shape), targets, weight)[0],
        1e-7,
    )
    gradient = loss(outputs, targets, weight)[1]
    np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-5)


@pytest.mark.parametrize("name", ONE)
def test_targets_of_one_output_may_be_flat_and_inputs_stay(name, rng):
    outputs, targets, weight = regression(1, rng)
    before = [outputs.copy(), targets.copy(), weight.copy()]
    for array in (outputs, targets, weight):
        array.flags.writeable = False
    loss = find_loss(name)
    flat, column = (loss(outputs, t, weight) for t in (targets[:, 0], targets))
    assert flat[0] == column[0]
    np.testing.assert_array_equal(flat[1], column[1])
    for array, copy in zip((outputs, targets, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("name", ONE)
def test_the_loss_of_exact_predictions_is_zero(name):
    targets = np.array([[1.0, 4.0], [2.0, 0.5]])
    entry = REGRESSION_LOSSES[name]
    outputs = np.log(targets) if name == "poisson" else targets
    assert_same(entry.inverse_link(outputs), targets)
    value, gradient = find_loss(name)(outputs, targets, None)
    assert abs(value) < 1e-15
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_poisson_is_half_the_deviance_for_targets_from_zero(rng):
    outputs, targets, weight = regression(1, rng)
    entry = REGRESSION_LOSSES["poisson"]
    value, _ = find_loss("poisson")(outputs, targets, weight)
    deviance = mean_poisson_deviance(
        targets, entry.inverse_link(outputs), sample_weight=weight
    )
    assert_same(value, deviance / 2 * weight.mean(), np.float64)
    assert entry.smallest_target == 0
    assert REGRESSION_LOSSES["huber"].smallest_target == -math.inf


def test_huber_is_linear_from_delta_on():
    errors = np.array([[-3.0], [-2.0], [0.5], [2.5]])
    value, gradient = ops.huber(errors, np.zeros((4, 1)), delta=2.0)
    assert value == (2 * (3 - 1) + 2 + 0.125 + 2 * (2.5 - 1)) / 4
    np.testing.assert_array_equal(gradient[:, 0], np.array([-2, -2, 0.5, 2]) / 4)


def test_squared_error_descends_as_scikit_learns_does(rng):
    """One step of gradient descent without layers between."""
    X, y = rng.standard_normal((8, 3)), rng.standard_normal((8, 2))
    theirs = MLPRegressor(
        hidden_layer_sizes=(), solver="sgd", learning_rate_init=0.1, momentum=0,
        alpha=0, batch_size=8, random_state=SEED,
    ).partial_fit(X, y)  # fmt: skip
    kernel, bias = theirs.coefs_[0].copy(), theirs.intercepts_[0].copy()
    theirs.partial_fit(X, y)
    _, dz = ops.squared_error(X @ kernel + bias, y)
    assert_same(theirs.coefs_[0], kernel - 0.1 * X.T @ dz, scale=10)
    assert_same(theirs.intercepts_[0], bias - 0.1 * dz.sum(axis=0), scale=10)


# Smooth labels -------------------------------------------------------------------------

LOSSES = {"softmax": "softmax_cross_entropy", "logistic": "sigmoid_cross_entropy"}


def cross_entropy(activation, outputs, targets, weight, smoothing):
    loss = find_loss(LOSSES[activation], smoothing=smoothing)
    return loss(outputs, targets, weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("k", [1, 2, 10, 17])
def test_smooth_softmax_is_its_formula(k, smoothing, dtype, rng):
    logits = 3 * rng.standard_normal((20, k)).astype(dtype)
    codes = rng.integers(0, k, 20)
    value, gradient = cross_entropy("softmax", logits, codes, None, smoothing)
    expected = oracles.softmax_cross_entropy(logits.astype(float), codes, smoothing)
    assert abs(value - expected) < {np.float32: 2e-5, np.float64: 1e-12}[dtype]
    target = (1 - smoothing) * np.eye(k)[codes] + smoothing / k
    p = special.softmax(logits.astype(float), axis=1)
    assert gradient.dtype == dtype
    # Of the exponents, of the sum, and of the steps around them; then of the difference.
    roundings = (np.ptp(logits) + k + 4) * p + 4
    error = abs(gradient - (p - target) / 20)
    assert (error <= roundings * np.finfo(dtype).eps / 2 / 20).all()


@pytest.mark.parametrize("activation", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_smooth_gradients_are_derivatives(activation, weighted, rng):
    logits, weight = rng.standard_normal((4, 3)), rng.uniform(0, 2, 4)
    codes = np.array([0, 2, 1, 1])
    targets = codes if activation == "softmax" else np.eye(3)[codes]
    weight = weight if weighted else None
    loss = find_loss(LOSSES[activation], smoothing=0.2)
    numeric = optimize.approx_fprime(
        logits.ravel(), lambda z: loss(z.reshape(4, 3), targets, weight)[0], 1e-7
    )
    gradient = loss(logits, targets, weight)[1]
    np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-6)


def test_smooth_logistic_loss_is_the_softmax_of_two_classes(rng):
    """The logistic loss of z is the softmax of (0, z), smooth or not."""
    z, targets = rng.standard_normal((9, 1)), rng.integers(0, 2, (9, 1))
    pairs = np.hstack([np.zeros_like(z), z])
    weight = rng.uniform(0, 2, 9)
    value, gradient = cross_entropy("logistic", z, targets, weight, 0.3)
    expected, d_pairs = cross_entropy("softmax", pairs, targets[:, 0], weight, 0.3)
    assert_same(value, expected, np.float64)
    assert_same(gradient, d_pairs[:, 1:])
    smooth, _ = ops.sigmoid_cross_entropy(z, 0.7 * targets + 0.15, weight)
    assert_same(value, smooth, np.float64)


@pytest.mark.parametrize("activation", LOSSES)
def test_smoothing_of_zero_changes_no_bit(activation, rng):
    logits = rng.standard_normal((30, 4), np.float32)
    codes = rng.integers(0, 4, 30)
    targets = codes if activation == "softmax" else np.eye(4)[codes]
    op = {"softmax": ops.softmax_cross_entropy, "logistic": ops.sigmoid_cross_entropy}
    plain = op[activation](logits, targets)
    for smoothed in (
        find_loss(LOSSES[activation])(logits, targets, None),
        cross_entropy(activation, logits, targets, None, 0.0),
    ):
        assert plain[0] == smoothed[0]
        np.testing.assert_array_equal(plain[1], smoothed[1])


# Focal loss ----------------------------------------------------------------------------


def focal(activation, outputs, targets, gamma, smoothing=0.0, weight=None):
    loss = find_loss(LOSSES[activation], smoothing=smoothing, gamma=gamma)
    return loss(outputs, targets, weight)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_losses_are_their_formulas(gamma, smoothing, dtype, rng):
    logits = 3 * rng.standard_normal((20, 5)).astype(dtype)
    codes, z = rng.integers(0, 5, 20), logits.astype(float)
    t = (1 - smoothing) * np.eye(5)[codes] + smoothing / 5
    p = special.softmax(z, axis=1)
    expected = -(t * (1 - p) ** gamma * np.log(p)).sum() / 20
    value, gradient = focal("softmax", logits, codes, gamma, smoothing)
    assert gradient.dtype == dtype
    assert abs(value - expected) < {np.float32: 2e-5, np.float64: 1e-12}[dtype]
    t, p = (1 - smoothing) * np.eye(5)[codes] + smoothing / 2, special.expit(z)
    each = t * (1 - p) ** gamma * np.log(p) + (1 - t) * p**gamma * np.log(1 - p)
    value, gradient = focal("logistic", logits, np.eye(5)[codes], gamma, smoothing)
    assert gradient.dtype == dtype
    assert abs(value + each.sum() / 20) < {np.float32: 4e-5, np.float64: 1e-12}[dtype]


@pytest.mark.parametrize("activation", LOSSES)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_focal_gradients_are_derivatives(activation, gamma, smoothing, rng):
    logits, weight = 3 * rng.standard_normal((4, 3)), rng.uniform(0, 2, 4)
    codes = np.array([0, 2, 1, 1])
    targets = codes if activation == "softmax" else np.eye(3)[codes]
    numeric = optimize.approx_fprime(
        logits.ravel(),
        lambda z: focal(activation, z.reshape(4, 3), targets, gamma, smoothing, weight)[
            0
        ],
        1e-7,
    )
    gradient = focal(activation, logits, targets, gamma, smoothing, weight)[1]
    np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.1, 2.0])
def test_focal_logistic_loss_is_the_softmax_of_two_classes(gamma, rng):
    z, targets = 2 * rng.standard_normal((9, 1)), rng.integers(0, 2, (9, 1))
    pairs = np.hstack([np.zeros_like(z), z])
    value, gradient = focal("logistic", z, targets, gamma, 0.2)
    expected, d_pairs = focal("softmax", pairs, targets[:, 0], gamma, 0.2)
    assert_same(value, expected, np.float64)
    assert_same(gradient, d_pairs[:, 1:])


@pytest.mark.parametrize("activation", LOSSES)
@pytest.mark.parametrize("gamma", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_focal_loss_of_extreme_outputs_is_finite(activation, gamma, dtype):
    logits = np.array([[0, 1e4], [1e4, 0], [-1e30, 1e30], [0, 50]], dtype)
    codes = np.array([0, 0, 1, 1])
    targets = codes if activation == "softmax" else np.eye(2)[codes]
    value, gradient = focal(activation, logits, targets, gamma)
    assert value > 0
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() <= 1 + gamma


@pytest.mark.usefixtures("each_ops")
def test_focal_loss_of_gamma_zero_changes_no_bit(rng):
    logits, codes = rng.standard_normal((30, 4), np.float32), rng.integers(0, 4, 30)
    plain = ops.softmax_cross_entropy(logits, codes)
    value, gradient = ops.softmax_cross_entropy(logits, codes, gamma=0.0)
    assert value == plain[0]
    np.testing.assert_array_equal(gradient, plain[1])
    near, slope = ops.softmax_cross_entropy(logits, codes, gamma=1e-6)
    assert abs(near - plain[0]) < 1e-4
    np.testing.assert_allclose(slope, plain[1], atol=1e-5)
