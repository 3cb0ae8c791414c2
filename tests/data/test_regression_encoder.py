"""Encoders of numbers and their scales, against numbers that are worked out by hand."""

import math
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skconv import ops
from skconv._data.regression_encoder import (
    RegressionEncoder,
    check_target_values,
    warn_of_distance,
)
from skconv._data.regression_losses import find_scale, outputs_per_target

Y = np.array([[1.0, 4], [3, 4], [5, 8], [7, 16]])


def encoder_of(y=Y, loss="squared_error", dtype="float64", **params):
    return RegressionEncoder.fit(y, loss, dtype, **params)


FORMS = {
    "squared_error": ({}, 2, 1, {}, False, False, "R^2", "identity"),
    "poisson": ({}, 2, 1, {}, False, False, "R^2", "exp"),
    "gaussian": ({}, 4, 2, {}, True, True, "R^2", "identity"),
    "quantile": ({"quantile": 0.5}, 2, 1, {"quantile": 0.5}, True, False, "D^2", "identity"),
    "quantile of several": ({"quantile": (0.1, 0.5, 0.9)}, 6, 3, {"quantile": (0.1, 0.5, 0.9)}, True, False, "D^2", "identity"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_outputs_follow_from_loss_and_targets(case):
    params, n_outputs, each, options, has_spread, has_std, score, link = FORMS[case]
    loss = case.split(" ")[0]
    encoder = encoder_of(loss=loss, **params)
    assert outputs_per_target(loss, encoder.quantile) == encoder.per_target == each
    assert (encoder.n_outputs, encoder.output_shape) == (n_outputs, (n_outputs,))
    assert encoder.n_targets == 2 and encoder.loss_options == options
    assert (encoder.has_spread, encoder.has_std) == (has_spread, has_std)
    assert (encoder.score_name, encoder.activation) == (score, link)
    assert encoder.stratify(Y) is None
    assert all(type(number) is float for number in (*encoder.center, *encoder.scale))


def test_counts_are_samples_and_other_weights_are_not():
    counted = encoder_of(sample_weight=np.array([1.0, 0, 1, 2]))
    repeated = encoder_of(Y[[3, 0, 3, 2]])
    assert (counted.center, counted.scale) == (repeated.center, repeated.scale)
    halves = encoder_of(sample_weight=np.array([0.5, 0, 0.5, 1]))
    np.testing.assert_allclose(halves.scale, counted.scale)


def test_targets_are_scaled_and_back():
    encoder = encoder_of()
    targets = encoder.transform(Y)
    np.testing.assert_allclose(targets, (Y - [4, 8]) / np.sqrt([5, 24]))
    assert encoder_of(dtype="float32").transform(Y).dtype == np.float32
    np.testing.assert_allclose(encoder.inverse_transform(targets), Y)
    np.testing.assert_allclose(encoder.predict(targets), Y)
    assert encoder.predict(targets.astype("f4")).dtype == np.float64
    flat = encoder_of(Y[:, 0])
    assert flat.flat and flat.transform(Y[:, 0]).shape == (4, 1)
    np.testing.assert_allclose(flat.predict(targets[:, :1]), Y[:, 0])
    np.testing.assert_allclose(flat.inverse_transform(targets[:, :1]), Y[:, 0])
    plain = encoder.unscaled()
    assert (plain.center, plain.scale, plain.n_outputs) == ((0.0,), (1.0,), 2)


def test_quantiles_are_sorted_and_in_the_order_of_the_levels():
    encoder = encoder_of(loss="quantile", quantile=(0.9, 0.1, 0.5)).unscaled()
    outputs = np.array([[3.0, 1, 2, 5, 6, 4]])
    assert encoder.predict(outputs).tolist() == [[[3, 1, 2], [6, 4, 5]]]
    scaled = encoder_of(Y[:, 0], loss="quantile", quantile=(0.1, 0.9))
    found = scaled.predict(np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(
        found, [[scaled.center[0], scaled.center[0] + scaled.scale[0]]]
    )


def test_gaussians_have_a_mean_and_a_deviation():
    encoder = encoder_of(loss="gaussian")
    outputs = np.array([[1.0, 0, 2, np.log(2)]])
    np.testing.assert_allclose(
        encoder.predict(outputs), [[4 + np.sqrt(5), 8 + 2 * np.sqrt(24)]]
    )
    std = encoder.predict_std(outputs)
    np.testing.assert_allclose(std[0, 1] / std[0, 0] / np.sqrt(24 / 5), 2, rtol=0.01)
    flat = encoder_of(Y[:, 0], loss="gaussian")
    np.testing.assert_allclose(flat.predict_std(outputs[:, :2]), std[:, 0])


def test_predictions_too_large_are_refused():
    encoder = encoder_of(loss="poisson")
    outputs = np.zeros((3, 2))
    outputs[1, 0] = -800
    encoder.predict(outputs)
    words = r"^predictions are too large for float64 for .*1 of 3 .* up to 800 with loss='poisson'\. Scale"
    with pytest.raises(ValueError, match=words):
        encoder.predict(-outputs)


REFUSED = {
    "columns": (Y[:, :1], {}, r"^y_val of shape \(4, 1\) does not match .* fit, \(n, 2\)"),
    "rows": (Y[:, 0], {}, r"^y_val of shape \(4,\) does not match"),
    "below 0": (-Y, {"loss": "poisson"}, r"^y_val must be >= 0 with loss='poisson', got -16"),
    "out of range": (Y * 1e40, {"dtype": "float32"}, r"^y_val has .* out of range for float32"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "params", "words"), REFUSED.values(), ids=REFUSED)
def test_later_targets_are_refused_by_name(y, params, words):
    with pytest.raises(ValueError, match=words):
        encoder_of(**params).transform(y, "y_val")


def test_targets_of_0_are_counts():
    encoder = encoder_of(loss="poisson")
    np.testing.assert_array_equal(encoder.transform(0 * Y), 0 * Y)


def test_scores_are_r2_or_how_much_less_the_pinball_loss_is():
    encoder = encoder_of()
    targets = encoder.transform(Y)
    assert encoder.score(targets, targets) == 1
    assert encoder.score(0 * targets, targets) == pytest.approx(0)
    half = np.where([True, False], targets, 0)
    assert encoder.score(half, targets) == pytest.approx(0.5)
    weight = np.array([1.0, 0, 1, 2])
    wrong = np.where(weight[:, None] > 0, targets, 9)
    assert encoder.score(wrong, targets, weight) == 1
    median = encoder_of(loss="quantile", quantile=0.5)
    targets = median.transform(Y)
    assert median.score(targets, targets) == 1
    constant = np.median(targets, axis=0) + 0 * targets
    assert median.score(constant, targets) == pytest.approx(0)
    assert median.score_quantiles(Y, Y) == 1
    ends = encoder_of(loss="quantile", quantile=(0.25, 0.75))
    both = np.quantile(Y, [0.25, 0.75], axis=0)  # of each column
    found = ends.score_quantiles(np.broadcast_to(both.T, (4, 2, 2)), Y)
    assert found == pytest.approx(0)
    exact = ends.score_quantiles(np.repeat(Y[..., None], 2, axis=2), Y, weight)
    assert exact == 1


def test_scores_that_are_undefined_are_not_numbers():
    encoder = encoder_of()
    targets = encoder.transform(Y)
    assert math.isnan(encoder.score(np.full_like(targets, np.inf), targets))
    same = np.where([True, False], targets, 1)
    assert math.isnan(encoder.score(same, same))
    weight = np.array([1.0, 1, 0, 0])  # the second target is the same for both
    assert math.isnan(encoder.score(targets, targets, weight))
    assert encoder.find_gaps(targets) == ""
    assert encoder.find_gaps(targets, weight) == "a target is the same for all of them"
    assert encoder.find_gaps(targets, weight * [1, 0, 0, 0]) == "they are one sample"


CONSTANTS = {
    "squared_error": ({}, None, [4, 8]),
    "poisson": ({}, None, np.log([4, 8])),
    "huber": ({}, None, [3, 4]),
    "squared_error of some": ({}, [1, 0, 1, 2], [5, 11]),
    "quantile": ({"quantile": (0.25, 0.75)}, None, [1, 5, 4, 8]),
    "quantile of some": ({"quantile": 0.5}, [0, 0, 1, 3], [7, 16]),
    "gaussian": ({}, None, [4, np.log(5) / 2, 8, np.log(24) / 2]),
    "gaussian of some": ({}, [1, 0, 1, 2], [5, np.log(6) / 2, 11, np.log(27) / 2]),
}


@pytest.mark.parametrize("case", CONSTANTS)
def test_constant_outputs_fit_all_best(case):
    params, weight, expected = CONSTANTS[case]
    encoder = encoder_of(loss=case.split(" ")[0], **params)
    weight = None if weight is None else np.array(weight, float)
    np.testing.assert_allclose(encoder.constant_outputs(Y, weight), expected)


def test_constants_have_limits():
    found = encoder_of(loss="gaussian").constant_outputs(np.array([[0.0, 0], [0, 1e9]]))
    np.testing.assert_allclose(found[1::2], np.log([0.01, 100]))
    zeros = encoder_of(loss="poisson").constant_outputs(0 * Y)
    np.testing.assert_allclose(zeros, np.log(np.finfo(float).tiny))


def test_calibration_moves_quantiles_to_the_right_shares():
    encoder = encoder_of(Y[:, 0], loss="quantile", quantile=(0.2, 0.8)).unscaled()
    targets = np.arange(1.0, 10)[:, None]
    shift = encoder.calibrate(np.zeros((9, 2)), targets)
    np.testing.assert_allclose(shift, [2, 8])
    weighted = encoder.calibrate(np.zeros((9, 2)), targets, np.repeat([1.0, 0], [4, 5]))
    assert weighted[1] < 5


def test_calibration_makes_deviations_those_of_errors():
    encoder = encoder_of(loss="gaussian").unscaled()
    errors = np.array([[1.0, -20], [-1, 20], [1, 20], [-1, -20]])
    outputs = np.zeros((4, 4))
    shift = encoder.calibrate(outputs, errors)
    assert shift[0] == shift[2] == 0
    np.testing.assert_allclose(
        ops.gaussian_std(shift[1::2][None]), [[1, 20]], rtol=1e-6
    )
    weight = np.array([1.0, 1, 0, 0])
    mixed = errors * np.array([1, 1, 9, 9])[:, None]
    np.testing.assert_allclose(encoder.calibrate(outputs, mixed, weight), shift)
    with pytest.warns(ConvergenceWarning, match="for column 1 of y: intervals are too"):
        far = encoder.calibrate(outputs, errors * 1e9)
    np.testing.assert_allclose(far[1::2], 20)
    none = encoder.calibrate(outputs, errors * 0)
    np.testing.assert_allclose(none[1::2], -20)


FAR = {"near": (29.0, ""), "far": (31.0, "y is 31 times"), "out of range": (1e39, "")}


@pytest.mark.parametrize(("distance", "words"), FAR.values(), ids=FAR)
def test_targets_far_from_the_first_give_a_warning(distance, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_distance(np.array([1.0, distance]), [2.0, 3.0], [4.0, 5.0], "float32")
        warn_of_distance(np.array([distance]), (2.0,), (4.0,), "float32")
    found = "".join(str(each.message) for each in caught)
    assert found.startswith(words) and bool(found) == bool(words)
    if words:
        assert "Scale and center, 5 and 3," in found and "4 and 2," in found


def test_distances_are_in_units_of_the_first_scale():
    encoder = encoder_of(Y[:, 0])
    with pytest.warns(UserWarning, match=r"^y is 40 times .*center, 2\.24 and 4,"):
        encoder.warn_if_far(4 + np.sqrt(5) * np.array([40, -40]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.warn_if_far(4 + np.sqrt(5) * np.array([29, -29]))


TARGETS = {
    "text": (["a", "b"], "y_val"),
    "five axes": (np.zeros((2, 1, 1, 1, 1)), r"^y_val must hold numbers, .*, got float64 of shape \(2, 1"),
    "a number": (np.array(3.0), r"got float64 of shape \(\)|^y_val must"),
    "no columns": (np.zeros((2, 0)), r"got float64 of shape \(2, 0\)"),
    "missing": ([1.0, np.nan], "y_val contains NaN"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "words"), TARGETS.values(), ids=TARGETS)
def test_values_of_targets_are_checked_by_name(y, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check_target_values(y, "y_val")
    for shape in [(2,), (2, 1), (2, 1, 1), (2, 1, 1, 1)]:
        assert check_target_values(np.zeros(shape)).shape == shape


def test_scales_do_not_hang_on_the_order_of_samples(rng):
    y = rng.normal(size=(1000, 2))
    first, again = encoder_of(y), encoder_of(y[::-1])
    assert (first.center, first.scale) == (again.center, again.scale)
    np.testing.assert_allclose(first.center, y.mean(axis=0), atol=1e-12)
    # Values without a weight have none in the scale, whatever their size.
    far = np.array([[1.0], [2], [1e300]])
    assert find_scale(far, "squared_error", np.array([1.0, 1, 0]))[1] == pytest.approx(
        0.5
    )
    # A deviation that rounds to 0 in units of y is none.
    assert find_scale(np.array([[5e-324], [1e-323]]), "squared_error")[1] > 0


def test_weights_count_in_scores_of_quantiles():
    encoder = encoder_of(Y[:, 0], loss="quantile", quantile=0.5)
    targets, weight = np.array([[0.0], [1], [2], [9]]), np.array([1.0, 1, 1, 0])
    predicted = targets + np.array([[0], [0], [1], [9]])
    assert encoder.score(predicted, targets, weight) == pytest.approx(0.5)
    assert encoder.score(predicted, targets) < 0.5


def test_calibration_is_of_errors():
    outputs = np.array([[3.0, 0.5, -7, 1.0]] * 4)
    errors = np.array([[1.0, -20], [-1, 20], [1, 20], [-1, -20]])
    shift = encoder_of(loss="gaussian").calibrate(outputs, errors + np.array([3, -7]))
    np.testing.assert_allclose(
        ops.gaussian_std(outputs[:1, 1::2] + shift[1::2]), [[1, 20]], rtol=1e-6
    )
    encoder = encoder_of(Y[:, 0], loss="quantile", quantile=(0.2, 0.8))
    shift = encoder.calibrate(np.ones((9, 2)), np.arange(1.0, 10)[:, None])
    np.testing.assert_allclose(shift, [1, 7])


def test_distances_are_of_each_column():
    encoder = encoder_of()
    far = Y + np.sqrt([5, 24]) * [0, 40]
    with pytest.warns(UserWarning, match=r"^y is 40 times .*center, 4\.9 and 8,"):
        encoder.warn_if_far(far)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder_of(Y + 1e6).warn_if_far(Y + 1e6)
