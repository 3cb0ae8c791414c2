"""What the outputs of ONNX models are: names, types, shapes and values, of every kind."""

import numpy as np
import pytest
from seeds import SEED
from tolerances import assert_same

import skconv
from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)
from skconv.io import onnx_targets
from skconv.io.onnx import estimator_to_onnx
from skconv.layers import Conv1D, Conv2D, Dense

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

X = np.random.default_rng(SEED).random((12, 4, 3, 2)).astype(np.float32)
NUMBER = np.arange(12) ** 2 + 5.0
NUMBERS = np.c_[NUMBER, -1e3 * NUMBER]
CODES = np.arange(12) % 3
COLUMNS = np.stack([CODES, CODES % 2], axis=1)
TEXT = np.array([["x", "1"], ["y", "2"], ["z", "1"]])[CODES]
MASKS = (X[..., 0] > 0.5) * 7
SPREAD = {"loss": "quantile", "quantile": [0.9, 0.1, 0.5]}


def fitted(kind, y, X=X, layers=None, **params):
    layers = layers or [("conv", Conv2D(2, 1)), ("dense", Dense(3))]
    options = {"max_iter": 1, "learning_rate_init": 1e-4, "random_state": SEED}
    model = kind(layers, **options, **params)
    return model.fit(X) if y is None else model.fit(X, y)


@pytest.fixture(autouse=True)
def unconverged(recwarn):
    """A fit of one epoch has not converged, and says so."""


LABELS = "INT64", "FLOAT"
KINDS = {
    "number": (ConvNetRegressor, NUMBER, {}, [("variable", "FLOAT", [1])]),
    "numbers": (ConvNetRegressor, NUMBERS, {}, [("variable", "FLOAT", [2])]),
    "counts": (ConvNetRegressor, NUMBER, {"loss": "poisson", "tta": "flip"}, [("variable", "FLOAT", [1])]),
    "quantile": (ConvNetRegressor, NUMBERS, {"loss": "quantile", "quantile": [0.5]}, [("variable", "FLOAT", [2])]),
    "quantiles": (ConvNetRegressor, NUMBERS, SPREAD, [("variable", "FLOAT", [2, 3])]),
    "quantiles of a number": (ConvNetRegressor, NUMBER, SPREAD, [("variable", "FLOAT", [3])]),
    "deviations": (ConvNetRegressor, NUMBERS, {"loss": "gaussian"}, [("variable", "FLOAT", [2]), ("std", "FLOAT", [2])]),
    "two classes": (ConvNetClassifier, CODES % 2, {}, [("label", "INT64", []), ("probabilities", "FLOAT", [2])]),
    "classes": (ConvNetClassifier, CODES + 5, {"tta": ["flip", "shift"]}, [("label", "INT64", []), ("probabilities", "FLOAT", [3])]),
    "text": (ConvNetClassifier, TEXT[:, 0], {}, [("label", "STRING", []), ("probabilities", "FLOAT", [3])]),
    "labels": (ConvNetClassifier, COLUMNS > 0, {}, [("label", "INT64", [2]), ("probabilities", "FLOAT", [2])]),
    "columns": (ConvNetClassifier, COLUMNS + 4, {}, [("label", "INT64", [2]), ("probabilities", "FLOAT", None)]),
    "columns of text": (ConvNetClassifier, TEXT, {}, [("label", "STRING", [2]), ("probabilities", "FLOAT", None)]),
    "masks": (ConvNetSegmenter, MASKS, {"layers": [Conv2D(2, 1)]}, [("label", "INT64", [4, 3]), ("probabilities", "FLOAT", [4, 3, 2])]),
    "masks of text": (ConvNetSegmenter, MASKS.astype(str), {"layers": [Conv2D(2, 1)], "tta": ["flip", "vertical_flip", "shift"]}, [("label", "STRING", [4, 3]), ("probabilities", "FLOAT", [4, 3, 2])]),
    "images": (ConvNetRegressor, 9 * X[..., 0] + 4, {"layers": [Conv2D(2, 1)], "tta": "shift"}, [("variable", "FLOAT", [4, 3])]),
    "images of counts": (ConvNetRegressor, 9 * X, {"layers": [Conv2D(2, 1)], "loss": "poisson", "tta": "flip"}, [("variable", "FLOAT", [4, 3, 2])]),
    "signals": (ConvNetRegressor, X[:, :, 0] * 3, {"layers": [Conv1D(2, 1)], "X": X[:, :, 0], "tta": "shift"}, [("variable", "FLOAT", [4, 2])]),
    "codes": (ConvNetAutoencoder, None, {"layers": [("code", Dense(2)), Dense(24), skconv.layers.Reshape((4, 3, 2))], "transform_layer": "code"}, [("variable", "FLOAT", [2])]),
}  # fmt: skip


def signature(values):
    found = []
    for value in values:
        kind = value.type.WhichOneof("value")
        tensor = value.type.tensor_type
        if kind == "sequence_type":
            tensor = value.type.sequence_type.elem_type.tensor_type
        sizes = [size.dim_param or size.dim_value for size in tensor.shape.dim]
        sizes = None if kind == "sequence_type" else sizes
        found.append(
            (value.name, onnx.TensorProto.DataType.Name(tensor.elem_type), sizes)
        )
    return found


@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize("case", KINDS)
def test_outputs_have_names_types_shapes_and_the_values_of_predictions(case, image):
    kind, y, params, outputs = KINDS[case]
    model = fitted(kind, y, **params)
    x = params.get("X", X)
    exported = estimator_to_onnx(model, image=image)
    inputs = [("X", "FLOAT", ["n", *(x.shape[1:] if image else [x[0].size])])]
    assert signature(exported.graph.input) == inputs
    assert signature(exported.graph.output) == [
        (name, dtype, sizes if sizes is None else ["n", *sizes])
        for name, dtype, sizes in outputs
    ]
    session = runtime.InferenceSession(exported.SerializeToString())
    given = x if image else x.reshape(len(x), -1)
    found = dict(
        zip(
            [name for name, *_ in outputs], session.run(None, {"X": given}), strict=True
        )
    )
    if "label" in found:
        np.testing.assert_array_equal(found["label"], model.predict(x))
        expected = model.predict_proba(x)
        several = isinstance(expected, list)
        for part, ours in zip(
            *(
                [found["probabilities"], expected]
                if several
                else ([found["probabilities"]], [expected])
            ),
            strict=True,
        ):
            np.testing.assert_allclose(part, ours, atol=1e-5)
        return
    if kind is ConvNetAutoencoder:
        expected = {"variable": model.transform(x)}
    elif "std" in found:
        expected = dict(
            zip(("variable", "std"), model.predict(x, return_std=True), strict=True)
        )
    else:
        expected = {"variable": model.predict(x)}
    for name, ours in expected.items():
        assert_same(found[name].reshape(ours.shape), ours, np.float32)


def test_models_say_who_made_them_and_for_which_opset():
    exported = estimator_to_onnx(fitted(ConvNetClassifier, CODES))
    assert (exported.producer_name, exported.producer_version) == (
        "skconv",
        skconv.__version__,
    )
    assert [(each.domain, each.version) for each in exported.opset_import] == [("", 17)]
    assert exported.ir_version == onnx.helper.find_min_ir_version_for(
        exported.opset_import
    )
    assert exported.graph.name == "ConvNetClassifier"
    assert signature(exported.graph.input) == [("X", "FLOAT", ["n", 24])]
    onnx.checker.check_model(exported, full_check=True)


@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize(("features", "shape"), [(True, (3,)), ("conv", (24,)), ("dense", (3,))])  # fmt: skip
def test_features_are_those_of_a_layer(features, shape, image):
    model = fitted(ConvNetClassifier, CODES)
    exported = estimator_to_onnx(model, image=image, features=features)
    assert signature(exported.graph.output) == [("variable", "FLOAT", ["n", *shape])]
    session = runtime.InferenceSession(exported.SerializeToString())
    (found,) = session.run(None, {"X": X if image else X.reshape(12, -1)})
    model.transform_layer = None if features is True else features
    np.testing.assert_allclose(found, model.transform(X), atol=1e-5)


def test_features_of_a_signals_layer_have_channels_last():
    signals = X[:, :, 0]
    layers = [("conv", Conv1D(3, 2)), ("dense", Dense(3))]
    model = fitted(ConvNetClassifier, CODES, X=signals, layers=layers)
    exported = estimator_to_onnx(model, features="conv")
    session = runtime.InferenceSession(exported.SerializeToString())
    (found,) = session.run(None, {"X": signals.reshape(12, -1)})
    np.testing.assert_allclose(found, model.transform(signals, layer="conv"), atol=1e-5)


LABELS_OF = {
    "text": (np.array(["a", "b"]), ["a", "b"], object),
    "objects": (np.array(["a", "b"], object), ["a", "b"], object),
    "booleans": (np.array([False, True]), [0, 1], np.int64),
    "floats": (np.array([-1.0, 2.0]), [-1, 2], np.int64),
    "unsigned": (np.array([0, 2**63 - 1], np.uint64), [0, 2**63 - 1], np.int64),
    "smallest": (np.array([-(2**63), 3]), [-(2**63), 3], np.int64),
}


@pytest.mark.parametrize(
    ("classes", "labels", "dtype"), LABELS_OF.values(), ids=LABELS_OF
)
def test_labels_are_text_or_whole_numbers(classes, labels, dtype):
    found = onnx_targets.check_labels(classes)
    assert found.tolist() == labels and found.dtype == dtype


OTHER_LABELS = {
    "unsigned": (np.array([0, 2**63], np.uint64), r"got np.uint64\(9223372036854775808\) of dtype uint64"),
    "dates": (np.array(["2020"], "M8[Y]"), r"text or whole numbers below 2\*\*63, got .* of dtype datetime64"),
    "mixed objects": (np.array(["a", 1], object), "got 'a' of dtype object"),
    "fractions": (np.array([0.5, 1]), r"got np.float64\(0.5\)"),
}  # fmt: skip


@pytest.mark.parametrize(("classes", "words"), OTHER_LABELS.values(), ids=OTHER_LABELS)
def test_other_labels_are_refused(classes, words):
    with pytest.raises(ValueError, match=words.replace("np.", r"(np\.)?")):
        onnx_targets.check_labels(classes)


def test_columns_of_text_and_numbers_are_refused():
    y = np.array([["a", 1], ["b", 2]] * 6, object)
    with pytest.raises(
        ValueError, match="got columns of both. Fit with text, or with c"
    ):
        estimator_to_onnx(fitted(ConvNetClassifier, y))


@pytest.mark.parametrize("y", [NUMBER * 1e39, NUMBER * 1e-43, NUMBER * 1e30 + 1e39])
def test_targets_out_of_the_range_of_float32_are_refused(y):
    model = fitted(ConvNetRegressor, y, dtype="float64")
    with pytest.raises(
        ValueError, match="targets of an ONNX model must be in the range"
    ):
        estimator_to_onnx(model)
