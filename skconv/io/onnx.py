"""Fitted estimators and pipelines as ONNX models."""

import itertools
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._version import __version__
from ..estimators import ConvNetClassifier, ConvNetRegressor
from ..estimators.base import BaseConvNet
from .onnx_nodes import Graph, emit_activation, emit_chain

__all__ = ["register_with_skl2onnx", "to_onnx"]

# The first with LayerNormalization; all other nodes are older.
OPSET = 17

_INSTALL = 'pip install "skconv[onnx]"'


def to_onnx(model: Any, *, image: bool = False) -> Any:
    """Return a fitted estimator, or a pipeline that ends in one, as an ONNX model.

    Parameters
    ----------
    model : ConvNetClassifier, ConvNetRegressor, or a scikit-learn estimator with one
        Fitted. skl2onnx converts those that are not of skconv.
    image : bool, default=False
        Whether the model's input ``X`` is images (n, h, w, c), or signals (n, l, c),
        instead of rows (n, n_features). It is in float32, with any n, in both cases.

    Returns
    -------
    onnx_model : onnx.ModelProto
        ``onnx_model.SerializeToString()`` returns the contents of a file. Its outputs
        have skl2onnx's names: of a classifier ``label`` (n,), int64 or str, and
        ``probabilities`` (n, n_classes); of a regressor ``variable`` (n, n_targets).
        For a multilabel problem ``label`` is (n, n_labels). It computes in float32.

    Raises
    ------
    ImportError
        If onnx, or for a pipeline skl2onnx, is not installed.
    ValueError
        If a custom layer was not registered with a converter (see `register_layer`).

    Examples
    --------
    >>> import numpy as np
    >>> import skconv
    >>> X, y = np.random.default_rng(0).random((20, 8, 8)), np.arange(20) % 3
    >>> clf = skconv.ConvNetClassifier(max_iter=1, random_state=0).fit(X, y)
    >>> onnx_model = skconv.to_onnx(clf)  # doctest: +SKIP
    >>> [output.name for output in onnx_model.graph.output]  # doctest: +SKIP
    ['label', 'probabilities']
    """
    check_is_fitted(model)
    if isinstance(model, BaseConvNet):
        return _estimator_to_onnx(model, image)
    if image:
        raise ValueError(
            "image=True is for the estimators of skconv: other estimators take rows, "
            f"and so does {type(model).__name__}"
        )
    skl2onnx = _import("skl2onnx")
    register_with_skl2onnx()
    rows = skl2onnx.common.data_types.FloatTensorType([None, model.n_features_in_])
    return skl2onnx.to_onnx(
        model,
        initial_types=[("X", rows)],
        options={"zipmap": False} if is_classifier(model) else None,
    )


def _import(name):
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(f"to_onnx needs {name}: {_INSTALL} ({error})") from error


def _estimator_to_onnx(model, image):
    helper = _import("onnx").helper
    from onnx import TensorProto, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []
    numbers = itertools.count()
    graph = Graph(
        lambda stem: f"{stem}_{next(numbers)}",
        lambda op, inputs, output, attributes: nodes.append(
            helper.make_node(op, inputs, [output], **attributes)
        ),
        lambda name, array: constants.append(numpy_helper.from_array(array, name)),
    )
    network = model.network_
    shape = list(network.input_shape) if image else [model.n_features_in_]
    outputs = []
    for name, (tensor, kind, sizes) in _emit(graph, model, "X", image=image).items():
        nodes.append(helper.make_node("Identity", [tensor], [name]))
        kind = getattr(TensorProto, kind)
        outputs.append(helper.make_tensor_value_info(name, kind, ["n", *sizes]))
    onnx_graph = helper.make_graph(
        nodes,
        type(model).__name__,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", *shape])],
        outputs,
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        onnx_graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="skconv",
        producer_version=__version__,
    )


def _emit(graph, model, x, *, image=False, classes=None, raw=False):
    """Emit an estimator; return its outputs by name: (tensor, type, sizes)."""
    network = model.network_
    shape = network.input_shape
    if not image:
        sizes = np.array([-1, *shape], np.int64)
        x = graph.node("Reshape", x, graph.constant(sizes))
    x = graph.node("Transpose", x, perm=[0, len(shape), *range(1, len(shape))])
    z = emit_chain(graph, network.layers, network.weights, x, shape)
    if isinstance(model, ConvNetRegressor):
        y = emit_activation(graph, z, model.out_activation_)
        scale = graph.constant(model.target_scale_.astype(np.float32))
        center = graph.constant(model.target_center_.astype(np.float32))
        y = graph.node("Add", graph.node("Mul", y, scale), center)
        return {"variable": (y, "FLOAT", [model.n_outputs_])}
    classes = model.classes_ if classes is None else classes
    return _emit_labels(graph, model._encoder, z, classes, raw)


def _emit_labels(graph, encoder, z, classes, raw):
    """Emit labels, and probabilities or the `raw` outputs, of a classifier."""

    def positive():
        zero = graph.constant(np.float32(0))
        return graph.node("Cast", graph.node("Greater", z, zero), to=_INT64)

    probabilities = [len(encoder.classes)]
    if encoder.multilabel:
        y = z if raw else emit_activation(graph, z, encoder.activation)
        return {
            "label": (positive(), "INT64", probabilities),
            "probabilities": (y, "FLOAT", probabilities),
        }
    if encoder.n_outputs == 1:
        both = graph.node("Concat", graph.node("Neg", z), z, axis=1)
        y = both if raw else emit_activation(graph, both, "logistic")
        code = graph.node("Reshape", positive(), graph.constant(np.array([-1])))
    else:
        y = z if raw else emit_activation(graph, z, "softmax")
        code = graph.node("ArgMax", z, axis=1, keepdims=0)
    is_text = classes.dtype.kind in "OU"
    known = classes.astype(object) if is_text else classes.astype(np.int64)
    label = graph.node("Gather", graph.constant(known), code, axis=0)
    return {
        "label": (label, "STRING" if is_text else "INT64", []),
        "probabilities": (y, "FLOAT", probabilities),
    }


_INT64 = 7  # onnx.TensorProto.INT64, without an import of onnx


# In pipelines ------------------------------------------------------------------------


def register_with_skl2onnx() -> None:
    """Let skl2onnx convert the estimators of skconv, in pipelines, too.

    `to_onnx` calls it. Call it before ``skl2onnx.to_onnx``, which then knows its
    options ``zipmap``, ``nocl``, ``output_class_labels`` and ``raw_scores`` for them.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    skl2onnx = _import("skl2onnx")
    from skl2onnx.common import shape_calculator

    skl2onnx.update_registered_converter(
        ConvNetClassifier,
        "SkconvConvNetClassifier",
        _classifier_shapes,
        _convert,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
            "raw_scores": [True, False],
        },
    )
    skl2onnx.update_registered_converter(
        ConvNetRegressor,
        "SkconvConvNetRegressor",
        shape_calculator.calculate_linear_regressor_output_shapes,
        _convert,
    )


def _classifier_shapes(operator):
    from skl2onnx.common import data_types, shape_calculator

    shape_calculator.calculate_linear_classifier_output_shapes(operator)
    model = operator.raw_operator
    if model._encoder.multilabel:
        n = operator.inputs[0].get_first_dimension()
        shape = [n, len(model.classes_)]
        operator.outputs[0].set_type(data_types.Int64TensorType(shape))


def _convert(scope, operator, container):
    """Add the nodes of an estimator to skl2onnx's container."""
    from onnx import numpy_helper
    from skl2onnx.common import data_types, utils_classifier
    from skl2onnx.proto import onnx_proto

    kinds = {"f": "FLOAT", "i": "INT64", "O": "STRING"}

    def add_constant(name, array):
        kind = getattr(onnx_proto.TensorProto, kinds[array.dtype.kind])
        if kinds[array.dtype.kind] == "STRING":
            values = [text.encode() for text in array.ravel()]
        else:  # a list of millions of weights would take seconds
            values = numpy_helper.from_array(array)
        container.add_initializer(name, kind, list(array.shape), values)

    def add_node(op, inputs, output, attributes):
        name = scope.get_unique_operator_name(op)
        container.add_node(op, inputs, [output], name=name, **attributes)

    graph = Graph(scope.get_unique_variable_name, add_node, add_constant)
    model, wide = operator.raw_operator, data_types.DoubleTensorType
    float32 = onnx_proto.TensorProto.FLOAT
    x = graph.node("Cast", operator.inputs[0].full_name, to=float32)
    options = {}
    if isinstance(model, ConvNetClassifier):
        options = {
            "classes": np.asarray(utils_classifier.get_label_classes(scope, model)),
            "raw": scope.get_options(model, {"raw_scores": False})["raw_scores"],
        }
    emitted = _emit(graph, model, x, **options).values()
    for (tensor, *_), output in zip(emitted, operator.outputs, strict=True):
        to = {}
        if isinstance(output.type, wide):
            to = {"to": onnx_proto.TensorProto.DOUBLE}
        add_node("Cast" if to else "Identity", [tensor], output.full_name, to)
