"""Inside scikit-learn: names that reach into layers, searches, pipelines, ensembles."""

import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, Layer, MaxPool2D


def net(**params):
    layers = [
        ("conv1", Conv2D(8, 3, activation="relu")),
        ("pool1", MaxPool2D(2)),
        ("dense", Dense(32, "relu")),
    ]
    return default(layers=layers, filters="auto", hidden_layer_sizes=(128,), **params)


def default(**params):
    return ConvNetClassifier(
        filters=(8,), hidden_layer_sizes=(32,), max_iter=10, batch_size=32,
        learning_rate_init=0.005, random_state=SEED,
    ).set_params(**params)  # fmt: skip


# Names --------------------------------------------------------------------------------


def test_nested_names_set_parameters_of_layers():
    clf = net()
    assert clf.get_params()["conv1__kernel_size"] == 3
    assert clf.get_params()["conv1"] is clf.layers[0][1]
    clf.set_params(conv1__kernel_size=5, conv1__stride=2, dense__units=7)
    assert repr(clf.layers[0][1]) == (
        "Conv2D(activation='relu', filters=8, kernel_size=5, stride=2)"
    )
    assert clf.get_params()["dense__units"] == 7
    assert "conv1" not in clf.get_params(deep=False)


@pytest.mark.parametrize("kind", [list, tuple])
def test_unnamed_layers_get_their_class_and_place_as_name(kind):
    layers = kind(
        [Conv2D(4), MaxPool2D(), Conv2D(8), ("conv2d_9", Conv2D(2)), Dense(3)]
    )
    clf = ConvNetClassifier(layers)
    names = [name for name in clf.get_params() if "2d" in name and "__" not in name]
    assert names == ["conv2d_1", "maxpool2d_1", "conv2d_2", "conv2d_9"]
    clf.set_params(conv2d_1=Conv2D(5), conv2d_2__filters=9)
    assert [clf.get_params()[f"conv2d_{i}__filters"] for i in (1, 2, 9)] == [5, 9, 2]
    assert layers[0].filters == 4, "the list that was passed in is the user's"


def test_a_replaced_layer_changes_no_names():
    clf = ConvNetClassifier([Conv2D(4), Conv2D(8)]).set_params(conv2d_1=Dense(3))
    assert [name for name, _ in clf.layers] == ["conv2d_1", "conv2d_2"]
    assert clf.get_params()["conv2d_1"].units == 3


def test_set_params_applies_layers_then_whole_layers_then_their_parameters():
    clf = net().set_params(
        a__filters=6,
        b=Conv2D(3),
        b__stride=2,
        layers=[("a", Conv2D(2)), ("b", Dense(1))],
    )
    assert clf.get_params()["a__filters"] == 6
    assert repr(clf.get_params()["b"]) == "Conv2D(filters=3, stride=2)"


@pytest.mark.parametrize(
    "nonsense", [3, "conv", [1, 2], [("a", 1)], {}, Dense, [Dense]]
)
def test_nonsense_for_layers_is_refused_by_fit_only(nonsense, digits):
    clf = ConvNetClassifier(nonsense)
    clone(clf).set_params(layers=nonsense).get_params()
    repr(clf)
    with pytest.raises((TypeError, ValueError), match="layer"):
        clf.fit(digits[0], digits[2])


def test_passthrough_leaves_a_layer_out(digits):
    clf = net(max_iter=1).set_params(pool1="passthrough").fit(digits[0], digits[2])
    assert [name for name, _ in clf.network_.layers] == ["conv1", "dense", "output"]


def test_a_passthrough_has_no_parameters():
    clf = net()
    layers = clf.layers
    with pytest.raises(
        ValueError, match="layer 'pool1' is 'passthrough' and has no parameter"
    ):
        clf.set_params(pool1="passthrough", pool1__stride=2)
    assert clf.layers is layers, "a set_params that fails sets nothing"


def test_a_parameter_has_precedence_over_a_layer_of_its_name():
    clf = ConvNetClassifier([("alpha", Dense(3))]).set_params(alpha=0.5)
    assert clf.alpha == clf.get_params()["alpha"] == 0.5
    assert isinstance(clf.layers[0][1], Dense)


def test_fit_never_changes_layers(digits):
    clf = net(max_iter=1)
    layers, before = clf.layers, repr(clf)
    clf.fit(digits[0], digits[2])
    assert clf.layers is layers
    assert repr(clf) == before
    assert all(mine is not fitted for (_, mine), (_, fitted) in zip(
        clf.layers, clf.network_.layers, strict=False
    ))  # fmt: skip


def test_a_layer_may_have_the_name_output(digits):
    clf = ConvNetClassifier([("output", Dense(8))], max_iter=1).fit(
        digits[0], digits[2]
    )
    assert list(clf.network_.weights) == ["output", "output_"]


# Searches -----------------------------------------------------------------------------

GRIDS = {
    "numbers": (default, {"kernel_size": [3, (1, 5)], "stride": [1, 2]}, ""),
    "layers": (net, {"conv1__kernel_size": [3, 5], "conv1__stride": [1, 2]}, ""),
    "whole layers": (net, {"conv1": [Conv2D(4), Conv2D(8, 5)], "pool1": ["passthrough", MaxPool2D(2)]}, ""),
    "numbers in a pipeline": (
        lambda: make_pipeline(StandardScaler(), default()),
        {"kernel_size": [3, 5], "stride": [1, 2]},
        "convnetclassifier__",
    ),
    "layers in a pipeline": (
        lambda: make_pipeline(StandardScaler(), net()),
        {"conv1__kernel_size": [3, 5], "conv1__stride": [1, (2, 1)]},
        "convnetclassifier__",
    ),
}  # fmt: skip
SLOW_GRIDS = [
    pytest.param(case, marks=pytest.mark.slow) for case in GRIDS if case != "numbers"
]


@pytest.mark.slow
@pytest.mark.parametrize("case", ["numbers", *SLOW_GRIDS])
def test_grid_search_with_two_processes(case, digits):
    X, X_test, y, y_test = digits
    make, grid, prefix = GRIDS[case]
    grid = {prefix + name: values for name, values in grid.items()}
    search = GridSearchCV(make(), grid, cv=2, n_jobs=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert len(set(scores)) > 1, "the grid's values should make a difference"
    assert search.score(X_test, y_test) > 0.85
    serial = GridSearchCV(make(), grid, cv=2).fit(X, y)
    np.testing.assert_allclose(serial.cv_results_["mean_test_score"], scores, atol=0.02)


def test_a_misspelt_name_in_a_grid_gets_a_suggestion(digits):
    search = GridSearchCV(net(), {"conv1__kernel_sise": [3]}, cv=2, error_score="raise")
    with pytest.raises(
        ValueError, match="'kernel_sise' for Conv2D; did you mean 'kernel_size'"
    ):
        search.fit(digits[0], digits[2])


def test_halving_search_over_epochs(digits):
    X, _, y, _ = digits
    search = HalvingGridSearchCV(
        default(), {"kernel_size": [1, 3, 5]}, resource="max_iter",
        min_resources=2, max_resources=8, factor=2, cv=2, random_state=SEED,
    ).fit(X, y)  # fmt: skip
    assert search.n_iterations_ > 1
    assert search.best_estimator_.n_iter_ > 2


@pytest.mark.parametrize("shape", [(64,), (8, 8), (8, 8, 1)])
def test_cross_validation_and_splits_of_images(shape, digits):
    X, _, y, _ = digits
    X = X.reshape(-1, *shape)
    assert cross_val_score(net(max_iter=20), X, y, cv=3).mean() > 0.8
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=SEED)
    assert net(max_iter=20).fit(X_train, y_train).score(X_test, y_test) > 0.8


ENSEMBLES = {
    "calibrated": lambda: CalibratedClassifierCV(net(), cv=2),
    "voting": lambda: VotingClassifier([("a", net()), ("b", default())], voting="soft"),
    "bagging": lambda: BaggingClassifier(net(), n_estimators=3, random_state=SEED),
    "stacking": lambda: StackingClassifier([("a", net()), ("b", default())], cv=2),
    "one against the rest": lambda: OneVsRestClassifier(net(max_iter=6)),
}


@pytest.mark.parametrize("case", ENSEMBLES)
@pytest.mark.parametrize("flat", [True, False])
def test_ensembles_accept_the_estimators(case, flat, digits):
    X, X_test, y, y_test = digits
    if case == "bagging" and not flat:
        pytest.skip("BaggingClassifier itself takes flat X only")
    shape = (64,) if flat else (8, 8, 1)
    ensemble = ENSEMBLES[case]().fit(X.reshape(-1, *shape), y)
    assert ensemble.score(X_test.reshape(-1, *shape), y_test) > 0.7


def test_pipelines_pass_images(digits):
    X, X_test, y, y_test = digits
    X, X_test = (16 * X).reshape(-1, 8, 8), (16 * X_test).reshape(-1, 8, 8)
    pipeline = make_pipeline(FunctionTransformer(lambda x: x / 16), net()).fit(X, y)
    assert pipeline.score(X_test, y_test) > 0.85


def test_searches_by_roc_auc_use_decision_function(digits):
    X, X_test, y, y_test = digits
    X, y, X_test, y_test = X[y < 2], y[y < 2], X_test[y_test < 2], y_test[y_test < 2]
    clf = GridSearchCV(net(), {"conv1__filters": [4]}, scoring="roc_auc", cv=2).fit(
        X, y
    )
    assert clf.score(X_test, y_test) > 0.95


def test_sample_weights_are_routed(digits):
    import sklearn

    X, _, y, _ = digits
    seen = []

    class Noting(ConvNetClassifier):
        def fit(self, X, y, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, sample_weight)

    with sklearn.config_context(enable_metadata_routing=True):
        clf = Noting(filters=(4,), max_iter=1).set_fit_request(sample_weight=True)
        search = GridSearchCV(
            clf.set_score_request(sample_weight=False), {"stride": [1]}, cv=2
        )
        search.fit(X, y, sample_weight=np.ones(len(y)))
    assert [len(weight) for weight in seen] == [200, 200, 400]


# A layer of the user's own ------------------------------------------------------------


class Scale(Layer):
    """Times a number that is learnt: all that a layer needs."""

    def __init__(self, start=1.0):
        self.start = start

    def build(self, input_shape, rng, dtype):
        return {"scale": dtype.type([self.start])}, input_shape

    def predict(self, weights, x):
        return x * weights["scale"]

    def backward(self, weights, x, dy, need_dx=True):
        dx = dy * weights["scale"] if need_dx else None
        return dx, {"scale": (dy * x).sum(keepdims=True).reshape(1)}


def test_a_custom_layer_is_searched_over(digits):
    X, X_test, y, y_test = digits
    clf = net().set_params(layers=[("scale", Scale()), *net().layers])
    search = GridSearchCV(clf, {"scale__start": [1e-3, 1.0]}, cv=2).fit(X, y)
    assert search.best_params_ == {"scale__start": 1.0}
    assert search.best_estimator_.network_.weights["scale"]["scale"] != 1.0
    assert search.score(X_test, y_test) > 0.85


def test_default_parameters_make_no_noise(digits):
    X, _, y, _ = digits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ConvNetClassifier(max_iter=1).fit(X, y).predict(X)
