"""What the page must know of a layer to compute one of its values again.

Sizes are those of images: a signal is an image of one row, a flat sample one of one
pixel.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import layers as kinds
from .. import ops
from ..layers.checks import sample_axes
from ..layers.input_scale import inverse_scale
from ..layers.windows import find_window
from .trace import Record

__all__ = ["as_image", "describe"]

Shape = tuple[int, ...]


def as_image(shape: Shape) -> tuple[list[int], str]:
    """Return a sample's shape as (h, w, c), and what it is."""
    if len(shape) == 3:
        return list(shape), "image"
    if len(shape) == 2:
        return [1, *shape], "signal"
    return [1, 1, math.prod(shape)], "flat"


def describe(record: Record, input_shape: Shape) -> dict[str, Any]:
    """Return how the page computes a value of a layer: a kind, sizes and weights.

    Parameters
    ----------
    record : Record
    input_shape : tuple of int
        Of a sample, as the layer gets it.

    Returns
    -------
    description : dict
        "kind" and what belongs to it; "weights" are arrays by name. A layer of a type
        that is not in the table, such as a custom one, is of the kind "other".
    """
    layer = record.layer
    function = _KINDS.get(type(layer))
    found = {"kind": "other"} if function is None else function(record, input_shape)
    activation: Any = getattr(layer, "activation", None)
    if record.is_half:
        activation = None
    if ops.find_activation(activation) is not ops.find_activation(None):
        found["activation"] = activation
    return found


def _window(layer: Any, shape: Shape) -> dict[str, Any]:
    win = find_window(layer, shape)
    found = {
        "size": win.size,
        "stride": win.stride,
        "dilation": win.dilation,
        "before": tuple(first for first, _ in win.padding),
    }
    if layer.ndim == 1:
        found = {k: ((0,) if k == "before" else (1,)) + v for k, v in found.items()}
    return {name: list(map(int, each)) for name, each in found.items()}


def _convolution(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    weights = dict(record.weights)
    groups = layer.groups
    return {
        **_window(layer, shape),
        "kind": "convolution",
        "groups": groups,
        "weights": weights,
    }


def _transposed(record: Record, shape: Shape) -> dict[str, Any]:
    weights = dict(record.weights)
    weights["kernel"] = weights["kernel"].swapaxes(-1, -2)
    return {
        **_window(record.layer, shape),
        "kind": "convolution",
        "transposed": True,
        "groups": 1,
        "weights": weights,
    }


def _depthwise(record: Record, shape: Shape) -> dict[str, Any]:
    weights = dict(record.weights)
    kernel = weights.pop("kernel")  # (kh, kw, c, m): a group for each channel
    weights["kernel"] = kernel.reshape(*kernel.shape[:2], 1, -1)
    found = _window(record.layer, shape)
    return {**found, "kind": "convolution", "groups": shape[-1], "weights": weights}


def _separable(record: Record, shape: Shape) -> dict[str, Any]:
    if record.is_half:
        return _depthwise(record, shape)
    weights = {"kernel": record.weights["pointwise_kernel"]}
    if "bias" in record.weights:
        weights["bias"] = record.weights["bias"]
    ones = {name: [1, 1] for name in ("size", "stride", "dilation")}
    return {
        **ones,
        "kind": "convolution",
        "before": [0, 0],
        "groups": 1,
        "weights": weights,
    }


def _pool(kind: str, record: Record, shape: Shape) -> dict[str, Any]:
    return {**_window(record.layer, shape), "kind": kind}


def _global_pool(kind: str, record: Record, shape: Shape) -> dict[str, Any]:
    (h, w, _), _ = as_image(shape)
    ones = {name: [1, 1] for name in ("stride", "dilation")}
    return {**ones, "kind": kind, "size": [h, w], "before": [0, 0]}


def _upsampling(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    factors = (1, layer.size) if layer.ndim == 1 else ops.pair(layer.size, "size")
    return {
        "kind": "upsampling",
        "factors": list(map(int, factors)),
        "interpolation": layer.interpolation,
    }


def _margins(name: str, sign: int, record: Record, shape: Shape) -> dict[str, Any]:
    """Describe a layer whose values are those of its input at other places."""
    layer: Any = record.layer
    sides = ops.margins(getattr(layer, name), name, layer.ndim)
    first = [sign * int(before) for before, _ in sides]
    return {"kind": "moved", "offset": [0] * (2 - len(first)) + first}


def _dense(record: Record, shape: Shape) -> dict[str, Any]:
    return {"kind": "dense", "weights": dict(record.weights)}


def _batch_norm(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    names = "mean", "scale", "shift"
    found = layer.prediction_coefficients(record.weights)
    return {"kind": "scale", "weights": dict(zip(names, found, strict=True))}


def _normalization(record: Record, shape: Shape) -> dict[str, Any]:
    scale = inverse_scale(record.weights)
    return {
        "kind": "scale",
        "weights": {"mean": record.weights["mean"], "scale": scale},
    }


def _rescaling(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    return {
        "kind": "rescale",
        "factor": float(layer.scale),
        "offset": float(layer.offset),
    }


def _layer_norm(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    offset = 3 - len(shape)
    axes = [axis - 1 + offset for axis in sample_axes(layer.axis, shape, "axis")]
    weights = dict(record.weights)
    return {
        "kind": "layerNorm",
        "axes": axes,
        "epsilon": float(layer.epsilon),
        "weights": weights,
    }


def _prelu(record: Record, shape: Shape) -> dict[str, Any]:
    layer: Any = record.layer
    shared = sample_axes(layer.shared_axes, shape, "shared_axes")
    sizes = [1 if a in shared else size for a, size in enumerate(shape, start=1)]
    sizes = [1] * (3 - len(sizes)) + sizes
    return {
        "kind": "prelu",
        "weights": {"alpha": record.weights["alpha"].reshape(sizes)},
    }


def _plain(kind: str, record: Record, shape: Shape) -> dict[str, Any]:
    return {"kind": kind}


_KINDS: dict[type, Callable[[Record, Shape], dict[str, Any]]] = {
    kinds.Conv2D: _convolution,
    kinds.Conv1D: _convolution,
    kinds.HandcraftedConv1D: _convolution,
    kinds.DepthwiseConv2D: _depthwise,
    kinds.SeparableConv2D: _separable,
    kinds.Conv2DTranspose: _transposed,
    kinds.Conv1DTranspose: _transposed,
    kinds.UpSampling2D: _upsampling,
    kinds.UpSampling1D: _upsampling,
    kinds.ZeroPadding2D: partial(_margins, "padding", -1),
    kinds.ZeroPadding1D: partial(_margins, "padding", -1),
    kinds.Cropping2D: partial(_margins, "cropping", 1),
    kinds.Cropping1D: partial(_margins, "cropping", 1),
    kinds.Dense: _dense,
    kinds.BatchNorm: _batch_norm,
    kinds.Normalization: _normalization,
    kinds.LayerNorm: _layer_norm,
    kinds.PReLU: _prelu,
    kinds.Rescaling: _rescaling,
    kinds.MaxPool2D: partial(_pool, "max"),
    kinds.MaxPool1D: partial(_pool, "max"),
    kinds.AvgPool2D: partial(_pool, "mean"),
    kinds.AvgPool1D: partial(_pool, "mean"),
    kinds.GlobalMaxPool2D: partial(_global_pool, "max"),
    kinds.GlobalMaxPool1D: partial(_global_pool, "max"),
    kinds.GlobalAvgPool2D: partial(_global_pool, "mean"),
    kinds.GlobalAvgPool1D: partial(_global_pool, "mean"),
    kinds.Activation: partial(_plain, "same"),
    kinds.Dropout: partial(_plain, "same"),
    kinds.SpatialDropout1D: partial(_plain, "same"),
    kinds.SpatialDropout2D: partial(_plain, "same"),
    kinds.Flatten: partial(_plain, "same"),
    kinds.Reshape: partial(_plain, "same"),
    kinds.Sequential: partial(_plain, "same"),
    kinds.Residual: partial(_plain, "sum"),
    kinds.Branches: partial(_plain, "branches"),
}
