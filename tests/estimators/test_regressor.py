"""What the regressor does that the classifier does not."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.linear_model import LinearRegression, PoissonRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetRegressor
from skconv._data.samples import Samples, hold_out
from skconv.layers import Conv2D, Dense


def small(**params):
    defaults = {
        "filters": (8,), "hidden_layer_sizes": (32,), "max_iter": 40,
        "learning_rate_init": 0.003, "batch_size": 32, "random_state": SEED,
    }  # fmt: skip
    return ConvNetRegressor(**{**defaults, **params})


@pytest.fixture(scope="module")
def spots():
    """Images with a bright spot; where it is, and how bright."""
    rng = np.random.default_rng(SEED)
    where, light = rng.integers(1, 7, (500, 2)), rng.uniform(0.5, 1, 500)
    X = np.zeros((500, 8, 8))
    for image, (row, column), value in zip(X, where, light, strict=True):
        image[row - 1 : row + 2, column - 1 : column + 2] = value
    return (
        X[:400],
        X[400:],
        np.c_[where / 7, light][:400],
        np.c_[where / 7, light][400:],
    )


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_regressor_learns_several_targets(loss, spots):
    X, X_test, Y, Y_test = spots
    reg = small(loss=loss).fit(X, Y)
    assert reg.predict(X_test).shape == Y_test.shape
    assert reg.score(X_test, Y_test) > (0.8 if loss == "poisson" else 0.95)
    assert reg.n_outputs_ == 3
    assert reg.out_activation_ == ("exp" if loss == "poisson" else "identity")


def test_predictions_have_the_shape_of_y(spots):
    X, X_test, Y, _ = spots
    row, column = Y[:, 0], Y[:, :1]
    flat, tall = small(max_iter=3).fit(X, row), small(max_iter=3).fit(X, column)
    assert flat.predict(X_test).shape == (100,)
    assert tall.predict(X_test).shape == (100, 1)
    np.testing.assert_array_equal(flat.predict(X_test), tall.predict(X_test)[:, 0])
    assert flat.predict(X_test).dtype == tall.predict(X_test).dtype == np.float64


EXACT = {
    "filters": (), "hidden_layer_sizes": (), "alpha": 0, "dtype": "float64",
    "batch_size": 400, "max_iter": 2000, "learning_rate_init": 0.05,
    "learning_rate": "cosine", "tol": 0, "n_iter_no_change": np.inf,
}  # fmt: skip


def test_network_without_hidden_layers_is_linear_regression(rng):
    X = rng.random((400, 4))
    Y = X @ rng.normal(size=(4, 2)) + 0.1 * rng.normal(size=(400, 2))
    reg = small(**EXACT).fit(X, Y)
    exact = LinearRegression().fit(X, Y)
    np.testing.assert_allclose(reg.predict(X), exact.predict(X), atol=1e-4)


def test_network_without_hidden_layers_is_poisson_regression(rng):
    X = rng.random((400, 4))
    y = rng.poisson(np.exp(X @ [1, -1, 0.5, 2]))
    reg = small(loss="poisson", **EXACT).fit(X, y)
    exact = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(reg.predict(X), exact.predict(X), rtol=1e-2)


def test_huber_gives_outliers_less_weight(rng):
    X = rng.random((400, 4))
    y = X.sum(axis=1)
    spoilt = np.where(rng.random(400) < 0.05, 100, y)
    params = {**EXACT, "max_iter": 500}
    errors = {
        loss: np.abs(small(loss=loss, **params).fit(X, spoilt).predict(X) - y).mean()
        for loss in ("squared_error", "huber")
    }
    assert errors["huber"] < 0.2 < 1 < errors["squared_error"]


def test_score_has_weights(spots, rng):
    X_train, X_test, Y_train, Y_test = spots
    reg = small(max_iter=1).fit(X_train, Y_train)
    weight = rng.random(len(Y_test))
    assert reg.score(X_test, Y_test, weight) == pytest.approx(
        r2_score(Y_test, reg.predict(X_test), sample_weight=weight)
    )


def test_early_stopping_scores_r2_and_restores_the_best_weights(spots):
    X, _, Y, _ = spots
    reg = small(early_stopping=True, max_iter=60, n_iter_no_change=3, tol=0.001)
    reg.fit(X, Y)
    assert reg.n_iter_ == len(reg.validation_scores_) < 60
    best = np.argmin(reg.validation_loss_curve_)
    assert reg.best_validation_score_ == reg.validation_scores_[best] > 0.9
    samples = Samples(X, Y)
    _, held_out = hold_out(samples, reg._encoder, 0.1, reg._split_seed)
    np.testing.assert_allclose(
        r2_score(Y[held_out], reg.predict(X[held_out])),
        reg.best_validation_score_,
        rtol=1e-5,
    )


def test_partial_fit_and_warm_start_are_a_long_fit_in_parts(spots):
    X, _, Y, _ = spots
    whole = small(max_iter=4).fit(X, Y).network_.parameters
    parts = small()
    for _ in range(4):
        parts.partial_fit(X, Y)
    np.testing.assert_array_equal(parts.network_.parameters, whole)
    warm = small(max_iter=2, warm_start=True).fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(warm.network_.parameters, whole)


def test_weights_that_are_whole_numbers_are_repetitions(spots):
    X, X_test, Y, _ = spots
    weight = np.arange(len(X)) % 3
    repeated = small(batch_size=16, max_iter=3)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight, axis=0))
    weighted = small(batch_size=16, max_iter=3).fit(X, Y, sample_weight=weight)
    np.testing.assert_array_equal(weighted.predict(X_test), repeated.predict(X_test))


def test_weights_are_repetitions_in_one_batch(spots):
    X, X_test, Y, _ = spots
    weight = np.arange(len(X)) % 3
    params = {"dtype": "float64", "shuffle": False, "max_iter": 5}
    repeated = small(batch_size=weight.sum(), **params)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight, axis=0))
    weighted = small(batch_size=np.count_nonzero(weight), **params)
    weighted.fit(X, Y, sample_weight=0.3 * weight)
    np.testing.assert_allclose(
        weighted.predict(X_test), repeated.predict(X_test), rtol=1e-7
    )


@pytest.mark.slow
def test_losses_and_layers_are_searched_over(spots):
    X, X_test, Y, Y_test = spots
    layers = [("conv", Conv2D(8, activation="relu")), Dense(32, "relu")]
    reg = ConvNetRegressor(
        layers, max_iter=30, batch_size=32, learning_rate_init=0.003, random_state=SEED
    )
    grid = {"conv__kernel_size": [1, 3], "loss": ["huber", "squared_error"]}
    search = GridSearchCV(reg, grid, cv=2).fit(X, Y)
    assert search.score(X_test, Y_test) > 0.8


RNG = np.random.default_rng(SEED)
X, Y = RNG.random((40, 8, 8)), RNG.random(40)
BAD_TARGETS = {
    "negative counts": ("poisson", Y - 0.5, r"y must be >= 0 with loss='poisson', got -0\.\d+. Use loss="),
    "text": ("huber", np.full(40, "a"), "y must hold numbers, got text: .a."),
    "nan": ("huber", np.where(np.arange(40) == 7, np.nan, Y), "Input y contains NaN"),
    "five dimensions": ("huber", np.ones((40, 2, 2, 1, 1)), r"y must hold numbers, .*shape \(40, 2,"),
    "too few": ("huber", Y[:9], "inconsistent numbers of samples"),
    "complex": ("huber", Y + 1j, "Complex data not supported"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_errors_of_targets_name_the_cause_and_change_nothing(case):
    loss, bad, words = BAD_TARGETS[case]
    reg = small(max_iter=1).fit(X, Y)
    expected = reg.predict(X)
    with pytest.raises(ValueError, match=words):
        reg.set_params(loss=loss).fit(X, bad)
    np.testing.assert_array_equal(reg.predict(X), expected)
    assert reg.out_activation_ == "identity"


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="The 'loss' parameter of ConvNetRegressor"):
        small(loss="mse").fit(X, Y)
    with pytest.raises(
        ValueError, match=r"y must be the same as in the first fit .*n_outputs=1"
    ):
        small().partial_fit(X, Y).partial_fit(X, np.c_[Y, Y])
    with pytest.raises(TypeError, match="ConvNetRegressor has no parameter 'los'; did"):
        ConvNetRegressor(los="huber")


def test_an_output_layer_in_the_list_gives_a_warning():
    with pytest.warns(UserWarning, match=r"leave out layer 'dense_2'"):
        ConvNetRegressor([Dense(8, "relu"), Dense(1)], max_iter=1).fit(X, Y)
