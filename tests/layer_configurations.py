"""A random configuration of each layer: a sample's shape, and the layer's arguments.

Windows are drawn in configurations.py. ``axes`` is 1 for signals and 2 for images.
"""

import numpy as np
from configurations import (
    activation,
    ints,
    one_of,
    padding,
    pooling,
    sample_shape,
    sliding,
)

from skconv import layers as L
from skconv import ops

SMOOTH = ("elu", "gelu", "tanh", "logistic")  # no corner that rounding may step over


def smooth(rng):
    return one_of(rng, None, *SMOOTH)


def affine(rng):
    return {"activation": activation(rng), "use_bias": bool(rng.integers(2))}


def any_shape(rng):
    axes = int(rng.integers(0, 3))
    return sample_shape(rng, axes)


def some_axes(rng, shape, least):
    n = len(shape)
    axes = rng.permutation(np.arange(1, n + 1))[: rng.integers(least, n + 1)]
    return tuple(int(a) - one_of(rng, 0, n + 1) for a in axes)


def grouped(rng, axes):
    shape, arguments = sliding(rng, axes)
    c = shape[-1]
    groups = int(one_of(rng, 1, *(g for g in range(1, c + 1) if c % g == 0)))
    arguments["groups"] = groups
    arguments["filters"] = groups * int(rng.integers(1, 5))
    return shape, {**arguments, **affine(rng)}


def transposed(rng, axes):
    """Draw a transposed convolution, whose output padding is often not to be had."""
    while True:
        shape, arguments = (
            sample_shape(rng, axes),
            {
                "kernel_size": ints(rng, 1, 5, axes),
                "stride": ints(rng, 1, 3, axes),
                "dilation": ints(rng, 1, 3, axes),
                "padding": padding(rng, axes),
                "output_padding": one_of(rng, None, None, ints(rng, 0, 2, axes)),
            },
        )
        size = arguments.pop("kernel_size")
        try:
            ops.transposed_size(shape[:-1], size, **arguments)
        except ValueError:
            continue
        arguments |= {"kernel_size": size, "filters": int(rng.integers(1, 9))}
        return shape, {**arguments, **affine(rng)}


def margins(rng, axes, name):
    value = padding(rng, axes, most=2)
    value = 1 if isinstance(value, str) else value
    shape = sample_shape(rng, axes)
    return (*(n + 4 for n in shape[:-1]), shape[-1]), {name: value}


def upsampling(rng):
    arguments = {"size": ints(rng, 1, 4, 2)}
    arguments["interpolation"] = one_of(rng, *ops.INTERPOLATIONS)
    return sample_shape(rng, 2), arguments


def reshape(rng):
    shape = any_shape(rng)
    sizes = [int(size) for size in rng.permutation(shape)]
    sizes[int(rng.integers(len(sizes)))] = -1
    return shape, {"target_shape": tuple(sizes)}


def depthwise(rng):
    shape, arguments = sliding(rng, 2)
    arguments["depth_multiplier"] = int(rng.integers(1, 4))
    return shape, {**arguments, **affine(rng)}


def separable(rng):
    shape, arguments = depthwise(rng)
    return shape, {**arguments, "filters": int(rng.integers(1, 9))}


def handcrafted(rng):
    sizes = [2 * int(size) for size in rng.integers(1, 10, rng.integers(1, 4))]
    return sample_shape(rng, 1), {"kernel_sizes": sizes, "activation": activation(rng)}


def dense(rng):
    return any_shape(rng), {"units": int(rng.integers(1, 20)), **affine(rng)}


def layer_norm(rng):
    shape = any_shape(rng)
    arguments = {
        "axis": one_of(rng, -1, some_axes(rng, shape, 1)),
        "epsilon": one_of(rng, 1e-3, 0.1),
        "center": bool(rng.integers(2)),
        "scale": bool(rng.integers(2)),
    }
    return shape, arguments


def batch_norm(rng):
    arguments = {
        "epsilon": one_of(rng, 1e-3, 0.1),
        "center": bool(rng.integers(2)),
        "scale": bool(rng.integers(2)),
        "activation": one_of(rng, None, *SMOOTH, "relu"),
    }
    return any_shape(rng), arguments


def prelu(rng):
    shape = any_shape(rng)
    shared = some_axes(rng, shape, 0)
    return shape, {"shared_axes": one_of(rng, None, shared)}


# Layers of layers ----------------------------------------------------------------------


def convolution(rng, filters=None, **arguments):
    return L.Conv2D(
        filters or int(rng.integers(1, 6)),
        ints(rng, 1, 4, 2),
        dilation=ints(rng, 1, 2, 2),
        activation=smooth(rng),
        **arguments,
    )


def middle(rng):
    """Draw a layer that keeps its input's shape."""
    return one_of(
        rng,
        L.BatchNorm(activation=smooth(rng)),
        L.LayerNorm(),
        L.DepthwiseConv2D(activation=one_of(rng, *SMOOTH)),
        L.Activation(one_of(rng, *SMOOTH)),
        L.AvgPool2D(2, stride=1, padding="same"),
    )


def sequential(rng):
    last = one_of(rng, L.GlobalAvgPool2D(), L.Dense(3, "tanh"))
    arguments = {"layers": [convolution(rng), middle(rng), ("last", last)]}
    return sample_shape(rng, 2), arguments


def residual(rng):
    shape = sample_shape(rng, 2)
    stride = int(rng.integers(1, 3))
    filters = int(rng.integers(1, 6))
    shortcut = L.Conv2D(filters, 1, stride=stride)
    if rng.random() < 0.5:
        stride, filters, shortcut = 1, shape[-1], None
    elif rng.random() < 0.5:
        shortcut = [middle(rng), ("mix", shortcut)]
    inside = [convolution(rng, stride=stride), middle(rng), convolution(rng, filters)]
    return shape, {"layers": inside, "shortcut": shortcut, "activation": smooth(rng)}


def branches(rng):
    kinds = (
        lambda: convolution(rng),
        lambda: middle(rng),
        lambda: [middle(rng), convolution(rng)],
        lambda: L.Residual([middle(rng)]),
    )
    return sample_shape(rng, 2), {"layers": [one_of(rng, *kinds)() for _ in range(3)]}


# Layer -> what draws (shape of a sample, arguments). What draws at random in training
# gets a rate of 0, so that it can be compared.
LAYERS = {
    "Activation": lambda rng: (
        any_shape(rng),
        {"activation": one_of(rng, *ops.ACTIVATIONS)},
    ),
    "AvgPool1D": lambda rng: pooling(rng, 1),
    "AvgPool2D": lambda rng: pooling(rng, 2),
    "BatchNorm": batch_norm,
    "Branches": branches,
    "Conv1D": lambda rng: grouped(rng, 1),
    "Conv2D": lambda rng: grouped(rng, 2),
    "Conv1DTranspose": lambda rng: transposed(rng, 1),
    "Conv2DTranspose": lambda rng: transposed(rng, 2),
    "Cropping1D": lambda rng: margins(rng, 1, "cropping"),
    "Cropping2D": lambda rng: margins(rng, 2, "cropping"),
    "Dense": dense,
    "DepthwiseConv2D": depthwise,
    "Dropout": lambda rng: (any_shape(rng), {"rate": 0.0}),
    "Flatten": lambda rng: (any_shape(rng), {}),
    "GlobalAvgPool1D": lambda rng: (sample_shape(rng, 1), {}),
    "GlobalAvgPool2D": lambda rng: (sample_shape(rng, 2), {}),
    "GlobalMaxPool1D": lambda rng: (sample_shape(rng, 1), {}),
    "GlobalMaxPool2D": lambda rng: (sample_shape(rng, 2), {}),
    "HandcraftedConv1D": handcrafted,
    "LayerNorm": layer_norm,
    "MaxPool1D": lambda rng: pooling(rng, 1),
    "MaxPool2D": lambda rng: pooling(rng, 2),
    "Normalization": lambda rng: (any_shape(rng), {}),
    "PReLU": prelu,
    "Rescaling": lambda rng: (
        any_shape(rng),
        {"scale": rng.normal(), "offset": rng.normal()},
    ),
    "Reshape": reshape,
    "Residual": residual,
    "SeparableConv2D": separable,
    "Sequential": sequential,
    "SpatialDropout1D": lambda rng: (sample_shape(rng, 1), {"rate": 0.0}),
    "SpatialDropout2D": lambda rng: (sample_shape(rng, 2), {"rate": 0.0}),
    "UpSampling1D": lambda rng: (sample_shape(rng, 1), {"size": ints(rng, 1, 4, 1)}),
    "UpSampling2D": upsampling,
    "ZeroPadding1D": lambda rng: margins(rng, 1, "padding"),
    "ZeroPadding2D": lambda rng: margins(rng, 2, "padding"),
}
