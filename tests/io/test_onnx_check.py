"""The comparison of ONNX models with the models they were made of."""

import re

import numpy as np
import pytest
from seeds import SEED
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.io import onnx_check, onnx_export, onnx_nodes
from skconv.layers import Conv2D, Dense, Layer, Normalization, Rescaling, Sequential

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def rows(rng):
    X, y = rng.random((60, 36)), np.arange(60) % 3
    X[:, :20] += 0.3 * y[:, np.newaxis]
    return X, y


def net(layers=None, **params):
    params = {"max_iter": 3, "random_state": SEED} | params
    if layers is None:
        params["filters"] = 4
    return ConvNetClassifier(layers, **params)


def refusal(model, **options):
    with pytest.raises(ValueError, match="model cannot be exported to ONNX") as caught:
        skconv.to_onnx(model, **options)
    return str(caught.value)


# What is found -----------------------------------------------------------------------


class Shift(Layer):
    def __init__(self, by=1.0):
        self.by = by

    def predict(self, weights, x):
        return x + np.asarray(self.by, x.dtype)

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {}


@pytest.mark.parametrize("error", [0.5, 1e-3])
def test_wrong_converter_of_a_layer_is_named(error, rows, monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})

    def emit(graph, layer, weights, x, input_shape):
        return graph.node("Add", x, graph.constant(layer.by + error))

    skconv.register_layer(Shift, onnx=emit)
    X, y = rows
    layers = [Conv2D(4), ("shift", Shift(0.5)), Dense(8, "relu")]
    for model in (
        net(layers=layers).fit(X, y),
        ConvNetRegressor(layers, max_iter=3).fit(X, y),
        GridSearchCV(net(layers=layers), {"max_iter": [1, 2]}, cv=2).fit(X, y),
    ):
        words = refusal(model)
        assert "because of layer 'shift' (Shift(by=0.5)): its ONNX model" in words
        assert "features: off by up to" in words
        assert "Save the model with skops or joblib; if the layer is yours" in words
        assert "see register_layer" in words
    pipeline = make_pipeline(StandardScaler(), net(layers=layers), Ridge()).fit(X, y)
    words = refusal(pipeline)
    assert "because of step 'convnetclassifier', layer 'shift' (Shift(" in words


@pytest.mark.parametrize("size", [1, 32])
def test_converter_of_a_fixed_batch_size_is_found(size, rows, monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})

    def emit(graph, layer, weights, x, input_shape):
        h, w, c = input_shape
        shape = graph.constant(np.array([size, c, h, w]))
        return graph.node("Reshape", x, shape)

    skconv.register_layer(Shift, onnx=emit)
    model = net(layers=[Conv2D(4), Shift(0.0)]).fit(*rows)
    assert "onnxruntime cannot run it" in refusal(model)


def test_missing_converter_is_named_in_pipelines(rows, monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})
    block = Sequential([Conv2D(2), ("shift", Shift())])
    pipeline = make_pipeline(StandardScaler(), net(layers=[("block", block)]))
    with pytest.raises(ValueError, match=r"layer 'block\.shift' .* has no converter"):
        skconv.to_onnx(pipeline.fit(*rows))


def test_inputs_too_fine_for_float32_are_named(rows):
    X, y = rows
    X = 1e6 + 1e-3 * X
    model = make_pipeline(StandardScaler(), net()).fit(X, y)
    for given in (None, X):
        words = refusal(model, X=given)
        assert "because of step 'standardscaler', StandardScaler" in words
        assert "if inputs are rounded to float32" in words
        assert words.endswith(
            "Leave the step out, or save the model with skops or joblib"
        )
    nested = make_pipeline(make_pipeline(StandardScaler()), net()).fit(X, y)
    assert "because of step 'pipeline.standardscaler', StandardScaler" in refusal(
        nested
    )


@pytest.mark.parametrize("label", [True, False])
def test_labels_and_probabilities_are_compared(label, rows):
    """Of an ONNX model whose labels, or probabilities, are those of a wrong order."""
    model = net().fit(*rows)
    X = onnx_check.draw_inputs(model)
    right = skconv.to_onnx(model)
    assert onnx_check.find_difference(model, right, X) is None
    wrong = onnx.ModelProto.FromString(right.SerializeToString())
    name = "label" if label else "probabilities"
    (node,) = [node for node in wrong.graph.node if node.output[0] == name]
    if label:
        (gather,) = [n for n in wrong.graph.node if n.output[0] == node.input[0]]
        (classes,) = [c for c in wrong.graph.initializer if c.name == gather.input[0]]
        classes.CopyFrom(
            onnx.numpy_helper.from_array(np.array([2, 1, 0]), classes.name)
        )
    else:
        node.op_type = "Neg"
    words = onnx_check.find_difference(model, wrong, X)
    assert words.startswith("label: " if label else "probabilities: off by up to")


@pytest.mark.parametrize(
    ("steps", "named"),
    [([], "step 'convnetclassifier', ConvNetClassifier"), ([Ridge()], "Pipeline")],
)
def test_predictions_are_compared_of_the_last_step_alone(
    steps, named, rows, monkeypatch
):
    """A network before it gives its features, which may be right where labels are not."""
    model = make_pipeline(StandardScaler(), net(), *steps).fit(*rows)

    def find_difference(part, *args, **options):
        differs = isinstance(part, Pipeline | ConvNetClassifier)
        if differs and not options["features"]:
            return "label: 7 of 9 are others"
        return find(part, *args, **options)

    find = onnx_check.find_difference
    monkeypatch.setattr(onnx_export, "find_difference", find_difference)
    assert f"because of {named}: its ONNX model" in refusal(model)


@pytest.mark.parametrize("steps", [[], [StandardScaler()]])
def test_model_whose_parts_agree_is_named_as_a_whole(steps, rows, monkeypatch):
    """Such as a network whose ONNX model has its labels in another order."""
    model = make_pipeline(*steps, net()).fit(*rows) if steps else net().fit(*rows)

    def find_difference(part, *args, **options):
        if part is model and not options["features"]:
            return "label: 7 of 9 are others"
        return find(part, *args, **options)

    find = onnx_check.find_difference
    monkeypatch.setattr(onnx_export, "plain", lambda model: model)
    monkeypatch.setattr(onnx_export, "find_difference", find_difference)
    words = refusal(model)
    assert f"because of {type(model).__name__}: its ONNX model" in words
    assert "label: 7 of 9 are others. Save the model with skops" in words


def test_labels_of_equal_probability_agree(rows):
    model = net().fit(*rows)
    want, got = np.array([0, 1, 2, 0]), np.array([1, 1, 2, 1])
    scores = np.array([[0.4, 0.4, 0.2], [0, 1, 0], [0, 0, 1], [0.5, 0.5 - 1e-6, 0]])
    compare = onnx_check._compare_labels
    assert compare(model, want, got, want, scores, 4) is None
    assert compare(model, want, got[::-1].copy(), want, scores, 4) is not None
    scores[0] = [0.41, 0.39, 0.2]
    assert compare(model, want, got, want, scores, 4) == "label: 1 of 4 are others"


def test_numbers_are_compared_by_the_range_of_a_target(rng):
    want = np.c_[rng.permutation(9), 1e6 * rng.permutation(9)] / 8
    compare = onnx_check._compare
    assert compare("variable", want, want + 1e-6 * want, want, 9) is None
    off = np.zeros_like(want)
    off[0, 0] = 1e-3
    assert compare("variable", want, want + off, want, 9).startswith("variable: off by")
    moved = want + off / 3  # the model's own predictions, if inputs are rounded
    assert compare("variable", want, want + off / 2, moved, 9) is None
    assert compare("variable", want, want[:, :1], want, 9) == (
        "variable: 1 numbers a row instead of 2"
    )
    jumped = want + 500 * off  # of one input
    assert compare("variable", want, jumped, jumped, 9) is None


# Which inputs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), net()),
        make_pipeline(make_pipeline(MinMaxScaler(), net())),
        GridSearchCV(make_pipeline(StandardScaler(), net()), {}, cv=2),
        net(layers=[Normalization(), Conv2D(2)]),
        net(layers=[Rescaling(1 / 300, offset=-10.0), Conv2D(2)]),
    ],
    ids=["scaler", "nested", "search", "Normalization", "Rescaling"],
)
def test_drawn_inputs_have_the_size_of_the_training_data(model, rows):
    X, y = rows
    X = 3000 + 300 * X
    drawn = onnx_check.draw_inputs(model.fit(X, y))
    assert drawn.shape == (32, 36)
    assert 2500 < drawn.mean() < 3800
    assert 50 < drawn.std() < 1000
    skconv.to_onnx(model)


def test_drawn_inputs_reach_several_classes(rows):
    model = net().fit(*rows)
    drawn = onnx_check.draw_inputs(model)
    X = onnx_check.add_boundary(model, drawn, onnx_check.predict(model, drawn))
    pairs = model.predict(X)[len(drawn) :].reshape(2, -1)
    assert (pairs[0] != pairs[1]).all()


def test_large_images_are_few(rng):
    X, y = rng.random((6, 96, 96, 3), np.float32), np.arange(6) % 2
    model = net(layers=[Conv2D(2, stride=8)], max_iter=1).fit(X, y)
    assert len(onnx_check.draw_inputs(model)) <= 8


def test_given_inputs_are_used(rows):
    X, y = rows
    codes = np.c_[y, y % 2]
    model = make_pipeline(
        OneHotEncoder(sparse_output=False),
        ConvNetClassifier([Dense(4)], input_shape=(1, 5), max_iter=2),
    ).fit(codes, y)
    words = "X must be some inputs .* this Pipeline cannot predict random ones"
    with pytest.raises(ValueError, match=words):
        skconv.to_onnx(model)
    skconv.to_onnx(model, X=codes[:9])
    images = X.reshape(-1, 6, 6)
    model = net().fit(images, y)
    for image in (False, True):
        for given in images[:9], images[:9, ..., np.newaxis], X[:1], X[:3].tolist():
            skconv.to_onnx(model, image=image, X=given)
    skconv.to_onnx(make_pipeline(net(), Ridge()).fit(images, y), X=images[:9])
    with pytest.raises(ValueError, match="X has 5 features"):
        skconv.to_onnx(model, X=X[:, :5])


def test_a_search_is_its_best_estimator(rows):
    X, y = rows
    model = GridSearchCV(net(), {"max_iter": [1, 2]}, cv=2).fit(X, y)
    shape = skconv.to_onnx(model, image=True).graph.input[0].type.tensor_type.shape
    assert [axis.dim_value for axis in shape.dim] == [0, 6, 6, 1]


def test_nothing_is_compared_without_onnxruntime(rows, monkeypatch):
    monkeypatch.setattr(onnx_export, "has_runtime", lambda: False)
    monkeypatch.setattr(onnx_export, "find_difference", None)
    monkeypatch.setitem(onnx_nodes.EMIT, "Flatten", lambda *args: args[3])
    X, y = rows
    for model in net().fit(X, y), make_pipeline(net(), Ridge()).fit(X, y):
        assert isinstance(skconv.to_onnx(model), onnx.ModelProto)


# Labels ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[D]"),
        np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[ns]"),
        np.array([1, 2, 3], "m8[s]"),
        np.array([1, 2, 2**63], np.uint64),
    ],
    ids=lambda classes: str(classes.dtype),
)
def test_labels_that_onnx_lacks_are_refused(classes, rows):
    X, y = rows
    words = "labels of an ONNX model are text or whole numbers below 2**63, got "
    for model in net(), make_pipeline(StandardScaler(), net()):
        model.fit(X, classes[y])
        with pytest.raises(ValueError, match=re.escape(words)):
            skconv.to_onnx(model)


def test_large_labels_that_other_packages_cut_off_are_refused(rows):
    ensemble = pytest.importorskip("sklearn.ensemble")
    X, y = rows
    model = ensemble.BaggingClassifier(net(), n_estimators=2).fit(X, y + 2**40)
    assert "because of BaggingClassifier: its ONNX model" in refusal(model)
