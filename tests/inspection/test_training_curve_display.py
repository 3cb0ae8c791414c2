"""Curves of training: loss, score and learning rate."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import texts
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.inspection import TrainingCurveDisplay
from skconv.inspection.training_curve_display import _find_best
from skconv.layers import Dense


def test_training_curves_are_the_estimators_curves(fitted):
    display = TrainingCurveDisplay.from_estimator(fitted)
    assert display.loss == fitted.loss_curve_
    assert display.validation_loss == fitted.validation_loss_curve_
    assert display.learning_rate == fitted.learning_rate_curve_
    best = display.best_epoch
    assert fitted.validation_scores_[best - 1] == fitted.best_validation_score_
    loss, score, rate = display.axes_
    assert [line.get_label() for line in loss.get_lines()[:2]] == [
        "training",
        "validation",
    ]
    for panel, curve in [(loss, display.loss), (score, display.validation_score), (rate, display.learning_rate)]:  # fmt: skip
        line = panel.get_lines()[0]
        np.testing.assert_array_equal(
            line.get_xdata(), np.arange(1, fitted.n_iter_ + 1)
        )
        np.testing.assert_array_equal(line.get_ydata(), curve)
        assert list(panel.get_lines()[-1].get_xdata()) == [best, best]
    assert f"6 epochs of training, the best is {best} (restored)" in texts(
        display.figure_
    )
    assert score.get_ylabel() == "validation\naccuracy"


def test_training_curves_without_data_have_no_panel(digits):
    X, X_val, y, y_val = digits
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=SEED).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert len(display.axes_) == 1
    assert display.best_epoch is None
    assert clf.learning_rate_curve_ == [0.001, 0.001]
    clf.set_params(scoring="neg_log_loss").fit(X, y, X_val=X_val, y_val=y_val)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.axes_[1].get_ylabel() == "validation\nneg_log_loss"
    assert not display.restored
    assert any("the best is 2" in text for text in texts(display.figure_))
    alone = TrainingCurveDisplay([3.0, 2.0, 1.0]).plot()
    assert len(alone.axes_) == 1


def test_scores_without_a_best_epoch_have_no_mark():
    nan = TrainingCurveDisplay([3.0, 2.0], validation_score=[np.nan, np.nan]).plot()
    _, score = nan.axes_
    assert len(score.get_lines()) == 1 and not score.texts
    assert "the best" not in "".join(texts(nan.figure_))


def test_learning_rate_curve_continues_over_partial_fits(digits):
    X, _, y, _ = digits
    rates = ConvNetClassifier(
        filters=(2,),
        max_iter=4,
        learning_rate=lambda step: 1 / (100 + step),
        batch_size=100,
    )
    rates.fit(X, y)
    np.testing.assert_allclose(rates.learning_rate_curve_, [1 / (100 + 4 * e) for e in (1, 2, 3, 4)])  # fmt: skip
    rates.partial_fit(X, y)
    assert rates.learning_rate_curve_[4:] == [1 / 120]


def accuracy(estimator, X, y):
    return float(estimator.score(X, y))


@pytest.mark.parametrize(
    ("kind", "scoring", "name"),
    [
        (ConvNetRegressor, None, "R²"),
        (ConvNetClassifier, None, "accuracy"),
        (ConvNetClassifier, "balanced_accuracy", "balanced_accuracy"),
        (ConvNetClassifier, accuracy, "score"),
    ],
)
def test_scores_are_named(kind, scoring, name, rng):
    X, y = rng.random((40, 4, 4)), np.arange(40) % 2
    net = kind(
        [Dense(5)], early_stopping=True, validation_fraction=0.5, max_iter=3,
        scoring=scoring, random_state=SEED,
    )  # fmt: skip
    display = TrainingCurveDisplay.from_estimator(net.fit(X, y))
    assert display.score_name == name
    assert f"validation\n{name}" in texts(display.figure_)


@pytest.mark.parametrize("n_epochs", [0, 2])
def test_epochs_whose_results_are_nan_have_no_best_one(n_epochs):
    worst = SimpleNamespace(rank=lambda loss, score: (-np.inf, -np.inf))
    curve = [np.nan] * n_epochs
    net = SimpleNamespace(
        _stopping_rule=lambda: worst,
        validation_loss_curve_=curve,
        validation_scores_=curve,
    )
    assert _find_best(net) is None


@pytest.mark.parametrize(("best", "side"), [(1, "left"), (2, "left"), (3, "right")])
def test_the_best_score_is_written_on_the_longer_side(best, side):
    display = TrainingCurveDisplay(
        [3, 2, 1, 1], validation_score=[0.1, 0.2, 0.3, 0.2], best_epoch=best
    ).plot()
    (label,) = display.axes_[1].texts
    assert label.get_text() == f"{best / 10:#.4g}"
    assert label.get_horizontalalignment() == side
    assert label.xyann == (6 if side == "left" else -6, 0)


def test_rates_far_from_one_have_a_common_power_of_ten():
    rates = [1e-3, 5e-4, 2e-4]
    display = TrainingCurveDisplay([3, 2, 1], learning_rate=rates).plot()
    display.figure_.canvas.draw()
    assert display.axes_[-1].yaxis.get_offset_text().get_text() == "1e\u22123"
