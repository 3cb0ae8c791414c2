"""Files and exports of regressors of intervals and of columns of classes."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor

# Two epochs of numbers on two scales may end anywhere.
pytestmark = pytest.mark.filterwarnings("ignore:training diverged")
MODELS = pytest.mark.parametrize(
    ("params", "y"),
    [
        ({"loss": "absolute_error"}, "numbers"),
        ({"loss": "quantile", "quantile": [0.9, 0.1]}, "number"),
        ({"loss": "quantile", "quantile": np.array([0.9, 0.1, 0.2])}, "numbers"),
        ({"loss": "quantile", "quantile": [0.5]}, "numbers"),
        ({"loss": "quantile", "quantile": 0.5}, "number"),
        ({"loss": "gaussian"}, "numbers"),
        ({"loss": "gaussian", "tta": "flip"}, "number"),
        ({"class_weight": [{"x": 2.0}, {"1": 0.5}]}, "columns"),
        ({"tta": "flip"}, "codes"),
    ],
    ids=str,
)


def fitted(params, name, rng, wrap=lambda model: model):
    """Return a fitted model, its data and its targets."""
    X, number = rng.random((40, 25)), rng.random(40)
    targets = {
        "number": number,
        "numbers": np.c_[number, 1e4 * number + 7],
        "columns": np.array([["x", "1"], ["y", "2"], ["z", "1"], ["x", "2"]] * 10),
        "codes": np.stack([np.arange(40) % 3, np.arange(40) % 2], axis=1),
    }
    kind = ConvNetClassifier if name in ("columns", "codes") else ConvNetRegressor
    model = wrap(kind(filters=(2,), max_iter=2, random_state=SEED, **params))
    return model.fit(X, targets[name]), X, targets[name]


@MODELS
def test_intervals_and_columns_of_classes_are_saved(params, y, tmp_path, rng):
    model, X, targets = fitted(params, y, rng)
    skconv.save_model(model, tmp_path / "a")
    loaded = skconv.load_model(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.score(X, targets) == model.score(X, targets)
    if params.get("loss") == "gaussian":
        std = loaded.predict(X, return_std=True)[1]
        np.testing.assert_array_equal(std, model.predict(X, return_std=True)[1])
    loaded.partial_fit(X, targets)


@MODELS
def test_intervals_and_columns_of_classes_agree_in_onnx(params, y, rng):
    pytest.importorskip("onnxruntime")
    model, X, _ = fitted(params, y, rng)
    names = [output.name for output in skconv.to_onnx(model, X=X).graph.output]
    expected = ["variable", "std"][: 1 + (params.get("loss") == "gaussian")]
    assert names == (["label", "probabilities"] if "loss" not in params else expected)
    pytest.importorskip("skl2onnx")
    pipe, X, _ = fitted(
        params, y, rng, lambda model: make_pipeline(StandardScaler(), model)
    )
    skconv.to_onnx(pipe, X=X)


@MODELS
def test_intervals_and_columns_of_classes_agree_in_skops(params, y, tmp_path, rng):
    io = pytest.importorskip("skops.io")
    model, X, _ = fitted(params, y, rng)
    io.dump(model, tmp_path / "a")
    loaded = io.load(tmp_path / "a", trusted=skconv.trusted_types())
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_onnx_needs_columns_of_one_kind(rng):
    pytest.importorskip("onnx")
    model, X, y = fitted({}, "codes", rng)
    mixed = np.empty(y.shape, object)
    mixed[:, 0], mixed[:, 1] = y[:, 0], np.array(["a", "b"])[y[:, 1]]
    with pytest.raises(ValueError, match="all text or all whole numbers"):
        skconv.to_onnx(model.fit(X, mixed))


LABELS = {"classes": [0, 1], "dtype": "int64", "multilabel": True}


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        ({"loss": "quantile", "n_outputs": 3, "flat": True}, "quantile must be set"),
        ({"loss": "gaussian", "n_outputs": 3, "flat": True}, "3 outputs cannot be"),
        ({"loss": "gaussian", "n_outputs": 4, "flat": True}, "cannot be flat"),
        ({"columns": []}, "columns of its encoder must be two or more"),
        ({"columns": [{"classes": [1]}, {}]}, "columns of its encoder"),
        ({"columns": [LABELS, LABELS]}, "a column of its encoder must have classes"),
        (
            {"loss": "huber", "n_outputs": 1, "flat": True, "scale": [0.0]},
            "must be positive",
        ),
    ],
)
def test_encoders_that_contradict_themselves_are_refused(encoder, words):
    from skconv.callbacks.fitted import _parse_encoder

    with pytest.raises(ValueError, match=words):
        _parse_encoder(encoder, "float32")
