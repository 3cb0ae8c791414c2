"""Every layer written in torch, for samples with the channels last.

Each function takes torch, a layer of skconv, a batch and the layer's weights.
"""

import functools
import math

import numpy as np

from skconv import ops


def activate(torch, z, name):
    functional = torch.nn.functional
    by_name = {
        None: lambda z: z,
        "identity": lambda z: z,
        "linear": lambda z: z,
        "relu": torch.relu,
        "leaky_relu": lambda z: functional.leaky_relu(z, 0.2),
        "elu": functional.elu,
        "gelu": functional.gelu,
        "tanh": torch.tanh,
        "logistic": torch.sigmoid,
        "sigmoid": torch.sigmoid,
        "softmax": lambda z: torch.softmax(z, -1),
    }
    return by_name[name](z)


def channels_first(x):
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def pad(torch, x, sides, value=0.0):
    """Pad (n, c, ...); torch's own function expects the last axis first."""
    flat = [number for side in reversed(sides) for number in side]
    return torch.nn.functional.pad(x, flat, value=value)


def convolution(torch, layer, x, weights):
    kernel, bias = weights["kernel"], weights.get("bias")
    z = slide(torch, layer, x, kernel, layer.groups)
    return activate(torch, z if bias is None else z + bias, layer.activation)


def slide(torch, layer, x, kernel, groups):
    axes = x.ndim - 2
    win = ops.window(
        tuple(x.shape[1:-1]),
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    convolve = (torch.nn.functional.conv1d, torch.nn.functional.conv2d)[axes - 1]
    z = convolve(
        pad(torch, channels_first(x), win.padding),
        kernel.movedim((-1, -2), (0, 1)).contiguous(),
        stride=win.stride,
        dilation=win.dilation,
        groups=groups,
    )
    return channels_last(z)


def transposed(torch, layer, x, weights):
    """Torch's without padding makes all windows; the layer cuts some of them off."""
    axes, kernel = x.ndim - 2, weights["kernel"].movedim((-1, -2), (0, 1))
    size = ops.transposed_size(
        tuple(x.shape[1:-1]),
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        output_padding=layer.output_padding,
    )
    slides = {"stride": layer.stride, "dilation": layer.dilation}
    win = ops.window(size, layer.kernel_size, padding=layer.padding, **slides)
    function = getattr(torch.nn.functional, f"conv_transpose{axes}d")
    z = function(
        channels_first(x),
        kernel.contiguous(),
        stride=win.stride,
        dilation=win.dilation,
    )
    for axis, (n, sides) in enumerate(zip(size, win.padding, strict=True), start=2):
        missing = max(n + sides[0] - z.shape[axis], 0)
        z = pad(torch, z, [(0, missing if a == axis else 0) for a in range(2, z.ndim)])
        z = z.narrow(axis, sides[0], n)
    z = channels_last(z)
    return activate(torch, z + weights.get("bias", 0), layer.activation)


def upsampling(torch, layer, x, weights):
    axes = x.ndim - 2
    by = ops.pair(layer.size, "size")[:axes]
    how = {"mode": layer.interpolation}
    if layer.interpolation == "bilinear":
        how["align_corners"] = False
    size = [n * k for n, k in zip(x.shape[1:-1], by, strict=True)]
    y = torch.nn.functional.interpolate(channels_first(x), size=size, **how)
    return channels_last(y)


def margins(torch, layer, x, weights):
    axes = x.ndim - 2
    if hasattr(layer, "padding"):
        sides = ops.margins(layer.padding, "", axes)
    else:
        sides = [(-a, -b) for a, b in ops.margins(layer.cropping, "", axes)]
    return channels_last(pad(torch, channels_first(x), sides))


def as_groups(kernel):
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def depthwise(torch, layer, x, weights):
    z = slide(torch, layer, x, as_groups(weights["kernel"]), x.shape[-1])
    return activate(torch, z + weights.get("bias", 0), layer.activation)


def separable(torch, layer, x, weights):
    kernel = as_groups(weights["depthwise_kernel"])
    between = slide(torch, layer, x, kernel, x.shape[-1])
    z = between @ weights["pointwise_kernel"][0, 0] + weights.get("bias", 0)
    return activate(torch, z, layer.activation)


def pool(torch, layer, x, weights, kind):
    axes = x.ndim - 2
    win = ops.pool_window(
        tuple(x.shape[1:-1]),
        layer.pool_size,
        stride=layer.stride,
        padding=layer.padding,
    )
    function = getattr(torch.nn.functional, f"{kind}_pool{axes}d")
    x = channels_first(x)
    if kind == "max":
        padded = pad(torch, x, win.padding, -math.inf)
        return channels_last(function(padded, win.size, win.stride))
    sums = function(pad(torch, x, win.padding), win.size, win.stride)
    inside = pad(torch, torch.ones_like(x), win.padding)
    return channels_last(sums / function(inside, win.size, win.stride))


def layer_norm(torch, layer, x, weights):
    axes = [a % x.ndim for a in np.atleast_1d(layer.axis)]
    axes = sorted(int(a) for a in axes)
    last = list(range(x.ndim - len(axes), x.ndim))
    shape = [x.shape[a] for a in axes]
    arrays = (weights.get(name) for name in ("gamma", "beta"))
    reshaped = (None if array is None else array.reshape(shape) for array in arrays)
    y = torch.nn.functional.layer_norm(
        x.movedim(axes, last), shape, *reshaped, eps=layer.epsilon
    )
    return y.movedim(last, axes)


def prelu(torch, layer, x, weights):
    shared = [] if layer.shared_axes is None else np.atleast_1d(layer.shared_axes)
    shared = [int(a) % x.ndim for a in shared]
    shape = [1 if a in shared else x.shape[a] for a in range(1, x.ndim)]
    alpha = weights["alpha"].reshape(shape).expand(x.shape[1:])
    flat = torch.nn.functional.prelu(x.reshape(len(x), -1), alpha.reshape(-1))
    return flat.reshape(x.shape)


def dense(torch, layer, x, weights):
    z = torch.nn.functional.linear(x.flatten(1), weights["kernel"].T)
    return activate(torch, z + weights.get("bias", 0), layer.activation)


def batch_norm(torch, layer, x, weights, training=True):
    running = weights["moving_mean"], weights["moving_variance"]
    y = torch.nn.functional.batch_norm(
        channels_first(x) if x.ndim > 2 else x,
        *(array.detach().clone() for array in running),
        weights.get("gamma"),
        weights.get("beta"),
        training=training,
        eps=layer.epsilon,
    )
    return activate(torch, channels_last(y) if x.ndim > 2 else y, layer.activation)


def chain(torch, named, x, weights):
    for name, layer in named:
        x = LAYERS[type(layer).__name__](torch, layer, x, weights.get(name, {}))
    return x


def residual(torch, layer, x, weights):
    *main, last = layer.inner_layers()
    shortcut = [last] if layer.shortcut is not None else []
    main = main if shortcut else [*main, last]
    z = chain(torch, main, x, weights) + chain(torch, shortcut, x, weights)
    return activate(torch, z, layer.activation)


def branches(torch, layer, x, weights):
    sides = [chain(torch, [side], x, weights) for side in layer.inner_layers()]
    return torch.cat(sides, dim=-1)


MAX_POOL = functools.partial(pool, kind="max")
AVG_POOL = functools.partial(pool, kind="avg")

# Layer -> (torch, layer, x, weights) -> y, as in training.
LAYERS = {
    "Activation": lambda torch, layer, x, w: activate(torch, x, layer.activation),
    "AvgPool1D": AVG_POOL,
    "AvgPool2D": AVG_POOL,
    "BatchNorm": batch_norm,
    "Branches": branches,
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Conv1DTranspose": transposed,
    "Conv2DTranspose": transposed,
    "Cropping1D": margins,
    "Cropping2D": margins,
    "Dense": dense,
    "DepthwiseConv2D": depthwise,
    "Dropout": lambda torch, layer, x, w: torch.nn.functional.dropout(x, 0.0),
    "Flatten": lambda torch, layer, x, w: x.flatten(1),
    "GlobalAvgPool1D": lambda torch, layer, x, w: x.mean(1),
    "GlobalAvgPool2D": lambda torch, layer, x, w: x.mean((1, 2)),
    "GlobalMaxPool1D": lambda torch, layer, x, w: x.amax(1),
    "GlobalMaxPool2D": lambda torch, layer, x, w: x.amax((1, 2)),
    "HandcraftedConv1D": convolution,
    "LayerNorm": layer_norm,
    "MaxPool1D": MAX_POOL,
    "MaxPool2D": MAX_POOL,
    "Normalization": lambda torch, layer, x, w: (x - w["mean"]) / w["scale"],
    "PReLU": prelu,
    "Rescaling": lambda torch, layer, x, w: x * layer.scale + layer.offset,
    "Reshape": lambda torch, layer, x, w: x.reshape(len(x), *layer.target_shape),
    "Residual": residual,
    "SeparableConv2D": separable,
    "Sequential": lambda torch, layer, x, w: chain(torch, layer.inner_layers(), x, w),
    "SpatialDropout1D": lambda torch, layer, x, w: torch.nn.functional.dropout1d(
        x, 0.0
    ),
    "SpatialDropout2D": lambda torch, layer, x, w: torch.nn.functional.dropout2d(
        x, 0.0
    ),
    "UpSampling1D": upsampling,
    "UpSampling2D": upsampling,
    "ZeroPadding1D": margins,
    "ZeroPadding2D": margins,
}
