"""A regressor's targets are learnt in their own scale."""

import functools
import pickle

import numpy as np
import pytest
from seeds import SEED
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

from skconv import ConvNetRegressor, load_model, save_model
from skconv._data.regression_encoder import find_scale

RNG = np.random.default_rng(SEED)
X = RNG.random((200, 6, 6)) * RNG.random((200, 1, 1))
T = X.mean(axis=(1, 2)) * 4 - 1
T = (T - T.mean()) / T.std()
LOSSES = ("squared_error", "huber", "poisson")


def reg(**params):
    defaults = {
        "filters": (4,), "hidden_layer_sizes": (16,), "max_iter": 20, "batch_size": 20,
        "learning_rate_init": 0.005, "random_state": SEED,
    }  # fmt: skip
    return ConvNetRegressor(**{**defaults, **params})


SCALES = {
    "290 to 300": (1.5, 295),
    "1e5": (1e4, 1e5),
    "near 1e5": (1, 1e5),
    "1e25": (1e25, 1e25),
    "1e-25": (1e-25, 1e-25),
    "1e300": (1e299, 1e300),
    "1e-300": (1e-300, 1e-300),
    "negative": (-7, 1e3),
    "1e6 and thousandths": (1e-3, 1e6),
}


@pytest.mark.parametrize("loss", LOSSES[:2])
@pytest.mark.parametrize("case", SCALES)
def test_scale_and_center_change_nothing(case, loss):
    scale, center = SCALES[case]
    y = T * scale + center
    by_hand = reg(loss=loss).fit(X, np.sign(scale) * T)
    model = reg(loss=loss).fit(X, y)
    expected = r2_score(np.sign(scale) * T, by_hand.predict(X))
    assert expected > 0.9
    # Of scaled numbers, as squares of 1e300 are infinite.
    size = abs(scale)
    assert r2_score(y / size, model.predict(X) / size) == pytest.approx(
        expected, abs=0.01
    )
    np.testing.assert_allclose(model.loss_curve_, by_hand.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("mean", [1e-6, 1.0, 9998.0, 1e8])
def test_poisson_begins_at_the_mean_of_any_size(mean):
    y = mean * np.exp(T / 4)
    model = reg(loss="poisson", max_iter=1, learning_rate_init=1e-9).fit(X, y)
    outputs = model._outputs(X)[0][:, 0]  # of the first weights: about 0
    np.testing.assert_allclose(model.predict(X) / y.mean(), np.exp(outputs), rtol=1e-5)
    model = reg(loss="poisson").fit(X, y)
    np.testing.assert_allclose(model.predict(X).mean() / y.mean(), 1, atol=0.05)
    one = reg(loss="poisson").fit(X, np.exp(T / 4))
    assert model.score(X, y) == pytest.approx(one.score(X, y / mean), abs=0.01)


@pytest.mark.parametrize("loss", LOSSES)
def test_targets_of_very_different_sizes_are_learnt_alike(loss):
    sizes = np.array([1e-6, 1.0, 1e7])
    Y = (T[:, None] / 4 + 2) * sizes
    model = reg(loss=loss, max_iter=40).fit(X, Y)
    scores = r2_score(Y, model.predict(X), multioutput="raw_values")
    alike = reg(loss=loss, max_iter=40).fit(X, Y / sizes)
    expected = r2_score(Y / sizes, alike.predict(X), multioutput="raw_values")
    np.testing.assert_allclose(scores, expected, atol=0.01)
    assert model.target_scale_.shape == model.target_center_.shape == (3,)


@functools.cache
def fits_of_ones(loss):
    """Return a fit of no effect, and one of 60 epochs."""
    params = {"max_iter": 1, "learning_rate_init": 1e-9}, {"max_iter": 60}
    return [reg(loss=loss, **each).fit(X, np.ones(200)) for each in params]


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 300.0, 1e25, 1e-25])
@pytest.mark.parametrize("loss", LOSSES)
def test_constant_targets_are_predicted(value, loss):
    if loss == "poisson" and value <= 0:
        return
    model = reg(loss=loss, max_iter=60).fit(X, np.full(200, value))
    # The outputs are those of any constant of the same loss.
    before, one = fits_of_ones(loss)
    np.testing.assert_array_equal(model._outputs(X)[0], one._outputs(X)[0])
    left, first = (abs(each.predict(X) - 1).mean() for each in (one, before))
    assert left < max(0.2 * first, 0.05)


def test_single_samples_and_integers_are_targets():
    single = reg(max_iter=60, batch_size=1).fit(X[:1], [7])
    np.testing.assert_allclose(single.predict(X[:1]), 7, 0.1)
    whole = reg().fit(X, (100 * T).astype(int))
    assert whole.score(X, 100 * T) > 0.9
    np.testing.assert_array_equal(
        reg().fit(X, T > 0).predict(X), reg().fit(X, (T > 0).astype(float)).predict(X)
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_weights_are_repetitions_in_the_scale(loss):
    y = np.abs(T) + 0.5
    weight = np.arange(200) % 3
    repeated = np.repeat(y, weight)[:, None]
    for found, expected in zip(
        find_scale(y[:, None], loss, 1e9 * weight),
        find_scale(repeated, loss),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    spoilt = np.where(weight == 0, 1e30, y)[:, None]
    np.testing.assert_allclose(
        find_scale(spoilt, loss, weight), find_scale(y[:, None], loss, weight)
    )


def test_outliers_do_not_move_the_scale_of_huber():
    y = T.copy()
    y[:10] = 1e4
    center, scale = find_scale(y[:, None], "huber")
    assert abs(center[0]) < 0.5
    assert 0.5 < scale[0] < 2


def test_huber_of_a_range_of_zero_takes_the_deviation():
    y = np.where(np.arange(200) % 10, 0.0, 50.0)[:, None]
    assert find_scale(y, "huber")[1][0] == pytest.approx(15)


def test_predictions_are_in_the_units_of_y_everywhere(tmp_path):
    y = 1e5 + 1e3 * T
    model = reg().fit(X, y, X_val=X[:50], y_val=y[:50])
    expected = model.predict(X)
    outputs = model._outputs(X)[0][:, 0].astype(float)
    np.testing.assert_allclose(
        outputs * model.target_scale_ + model.target_center_, expected
    )
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[:50], y[:50]))
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), expected)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict(X), expected
    )
    other = (
        reg(random_state=SEED + 1, max_iter=1)
        .fit(X, y)
        .set_weights(model.get_weights())
    )
    np.testing.assert_allclose(other.predict(X), expected)
    predicted = cross_val_predict(reg(), X, y, cv=2)
    assert r2_score(y, predicted) > 0.8


def test_later_calls_keep_the_scale_of_the_first():
    y = 1e5 + 1e3 * T
    warm = reg(warm_start=True, max_iter=10).fit(X, y)
    center = warm.target_center_
    warm.fit(X[:100], y[:100] + 500)
    assert warm.target_center_ == center
    stream = reg()
    for _ in range(20):
        for start in range(0, 200, 40):
            stream.partial_fit(X[start : start + 40], y[start : start + 40])
    assert stream.target_center_ == pytest.approx(y[:40].mean())
    assert stream.score(X, y) > 0.9
    with (
        pytest.warns(ConvergenceWarning, match="diverged.*out of range: y between"),
        pytest.warns(UserWarning, match="y is .* times its scale away from its center"),
    ):
        stream.partial_fit(X, 100 * y)


def test_targets_out_of_the_range_of_the_first_are_refused():
    model = reg(warm_start=True, max_iter=1).fit(X, T)
    expected = model.predict(X)
    words = "y has values up to .*e.60, out of range for float32.*first targets' scale"
    with pytest.raises(ValueError, match=words):
        model.fit(X, 1e60 * T)
    with pytest.raises(ValueError, match="y_val has values up to"):
        model.fit(X, T, X_val=X, y_val=1e60 * T)
    np.testing.assert_array_equal(model.predict(X), expected)
