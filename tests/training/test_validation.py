"""Validation data, however they come: curves, scores, and the best weights."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from seeds import SEED
from sklearn.metrics import (
    log_loss,
    make_scorer,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tolerances import same_bits
from validated_fits import regressor, small

from skconv import ConvNetRegressor
from skconv._data import batches
from skconv._data.class_encoder import ClassEncoder
from skconv._data.samples import Samples, hold_out


def test_validation_without_early_stopping_changes_no_bit(digits):
    X, X_val, y, y_val = digits
    clf = small().fit(X, y, X_val=X_val, y_val=y_val)
    assert same_bits(clf, small().fit(X, y))
    assert clf.n_iter_ == len(clf.validation_loss_curve_) == len(clf.validation_scores_)
    assert clf.validation_scores_[-1] == clf.score(X_val, y_val)
    exact = log_loss(y_val, clf.predict_proba(X_val))
    assert clf.validation_loss_curve_[-1] == pytest.approx(exact, rel=1e-5)
    assert clf.best_validation_score_ is None
    assert clf.best_loss_ == min(clf.loss_curve_)
    clf.fit(X, y)
    assert clf.validation_loss_curve_ is clf.validation_scores_ is None


def test_early_stopping_trains_on_all_of_x_and_restores_the_best(digits):
    X, X_val, y, y_val = digits
    clf = small(early_stopping=True, max_iter=100, n_iter_no_change=2)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert clf.t_ == clf.n_iter_ * len(X)
    assert clf.n_iter_ < 100
    assert clf.score(X_val, y_val) == clf.best_validation_score_
    best = np.argmin(clf.validation_loss_curve_)
    assert clf.best_validation_score_ == clf.validation_scores_[best]


def one_half(estimator, X, y):
    return 0.5


def test_equal_scores_go_to_the_lower_loss(digits):
    X, X_val, y, y_val = digits
    clf = small(early_stopping=True, scoring=one_half, max_iter=60)
    clf.fit(X, y, X_val=X_val[:5], y_val=y_val[:5])
    assert set(clf.validation_scores_) == {0.5}
    exact = log_loss(y_val[:5], clf.predict_proba(X_val[:5]), labels=range(10))
    assert exact == pytest.approx(min(clf.validation_loss_curve_), rel=1e-4)


def test_early_stopping_is_by_the_loss_unless_a_score_is_named(digits):
    X, X_val, y, y_val = digits
    data = {"X_val": X_val, "y_val": y_val}
    params = {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 3}
    plain, by_loss = (
        small(scoring=scoring, **params).fit(X, y, **data) for scoring in (None, "loss")
    )
    assert same_bits(plain, by_loss)
    assert plain.best_validation_score_ == plain.score(X_val, y_val)
    assert by_loss.best_validation_score_ == -min(plain.validation_loss_curve_)


def test_the_negative_loss_may_be_the_score(digits):
    X, X_val, y, y_val = digits
    clf = small(
        early_stopping=True, scoring="loss", max_iter=200, n_iter_no_change=2,
        learning_rate_init=0.02,
    ).fit(X, y, X_val=X_val, y_val=y_val)  # fmt: skip
    assert clf.n_iter_ < 200
    assert clf.validation_scores_ == [-loss for loss in clf.validation_loss_curve_]
    best = min(clf.validation_loss_curve_)
    assert clf.best_validation_score_ == -best < clf.validation_scores_[-1] + 1
    # log_loss takes small probabilities for larger ones.
    exact = -clf.predict_log_proba(X_val)[np.arange(len(y_val)), y_val].mean()
    assert best == pytest.approx(exact, rel=1e-4)


def macro_auc(y_true, scores):
    return roc_auc_score(y_true, scores, multi_class="ovr")


def own(estimator, X, y):
    """Asks for a part of X, too: what is known of X must not be taken for it."""
    assert len(estimator.predict(X[:7])) == 7
    np.testing.assert_array_equal(estimator.predict(X[:7]), estimator.predict(X)[:7])
    return np.mean(estimator.predict(X) == y)


SCORINGS = {
    "name": "f1_macro",
    "probabilities": "neg_log_loss",
    "several": "roc_auc_ovr",
    "made": make_scorer(macro_auc, response_method="predict_proba"),
    "callable": own,
}


@pytest.mark.parametrize("case", SCORINGS)
@pytest.mark.parametrize("given", [True, False])
def test_scorers_give_the_score_of_a_fitted_model(case, given, digits):
    X, X_val, y, y_val = digits
    clf = small(early_stopping=True, scoring=SCORINGS[case])
    if given:
        clf.fit(X, y, X_val=X_val, y_val=y_val)
    else:
        clf.fit(X, y)
        _, held_out = hold_out(
            Samples(X, y), ClassEncoder(clf.classes_, False), 0.1, clf._split_seed
        )
        X_val, y_val = X[held_out], y[held_out]
    scorer = sklearn.metrics.get_scorer(SCORINGS[case])
    assert clf.best_validation_score_ == pytest.approx(scorer(clf, X_val, y_val))


def test_a_scorer_does_not_predict_again(digits, monkeypatch):
    X, X_val, y, y_val = digits
    calls = []

    def counting(network, X, rows=None):
        calls.append(len(X))
        return predict(network, X, rows)

    predict = batches.predict_in_batches
    monkeypatch.setattr("skconv._data.samples.predict_in_batches", counting)
    monkeypatch.setattr("skconv.estimators.prediction.predict_in_batches", counting)
    small(scoring="f1_macro", max_iter=3).fit(X, y, X_val=X_val, y_val=y_val)
    assert calls == [len(X_val)] * 3


def test_sample_weight_val_weighs_loss_and_score(digits):
    X, X_val, y, y_val = digits
    weight = np.arange(len(y_val)) % 3.0
    for scoring, expected in [
        (None, lambda clf: clf.score(X_val, y_val, weight)),
        ("accuracy", lambda clf: clf.score(X_val, y_val, weight)),
        (own, lambda clf: clf.score(X_val, y_val)),
    ]:
        clf = small(scoring=scoring, max_iter=2)
        clf.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=1e3 * weight)
        assert clf.validation_scores_[-1] == pytest.approx(expected(clf))
        probabilities = clf.predict_proba(X_val)
        exact = log_loss(y_val, probabilities, sample_weight=weight)
        assert clf.validation_loss_curve_[-1] == pytest.approx(exact, rel=1e-5)


def test_a_regressor_validates_too(digits):
    X, X_val, y, y_val = digits
    params = {"filters": (8,), "max_iter": 5, "random_state": SEED}
    reg = ConvNetRegressor(**params).fit(X, y / 9, X_val=X_val, y_val=y_val / 9)
    exact = r2_score(y_val / 9, reg.predict(X_val))
    assert reg.validation_scores_[-1] == pytest.approx(exact, rel=1e-5)
    reg.set_params(scoring="neg_mean_absolute_error", early_stopping=True).fit(X, y / 9)
    assert -1 < reg.best_validation_score_ < 0


def test_validation_accepts_text_labels_and_data_frames(digits):
    X, X_val, y, y_val = digits
    names = np.array(list("abcdefghij"))
    frame, frame_val = (
        pd.DataFrame(X).add_prefix("p"),
        pd.DataFrame(X_val).add_prefix("p"),
    )
    clf = small(scoring="balanced_accuracy").fit(
        frame, names[y], X_val=frame_val, y_val=names[y_val]
    )
    expected = sklearn.metrics.balanced_accuracy_score(
        names[y_val], clf.predict(frame_val)
    )
    assert clf.validation_scores_[-1] == pytest.approx(expected)


def test_a_pipeline_transforms_x_val(digits):
    X, X_val, y, y_val = digits
    with sklearn.config_context(enable_metadata_routing=True):
        clf = small().set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), clf, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    plain = small().fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    assert pipeline[-1].validation_loss_curve_ == plain.validation_loss_curve_


def test_a_search_routes_x_val(digits):
    X, X_val, y, y_val = digits
    with sklearn.config_context(enable_metadata_routing=True):
        clf = small(early_stopping=True, max_iter=3).set_fit_request(
            X_val=True, y_val=True
        )
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("net", clf)], transform_input=["X_val"]
        )
        search = GridSearchCV(pipeline, {"net__kernel_size": [1, 3]}, cv=2)
        search.fit(X, y, X_val=X_val, y_val=y_val)
    best = search.best_estimator_
    assert best[-1].t_ == best[-1].n_iter_ * len(X), "nothing of X should be set aside"
    assert best.score(X_val, y_val) == best[-1].best_validation_score_


def test_a_warm_start_may_change_its_validation(digits):
    X, X_val, y, y_val = digits
    clf = small(warm_start=True, early_stopping=True, max_iter=4).fit(X, y)
    clf.set_params(early_stopping=False).fit(X, y)
    clf.set_params(early_stopping=True, max_iter=2).fit(X, y, X_val=X_val, y_val=y_val)
    assert clf.n_iter_ == len(clf.validation_scores_) == 10
    assert np.isnan(clf.validation_scores_[4:8]).all()
    assert clf.score(X_val, y_val) == clf.best_validation_score_


def test_a_warm_start_competes_with_what_it_began_with(digits):
    """By its own measure, on its own validation data."""
    X, X_val, y, y_val = digits
    params = {"warm_start": True, "early_stopping": True, "max_iter": 10}
    clf = small(activation="tanh", **params).fit(X, y)
    clf.set_params(scoring="neg_log_loss", learning_rate_init=1.0, max_iter=2)
    begun = clf.network_.parameters.copy()
    expected = sklearn.metrics.get_scorer("neg_log_loss")(clf, X_val, y_val)
    clf.fit(X, y, X_val=X_val, y_val=y_val)  # it gets worse
    np.testing.assert_array_equal(clf.network_.parameters, begun)
    assert clf.best_validation_score_ == pytest.approx(expected, rel=1e-5)
    assert clf.n_iter_ == 12

    other = (y + 1) % 10  # what was learnt is wrong, the score of the first fit better
    clf.set_params(learning_rate_init=0.005, max_iter=20, scoring="accuracy")
    clf.fit(X, other, X_val=X_val, y_val=(y_val + 1) % 10)
    assert clf.best_validation_score_ == max(clf.validation_scores_[12:])
    assert clf.score(X_val, (y_val + 1) % 10) > 0.3


def test_a_warm_start_begins_with_the_first_rate_of_an_adaptive_schedule(digits):
    X, _, y, _ = digits
    clf = small(
        learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=40,
        warm_start=True,
    ).fit(X, y)  # fmt: skip
    assert clf.learning_rate_curve_[-1] < 1e-5
    n = clf.n_iter_
    assert clf.fit(X, y).learning_rate_curve_[n] == 0.005


def test_scorers_see_targets_in_the_users_units(digits):
    X, X_val, y, y_val = digits
    seen = []

    def scoring(estimator, X, y):
        seen.append(y)
        return r2_score(y, estimator.predict(X))

    regressor(scoring=scoring).fit(X, 1e6 * y, X_val=X_val, y_val=1e6 * y_val)
    np.testing.assert_array_equal(seen[0], 1e6 * y_val)
    reg = regressor(scoring="neg_mean_absolute_error", early_stopping=True)
    reg.fit(X, 1e6 * y)
    assert -1e7 < reg.best_validation_score_ < -1e5
    held_out = regressor(scoring=scoring, early_stopping=True).fit(X, y + 0.1)
    assert set(seen[-1]) <= set(y + 0.1), "not one digit is lost"
    assert held_out.n_iter_ == 4
