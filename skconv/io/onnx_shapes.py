"""Layers that change the shape of samples alone, as nodes of ONNX.

Functions are as in `skconv.io.onnx_nodes`, whose table takes them over.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..models.weights import build_blank

__all__ = ["SHAPES", "ends"]


def ends(sides: Any) -> list[int]:
    """Return pairs, such as a Window's padding, as ONNX has them: starts, then ends."""
    return [int(side[0]) for side in sides] + [int(side[1]) for side in sides]


def _upsampling(graph, layer, weights, x, shape):
    scales = np.ones(len(shape) + 1)
    scales[2:] = layer.size
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
    if layer.interpolation == "bilinear":
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    else:
        how["nearest_mode"] = "floor"
    return graph.node("Resize", x, "", graph.constant(scales), **how)


def _zero_padding(graph, layer, weights, x, shape):
    sides = ops.margins(layer.padding, "padding", layer.ndim)
    pads = np.array(ends([(0, 0), (0, 0), *sides]))
    return graph.node("Pad", x, graph.constant(pads))


def _cropping(graph, layer, weights, x, shape):
    sides = ops.margins(layer.cropping, "cropping", layer.ndim)
    starts = [side[0] for side in sides]
    ends = [n - side[1] for n, side in zip(shape, sides, strict=False)]
    axes = list(range(2, len(shape) + 1))
    return graph.node("Slice", x, *map(graph.constant, (starts, ends, axes)))


def _reshape(graph, layer, weights, x, shape):
    """Emit a Reshape with channels last, in skconv's order."""
    made = list(build_blank(layer, shape)[1])
    x = graph.node("Transpose", x, perm=[0, *range(2, len(shape) + 1), 1])
    x = graph.node("Reshape", x, graph.constant([0, *made]))
    return graph.node("Transpose", x, perm=[0, len(made), *range(1, len(made))])


SHAPES: dict[str, Callable[..., str]] = {
    "Cropping1D": _cropping,
    "Cropping2D": _cropping,
    "Reshape": _reshape,
    "UpSampling1D": _upsampling,
    "UpSampling2D": _upsampling,
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
}
"""Name of a layer -> the function that emits it."""
