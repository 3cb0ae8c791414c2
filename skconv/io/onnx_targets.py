"""What a network's outputs represent, as nodes of ONNX: labels, units, images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.mask_encoder import MaskEncoder
from ..augmentation.views import View, as_image_shape
from .onnx_nodes import Graph, emit_activation

__all__ = ["Outputs", "check_labels", "emit_images", "scale_in_float32"]

Outputs = dict[str, tuple[str, str, list[int]]]
"""Name of an output -> (tensor, type, sizes)."""


def check_labels(classes: NDArray[Any]) -> NDArray[Any]:
    """Return class labels as ONNX has them: int64, or str as objects.

    Raises
    ------
    ValueError
        If a label is neither text nor a whole number of 64 bits.
    """
    text = classes.dtype.kind in "OUT" and all(isinstance(c, str) for c in classes)
    if not text:
        for label in classes:
            if classes.dtype.kind not in "biuf" or not _is_int64(label):
                raise ValueError(
                    "labels of an ONNX model are text or whole numbers below 2**63, "
                    f"got {label!r} of dtype {classes.dtype}. Fit with text, "
                    "y.astype(str), or with codes, np.unique(y, return_inverse=True)[1]"
                )
    return classes.astype(object if text else np.int64)


def _is_int64(label):
    return float(label).is_integer() and -(2**63) <= int(label) < 2**63


def scale_in_float32(model: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the scale and the center of a regressor's targets, as ONNX has them.

    Raises
    ------
    ValueError
        If they leave the range of float32.
    """
    encoder = model._encoder
    scale, center = (
        np.full(encoder.n_targets, each) for each in (encoder.scale, encoder.center)
    )
    with np.errstate(over="ignore", under="ignore"):
        rounded = scale.astype(np.float32), center.astype(np.float32)
    holds = np.allclose(rounded[0], scale, rtol=1e-6, atol=0)
    if not (holds and np.isfinite(rounded).all()):
        raise ValueError(
            "targets of an ONNX model must be in the range of float32, got those of "
            f"scale {scale} and center {center}. Fit y in other units"
        )
    return rounded


def emit_images(graph: Graph, model: Any, z: str, views: Sequence[View]) -> Outputs:
    """Emit the predictions of a network whose outputs are images.

    Parameters
    ----------
    graph : Graph
    model : estimator
    z : str
        The outputs, channels first; of several views one after the other.
    views : list of View

    Returns
    -------
    outputs : dict
        Of a segmenter ``label`` and ``probabilities``, else ``variable``.
    """
    encoder, shape = model._encoder, model.network_.output_shape
    z = graph.node("Transpose", z, perm=[0, *range(2, len(shape) + 1), 1])
    is_exp = encoder.activation == "exp"
    if is_exp:
        z = emit_activation(graph, z, "exp")
    if len(views) > 1:
        z = _emit_mean(graph, z, views, shape, model.input_shape_)
    if isinstance(encoder, MaskEncoder):
        known, axis = check_labels(encoder.classes), len(shape)
        code = graph.node("ArgMax", z, axis=axis, keepdims=0)
        label = graph.node("Gather", graph.constant(known), code, axis=0)
        kind = "STRING" if known.dtype == object else "INT64"
        return {
            "label": (label, kind, list(encoder.shape)),
            "probabilities": (graph.node("Softmax", z, axis=axis), "FLOAT", [*shape]),
        }
    scale, center = scale_in_float32(model)
    y = graph.node("Mul", z, graph.constant(scale))
    y = graph.node("Add", y, graph.constant(center))
    sizes = np.array([-1, *encoder.shape], np.int64)
    y = graph.node("Reshape", y, graph.constant(sizes))
    return {"variable": (y, "FLOAT", list(encoder.shape))}


def _emit_mean(
    graph: Graph,
    z: str,
    views: Sequence[View],
    shape: tuple[int, ...],
    input_shape: tuple[int, ...],
) -> str:
    """Emit the mean over views of images, each moved back, channels last."""
    sizes = np.array([len(views), -1, *shape], np.int64)
    by_view = graph.node("Reshape", z, graph.constant(sizes))
    total = ""
    for i, view in enumerate(views):
        y = graph.node("Gather", by_view, graph.constant(np.array(i)), axis=0)
        moves = view.places(as_image_shape(shape), as_image_shape(input_shape))
        for axis, places in moves:
            axis += len(shape) - 2  # of a signal, one less
            y = graph.node("Gather", y, graph.constant(places.copy()), axis=axis)
        total = graph.node("Add", total, y) if total else y
    return graph.node("Div", total, graph.constant(np.float32(len(views))))
