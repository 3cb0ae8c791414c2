"""A fitted estimator of skconv as nodes of ONNX, and as a model."""

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .._version import __version__
from ..augmentation.views import View, list_views
from ..estimators import ConvNetRegressor
from ..estimators.base import BaseConvNet
from .onnx_nodes import Graph, emit_activation, emit_chain
from .onnx_targets import Outputs, check_labels, emit_images, scale_in_float32

__all__ = [
    "emit_estimator",
    "emit_features",
    "estimator_to_onnx",
    "import_package",
]

# The first with LayerNormalization; all other nodes are older.
OPSET = 17

_INSTALL = 'pip install "skconv[onnx]"'


def import_package(name: str) -> Any:
    """Import a package that exports need.

    Raises
    ------
    ImportError
        If it is not installed, with the way to install it.
    """
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(f"to_onnx needs {name}: {_INSTALL} ({error})") from error


def estimator_to_onnx(
    model: BaseConvNet, *, image: bool = False, features: str | bool = False
) -> Any:
    """Return an estimator as an ONNX model.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted.
    image : bool, default=False
        Whether inputs are images or signals instead of rows.
    features : str or bool, default=False
        Whether the output is that of `transform`, or of the layer of this name.
    """
    helper = import_package("onnx").helper
    from onnx import TensorProto, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []
    numbers = itertools.count()
    graph = Graph(
        lambda stem: f"{stem}_{next(numbers)}",
        lambda op, inputs, outputs, attributes: nodes.append(
            helper.make_node(op, inputs, outputs, **attributes)
        ),
        lambda name, array: constants.append(numpy_helper.from_array(array, name)),
    )
    network = model.network_
    shape = list(network.input_shape) if image else [model.n_features_in_]
    outputs = []
    if features or not hasattr(model, "predict"):
        layer = features if isinstance(features, str) else None
        emitted = emit_features(graph, model, "X", image=image, layer=layer)
    else:
        emitted = emit_estimator(graph, model, "X", image=image)
    for name, (tensor, kind, sizes) in emitted.items():
        nodes.append(helper.make_node("Identity", [tensor], [name]))
        kind = getattr(TensorProto, kind)
        if sizes == SEQUENCE:
            outputs.append(helper.make_tensor_sequence_value_info(name, kind, None))
            continue
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


SEQUENCE = [-1]
"""The sizes of an output of several tensors."""


def emit_features(
    graph: Graph,
    model: BaseConvNet,
    x: str,
    *,
    image: bool = False,
    layer: str | None = None,
) -> Outputs:
    """Emit the layers of `transform`; return the output by name."""
    network = model.network_
    names = [name for name, _ in network.layers]
    found, _ = model._find_layer(network, layer or model.transform_layer)
    last = names.index(found)
    shape = network.shapes[last]
    x = _emit_input(graph, network, x, image)
    layers = network.layers[: last + 1]
    x = emit_chain(graph, layers, network.weights, x, network.input_shape)
    if len(shape) > 1:
        x = graph.node("Transpose", x, perm=[0, *range(2, len(shape) + 1), 1])
        x = graph.node("Flatten", x, axis=1)
    return {"variable": (x, "FLOAT", [math.prod(shape)])}


def _emit_input(graph, network, x, image):
    """Put channels first, as emitters expect it."""
    shape = network.input_shape
    if not image:
        sizes = np.array([-1, *shape], np.int64)
        x = graph.node("Reshape", x, graph.constant(sizes))
    return graph.node("Transpose", x, perm=[0, len(shape), *range(1, len(shape))])


def emit_estimator(
    graph: Graph,
    model: Any,
    x: str,
    *,
    image: bool = False,
    classes: NDArray[Any] | None = None,
    raw: bool = False,
) -> Outputs:
    """Emit an estimator; return its outputs by name.

    Parameters
    ----------
    graph : Graph
    model : ConvNetClassifier or ConvNetRegressor
    x : str
        The tensor of the inputs.
    image : bool, default=False
    classes : ndarray, default=None
        Labels in place of ``classes_``.
    raw : bool, default=False
        Whether to return the network's outputs in place of probabilities.
    """
    network = model.network_
    x = _emit_input(graph, network, x, image)
    views = list_views(getattr(model, "tta", None), network.input_shape)
    if len(views) > 1:
        seen = [_emit_view(graph, view, x, network.input_shape) for view in views]
        x = graph.node("Concat", *seen, axis=0)
    z = emit_chain(graph, network.layers, network.weights, x, network.input_shape)
    if len(network.output_shape) > 1:
        return emit_images(graph, model, z, views)
    if isinstance(model, ConvNetRegressor):
        y = emit_activation(graph, z, model.out_activation_)
        y = _emit_mean(graph, y, len(views), model.n_outputs_)
        return _emit_numbers(graph, model, y)
    z = _emit_mean(graph, z, len(views), model.n_outputs_)
    classes = model.classes_ if classes is None else classes
    if isinstance(classes, list):
        return _emit_columns(graph, model._encoder, z, classes, raw)
    return _emit_labels(graph, model._encoder, z, classes, raw)


def _emit_view(graph: Graph, view: View, x: str, input_shape: tuple[int, ...]) -> str:
    """Emit a view of images or signals, channels first."""
    last = len(input_shape)  # the axis of columns
    moves = [
        (last, view.left_right, view.right),
        (last - 1, view.top_bottom, view.down),
    ]
    for axis, mirrored, by in moves:
        size = input_shape[axis - 2]
        if mirrored or by:
            places = np.clip(np.arange(size) - by, 0, size - 1)
            places = size - 1 - places if mirrored else places
            x = graph.node("Gather", x, graph.constant(places), axis=axis)
    return x


def _emit_mean(graph: Graph, y: str, n_views: int, n_outputs: int) -> str:
    """Emit the mean over views, which follow each other on the first axis."""
    if n_views == 1:
        return y
    shape = graph.constant(np.array([n_views, -1, n_outputs]))
    by_view, axes = graph.node("Reshape", y, shape), graph.constant(np.array([0]))
    total = graph.node("ReduceSum", by_view, axes, keepdims=0)
    return graph.node("Div", total, graph.constant(np.float32(n_views)))


def _emit_numbers(graph: Graph, model: Any, y: str) -> Outputs:
    """Emit numbers in units of the targets, and "std" of the loss "gaussian"."""
    encoder = model._encoder
    k, each = encoder.n_targets, encoder.per_target
    scale, center = scale_in_float32(model)
    if each > 1:
        shape = graph.constant(np.array([-1, k, each]))
        y = graph.node("Reshape", y, shape)
    if encoder.has_std:
        mean, z = (_emit_place(graph, y, place) for place in (0, 1))
        mean = _emit_scaled(graph, mean, scale, center)
        std = _emit_scaled(graph, _emit_std(graph, z), scale)
        return {"variable": (mean, "FLOAT", [k]), "std": (std, "FLOAT", [k])}
    if each == 1:  # also one quantile in a list
        y = _emit_scaled(graph, y, scale, center)
        return {"variable": (y, "FLOAT", [k])}
    rank = np.argsort(np.argsort(encoder.quantile))
    y = _emit_sorted(graph, y, each)
    y = graph.node("Gather", y, graph.constant(rank), axis=2)
    y = _emit_scaled(graph, y, scale[:, None], center[:, None])
    sizes = [each] if encoder.flat else [k, each]
    y = graph.node("Reshape", y, graph.constant(np.array([-1, *sizes])))
    return {"variable": (y, "FLOAT", sizes)}


def _emit_place(graph: Graph, y: str, place: int) -> str:
    """Emit one of the numbers on the last axis of (n, k, each)."""
    return graph.node("Gather", y, graph.constant(np.array(place)), axis=2)


def _emit_std(graph: Graph, z: str) -> str:
    """Emit the standard deviation, see `skconv.ops.gaussian_std`."""
    bound = graph.constant(np.float32(np.log(ops.gaussian_std(np.array(np.inf)))))
    bounded = graph.node("Tanh", graph.node("Div", z, bound))
    return graph.node("Exp", graph.node("Mul", bounded, bound))


def _emit_sorted(graph: Graph, y: str, each: int) -> str:
    """Emit numbers in their order on the last axis."""
    number = graph.constant(np.array([each]))
    return graph.node("TopK", y, number, n_outputs=2, axis=-1, largest=0, sorted=1)


def _emit_scaled(
    graph: Graph, y: str, scale: NDArray[Any], center: NDArray[Any] | None = None
) -> str:
    y = graph.node("Mul", y, graph.constant(scale))
    return y if center is None else graph.node("Add", y, graph.constant(center))


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
    known = check_labels(classes)
    label = graph.node("Gather", graph.constant(known), code, axis=0)
    return {
        "label": (label, "STRING" if known.dtype == object else "INT64", []),
        "probabilities": (y, "FLOAT", probabilities),
    }


def _emit_columns(graph, encoder, z, classes, raw):
    """Emit labels (n, k), and a sequence of what `_emit_labels` emits of a column."""
    known = [check_labels(each) for each in classes]
    is_text = [each.dtype == object for each in known]
    if len(set(is_text)) > 1:
        raise ValueError(
            "labels of an ONNX model are all text or all whole numbers, got columns "
            "of both. Fit with text, or with codes"
        )
    axes, labels, probabilities = graph.constant(np.array([1])), [], []
    ends = np.cumsum([0, *encoder.column_sizes])
    for labels_of, start, stop in zip(known, ends, ends[1:], strict=False):
        bounds = (graph.constant(np.array([place])) for place in (start, stop))
        own = graph.node("Slice", z, *bounds, axes)
        code = graph.node("ArgMax", own, axis=1, keepdims=1)
        labels.append(graph.node("Gather", graph.constant(labels_of), code, axis=0))
        probabilities.append(own if raw else emit_activation(graph, own, "softmax"))
    return {
        "label": (
            graph.node("Concat", *labels, axis=1),
            "STRING" if is_text[0] else "INT64",
            [len(known)],
        ),
        "probabilities": (
            graph.node("SequenceConstruct", *probabilities),
            "FLOAT",
            SEQUENCE,
        ),
    }


_INT64 = 7  # onnx.TensorProto.INT64, without an import of onnx
