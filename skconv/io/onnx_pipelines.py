"""Estimators of skconv within those of scikit-learn, converted by skl2onnx."""

import copy
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from ..estimators import ConvNetAutoencoder, ConvNetClassifier, ConvNetRegressor
from ..estimators.base import BaseConvNet
from .onnx import (
    check_labels,
    emit_estimator,
    emit_features,
    estimator_to_onnx,
    import_package,
)
from .onnx_nodes import Graph

__all__ = ["convert", "plain", "register_with_skl2onnx"]

# Estimators that transform with others -> the attribute that lists them.
_PARTS = {
    Pipeline: "steps",
    FeatureUnion: "transformer_list",
    ColumnTransformer: "transformers_",
}
_CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}
_FEATURES = "SkconvFeatures"
# The last that all of skl2onnx's converters know.
_OPSET_ML = 3


def plain(model: Any) -> Any:
    """Return a fitted model without what skl2onnx does not know.

    A search is replaced by its best estimator, steps ``"passthrough"`` and ``"drop"``
    are left out or replaced, and columns get numbers. Arrays are shared.
    """
    if hasattr(model, "best_estimator_"):
        return plain(model.best_estimator_)
    if isinstance(model, VotingClassifier):
        model = copy.copy(model)
        model.flatten_transform = False  # no other value is known; of transform only
    kind = next((kind for kind in _PARTS if isinstance(model, kind)), None)
    if kind is None:
        return model
    old, parts = getattr(model, _PARTS[kind]), []
    for i, (name, part, *columns) in enumerate(old):
        if kind is Pipeline and part in (None, "passthrough"):
            if i < len(old) - 1:
                continue
            part = FunctionTransformer()
        if kind is ColumnTransformer:
            columns = [_numbers(model, columns[0])]
        if kind is ColumnTransformer or not isinstance(part, str):
            parts.append((name, plain(part), *columns))
    model = copy.copy(model)
    setattr(model, _PARTS[kind], parts)
    return model


def _numbers(model, columns):
    """Return the numbers of columns that have names."""
    names = [columns] if isinstance(columns, str) else columns
    if isinstance(names, slice) or not all(isinstance(name, str) for name in names):
        return columns
    known = list(model.feature_names_in_)
    return [known.index(name) for name in names]


def convert(model: Any, n_features: int, *, image: bool, features: str | bool) -> Any:
    """Return a fitted model, without what `plain` replaces, as an ONNX model.

    Parameters
    ----------
    model : estimator
    n_features : int
        Of a row.
    image : bool
        Whether the inputs of an estimator of skconv are images.
    features : str or bool
        Whether to convert `transform`; of an estimator of skconv, the layer's name.
    """
    if isinstance(model, BaseConvNet):
        return estimator_to_onnx(model, image=image, features=features)
    skl2onnx = import_package("skl2onnx")
    register_with_skl2onnx()
    options: dict[int, dict[str, bool]] | None = None
    if features:
        options = {id(each): {"features": True} for each in _networks(model)}
    elif is_classifier(model):
        options = _without_zipmap(model)
    rows = skl2onnx.common.data_types.FloatTensorType([None, n_features])
    opset = skl2onnx.proto.get_latest_tested_opset_version()
    with warnings.catch_warnings():  # such as of attributes that it should not use
        warnings.simplefilter("ignore")
        onnx_model = skl2onnx.to_onnx(
            model,
            initial_types=[("X", rows)],
            options=options or None,
            target_opset={"": opset, "ai.onnx.ml": _OPSET_ML},
        )
    if is_classifier(model) and not features and not hasattr(model, "predict_proba"):
        del onnx_model.graph.output[1:]  # scores in an order of their own
    return onnx_model


def _without_zipmap(model):
    """Return the options with which probabilities are an array."""
    from skl2onnx import _supported_operators
    from skl2onnx.common import _registration

    last = model
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    alias = _supported_operators.sklearn_operator_name_map.get(type(last))
    known = alias and _registration.get_converter(alias).get_allowed_options()
    return (
        {id(model): {"zipmap": False}} if "zipmap" in (known or {}) else {id(last): {}}
    )


# Registration ------------------------------------------------------------------------


def register_with_skl2onnx() -> None:
    """Let skl2onnx convert the estimators of skconv, in pipelines, too.

    `to_onnx` calls it. Call it before ``skl2onnx.to_onnx``, which then knows its
    options ``zipmap``, ``nocl``, ``output_class_labels`` and ``raw_scores`` for them,
    and ``features``: whether an estimator returns what `transform` does. That is so by
    default for one that transforms: before the last step of a Pipeline, in a
    FeatureUnion or a ColumnTransformer. Nothing checks what skl2onnx returns, as
    `to_onnx` does.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    skl2onnx = import_package("skl2onnx")
    from skl2onnx.common import _registration

    features = {"features": [True, False]}
    for cls, shapes, options in (
        (ConvNetClassifier, _classifier_shapes, _CLASSIFIER_OPTIONS | features),
        (ConvNetRegressor, _regressor_shapes, features),
        (ConvNetAutoencoder, _features_shapes, features),
    ):
        skl2onnx.update_registered_converter(
            cls,
            f"Skconv{cls.__name__}",
            shapes,
            _convert_estimator,
            parser=_parse_estimator,
            options=options,
        )
    _registration.register_converter(_FEATURES, _convert_features, overwrite=True)
    _registration.register_shape_calculator(_FEATURES, _features_shapes, overwrite=True)
    _register_containers()


def _register_containers():
    """Let skl2onnx parse what transforms with others in the knowledge of features."""
    from skl2onnx import _parse
    from skl2onnx.common import _registration

    for kind in _PARTS:
        parse = _parse.sklearn_parsers_map[kind]
        if not hasattr(parse, "of_skconv"):
            _parse.update_registered_parser(kind, _parse_container(parse))
    converter = _registration.get_converter("SklearnPipeline")
    if not hasattr(converter._fct, "of_skconv"):
        _registration.register_converter(
            "SklearnPipeline",
            _convert_container(converter._fct),
            overwrite=True,
            options=converter.get_allowed_options(),
        )


def _mark(function):
    function.of_skconv = True
    return function


def _parse_container(original):
    @functools.wraps(original)
    def parse(scope, model, inputs, custom_parsers=None):
        _choose_features(scope, model)
        return original(scope, model, inputs, custom_parsers=custom_parsers)

    return _mark(parse)


def _convert_container(original):
    """Wrap the converter of a pipeline within another estimator, such as a bagging."""

    @functools.wraps(original)
    def convert_pipeline(scope, operator, container):
        _choose_features(scope, operator.raw_operator)
        return original(scope, operator, container)

    return _mark(convert_pipeline)


def _choose_features(scope, model):
    """Set the option of the estimators of skconv that transform in `model`."""
    kind = next(kind for kind in _PARTS if isinstance(model, kind))
    parts = [part for _, part, *_ in getattr(model, _PARTS[kind])]
    for part in parts[:-1] if kind is Pipeline else parts:
        for network in _networks(part):
            scope.add_options(id(network), {"features": True})


def _networks(part: Any) -> Iterator[BaseConvNet]:
    """Yield the estimator of skconv whose features a transformer returns, if any."""
    if isinstance(part, BaseConvNet):
        yield part
    elif isinstance(part, Pipeline):
        yield from _networks(part.steps[-1][1])
    elif hasattr(part, "best_estimator_") and [*_networks(part.best_estimator_)]:
        raise ValueError(
            f"skl2onnx converts the predictions of a {type(part).__name__}, but its "
            "features are needed here: replace it by its best_estimator_"
        )


def _parse_estimator(scope, model, inputs, custom_parsers=None):
    """Declare the outputs: skl2onnx's for an estimator, or features."""
    from skl2onnx import _parse

    transforms = not hasattr(model, "predict")
    if transforms or scope.get_options(model, {"features": False})["features"]:
        operator = scope.declare_local_operator(_FEATURES, model)
        operator.inputs = inputs
        kind = _parse.guess_tensor_type(inputs[0].type)
        operator.outputs.append(scope.declare_local_variable("variable", kind))
        return operator.outputs
    parse = _parse._parse_sklearn_simple_model
    if is_classifier(model) and isinstance(model.classes_, list):
        return _parse_columns(scope, model, inputs)
    if is_classifier(model):
        parse = _parse._parse_sklearn_classifier
    return parse(scope, model, inputs, custom_parsers=custom_parsers)


def _parse_columns(scope, model, inputs):
    """Declare the outputs of several columns of classes: probabilities are a list."""
    from skl2onnx import _parse
    from skl2onnx.common import data_types

    is_text = check_labels(model.classes_[0]).dtype == object
    label = data_types.StringTensorType if is_text else data_types.Int64TensorType
    kind = data_types.SequenceType(_parse.guess_tensor_type(inputs[0].type))
    operator = scope.declare_local_operator(f"Skconv{type(model).__name__}", model)
    operator.inputs = inputs
    for name, each in (("label", label()), ("probabilities", kind)):
        operator.outputs.append(scope.declare_local_variable(name, each))
    return operator.outputs


def _classifier_shapes(operator):
    from skl2onnx.common import data_types, shape_calculator

    classes = operator.raw_operator.classes_
    if isinstance(classes, list):
        n = operator.inputs[0].get_first_dimension()
        operator.outputs[0].type.shape = [n, len(classes)]
        return
    shape_calculator.calculate_linear_classifier_output_shapes(operator)
    model = operator.raw_operator
    if model._encoder.multilabel:
        n = operator.inputs[0].get_first_dimension()
        shape = [n, len(model.classes_)]
        operator.outputs[0].set_type(data_types.Int64TensorType(shape))


def _regressor_shapes(operator):
    n = operator.inputs[0].get_first_dimension()
    encoder = operator.raw_operator._encoder
    sizes = [encoder.n_targets]
    if isinstance(encoder.quantile, tuple) and encoder.per_target > 1:
        sizes = [encoder.per_target] if encoder.flat else [*sizes, encoder.per_target]
    operator.outputs[0].type.shape = [n, *sizes]


def _features_shapes(operator):
    n = operator.inputs[0].get_first_dimension()
    n_features = len(operator.raw_operator.get_feature_names_out())
    operator.outputs[0].type.shape = [n, n_features]


# Conversion --------------------------------------------------------------------------


def _convert_estimator(scope, operator, container):
    """Add the nodes of an estimator to skl2onnx's container."""
    from skl2onnx.common import utils_classifier

    graph, model = _graph(scope, container), operator.raw_operator
    options = {}
    if isinstance(model, ConvNetClassifier):
        classes = utils_classifier.get_label_classes(scope, model)
        options = {
            "classes": classes if isinstance(classes, list) else np.asarray(classes),
            "raw": scope.get_options(model, {"raw_scores": False})["raw_scores"],
        }
    x = _join_inputs(graph, operator)
    _assign_outputs(
        scope, operator, container, emit_estimator(graph, model, x, **options)
    )


def _convert_features(scope, operator, container):
    graph = _graph(scope, container)
    x = _join_inputs(graph, operator)
    _assign_outputs(
        scope, operator, container, emit_features(graph, operator.raw_operator, x)
    )


def _graph(scope, container):
    from onnx import numpy_helper
    from skl2onnx.proto import onnx_proto

    kinds = {"f": "FLOAT", "i": "INT64", "O": "STRING"}

    def add_constant(name, array):
        kind = getattr(onnx_proto.TensorProto, kinds[array.dtype.kind])
        if kinds[array.dtype.kind] == "STRING":
            values = [text.encode() for text in array.ravel()]
        else:  # a list of millions of weights would take seconds
            values = numpy_helper.from_array(array)
        container.add_initializer(name, kind, list(array.shape), values)

    def add_node(op, inputs, outputs, attributes):
        name = scope.get_unique_operator_name(op)
        container.add_node(op, inputs, outputs, name=name, **attributes)

    return Graph(scope.get_unique_variable_name, add_node, add_constant)


def _join_inputs(graph, operator):
    """Return the inputs, of which a model may have several, as one of float32."""
    from skl2onnx.proto import onnx_proto

    float32 = onnx_proto.TensorProto.FLOAT
    inputs = [graph.node("Cast", x.full_name, to=float32) for x in operator.inputs]
    return graph.node("Concat", *inputs, axis=1) if len(inputs) > 1 else inputs[0]


def _assign_outputs(scope, operator, container, emitted):
    from skl2onnx.common import data_types
    from skl2onnx.proto import onnx_proto

    # All but the standard deviations of a regressor, of which skl2onnx knows nothing.
    for (tensor, *_), output in zip(emitted.values(), operator.outputs, strict=False):
        name, to = scope.get_unique_operator_name("Identity"), {}
        if isinstance(output.type, data_types.DoubleTensorType):
            to = {"to": onnx_proto.TensorProto.DOUBLE}
        op = "Cast" if to else "Identity"
        container.add_node(op, [tensor], [output.full_name], name=name, **to)
