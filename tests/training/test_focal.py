"""`focal_gamma` of the classifier."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, load_model, save_model

X, Y = load_digits(return_X_y=True)
X, Y = X[:300].reshape(-1, 8, 8) / 16, Y[:300]


def small(**params):
    defaults = {
        "filters": (4,), "hidden_layer_sizes": (16,), "max_iter": 8,
        "learning_rate_init": 0.01, "random_state": SEED, "focal_gamma": 2.0,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})


TARGETS = {
    "ten classes": Y,
    "two classes": np.where(Y > 4, "large", "small"),
    "labels": np.stack([Y > 4, Y % 2], axis=1).astype(int),
}


@pytest.mark.parametrize("name", TARGETS)
def test_focal_loss_trains_any_kind_of_targets(name):
    y = TARGETS[name]
    more = {"filters": (8,), "hidden_layer_sizes": (64,), "max_iter": 40}
    clf = small(**more, focal_gamma=4.0).fit(X, y)
    plain = small(**more, focal_gamma=0.0).fit(X, y)
    assert clf.score(X, y) > 0.8
    assert clf.loss_curve_[0] < plain.loss_curve_[0]
    # It trusts its predictions less.
    unsure, sure = (abs(each.predict_proba(X) - 0.5).mean() for each in (clf, plain))
    assert unsure < sure


def test_gamma_of_zero_is_the_log_loss():
    plain = clone(small()).set_params(focal_gamma=0).fit(X, Y)
    default = ConvNetClassifier(
        **{k: v for k, v in small().get_params().items() if k != "focal_gamma"}
    )
    np.testing.assert_array_equal(
        plain.network_.values, default.fit(X, Y).network_.values
    )


def test_validation_loss_is_the_log_loss():
    clf = small(max_iter=2).fit(X, Y, X_val=X[:50], y_val=Y[:50])
    p = clf.predict_proba(X[:50]).astype(float)
    expected = -np.log(p[np.arange(50), Y[:50]]).mean()
    assert abs(clf.validation_loss_curve_[-1] - expected) < 1e-5


def test_small_focal_loss_is_not_the_end_of_training():
    """A focal loss of 0.001 is that of a probability of 0.9: much is left to learn."""
    clf = small(filters=(8,), hidden_layer_sizes=(64,), max_iter=60, tol=1e-4).fit(X, Y)
    rule = clf._stopping_rule()
    assert rule.enough == pytest.approx(1e-9)
    assert clf.loss_curve_[-1] < 1e-3
    assert clf.score(X, Y) > 0.99


def test_focal_loss_combines_with_weights_and_smoothing_and_files(tmp_path):
    clf = small(class_weight="balanced", label_smoothing=0.1).fit(X, Y, Y + 1.0)
    assert clf.score(X, Y) > 0.8
    save_model(clf, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.focal_gamma == 2
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_network_that_learns_nothing_is_named_with_the_focal_loss():
    with pytest.warns(UserWarning, match="learnt nothing"):
        small(max_iter=40, tol=1e-3).fit(np.zeros_like(X), Y)


@pytest.mark.parametrize("gamma", [-1, np.inf, np.nan, "2", None])
def test_gamma_out_of_range_is_refused(gamma):
    with pytest.raises(ValueError, match="focal_gamma"):
        small(focal_gamma=gamma).fit(X, Y)
