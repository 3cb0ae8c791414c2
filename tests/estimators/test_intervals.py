"""Quantiles, means with deviations, and predictions that are drawn."""

import pickle

import numpy as np
import pytest
from scipy import stats
from seeds import SEED
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._data.regression_losses import central_quantiles
from skconv.layers import BatchNorm, Dense, Dropout, Flatten, Residual

PAIR = {"loss": "quantile", "quantile": [0.95, 0.05]}
NET = [Flatten(), Dense(8, "relu")]
DROPS = [*NET, BatchNorm(), Residual([Dropout(0.2), Dense(8)]), Dropout(0.1)]


def small(layers=NET, **params):
    defaults = {"max_iter": 4, "learning_rate_init": 0.01, "random_state": SEED}
    return ConvNetRegressor(layers, **{**defaults, **params})


@pytest.fixture
def noisy(rng):
    """Return images with their mean light, and a number with noise of its size."""
    return draw_noisy(rng, 400)


def draw_noisy(rng, n):
    light = rng.uniform(0.5, 2, n)
    X = light[:, None, None] - 1.25 + 0.1 * rng.standard_normal((n, 4, 4))
    return X, 1000 + 100 * (light + 0.2 * light * rng.standard_normal(n))


@pytest.mark.parametrize("params", [PAIR, {"loss": "gaussian"}], ids=str)
def test_frozen_output_layer_is_not_calibrated(params, noisy):
    X, y = noisy
    reg = small(**params, warm_start=True).fit(X, y)
    before = reg.network_.arrays["output.bias"].copy()
    reg.set_params(frozen="output").fit(X, y + 50)
    np.testing.assert_array_equal(reg.network_.arrays["output.bias"], before)


def test_deviations_grow_to_the_errors_on_validation_data(noisy):
    X, y = noisy
    reg = small(loss="gaussian")
    reg.fit(X, y, X_val=X, y_val=y + 500 * y.std())
    mean, std = reg.predict(X, return_std=True)
    assert np.mean(((y + 500 * y.std() - mean) / std) ** 2) == pytest.approx(1, 0.05)
    with pytest.warns(ConvergenceWarning, match="times as large as the largest stand"):
        reg.fit(X, y, X_val=X, y_val=y + 1e4 * y.std())


@pytest.mark.parametrize(
    ("params", "tail"),
    [
        ({"loss": "absolute_error"}, ()),
        ({"loss": "gaussian"}, ()),
        ({"loss": "quantile", "quantile": 0.9}, ()),
        ({"loss": "quantile", "quantile": [0.9]}, (1,)),
        ({"loss": "quantile", "quantile": (0.9, 0.2)}, (2,)),
        ({"loss": "quantile", "quantile": np.array([0.9, 0.2, 0.5])}, (3,)),
    ],
    ids=str,
)
def test_predictions_have_the_shape_of_y_and_an_axis_of_quantiles(params, tail, noisy):
    X, y = noisy
    reg = small(**params).fit(X, y)
    assert reg.predict(X).shape == (400, *tail)
    assert reg.target_scale_.shape == (1,)
    column = small(**params).fit(X, y[:, None])
    assert column.predict(X).shape == (400, 1, *tail)
    both = small(**params).fit(X, np.stack([y, -1e6 * y], axis=1))
    predicted = both.predict(X)
    assert predicted.shape == (400, 2, *tail)
    assert both.target_center_.shape == (2,)
    assert predicted[:, 0].min() > 900
    assert predicted[:, 1].max() < -9e8


def test_intervals_cover_what_they_say(rng):
    X, y = draw_noisy(rng, 1000)
    X_test, y_test = draw_noisy(rng, 5000)
    learns = {"max_iter": 100, "validation_fraction": 0.3}
    # Each side of an interval is that of 300 samples: its share has a deviation of
    # sqrt(0.05 * 0.95 / 300), both sides 0.018. The bounds are four of them.
    high, low = small(**PAIR, **learns).fit(X, y).predict(X_test).T
    assert abs(((low < y_test) & (y_test < high)).mean() - 0.9) < 0.072
    reg = small(loss="gaussian", **learns).fit(X, y)
    mean, std = reg.predict(X_test, return_std=True)
    assert abs((np.abs(y_test - mean) < 1.645 * std).mean() - 0.9) < 0.072
    assert np.corrcoef(std, mean)[0, 1] > 0.5
    assert reg.score(X, y) > 0.5


def test_quantiles_never_cross_and_have_the_order_of_the_parameter(noisy):
    X, y = noisy
    reg = small(loss="quantile", quantile=[0.55, 0.45, 0.5], max_iter=1).fit(X, y)
    far = np.random.default_rng(SEED).standard_normal((200, 4, 4)) * 50
    last, first, middle = reg.predict(far).T
    assert (first <= middle).all()
    assert (middle <= last).all()
    raw = reg.network_.predict(far[..., None].astype(np.float32))
    assert (raw[:, 0] < raw[:, 1]).any(), "else this says nothing"


def test_return_std_is_as_gaussian_processes_have_it(noisy):
    X, y = noisy
    rows = X.reshape(400, -1)
    for targets in (y, np.stack([y, y], axis=1)):
        process = GaussianProcessRegressor(optimizer=None).fit(rows[:50], targets[:50])
        pipe = make_pipeline(StandardScaler(), small(loss="gaussian"))
        pipe.fit(rows, targets)
        for expected, got in zip(
            process.predict(rows, return_std=True),
            pipe.predict(rows, return_std=True),
            strict=True,
        ):
            assert got.shape == expected.shape
            assert got.dtype == expected.dtype
    with pytest.raises(ValueError, match="return_std=True is for .* loss='gaussian'"):
        small().fit(X, y).predict(X, return_std=True)


def test_deviations_scale_with_y(noisy):
    X, y = noisy
    params = {"loss": "gaussian", "dtype": "float64"}
    one, other = small(**params).fit(X, y), small(**params).fit(X, 1e-3 * y - 7)
    np.testing.assert_allclose(
        other.predict(X, return_std=True)[1],
        1e-3 * one.predict(X, return_std=True)[1],
        rtol=1e-6,
    )


def test_score_is_d2_of_quantiles_and_r2_of_means(noisy, rng):
    X, y = noisy
    weight = rng.uniform(0, 2, 400)
    reg = small(**PAIR).fit(X, y)
    expected = [
        d2_pinball_score(y, reg.predict(X)[:, i], alpha=level, sample_weight=weight)
        for i, level in enumerate(PAIR["quantile"])
    ]
    assert reg.score(X, y, weight) == pytest.approx(np.mean(expected))
    reg = small(loss="gaussian").fit(X, y)
    assert reg.score(X, y) == r2_score(y, reg.predict(X))
    reg = small(**PAIR, scoring="loss").fit(X, y, X_val=X, y_val=y)
    assert len(reg.validation_scores_) == reg.n_iter_


def test_intervals_stop_early_by_default_and_fit_validation_data(noisy):
    X, y = noisy
    reg = small(**PAIR, max_iter=20).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert reg.best_validation_score_ is not None
    high, low = reg.predict(X[200:]).T
    assert abs((y[200:] < low).mean() - 0.05) < 0.015
    assert abs((y[200:] > high).mean() - 0.05) < 0.015
    reg = small(loss="gaussian").fit(X, y, X_val=X, y_val=y)
    mean, std = reg.predict(X, return_std=True)
    assert np.mean(((y - mean) / std) ** 2) == pytest.approx(1, abs=1e-4)
    assert small(loss="squared_error").fit(X, y).best_validation_score_ is None
    off = small(**PAIR, early_stopping=False).fit(X, y)
    assert off.validation_scores_ is None
    assert small(**PAIR, validation_fraction=0).fit(X, y).validation_scores_ is None


def test_partial_fit_of_quantiles_makes_one_pass(noisy):
    X, y = noisy
    reg = small(**PAIR).partial_fit(X, y).partial_fit(X, y)
    assert reg.n_iter_ == 2
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        small(**PAIR, early_stopping=True).partial_fit(X, y)


def test_training_continues_where_a_gaussian_loss_is_negative(rng):
    X = rng.standard_normal((200, 3, 3))
    reg = small(
        loss="gaussian", early_stopping=False, max_iter=40, n_iter_no_change=np.inf
    ).fit(X, X.mean(axis=(1, 2)))
    assert reg.n_iter_ == 40
    assert reg.loss_ < 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"loss": "quantile"}, "quantile must be set with loss='quantile'"),
        ({"quantile": 0.5}, "be None with others, got loss='squared_error'"),
        ({"loss": "quantile", "quantile": 1.5}, "above 0 and below 1, or a list, got"),
        ({"loss": "quantile", "quantile": []}, "above 0 and below 1, or a list, got"),
        ({"loss": "quantile", "quantile": [0.1, "a"]}, "above 0 and below 1"),
        ({"loss": "quantile", "quantile": [[0.1, 0.9]]}, "above 0 and below 1"),
        ({"loss": "quantile", "quantile": [0.1, np.nan]}, "above 0 and below 1"),
        ({"loss": "quantile", "quantile": [0.1, 0.1]}, "must hold each number once"),
        ({"loss": "normal"}, "'loss' parameter"),
        ({"early_stopping": "never"}, "'early_stopping' parameter"),
    ],
    ids=str,
)
def test_bad_losses_have_clear_errors_and_change_nothing(params, words, noisy):
    X, y = noisy
    reg = small(**PAIR, max_iter=1).fit(X, y)
    reg.set_params(**{"loss": "squared_error", "quantile": None, **params})
    before = pickle.dumps(reg)
    with pytest.raises(ValueError, match=words):
        reg.fit(X, y)
    assert pickle.dumps(reg) == before


def test_warm_start_needs_the_same_quantiles(noisy):
    X, y = noisy
    reg = small(**PAIR, max_iter=1, warm_start=True).fit(X, y).fit(X, y)
    with pytest.raises(ValueError, match="loss, quantile, dtype and the shape of y"):
        reg.set_params(quantile=[0.9, 0.1]).fit(X, y)


def test_loss_can_be_searched(noisy):
    X, y = noisy
    grid = [
        {"loss": ["gaussian", "absolute_error"]},
        {"loss": ["quantile"], "quantile": [0.5, [0.1, 0.9]]},
    ]
    search = GridSearchCV(small(max_iter=1), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4


def test_central_quantiles_are_those_of_further_samples(rng):
    errors = rng.standard_normal((4000, 19))
    found = [
        central_quantiles(each[:, None, None], None, np.array([0.1]))[0, 0]
        for each in errors
    ]
    assert stats.norm.cdf(found).mean() == pytest.approx(0.1, abs=0.005)
    weight = rng.integers(1, 4, 50)
    e = rng.standard_normal((50, 2, 3))
    levels = np.array([0.2, 0.5, 0.9])
    weighted = central_quantiles(e, weight, levels)
    repeated = central_quantiles(np.repeat(e, weight, axis=0), None, levels)
    np.testing.assert_allclose(weighted, repeated, atol=0.35)
    two = central_quantiles(np.array([[[1.0]], [[3.0]]]), None, np.array([0.01]))
    assert two == 1


# Drawn predictions --------------------------------------------------------------------


def test_draws_do_not_depend_on_the_batch(noisy):
    X, y = noisy
    reg = small(DROPS).fit(X, y)
    drawn = reg.sample_y(X, 6, random_state=SEED + 3)
    assert drawn.shape == (400, 6)
    assert (drawn.std(axis=1) > 0).all()
    np.testing.assert_array_equal(
        reg.sample_y(X[7:9], 6, random_state=SEED + 3), drawn[7:9]
    )
    np.testing.assert_array_equal(
        reg.sample_y(X, 2, random_state=SEED + 3), drawn[:, :2]
    )
    assert (reg.sample_y(X, 6) != drawn).any()
    assert abs((drawn.mean(axis=1) - reg.predict(X)).mean()) < 3 * drawn.std()


def test_one_draw_of_seed_0_is_the_default(noisy):
    X, y = noisy
    reg = small(loss="gaussian").fit(X, y)
    drawn = reg.sample_y(X[:9])
    assert drawn.shape == (9, 1)
    np.testing.assert_array_equal(drawn, reg.sample_y(X[:9], 1, random_state=0))
    assert (drawn != reg.sample_y(X[:9], 1, random_state=1)).any()


def test_draws_have_the_shapes_of_gaussian_processes(noisy):
    X, y = noisy
    both = np.stack([y, y], axis=1)
    process = GaussianProcessRegressor(optimizer=None).fit(
        X.reshape(400, -1)[:20], both[:20]
    )
    expected = process.sample_y(X.reshape(400, -1)[:5], 3).shape
    assert small(DROPS).fit(X, both).sample_y(X[:5], 3).shape == expected
    assert small(DROPS, **PAIR).fit(X, both).sample_y(X[:5], 3).shape == (5, 2, 2, 3)
    clf = ConvNetClassifier(DROPS, max_iter=1).fit(X, np.arange(400) % 3)
    probabilities = clf.sample_proba(X[:5], 4)
    assert probabilities.shape == (5, 3, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    one = clf.sample_proba(X[:5])
    assert one.shape == (5, 3, 1)
    np.testing.assert_array_equal(one, clf.sample_proba(X[:5], 1, random_state=0))
    columns = np.stack([np.arange(400) % 3, np.arange(400) % 2], axis=1)
    drawn = clone(clf).fit(X, columns).sample_proba(X[:5], 4)
    assert [each.shape for each in drawn] == [(5, 3, 4), (5, 2, 4)]


def test_draws_of_gaussian_have_its_noise(noisy):
    X, y = noisy
    reg = small(loss="gaussian").fit(X, y)
    drawn = reg.sample_y(X, 500)
    mean, std = reg.predict(X, return_std=True)
    np.testing.assert_allclose(drawn.mean(axis=1), mean, atol=0.3 * std.max())
    np.testing.assert_allclose(drawn.std(axis=1), std, rtol=0.2)
    np.testing.assert_array_equal(reg.sample_y(X[:3], 500), drawn[:3])


def test_draws_with_views_and_in_float64_and_of_nested_dropout(noisy):
    X, y = noisy
    reg = small([*NET, Residual([Residual([Dropout(0.5)])])], dtype="float64").fit(X, y)
    plain = reg.sample_y(X, 4)
    assert (plain.std(axis=1) > 0).mean() > 0.5  # a dead sample has no units to drop
    seen = reg.set_params(tta="flip").sample_y(X, 4)
    assert (plain != seen).any()


def test_draws_without_dropout_are_an_error(noisy):
    X, y = noisy
    reg = small([*NET, Dropout(0.0)]).fit(X, y)
    with pytest.raises(ValueError, match="sample_y draws .* the network has none"):
        reg.sample_y(X)
    clf = ConvNetClassifier(NET, max_iter=1).fit(X, np.arange(400) % 2)
    with pytest.raises(ValueError, match="sample_proba draws .* the network has none"):
        clf.sample_proba(X)
    with pytest.raises(ValueError, match="n_samples must be"):
        small(DROPS, max_iter=1).fit(X, y).sample_y(X, 0)
