"""`skconv.adapters` where aeon and sktime are not installed.

Their own checks, and their pipelines, are in `tests/ecosystem`.
"""

import re
import sys
import types

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression

import skconv.adapters
from skconv import ConvNetClassifier, zoo
from skconv.datasets import make_events
from skconv.layers import Conv1D, GlobalMaxPool1D


class BaseClassifier(ClassifierMixin, BaseEstimator):
    """Stands in for that of aeon and of sktime, which call the same methods."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self._fit(X, y)

    def predict(self, X):
        return self._predict(X)

    def predict_proba(self, X):
        return self._predict_proba(X)


@pytest.fixture(params=["AeonClassifier", "SktimeClassifier"])
def kind(request, monkeypatch):
    package = request.param.removesuffix("Classifier").lower()
    base = types.ModuleType("base")
    base.BaseClassifier = BaseClassifier
    for name in ("", ".classification"):
        monkeypatch.setitem(sys.modules, package + name, types.ModuleType("package"))
    monkeypatch.setitem(sys.modules, f"{package}.classification.base", base)
    adapter = f"skconv.adapters.{package}"
    monkeypatch.setitem(sys.modules, adapter, None)  # so that it is forgotten again
    del sys.modules[adapter]
    return getattr(skconv.adapters, request.param)


def test_panels_are_signals_with_channels_first(kind):
    X, y = make_events(20, length=32, n_channels=2, random_state=SEED)
    panel = np.moveaxis(X, -1, 1)
    layers = [Conv1D(4, 9, stride=4, activation="relu"), GlobalMaxPool1D()]
    network = ConvNetClassifier(layers, max_iter=2)
    clf = kind(network, random_state=SEED + 1).fit(panel, y)
    plain = network.set_params(random_state=SEED + 1).fit(X, y)
    np.testing.assert_array_equal(clf.predict(panel), plain.predict(X))
    np.testing.assert_array_equal(clf.predict_proba(panel), plain.predict_proba(X))


@pytest.mark.parametrize("wrong", ["network", LinearRegression()])
def test_estimator_must_be_a_network(kind, wrong):
    words = f"must be a ConvNetClassifier .* got {re.escape(repr(wrong))}"
    with pytest.raises(TypeError, match=words):
        kind(wrong).fit(np.zeros((4, 1, 8)), [0, 1, 0, 1])


def test_default_is_the_recipe_for_signals(kind, monkeypatch):
    def recipe(n_samples):
        return zoo.signal_classifier(n_samples=n_samples).set_params(max_iter=1)

    monkeypatch.setattr("skconv.adapters.panels.signal_classifier", recipe)
    clf = kind().fit(np.zeros((20, 1, 32)), np.arange(20) % 2)
    assert clf.estimator is None
    assert repr(clf.estimator_) == repr(recipe(20))


def test_networks_of_the_packages_checks_are_small(kind):
    params = getattr(kind, "get_test_params", getattr(kind, "_get_test_params", None))
    panel = np.linspace(-1, 1, 32).reshape(4, 1, 8)
    sizes = {3: "auto", 5: 4}  # of the kernel and of a batch
    for arguments, kernel_size in zip(params(), sizes, strict=True):
        clf, again = (kind(**arguments).fit(panel, [0, 1, 0, 1]) for _ in range(2))
        network = clf.estimator_
        assert network.n_iter_ <= 2 and network.batch_size == sizes[kernel_size]
        conv, _ = dict(network.layers).values()
        assert list(dict(network.layers)) == ["conv", "mean"]
        assert (conv.filters, conv.activation) == (4, "relu")
        assert conv.kernel_size == kernel_size
        assert (clf.predict_proba(panel) == again.predict_proba(panel)).all()


def test_missing_packages_are_named(monkeypatch):
    for name, package in {
        "AeonClassifier": "aeon",
        "SktimeClassifier": "sktime",
    }.items():
        monkeypatch.delitem(sys.modules, f"skconv.adapters.{package}", raising=False)
        monkeypatch.setitem(sys.modules, f"{package}.classification.base", None)
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(
            ImportError,
            match=rf'{name} needs {package}: pip install "skconv\[{package}\]"',
        ):
            getattr(skconv.adapters, name)


def test_names_are_listed_and_others_are_refused():
    assert set(skconv.adapters.__all__) <= set(dir(skconv.adapters))
    with pytest.raises(AttributeError, match="no attribute 'Classifier'"):
        _ = skconv.adapters.Classifier
