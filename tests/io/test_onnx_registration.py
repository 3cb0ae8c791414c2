"""What skl2onnx is told: outputs, their names and shapes, and what is left out."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Dense

pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")

from skl2onnx import _parse  # noqa: E402
from skl2onnx.common import _registration  # noqa: E402

from skconv.io import onnx_pipelines  # noqa: E402

S = StandardScaler
N = 24
X = np.random.default_rng(SEED).random((N, 6))
CLASSES = np.arange(N) % 3
NUMBERS = X[:, 0] - X[:, 1]
PAIRS = np.c_[CLASSES, np.arange(N) % 2]


def fitted(cls, y, **params):
    layers = [Dense(4, "relu")]
    return cls(layers, max_iter=1, random_state=SEED, **params).fit(X, y)


OUTPUTS = {  # estimator, targets, parameters -> name and shape of each output, for 5 rows
    "classes": (ConvNetClassifier, CLASSES, {}, {"label": [5], "probabilities": [5, 3]}),
    "labels": (
        ConvNetClassifier, np.eye(3, dtype=int)[CLASSES][:, :2], {},
        {"label": [5, 2], "probabilities": [5, 2]},
    ),
    "columns": (ConvNetClassifier, PAIRS, {}, {"label": [5, 2], "probabilities": None}),
    "numbers": (ConvNetRegressor, NUMBERS, {}, {"variable": [5, 1]}),
    "pairs": (ConvNetRegressor, X[:, :2], {}, {"variable": [5, 2]}),
    "a quantile": (ConvNetRegressor, NUMBERS, {"loss": "quantile", "quantile": 0.5}, {"variable": [5, 1]}),
    "one quantile of a list": (ConvNetRegressor, X[:, :2], {"loss": "quantile", "quantile": (0.5,)}, {"variable": [5, 2]}),
    "quantiles": (ConvNetRegressor, NUMBERS, {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}, {"variable": [5, 3]}),
    "quantiles of pairs": (ConvNetRegressor, X[:, :2], {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}, {"variable": [5, 2, 3]}),
    "deviations": (ConvNetRegressor, X[:, :2], {"loss": "gaussian"}, {"variable": [5, 2]}),
}  # fmt: skip


def shapes_of(onnx_model):
    """Return {name: shape} of the outputs; a list of arrays has None."""
    return {
        each.name: [size.dim_value for size in each.type.tensor_type.shape.dim]
        if each.type.HasField("tensor_type")
        else None
        for each in onnx_model.graph.output
    }


def outputs_of(model, **options):
    """Return {name: shape} of the outputs for five rows."""
    skconv.register_with_skl2onnx()
    kind = skl2onnx.common.data_types.FloatTensorType([5, 6])
    return shapes_of(skl2onnx.to_onnx(model, initial_types=[("X", kind)], **options))


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_named_and_have_the_shapes_of_five_rows(name):
    cls, y, params, expected = OUTPUTS[name]
    model = fitted(cls, y, **params)
    options = {id(model): {"zipmap": False}} if cls is ConvNetClassifier else {}
    assert outputs_of(model, options=options or None) == expected


def test_features_are_named_and_have_the_shape_of_five_rows():
    model = fitted(ConvNetClassifier, CLASSES)
    options = {id(model): {"features": True}}
    assert outputs_of(model, options=options) == {"variable": [5, 4]}


def test_containers_are_wrapped_once():
    skconv.register_with_skl2onnx()
    allowed = _registration.get_converter("SklearnPipeline").get_allowed_options()
    found = []
    for _ in range(2):
        skconv.register_with_skl2onnx()
        converter = _registration.get_converter("SklearnPipeline")
        assert converter.get_allowed_options() == allowed
        parsers = [_parse.sklearn_parsers_map[kind] for kind in onnx_pipelines._PARTS]
        found.append([converter._fct, *parsers])
    assert found[0] == found[1]
    assert all(function.of_skconv is True for function in found[0])
    assert not any(hasattr(each.__wrapped__, "of_skconv") for each in found[0])


def test_registration_takes_the_place_of_a_converter_without_mark(monkeypatch):
    skconv.register_with_skl2onnx()
    converter = _registration.get_converter("SklearnPipeline")
    # Afterwards the one without the mark, and the mark, are as before.
    monkeypatch.setitem(_registration._converter_pool, "SklearnPipeline", converter)
    monkeypatch.delattr(converter._fct, "of_skconv")
    skconv.register_with_skl2onnx()
    assert _registration.get_converter("SklearnPipeline")._fct.of_skconv is True


# What skl2onnx does not know ---------------------------------------------------------


def steps_of(*steps):
    return [
        type(step).__name__
        for _, step in onnx_pipelines.plain(
            Pipeline([(f"step{i}", step) for i, step in enumerate(steps)])
        ).steps
    ]


@pytest.mark.parametrize("nothing", [None, "passthrough"])
def test_steps_that_do_nothing_are_left_out_but_the_last(nothing):
    scaler, last = "StandardScaler", "FunctionTransformer"
    assert steps_of(nothing, S()) == [scaler]
    assert steps_of(S(), nothing) == [scaler, last]
    assert steps_of(nothing, S(), nothing, nothing) == [scaler, last]
    assert steps_of(nothing) == [last]


def test_dropped_parts_are_left_out_of_a_union():
    union = FeatureUnion([("a", S()), ("b", "drop")])
    assert [name for name, _ in onnx_pipelines.plain(union).transformer_list] == ["a"]


def test_plain_changes_no_model():
    voting = VotingClassifier([("a", fitted(ConvNetClassifier, CLASSES))])
    assert onnx_pipelines.plain(voting).flatten_transform is False
    assert voting.flatten_transform is True
    pipeline = make_pipeline("passthrough", S())
    onnx_pipelines.plain(pipeline)
    assert len(pipeline.steps) == 2


def test_columns_get_numbers():
    pandas = pytest.importorskip("pandas")
    names = [f"pixel {name}" for name in "abcdef"]
    frame = pandas.DataFrame(X, columns=names)
    wrap = FunctionTransformer(lambda column: np.asarray(column)[:, None])
    columns = make_column_transformer(
        (wrap, names[2]), (S(), [names[5], names[1]]), (S(), [0, 3]), (S(), slice(4, 6))
    )
    found = onnx_pipelines.plain(columns.fit(frame)).transformers_
    assert [each for *_, each in found][:4] == [[2], [5, 1], [0, 3], slice(4, 6)]


def test_search_is_its_best_estimator():
    search = SimpleNamespace(best_estimator_=SimpleNamespace(best_estimator_=S()))
    assert type(onnx_pipelines.plain(search)) is S


# What is converted -------------------------------------------------------------------


def converted(model, features=False):
    """Return {name: last size} of the outputs."""
    found = onnx_pipelines.convert(model, 6, image=False, features=features)
    return {name: shape[-1] for name, shape in shapes_of(found).items()}


def test_network_at_the_end_gives_features_where_they_are_asked_for():
    model = make_pipeline(S(), fitted(ConvNetClassifier, CLASSES)).fit(X, CLASSES)
    assert converted(model, features=True) == {"variable": 4}
    assert converted(model) == {"label": 0, "probabilities": 3}


def test_networks_in_a_union_give_features_also_the_last():
    network = fitted(ConvNetClassifier, CLASSES)
    last = make_pipeline(S(), clone(network), S(), clone(network))
    union = FeatureUnion([("first", network), ("scaled", S()), ("last", last)])
    model = make_pipeline(union, S()).fit(X, CLASSES)
    assert converted(model) == {"variable": 4 + 6 + 4}


def test_classifier_without_probabilities_has_a_label_alone():
    model = make_pipeline(fitted(ConvNetClassifier, CLASSES), RidgeClassifier())
    assert [*converted(model.fit(X, CLASSES))] == ["label"]


def test_conversion_gives_no_warning_of_skl2onnx():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        skconv.to_onnx(
            make_pipeline(S(), fitted(ConvNetRegressor, NUMBERS)).fit(X, NUMBERS)
        )
