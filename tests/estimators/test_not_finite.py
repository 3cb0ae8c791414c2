"""Predictions that are not finite are an error, not a class."""

import json
import re
import warnings

import numpy as np
import pytest
from seeds import SEED

from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)
from skconv.layers import (
    Activation,
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAvgPool2D,
    Layer,
    LayerNorm,
    MaxPool2D,
    Normalization,
    Reshape,
)

rng = np.random.default_rng(SEED)
X, Y = rng.random((60, 8, 8)), np.arange(60) % 3
TARGETS = {
    "classes": Y,
    "two": Y > 0,
    "labels": np.c_[Y > 0, Y == 1].astype(int),
    "texts": np.array(["a", "b", "c"])[Y],
    "number": Y * 1.5,
    "numbers": np.c_[Y, -Y] * 1.5,
}
METHODS = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function"),
    "transform",
)


def fit(kind, **params):
    is_number = kind.startswith("number")
    params = {"max_iter": 2, "random_state": SEED, **params}
    if "layers" not in params:
        params.setdefault("filters", (4,))
    cls = ConvNetRegressor if is_number else ConvNetClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cls(**params).fit(X, TARGETS[kind])


def methods_of(model):
    return [name for name in METHODS if hasattr(model, name)]


@pytest.mark.parametrize("ops_in_use", ["float32", "float64"])
@pytest.mark.parametrize("kind", TARGETS)
def test_outputs_out_of_range_are_an_error_that_counts_samples(kind, ops_in_use):
    model = fit(kind, dtype=ops_in_use)
    some = X.copy()
    largest = np.finfo(ops_in_use).max
    some[[5, 7]] = np.random.default_rng(SEED).choice([-largest, largest], (2, 8, 8))
    words = r"infinite or NaN for 2 of 60 samples, first in sample 5: X is between .*"
    for name in methods_of(model):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match=words + f"{ops_in_use}, its dtype"):
                getattr(model, name)(some)
    with pytest.raises(ValueError, match=words):
        model.score(some, TARGETS[kind])
    assert len(model.predict(np.delete(some, [5, 7], axis=0))) == 58


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", TARGETS)
def test_weights_that_are_not_finite_are_named(kind, value):
    model = fit(kind)
    model.network_.arrays["output.bias"][...] = value
    for name in methods_of(model):
        if name == "transform":  # of the layer before
            assert np.isfinite(model.transform(X)).all()
            continue
        words = r"for 60 of 60 .*the weights \['output.bias'\] are not finite"
        with pytest.raises(ValueError, match=words):
            getattr(model, name)(X)


LAYERS = {
    "max": [Conv2D(4, activation="relu"), MaxPool2D(2), Dense(8, "relu")],
    "mean": [Conv2D(4), GlobalAvgPool2D()],
    "batch norm": [Conv2D(4), BatchNorm(), Activation("relu"), MaxPool2D(2)],
    "layer norm": [Conv2D(4, activation="relu"), LayerNorm(), Dense(8, "tanh")],
    "all pixels": [LayerNorm((1, 2, 3)), Dense(8, "tanh")],
    "normalization": [Normalization(), Conv2D(4), Dense(8, "elu")],
}


@pytest.mark.parametrize("scale", [1e10, 1e19, 1e25, 1e36, 3e38])
@pytest.mark.parametrize("name", LAYERS)
def test_prediction_is_that_of_float64_or_an_error(name, scale):
    model = fit("classes", layers=LAYERS[name])
    exact = fit("classes", layers=LAYERS[name], dtype="float64")
    exact.network_.values[...] = model.network_.values
    large = np.float32(X * scale)
    try:
        outputs = model.decision_function(large)
    except ValueError as error:
        assert re.search("infinite or NaN for .* samples", str(error))
        return
    expected = exact.decision_function(large)
    error = np.abs(outputs - expected).max()
    assert error < 1e-3 * np.abs(expected).max()


def test_predictions_of_counts_beyond_float64_are_an_error():
    reg = fit("number", loss="poisson", filters=(), hidden_layer_sizes=())
    huge = X.copy()
    huge[3] = np.where(reg.network_.arrays["output.kernel"].reshape(8, 8) > 0, 1e5, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = "too large for float64 for 1 of 60 samples, first in sample 3: the net"
        with pytest.raises(ValueError, match=words):
            reg.predict(huge)
    assert np.isfinite(reg.transform(huge)).all()


def test_predicted_images_beyond_the_dtype_of_y_are_an_error():
    images = X.astype(np.float32)
    reg = ConvNetRegressor([Conv2D(2)], max_iter=2, random_state=SEED)
    reg.fit(images, 1e37 * images)
    huge = images.copy()
    huge[3] *= 1e6
    words = (
        "too large for float32 for 1 of 60 samples, first in sample 3: the network's"
    )
    with pytest.raises(ValueError, match=words):
        reg.predict(huge)
    assert np.isfinite(reg.predict(images)).all()


class Spoiled(Layer):
    """It returns its input in training, and then values of which NumPy warns."""

    kind = "over"

    def build(self, input_shape, rng, dtype):
        return {}, input_shape

    def forward(self, weights, x, rng):
        return x, None

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {}

    def predict(self, weights, x):
        zeros = x * 0
        spoiled = {
            "over": lambda: (zeros + 3e38) * 10,
            "invalid": lambda: zeros / zeros,
            "divide": lambda: (zeros + 1) / zeros,
        }
        return spoiled[self.kind]()


def spoiled(cls, kind, y, **validation):
    model = cls([Conv2D(2), ("spoiled", Spoiled())], max_iter=1, random_state=SEED)
    model.fit(X, y, **validation)
    dict(model.network_.layers)["spoiled"].kind = kind
    return model


KINDS_OF_WARNINGS = ["over", "invalid", "divide"]


@pytest.mark.parametrize("kind", KINDS_OF_WARNINGS)
@pytest.mark.parametrize("images", [False, True])
def test_layers_that_make_numpy_warn_are_an_error_alone(kind, images):
    y = X > 0.5 if images else Y
    model = spoiled(ConvNetSegmenter if images else ConvNetClassifier, kind, y)
    methods = ["predict", "predict_proba", *([] if images else ["transform"])]
    for method in methods:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(
                ValueError, match="infinite or NaN for 60 of 60 samples"
            ):
                getattr(model, method)(X)


@pytest.mark.parametrize("kind", KINDS_OF_WARNINGS)
def test_layers_after_a_code_that_make_numpy_warn_are_an_error_alone(kind):
    layers = [("code", Dense(2)), Dense(64), Reshape((8, 8, 1)), ("odd", Spoiled())]
    auto = ConvNetAutoencoder(layers, max_iter=1, random_state=SEED).fit(X)
    dict(auto.network_.layers)["odd"].kind = kind
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="infinite or NaN of some codes in X"):
            auto.inverse_transform(auto.transform(X))


@pytest.mark.parametrize("kind", KINDS_OF_WARNINGS)
@pytest.mark.parametrize("images", [False, True])
def test_validation_of_layers_that_make_numpy_warn_has_one_warning(
    kind, images, monkeypatch
):
    monkeypatch.setattr(Spoiled, "kind", kind)
    y = X > 0.5 if images else Y
    cls = ConvNetSegmenter if images else ConvNetClassifier
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spoiled(cls, kind, y, X_val=X, y_val=y)
    assert {each.category for each in caught} == {UserWarning}
    assert any("validation" in str(each.message) for each in caught)


def test_class_of_validation_outputs_that_are_not_finite_is_no_hit():
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=SEED)
    large = X[:6].astype(np.float32) * 3e38
    for scoring in (None, "accuracy", "f1_macro"):
        clf.set_params(scoring=scoring)
        with pytest.warns(UserWarning, match="the loss of the validation data is"):
            clf.fit(X, Y, X_val=large, y_val=np.zeros(6, int))
        assert np.isnan(clf.validation_scores_).all()
    assert json.dumps(clf.predict(X).tolist(), allow_nan=False)
