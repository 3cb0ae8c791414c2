"""Weights of classes, and smoothed labels."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_sample_weight
from small_fits import small
from tolerances import same_bits


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {3: 5.0, 4: 0.5}])
def test_class_weights_are_sample_weights(class_weight, weighted, digits):
    X, _, y, _ = digits
    keep = (y > 2) | (np.arange(len(y)) % 3 > 0)
    X, y = X[keep], y[keep]
    weight = np.where(np.arange(len(y)) % 2, 1.0, 0.25) if weighted else None
    clf = small(class_weight=class_weight, dtype="float64").fit(X, y, weight)
    sums = np.bincount(y, weight)
    if class_weight == "balanced":
        expected = (sums.sum() / (10 * sums))[y]
        if not weighted:
            np.testing.assert_allclose(expected, compute_sample_weight("balanced", y))
    else:
        expected = compute_sample_weight(class_weight, y)
    by_hand = small(dtype="float64").fit(
        X, y, expected if weight is None else expected * weight
    )
    np.testing.assert_allclose(
        clf.network_.parameters, by_hand.network_.parameters, rtol=1e-6, atol=1e-9
    )
    assert not np.allclose(
        clf.network_.parameters,
        small(dtype="float64").fit(X, y, weight).network_.parameters,
    )


def test_class_weights_of_classes_that_y_lacks_are_ignored(digits):
    """As the parts of a cross-validation may lack some."""
    X, _, y, _ = digits
    weights = {label: 1.0 + label for label in range(10)}
    few = y < 3
    clf = small(class_weight=weights).fit(X[few], y[few])
    by_hand = small(class_weight={0: 1.0, 1: 2.0, 2: 3.0}).fit(X[few], y[few])
    assert same_bits(clf, by_hand)
    names = np.array(["a", "b", "c"])[y[few] % 3]
    small(class_weight={"a": 1, "b": 2, "c": 3, "d": 4}).fit(X[few], names)
    search = GridSearchCV(small(max_iter=1), {"class_weight": [weights]}, cv=2)
    search.fit(X[few], y[few])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with pytest.raises(ValueError, match="must hold finite numbers >= 0"):
        small(class_weight={**weights, 9: -1.0}).fit(X[few], y[few])


def test_class_weights_in_partial_fit(digits):
    X, _, y, _ = digits
    classes = np.arange(10)
    with pytest.raises(
        ValueError, match="class_weight='balanced' is not supported for partial_fit"
    ):
        small(class_weight="balanced").partial_fit(X, y, classes)
    weights = {0: 2.5}
    a = small(class_weight=weights).partial_fit(X, y, classes)
    b = small().partial_fit(X, y, classes, compute_sample_weight(weights, y))
    assert same_bits(a, b)


def test_bad_class_weights_are_refused(digits):
    X, _, y, _ = digits
    for weights, words in [
        ({11: 2.0}, r"class_weight has classes that are not in y: \[11\]"),
        ({1: -1.0}, "class_weight must hold finite numbers >= 0"),
        ("even", "The 'class_weight' parameter of ConvNetClassifier"),
    ]:
        with pytest.raises(ValueError, match=words):
            small(class_weight=weights).fit(X, y)
    with pytest.raises(ValueError, match="class_weight is for samples of one class"):
        small(class_weight="balanced").fit(X, np.c_[y > 3, y > 6].astype(int))


def test_label_smoothing_is_in_the_training_loss_only(digits):
    X, X_test, y, y_test = digits
    params = {"max_iter": 60, "tol": 0, "alpha": 0}
    plain = small(**params).fit(X, y, X_val=X, y_val=y)
    smooth = small(label_smoothing=0.2, **params).fit(X, y, X_val=X, y_val=y)
    sure, unsure = (clf.predict_proba(X).max(axis=1).mean() for clf in (plain, smooth))
    assert unsure < 0.85 < sure
    assert smooth.validation_loss_curve_[-1] < smooth.loss_curve_[-1] - 0.2
    assert smooth.score(X_test, y_test) > 0.85
    with pytest.raises(ValueError, match="'label_smoothing' parameter"):
        small(label_smoothing=1.0).fit(X, y)


@pytest.mark.parametrize("unit", ["Y", "D", "ns"])
def test_class_weights_of_dates_are_found_in_any_unit(unit, digits):
    X, _, y, _ = digits
    few = y < 3
    X, y = X[few], y[few]
    years = ["1970", "1971", "1972"]
    dates = np.array(years, f"M8[{unit}]")[y]
    by_number = small(class_weight={0: 1, 1: 2, 2: 5}).fit(X, y)
    for convert in (np.datetime64, lambda year: np.datetime64(year, "s"), pd.Timestamp):
        weights = dict(zip(map(convert, years), (1, 2, 5), strict=True))
        assert same_bits(small(class_weight=weights).fit(X, dates), by_number)
    with pytest.raises(ValueError, match=r"not in y: \[np.datetime64\('1973'"):
        small(class_weight={np.datetime64("1973"): 1.0}).fit(X, dates)
    clf = small(max_iter=1).fit(X, dates, X_val=X, y_val=dates.astype("M8[ms]"))
    assert len(clf.validation_scores_) == 1
    with pytest.raises(ValueError, match=r"not in classes_: \[0, 1, 2\]"):
        small(max_iter=1).fit(X, dates, X_val=X, y_val=y)
