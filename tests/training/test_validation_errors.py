"""Scores that are not defined, and errors of validation data and scorers."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.metrics import accuracy_score
from tolerances import same_bits
from validated_fits import regressor, small

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Rescaling


@pytest.mark.parametrize("scoring", [None, "r2"])
def test_constant_validation_targets_give_one_warning(scoring, digits):
    X, X_val, y, _ = digits
    reg = regressor(early_stopping=True, scoring=scoring)
    with pytest.warns(UserWarning, match="a target is the same for all of them") as w:
        reg.fit(X, y, X_val=X_val, y_val=np.full(len(X_val), 4.5))
    assert len(w) == 1
    best = np.argmin(reg.validation_loss_curve_)
    again = regressor().set_params(max_iter=int(best) + 1).fit(X, y)
    assert same_bits(reg, again), "the epoch of the lowest loss"
    assert np.isnan(reg.validation_scores_).all()
    assert np.isnan(reg.best_validation_score_)


def test_scores_that_are_nan_give_one_warning_and_the_loss_decides(digits):
    X, X_val, y, y_val = digits
    nan = small(early_stopping=True, scoring=lambda *args: np.nan)
    with pytest.warns(UserWarning, match=r"scoring=<function .* is NaN\. Epochs") as w:
        nan.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(w) == 1
    by_loss = small(early_stopping=True).fit(X, y, X_val=X_val, y_val=y_val)
    assert same_bits(nan, by_loss)


def test_one_validation_sample_has_no_score_and_gives_no_warning(digits):
    X, X_val, y, y_val = digits
    reg = regressor(early_stopping=True).fit(X, y, X_val=X_val[:1], y_val=y_val[:1])
    assert np.isnan(reg.validation_scores_).all()
    reg.set_params(scoring="r2")
    with pytest.warns(
        UserWarning, match="scoring='r2' of the 1 validation samples is NaN"
    ):
        reg.fit(X, y, X_val=X_val[:1], y_val=y_val[:1])


def test_classes_that_validation_data_lack_are_named(digits):
    X, X_val, y, y_val = digits
    few = y_val != 2
    clf = small(early_stopping=True, scoring="neg_log_loss")
    with pytest.raises(
        ValueError,
        match=r"scoring='neg_log_loss' cannot be computed of the \d+ validation samples .*"
        r"none of them has the classes \[2\].*hold out more with validation_fraction",
    ):
        clf.fit(X, y, X_val=X_val[few], y_val=y_val[few])
    clf.set_params(scoring=None).fit(X, y, X_val=X_val[few], y_val=y_val[few])
    assert clf.best_validation_score_ > 0.1


def test_areas_under_a_curve_of_one_class_give_a_warning(digits):
    X, X_val, y, y_val = digits
    clf = small(early_stopping=True, scoring="roc_auc", max_iter=2)
    with pytest.warns(UserWarning, match=r"none of them has the classes \[True\]"):
        clf.fit(X, y > 4, X_val=X_val[y_val < 5], y_val=(y_val > 4)[y_val < 5])


def test_validation_losses_that_are_not_finite_give_a_warning(digits):
    X, X_val, y, y_val = digits
    layers = [Rescaling(1e3), Conv2D(4, activation="relu")]
    clf = ConvNetClassifier(layers, early_stopping=True, max_iter=2, random_state=SEED)
    with pytest.warns(UserWarning, match="loss of the validation data is (nan|inf)"):
        clf.fit(X / 1e3, y, X_val=1e38 * X_val, y_val=y_val)
    assert np.isnan(clf.best_validation_score_)


RNG = np.random.default_rng(SEED)


X, Y = RNG.random((40, 8, 8)), np.arange(40) % 4


BAD = {
    "no y_val": ({"X_val": X}, "y_val must be passed with X_val or"),
    "no X_val": ({"y_val": Y}, "X_val must be passed with y_val or"),
    "weights alone": ({"sample_weight_val": np.ones(40)}, "X_val must be passed with y_val or sample_weight_val"),
    "shape": ({"X_val": X[:, :7], "y_val": Y}, r"X_val of shape \(40, 7, 8\) holds images .* expecting \(8, 8, 1\)"),
    "features": ({"X_val": X.reshape(40, 64)[:, :60], "y_val": Y}, "X_val has 60 features, but ConvNetClassifier is expecting 64"),
    "nan": ({"X_val": np.full((3, 8, 8), np.nan), "y_val": Y[:3]}, "Input X_val contains NaN"),
    "length": ({"X_val": X, "y_val": Y[:9]}, "inconsistent numbers of samples"),
    "classes": ({"X_val": X, "y_val": Y + 1}, r"y_val has classes that are not in classes_: \[4\]"),
    "multilabel": ({"X_val": X, "y_val": np.c_[Y > 1, Y % 2] * 1}, r"y_val of shape \(40, 2\) does not match the 4 classes"),
    "weights": ({"X_val": X, "y_val": Y, "sample_weight_val": np.zeros(40)}, "sample_weight_val must be positive for at least one"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_errors_of_validation_data_name_the_cause_and_change_nothing(
    case, early_stopping
):
    data, words = BAD[case]
    clf = small(max_iter=1, early_stopping=early_stopping).fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match=words):
        clf.fit(X, Y, **data)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_bad_scorings_are_refused():
    with pytest.raises(
        ValueError, match="scoring must be .* got 'acuracy'; did you mean 'accuracy'"
    ):
        small(scoring="acuracy").fit(X, Y)
    with pytest.raises(ValueError, match="'scoring' parameter of ConvNetClassifier"):
        small(scoring=3).fit(X, Y)
    with pytest.raises(ValueError, match="scoring must return one number, got None"):
        small(scoring=lambda *args: None).fit(X, Y, X_val=X, y_val=Y)


def failing(*args):
    raise KeyError("a score of their own")


@pytest.mark.parametrize(
    ("scoring", "words"),
    [
        ("f1", "scoring='f1' cannot .* of the 40 .*: ValueError: Target is multiclass"),
        ("roc_auc", "scoring='roc_auc' cannot be computed .*multi_class must be in"),
        (
            failing,
            r"scoring=<function failing.*: KeyError: 'a score of their own'\. Pass",
        ),
        (lambda estimator, X: 1.0, "scoring=<function .*TypeError: .* 2 positional"),
        (
            accuracy_score,
            r"scoring must be a .*Use sklearn.metrics.make_scorer\(accuracy",
        ),
    ],
)
def test_errors_of_scorers_name_scoring(scoring, words):
    clf = small(max_iter=1).fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match=words):
        clf.set_params(scoring=scoring).fit(X, Y, X_val=X, y_val=Y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
