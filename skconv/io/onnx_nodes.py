"""Layers as nodes of ONNX: one function each, in a table.

``emit(graph, layer, weights, x, input_shape) -> y``, where ``x`` and ``y`` name tensors
with channels first: (n, c, h, w) of images, (n, c, l) of signals.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import ops
from .._utils.lookup import look_up
from ..layers.checks import sample_axes
from ..layers.input_scale import inverse_scale
from ..layers.windows import find_window, transposed_size
from ..models.weights import affine_shape, build_blank, by_channel
from .onnx_shapes import SHAPES, ends
from .registry import find_entry

__all__ = ["EMIT", "Graph", "emit_activation", "emit_chain"]


class Graph:
    """Nodes and constants of an ONNX graph.

    Parameters
    ----------
    new_name : callable ``(str) -> str``
        Returns a new name.
    add_node : callable ``(op, inputs, outputs, attributes)``
    add_constant : callable ``(name, array)``
    """

    def __init__(
        self,
        new_name: Callable[[str], str],
        add_node: Callable[[str, list[str], list[str], dict[str, Any]], None],
        add_constant: Callable[[str, Any], None],
    ) -> None:
        self._new_name = new_name
        self._add_node = add_node
        self._add_constant = add_constant

    def node(self, op: str, *inputs: str, n_outputs: int = 1, **attributes: Any) -> str:
        """Add a node; return the name of its first output."""
        names = [self._new_name(op.lower()) for _ in range(n_outputs)]
        self._add_node(op, list(inputs), names, attributes)
        return names[0]

    def constant(self, array: ArrayLike) -> str:
        """Add an array, floats in float32; return its name."""
        array = np.asarray(array)
        name = self._new_name("constant")
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        self._add_constant(name, array)
        return name


def emit_chain(
    graph: Graph,
    layers: list[tuple[str, Any]],
    weights: dict[str, Any],
    x: str,
    shape: tuple[int, ...],
    path: str = "",
) -> str:
    """Emit layers one after the other; return the last one's output.

    Raises
    ------
    ValueError
        If a layer has no converter to ONNX.
    """
    for name, layer in layers:
        entry, emit = find_entry(type(layer)), None
        if entry:
            emit = entry.onnx or EMIT.get(type(layer).__name__)
        if emit is None:
            kind = type(layer).__name__
            raise ValueError(
                f"layer {path + name!r} ({layer!r}) has no converter to ONNX. Register "
                f"one: skconv.register_layer({kind}, onnx=function)"
            )
        if emit in _COMPOSITES:
            x = emit(graph, layer, weights[name], x, shape, f"{path}{name}.")
        else:
            x = emit(graph, layer, weights[name], x, shape)
        shape = tuple(build_blank(layer, shape)[1])
    return x


# Activations -------------------------------------------------------------------------


_SLOPE = -float(ops.activate(np.array([-1.0]), "leaky_relu")[0])


def _gelu(graph, z):
    """Return z Phi(z), in terms of the error function."""
    half = graph.node("Mul", z, graph.constant(np.float32(0.5)))
    erf = graph.node("Erf", graph.node("Mul", z, graph.constant(np.sqrt(0.5))))
    one = graph.constant(np.float32(1))
    return graph.node("Mul", half, graph.node("Add", erf, one))


ACTIVATIONS: dict[str | None, Callable[[Graph, str], str]] = {
    "relu": lambda graph, z: graph.node("Relu", z),
    "leaky_relu": lambda graph, z: graph.node("LeakyRelu", z, alpha=_SLOPE),
    "elu": lambda graph, z: graph.node("Elu", z, alpha=1.0),
    "gelu": _gelu,
    "tanh": lambda graph, z: graph.node("Tanh", z),
    "logistic": lambda graph, z: graph.node("Sigmoid", z),
    "softmax": lambda graph, z: graph.node("Softmax", z, axis=1),
    "exp": lambda graph, z: graph.node("Exp", z),
    "identity": lambda graph, z: z,
}
ACTIVATIONS |= {
    "sigmoid": ACTIVATIONS["logistic"],
    "linear": ACTIVATIONS["identity"],
    None: ACTIVATIONS["identity"],
}
"""Activation -> ``(graph, z) -> y``. The channel axis is 1, also of flat samples."""


def emit_activation(graph: Graph, z: str, activation: str | None) -> str:
    """Emit an activation; return its output."""
    return look_up(ACTIVATIONS, activation, "activation")(graph, z) if activation else z


# Layers ------------------------------------------------------------------------------


def _conv(graph, layer, kernel, bias, x, shape, groups, activation):
    """Emit a convolution whose kernel has filters and channels first."""
    win = ops.window(
        tuple(shape[:-1]),
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    inputs = [x, graph.constant(kernel)]
    if bias is not None:
        inputs.append(graph.constant(bias))
    y = graph.node(
        "Conv",
        *inputs,
        strides=list(win.stride),
        pads=ends(win.padding),
        dilations=list(win.dilation),
        group=int(groups),
    )
    return emit_activation(graph, y, activation)


def _convolution(graph, layer, weights, x, shape):
    kernel = np.moveaxis(weights["kernel"], (-1, -2), (0, 1))
    bias = weights.get("bias")
    return _conv(graph, layer, kernel, bias, x, shape, layer.groups, layer.activation)


def _transposed(graph, layer, weights, x, shape):
    """Emit a ConvTranspose, whose output padding follows from the output's size."""
    win, made = find_window(layer, shape), transposed_size(layer, shape)
    added = [
        m - ((n - 1) * s + (k - 1) * d + 1 - sum(sides))
        for m, n, k, s, d, sides in zip(made, shape, *win[:4], strict=False)
    ]
    kernel = np.moveaxis(weights["kernel"], (-1, -2), (0, 1))
    arrays = [kernel, *([weights["bias"]] if "bias" in weights else [])]
    y = graph.node(
        "ConvTranspose",
        x,
        *map(graph.constant, arrays),
        strides=list(win.stride),
        pads=ends(win.padding),
        dilations=list(win.dilation),
        output_padding=added,
    )
    return emit_activation(graph, y, layer.activation)


def _depthwise(graph, layer, weights, x, shape):
    kernel, bias = by_channel(weights["kernel"]), weights.get("bias")
    return _conv(graph, layer, kernel, bias, x, shape, shape[-1], layer.activation)


def _separable(graph, layer, weights, x, shape):
    kernel = by_channel(weights["depthwise_kernel"])
    between = _conv(graph, layer, kernel, None, x, shape, shape[-1], None)
    pointwise = graph.constant(weights["pointwise_kernel"].transpose(3, 2, 0, 1))
    bias = [graph.constant(weights["bias"])] if "bias" in weights else []
    return emit_activation(graph, graph.node("Conv", between, pointwise, *bias),
                    layer.activation)  # fmt: skip


def _flatten(graph, layer, weights, x, shape):
    return _flat(graph, x, shape)


def _flat(graph, x, shape):
    """Emit a flattening of samples in skconv's order: channels last."""
    if len(shape) == 1:
        return x
    axes = len(shape)
    x = graph.node("Transpose", x, perm=[0, *range(2, axes + 1), 1])
    return graph.node("Flatten", x, axis=1)


def _dense(graph, layer, weights, x, shape):
    inputs = [_flat(graph, x, shape), graph.constant(weights["kernel"])]
    if "bias" in weights:
        inputs.append(graph.constant(weights["bias"]))
    return emit_activation(graph, graph.node("Gemm", *inputs), layer.activation)


def _pool(graph, layer, weights, x, shape, *, op, **attributes):
    win = ops.pool_window(
        tuple(shape[:-1]),
        layer.pool_size,
        stride=layer.stride,
        padding=layer.padding,
    )
    return graph.node(
        op,
        x,
        kernel_shape=list(win.size),
        strides=list(win.stride),
        pads=ends(win.padding),
        **attributes,
    )


def _global_pool(graph, layer, weights, x, shape, *, op):
    return graph.node("Flatten", graph.node(op, x), axis=1)


def _nothing(graph, layer, weights, x, shape):
    return x


def _activation(graph, layer, weights, x, shape):
    return emit_activation(graph, x, layer.activation)


def _rescaling(graph, layer, weights, x, shape):
    y = graph.node("Mul", x, graph.constant(float(layer.scale)))
    return graph.node("Add", y, graph.constant(float(layer.offset)))


def _layer_norm(graph, layer, weights, x, shape):
    """Emit a LayerNormalization, which needs its axes to be the last ones."""
    axes = sample_axes(layer.axis, shape, "axis")
    stored = [0, len(shape), *range(1, len(shape))]  # skconv's axes, channels first
    order = [a for a in stored if a not in axes] + list(axes)
    there = [stored.index(a) for a in order]
    size = affine_shape(layer, shape)
    gamma = weights["gamma"] if layer.scale else np.ones(math.prod(size))
    inputs = [graph.constant(gamma.reshape(size))]
    if layer.center:
        inputs.append(graph.constant(weights["beta"].reshape(size)))
    x = graph.node("Transpose", x, perm=there)
    y = graph.node(
        "LayerNormalization",
        x,
        *inputs,
        axis=len(shape) + 1 - len(axes),
        epsilon=float(layer.epsilon),
    )
    return graph.node("Transpose", y, perm=[int(a) for a in np.argsort(there)])


def _prelu(graph, layer, weights, x, shape):
    slope = weights["alpha"].reshape(affine_shape(layer, shape))
    return graph.node("PRelu", x, graph.constant(np.moveaxis(slope, -1, 0)))


def _batch_norm(graph, layer, weights, x, shape):
    ones, zeros = np.ones(shape[-1]), np.zeros(shape[-1])
    arrays = [
        weights.get("gamma", ones),
        weights.get("beta", zeros),
        weights["moving_mean"],
        weights["moving_variance"],
    ]
    y = graph.node(
        "BatchNormalization",
        x,
        *map(graph.constant, arrays),
        epsilon=float(layer.epsilon),
    )
    return emit_activation(graph, y, layer.activation)


def _normalization(graph, layer, weights, x, shape):
    inverse = inverse_scale(weights)
    channels_first = -1, *(1 for _ in shape[1:])
    mean = graph.constant(weights["mean"].reshape(channels_first))
    x = graph.node("Sub", x, mean)
    return graph.node("Mul", x, graph.constant(inverse.reshape(channels_first)))


# Layers that contain layers ----------------------------------------------------------


def _sequential(graph, layer, weights, x, shape, path):
    (chain,) = layer.paths()
    return emit_chain(graph, chain, weights, x, shape, path)


def _residual(graph, layer, weights, x, shape, path):
    main, side = layer.paths()
    z = graph.node(
        "Add",
        emit_chain(graph, main, weights, x, shape, path),
        emit_chain(graph, side, weights, x, shape, path),
    )
    return emit_activation(graph, z, layer.activation)


def _branches(graph, layer, weights, x, shape, path):
    parts = [
        emit_chain(graph, branch, weights, x, shape, path) for branch in layer.paths()
    ]
    return graph.node("Concat", *parts, axis=1)


_COMPOSITES = (_sequential, _residual, _branches)
EMIT: dict[str, Callable[..., str]] = {
    "Activation": _activation,
    "AvgPool1D": partial(_pool, op="AveragePool", count_include_pad=0),
    "AvgPool2D": partial(_pool, op="AveragePool", count_include_pad=0),
    "BatchNorm": _batch_norm,
    "Branches": _branches,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "GlobalAvgPool1D": partial(_global_pool, op="GlobalAveragePool"),
    "GlobalAvgPool2D": partial(_global_pool, op="GlobalAveragePool"),
    "GlobalMaxPool1D": partial(_global_pool, op="GlobalMaxPool"),
    "GlobalMaxPool2D": partial(_global_pool, op="GlobalMaxPool"),
    "HandcraftedConv1D": _convolution,
    "LayerNorm": _layer_norm,
    "MaxPool1D": partial(_pool, op="MaxPool"),
    "MaxPool2D": partial(_pool, op="MaxPool"),
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
    "Residual": _residual,
    "SeparableConv2D": _separable,
    "Sequential": _sequential,
    **SHAPES,
    "SpatialDropout1D": _nothing,
    "SpatialDropout2D": _nothing,
}
"""Name of a layer -> the function that emits it."""
