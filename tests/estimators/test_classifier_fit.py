"""Training of the classifier: early stopping, warm start, partial_fit, odd layers."""

import numpy as np
import pytest
from hooks import Hooks
from seeds import SEED
from small_classifiers import small
from tolerances import same_bits

from skconv import ConvNetClassifier
from skconv.layers import Conv1D, Dense, Layer


def test_early_stopping_restores_the_best_weights(digits):
    X, _, y, _ = digits
    scores = []

    def noting(estimator, X, y):
        """A score that is best after four epochs, and the weights that it is of."""
        score = -abs(len(scores) - 3)
        scores.append((score, estimator.network_.parameters.copy()))
        return score

    clf = ConvNetClassifier(
        filters=(8,), early_stopping=True, scoring=noting, max_iter=200, n_iter_no_change=5,
        learning_rate_init=0.03, random_state=SEED,
    ).fit(X, y)  # fmt: skip
    curve = [score for score, _ in scores]
    assert clf.validation_scores_ == curve
    assert len(curve) == clf.n_iter_ < 200
    assert clf.best_validation_score_ == max(curve)
    assert clf.best_loss_ is None
    results = [*zip(curve, np.negative(clf.validation_loss_curve_), strict=True)]
    best = results.index(max(results))
    np.testing.assert_array_equal(clf.network_.parameters, scores[best][1])
    assert best == 3 < len(curve) - 1


def test_warm_start_keeps_the_input_shape(digits):
    X, _, y, _ = digits
    clf = small(max_iter=1, warm_start=True).fit(X, y)
    clf.set_params(input_shape=(8, 8)).fit(X, y)
    with pytest.raises(ValueError, match="input_shape must be the same as"):
        clf.set_params(input_shape=(4, 16)).fit(X, y)
    signals = small(layers=[Conv1D(2)], input_shape=(16, 4), max_iter=1)
    signals.set_params(filters="auto", hidden_layer_sizes=(128,), warm_start=True)
    assert signals.fit(X, y).fit(X, y).n_iter_ == 2


def test_failed_fit_leaves_no_trace_in_the_next(digits):
    class Stop(Hooks):
        def on_fit_task_end(self, estimator, context):
            raise InterruptedError

    X, _, y, _ = digits
    clf, twin = (small(max_iter=2, warm_start=True).fit(X, y) for _ in range(2))
    with pytest.raises(InterruptedError):
        clf.set_callbacks(Stop()).fit(X, y)
    clf.set_callbacks().fit(X, y)
    twin.fit(X, y)
    np.testing.assert_array_equal(clf.network_.values, twin.network_.values)
    assert clf.loss_curve_ == twin.loss_curve_


@pytest.mark.parametrize(
    ("params", "enough"),
    [
        ({}, 1e-3),
        ({"tol": 1e-5}, 1e-4),
        ({"tol": 1.0}, 1e-3),
        ({"tol": 0.0}, 0.0),
        ({"focal_gamma": 1.0}, 1e-6),
        ({"focal_gamma": 2.0, "tol": 1e-5}, 1e-12),
        ({"focal_gamma": 2.0, "tol": 0.0}, 0.0),
    ],
    ids=str,
)
def test_loss_that_is_enough_follows_from_tol_and_the_loss(params, enough):
    assert small(**params)._stopping_rule().enough == pytest.approx(enough)


def test_training_stops_when_the_loss_improves_no_more(digits):
    X, _, y, _ = digits
    clf = small(max_iter=300, tol=0.5, n_iter_no_change=2).fit(X, y)
    assert clf.n_iter_ < 30
    assert small(max_iter=20, tol=0.5, n_iter_no_change=np.inf).fit(X, y).n_iter_ == 20


def test_warm_start_with_early_stopping_keeps_the_split_and_the_best_weights(digits):
    """Nothing held out is ever trained on, and a worse refit does not win."""
    X, _, y, _ = digits
    clf = small(max_iter=8, warm_start=True, early_stopping=True).fit(X, y)
    best, weights = clf.best_validation_score_, clf.network_.parameters.copy()
    losses = clf.validation_loss_curve_
    clf.set_params(learning_rate_init=0.5, max_iter=2).fit(X, y)
    assert min(clf.validation_loss_curve_[8:]) > min(losses), "it should be worse"
    assert clf.best_validation_score_ == best
    np.testing.assert_array_equal(clf.network_.parameters, weights)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.validation_scores_) == 10


def test_layers_with_any_arguments_are_compared_on_partial_fit(digits):
    """Arrays, objects without equality, and layers that are no estimators."""
    X, _, y, _ = digits

    class Thing:
        def __init__(self, values):
            self.values = values

    class Duck(Layer):
        def __init__(self, thing):
            self.thing = thing

        def predict(self, weights, x):
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, {}

    duck = Duck(Thing(np.arange(5000)))
    clf = ConvNetClassifier([duck, Dense(4)], random_state=SEED)
    clf.partial_fit(X, y, np.arange(10)).partial_fit(X, y)
    duck.thing.values[2500] = 0
    with pytest.raises(ValueError, match="layers must be the same as in the last fit"):
        clf.partial_fit(X, y)


def test_parameters_set_during_a_fit_are_kept_and_curves_are_copies(digits):
    X, _, y, _ = digits
    clf = small(max_iter=2)

    class Sets(Layer):
        def predict(self, weights, x):
            clf.set_params(alpha=0.5)
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, {}

    clf.set_params(layers=[Sets(), Dense(4)], filters="auto", hidden_layer_sizes=(128,))
    clf.fit(X, y)
    assert clf.alpha == 0.5
    clf.loss_curve_.append(9)
    assert clf.partial_fit(X, y).n_iter_ == 3


def test_a_subclass_may_have_fewer_parameters(digits):
    X, _, y, _ = digits

    class Mine(ConvNetClassifier):
        def __init__(self, layers=None, max_iter=1):
            super().__init__(layers, max_iter=max_iter)

    assert Mine([Dense(3)]).fit(X, y).n_iter_ == 1


def test_a_layer_cannot_write_to_x(digits):
    X, _, y, _ = digits
    X = X.astype(np.float32)

    class Writes(Layer):
        def predict(self, weights, x):
            x *= 2
            return x

    with pytest.raises(ValueError, match="read-only"):
        ConvNetClassifier([Writes()]).fit(X, y)


def test_partial_fit_accepts_batches_that_lack_classes(digits):
    X, X_test, y, y_test = digits
    clf = small()
    order = np.argsort(y, kind="stable")
    clf.partial_fit(X[order[:40]], y[order[:40]], classes=np.arange(10))
    assert clf.predict_proba(X_test).shape == (len(X_test), 10)
    for _ in range(30):
        clf.partial_fit(X, y)
    assert clf.score(X_test, y_test) > 0.9


def test_sample_weights_of_partial_fit_are_not_scaled(digits):
    X, _, y, _ = digits
    plain = small().partial_fit(X, y, classes=np.arange(10))
    ones = small().partial_fit(X, y, np.arange(10), np.ones(len(X)))
    half = small().partial_fit(X, y, np.arange(10), np.full(len(X), 0.5))
    assert same_bits(plain, ones)
    np.testing.assert_allclose(half.loss_, plain.loss_ / 2, rtol=0.02)
    assert same_bits(
        small(max_iter=1).fit(X, y), small(max_iter=1).fit(X, y, np.full(len(X), 0.5))
    )


def test_verbose_prints_a_line_for_each_epoch(digits, capsys):
    X, _, y, _ = digits
    small(max_iter=2, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch    2  loss ")
    assert "validation score" in lines[1]
    small(max_iter=2).fit(X, y)
    assert not capsys.readouterr().out
