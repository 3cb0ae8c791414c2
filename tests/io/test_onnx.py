"""ONNX models: what onnxruntime makes of them is what we predict."""

import re
import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, layers, ops
from skconv.io import onnx
from skconv.io import onnx_nodes as nodes
from skconv.layers import (
    Activation,
    AvgPool1D,
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    HandcraftedConv1D,
    Layer,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Normalization,
    PReLU,
    Rescaling,
    Reshape,
    Residual,
    SeparableConv2D,
    Sequential,
    SpatialDropout1D,
    SpatialDropout2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

onnx_package = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

# One layer or block each; what it is for is images (9, 8, 3) or signals (20, 3).
IMAGES = [
    [Conv2D(4, (3, 2), activation="relu")],
    [Conv2D(6, 3, stride=(2, 3), padding="valid", groups=3, activation="gelu")],
    [Conv2D(4, 3, padding=((2, 0), (1, 3)), dilation=2, use_bias=False)],
    *([Conv2D(4, activation=name)] for name in ops.ACTIVATIONS),
    *([Dense(5), Activation(name)] for name in ops.ACTIVATIONS),
    [MaxPool2D(2), MaxPool2D((3, 2), stride=1, padding="same")],
    [MaxPool2D(3, stride=2, padding=((0, 2), (1, 0)))],
    [AvgPool2D((2, 3)), AvgPool2D(3, stride=2, padding="same")],
    [AvgPool2D(3, stride=2, padding=((2, 1), (0, 1)))],
    [Conv2D(4), GlobalAvgPool2D()],
    [Conv2D(4), GlobalMaxPool2D(), Dense(3, "tanh", use_bias=False)],
    [Conv2D(4), Dropout(0.5), Flatten(), Dense(7, "relu"), Dropout(0.2)],
    [Conv2D(4), SpatialDropout2D(0.3), Activation("elu")],
    [DepthwiseConv2D(3, stride=2, depth_multiplier=2, activation="relu")],
    [DepthwiseConv2D((1, 2), padding=(0, 1), dilation=2, use_bias=False)],
    [SeparableConv2D(5, 2, stride=(1, 2), depth_multiplier=2, activation="tanh")],
    [SeparableConv2D(4, padding="valid", use_bias=False)],
    [Rescaling(0.5, offset=-1)],
    [Conv2D(4), BatchNorm(epsilon=0.01, activation="gelu")],
    [Dense(5), BatchNorm(center=False), BatchNorm(scale=False)],
    [Normalization(), Conv2D(4)],
    [Flatten(), Normalization()],
    [LayerNorm()],
    [LayerNorm((1, 2, 3), scale=False)],
    [LayerNorm((-3, 2), epsilon=0.1, center=False)],
    [LayerNorm((1, 3))],
    [Flatten(), LayerNorm(1, center=False, scale=False)],
    [PReLU()],
    [Conv2D(4), PReLU((1, 2), initial_alpha=-0.5)],
    [Dense(6), PReLU()],
    [Sequential([Conv2D(4), ("pool", MaxPool2D())])],
    [Residual([Conv2D(3, activation="relu"), Conv2D(3)], activation="gelu")],
    [Residual([Conv2D(4, stride=2)], [Conv2D(4, 1), MaxPool2D(2, padding="same")])],
    [Branches([Conv2D(2, 1), ("wide", [Conv2D(3, 5), PReLU()]), Activation(None)])],
    [Branches([[Residual([Conv2D(3)]), Flatten()], GlobalMaxPool2D(), Dense(3)])],
    [Conv2DTranspose(4, 3, stride=2, activation="relu")],
    [Conv2DTranspose(4, (2, 3), stride=(3, 2), padding="valid", use_bias=False)],
    [Conv2DTranspose(4, 3, stride=2, padding=((1, 0), (2, 1)), output_padding=1)],
    [Conv2DTranspose(2, dilation=2), Conv2DTranspose(3, 2, stride=2, output_padding=1)],
    [Conv2DTranspose(4, 2, stride=2), BatchNorm(activation="relu")],
    [UpSampling2D((2, 3)), MaxPool2D((2, 3))],
    [UpSampling2D((2, 3), interpolation="bilinear"), Conv2D(3)],
    [ZeroPadding2D(((0, 2), (1, 0))), Conv2D(3, padding="valid"), Cropping2D((1, 2))],
    [Reshape((-1, 4)), Conv1D(3), Reshape((6, 9, -1)), Conv2D(2)],
    [Dense(24), Reshape((2, 3, 4)), Conv2DTranspose(3, 3), Flatten(), Dense(4)],
    [Branches([Activation(None), [MaxPool2D(3, padding="same"), Conv2D(3),
                                  UpSampling2D(3), Cropping2D(((0, 0), (0, 1)))]])],
]  # fmt: skip
SIGNALS = [
    [Conv1D(4, 4, padding="causal", dilation=2, activation="relu")],
    [Conv1D(6, 3, stride=2, groups=3, padding=(0, 2), activation="gelu")],
    [HandcraftedConv1D((2, 4, 6)), Conv1D(4, 40)],
    [Conv1D(4), MaxPool1D(3, stride=2, padding="same"), LayerNorm()],
    [Conv1D(4), AvgPool1D(3, stride=2, padding=(2, 1)), Flatten(), Dense(4)],
    [Conv1D(4), PReLU(1), MaxPool1D(), GlobalAvgPool1D()],
    [Conv1D(4), SpatialDropout1D(0.5), AvgPool1D(2), GlobalMaxPool1D()],
    [Conv1DTranspose(4, 3, stride=2, activation="tanh"), Cropping1D((1, 2))],
    [Conv1DTranspose(4, 2, stride=3, padding="valid"), UpSampling1D(3)],
    [ZeroPadding1D((0, 3)), Conv1DTranspose(2, 4, padding=1, dilation=2)],
]  # fmt: skip


def run(onnx_model, X):
    """Return the outputs by name, of a model that holds to the standard."""
    onnx_package.checker.check_model(onnx_model, full_check=True)
    read = {name for node in onnx_model.graph.node for name in node.input}
    assert {each.name for each in onnx_model.graph.initializer} <= read
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(
        onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    X = np.asarray(X, np.float32)
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


def randomize(model):
    """Let no weight be 0 or 1, as first ones are."""
    rng = np.random.default_rng(SEED + 1)
    for name, array in model.network_.arrays.items():
        low = 0.5 if name.endswith("variance") else -0.5
        array += rng.uniform(low, 0.5, array.shape)
    return model


def assert_agrees(model, X, outputs):
    np.testing.assert_allclose(
        outputs["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5
    )
    np.testing.assert_array_equal(outputs["label"], model.predict(X))


@pytest.mark.parametrize("block", IMAGES + SIGNALS, ids=repr)
def test_onnx_of_each_layer_agrees(block, rng):
    image = (IMAGES + SIGNALS).index(block) % 2 == 0  # else rows
    shape = (20, 3) if block in SIGNALS else (9, 8, 3)
    X, y = rng.random((12, *shape), np.float32), np.arange(12) % 3
    model = ConvNetClassifier(block, max_iter=1, random_state=SEED).fit(X, y)
    randomize(model)
    outputs = run(skconv.to_onnx(model, image=image), X if image else X.reshape(12, -1))
    assert_agrees(model, X, outputs)


def test_onnx_table_has_every_layer():
    shown = {type(layer) for block in IMAGES + SIGNALS for layer in block}
    for name in layers.__all__:
        if name not in ("Composite", "Layer"):
            assert name in nodes.EMIT
            assert getattr(layers, name) in shown


@pytest.mark.parametrize("name", [*ops.ACTIVATIONS, None, "exp"])
def test_onnx_table_has_every_activation(name):
    assert name in nodes.ACTIVATIONS


@pytest.mark.parametrize(
    "classes",
    [[0, 1, 2], [-7, 2**40, 3], ["b", "ä", "a"], [False, True, True], ["n", "y", "y"],
     np.array(["u", "v", "w"], object), np.array([1.0, 2.0, 5.0], np.float32)],
    ids=str,
)  # fmt: skip
def test_onnx_labels_agree(classes, rng):
    X, y = rng.random((30, 6, 6)), np.asarray(classes)[np.arange(30) % 3]
    model = ConvNetClassifier(filters=4, max_iter=2, random_state=SEED).fit(X, y)
    onnx_model = skconv.to_onnx(model)
    for n in 30, 1, 0:  # any number of rows
        outputs = run(onnx_model, X.reshape(30, -1)[:n])
        assert list(outputs) == ["label", "probabilities"]
        if n:
            assert_agrees(model, X[:n], outputs)
        assert outputs["label"].shape == (n,)
        assert outputs["label"].dtype == (object if y.dtype.kind in "UO" else np.int64)


def test_onnx_multilabel_agrees(rng):
    X, y = rng.random((30, 6, 6)), rng.integers(0, 2, (30, 4))
    model = ConvNetClassifier(filters=4, max_iter=2, random_state=SEED).fit(X, y)
    for onnx_model in skconv.to_onnx(model), skconv.to_onnx(make_pipeline(model)):
        assert_agrees(model, X, run(onnx_model, X.reshape(30, -1)))


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
@pytest.mark.parametrize("n_targets", [None, 1, 3])
def test_onnx_regressors_agree(loss, n_targets, rng):
    X, y = rng.random((30, 6, 6)), rng.random((30, n_targets) if n_targets else 30)
    model = ConvNetRegressor(filters=4, max_iter=2, loss=loss, dtype="float64").fit(
        X, y
    )
    onnx_model = skconv.to_onnx(model, image=True)
    (name,), (output,) = zip(*run(onnx_model, X[..., None]).items(), strict=True)
    assert name == "variable"
    assert output.shape == (30, n_targets or 1)
    expected = model.predict(X).reshape(output.shape)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-5)


# Pipelines ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_onnx_has_the_scale_of_targets(loss, rng):
    X = rng.random((60, 36)).astype(np.float32)
    y = np.c_[1e5 + 1e3 * X.mean(axis=1), X[:, 0] / 1e3]
    model = ConvNetRegressor(filters=4, max_iter=3, random_state=SEED, loss=loss)
    output = run(skconv.to_onnx(model.fit(X, y)), X)["variable"]
    np.testing.assert_allclose(output, model.predict(X), rtol=1e-5, atol=1e-8)


@pytest.fixture
def rows(rng):
    return rng.random((60, 36)).astype(np.float32), np.arange(60) % 3


@pytest.mark.parametrize("size", [1e40, 1e-50])
def test_targets_beyond_float32_are_refused(size, rng):
    X = rng.random((20, 4, 4))
    reg = ConvNetRegressor(filters=(2,), max_iter=1).fit(X, size * X.sum(axis=(1, 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="must be in the range of float32, got"):
            skconv.to_onnx(reg)


@pytest.mark.parametrize("tta", ["flip", "shift", ["vertical_flip", "flip", "shift"]])
@pytest.mark.parametrize("kind", [ConvNetClassifier, ConvNetRegressor])
def test_onnx_averages_over_views(kind, tta, rng):
    X = rng.random((30, 5, 6, 2), np.float32)
    loss = {"loss": "poisson"} if kind is ConvNetRegressor else {}
    model = kind([Conv2D(4), Flatten()], max_iter=1, random_state=SEED, tta=tta, **loss)
    model.fit(X, np.arange(30) % 3)
    outputs = run(skconv.to_onnx(model, image=True), X)
    predict = model.predict_proba if kind is ConvNetClassifier else model.predict
    np.testing.assert_allclose(
        np.squeeze([*outputs.values()][-1]), predict(X), atol=1e-5
    )


def test_onnx_averages_over_views_of_signals(rng):
    X = rng.random((30, 9, 2), np.float32)
    layers = [Conv1D(4), GlobalAvgPool1D()]
    model = ConvNetClassifier(
        layers, max_iter=1, random_state=SEED, tta=["flip", "shift"]
    )
    model.fit(X, np.arange(30) % 2)
    assert_agrees(model, X, run(skconv.to_onnx(model, image=True), X))


@pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"], [True, False, False]])
def test_onnx_pipelines_agree(names, rows):
    pytest.importorskip("skl2onnx")
    X, y = rows[0], np.array(names)[rows[1]]
    clf = ConvNetClassifier(filters=4, max_iter=3, random_state=SEED)
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    outputs = run(skconv.to_onnx(pipeline), X)
    assert list(outputs) == ["label", "probabilities"]
    assert_agrees(pipeline, X, outputs)


def test_onnx_regression_pipelines_agree(rows):
    pytest.importorskip("skl2onnx")
    X, y = rows
    model = ConvNetRegressor(
        [Conv2D(3), Dense(4, "gelu")], max_iter=3, random_state=SEED
    )
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    output = run(skconv.to_onnx(pipeline), X)["variable"]
    np.testing.assert_allclose(output[:, 0], pipeline.predict(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_onnx_of_estimators_inside_others_agrees(n_classes, rows):
    """Calibration is of what `decision_function` gives, "raw_scores" of skl2onnx."""
    pytest.importorskip("skl2onnx")
    X, y = rows[0], rows[1] % n_classes
    clf = ConvNetClassifier(filters=2, max_iter=2, random_state=SEED)
    model = CalibratedClassifierCV(clf, cv=2, method="sigmoid").fit(X, y)
    assert_agrees(model, X, run(skconv.to_onnx(model), X))


def test_options_of_skl2onnx_are_followed(rows):
    skl2onnx = pytest.importorskip("skl2onnx")
    X, y = rows
    clf = ConvNetClassifier(filters=2, max_iter=2, random_state=SEED)
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, np.array(["a", "b", "c"])[y])
    skconv.register_with_skl2onnx()
    onnx_model = skl2onnx.to_onnx(pipeline, X[:1], target_opset=18)
    outputs = run(onnx_model, X)
    proba = pipeline.predict_proba(X)
    assert list(outputs) == ["output_label", "output_probability"]
    np.testing.assert_allclose(
        [list(row.values()) for row in outputs["output_probability"]], proba, atol=1e-5
    )
    options = {"zipmap": False, "nocl": True}
    outputs = run(skl2onnx.to_onnx(pipeline, X[:1], options={id(clf): options}), X)
    np.testing.assert_array_equal(outputs["label"], proba.argmax(axis=1))
    wide = skl2onnx.to_onnx(pipeline, X[:1].astype(float), options={"zipmap": False})
    assert wide.graph.output[1].type.tensor_type.elem_type == 11  # double


# Custom layers, and errors ------------------------------------------------------------


class Shift(Layer):
    def __init__(self, by=1.0):
        self.by = by

    def predict(self, weights, x):
        return x + np.asarray(self.by, x.dtype)

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {}


def test_custom_layer_needs_a_converter(rng, monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})
    X, y = rng.random((12, 6, 6)), np.arange(12) % 3
    block = Sequential([Conv2D(2), ("shift", Shift(0.5))])
    model = ConvNetClassifier([("block", block)], max_iter=1).fit(X, y)
    for register in (lambda: None, lambda: skconv.register_layer(Shift)):
        register()
        words = "layer 'block.shift' (Shift(by=0.5)) has no converter to ONNX. Register"
        with pytest.raises(ValueError, match=re.escape(words)):
            skconv.to_onnx(model)

    def emit(graph, layer, weights, x, input_shape):
        return graph.node("Add", x, graph.constant(float(layer.by)))

    skconv.register_layer(Shift, onnx=emit)
    assert_agrees(model, X, run(skconv.to_onnx(model), X.reshape(12, -1)))


def test_to_onnx_checks_its_arguments(rows, monkeypatch):
    X, y = rows
    model = ConvNetClassifier(filters=2, max_iter=1)
    with pytest.raises(ValueError, match="not fitted"):
        skconv.to_onnx(model)
    pipeline = make_pipeline(model).fit(X, y)
    with pytest.raises(ValueError, match="image=True is for .* so does Pipeline"):
        skconv.to_onnx(pipeline, image=True)

    def missing(name):
        raise ImportError(f"no {name}")

    monkeypatch.setattr(onnx, "__import__", missing, raising=False)
    with pytest.raises(ImportError, match=r'needs onnx: pip install "skconv\[onnx\]"'):
        skconv.to_onnx(model)
    with pytest.raises(ImportError, match="needs skl2onnx"):
        skconv.to_onnx(pipeline)
