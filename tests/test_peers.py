"""Every layer against torch, and against TensorFlow where torch has no such padding.

Random configurations from a fixed seed, forward and all gradients, in float64 (the
definitions) and in float32 (the ops in use). A new layer's test is a row in TORCH: what
draws its configuration, and the same function written in torch.
"""

import functools
import math
import zlib

import numpy as np
import pytest
from tolerances import RTOL, assert_same

from skconv import layers, ops

CONFIGURATIONS = 60  # of each layer
BATCH = 3
# Sums of float32 in another order, at times through an activation and several layers.
ROUNDINGS = 5


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="torch is not installed: extra `peers`")


@pytest.fixture(scope="module")
def keras():
    reason = "tensorflow is not installed"
    pytest.importorskip("tensorflow", reason=reason)
    return pytest.importorskip("keras", reason=reason)


# Configurations ------------------------------------------------------------------------


def one_of(rng, *values):
    return values[rng.integers(len(values))]


def ints(rng, low, high, axes):
    """An int, or one for each axis."""
    if axes == 2 and rng.random() < 0.5:
        return tuple(int(i) for i in rng.integers(low, high + 1, 2))
    return int(rng.integers(low, high + 1))


def activation(rng):
    return one_of(rng, None, *(a for a in ops.ACTIVATIONS if a != "leaky_relu"))


def sample_shape(rng, axes, c=None):
    size = rng.integers(1, 12, axes)
    return (*map(int, size), c or int(one_of(rng, 1, 2, 3, 4, 5, 8, 17)))


def sliding(rng, axes):
    """How a kernel slides, over what: whatever fits its input."""
    while True:
        shape = sample_shape(rng, axes)
        arguments = {
            "kernel_size": ints(rng, 1, 5, axes),
            "stride": ints(rng, 1, 3, axes),
            "dilation": ints(rng, 1, 3, axes),
            "padding": padding(rng, axes),
        }
        if fits(ops.window, shape, arguments):
            return shape, arguments


def padding(rng, axes, most=3):
    side = lambda: int(rng.integers(0, most + 1))  # noqa: E731
    sides = (side(), side()) if axes == 1 else ((side(), side()), (side(), side()))
    names = ("valid", "same", "causal") if axes == 1 else ("valid", "same")
    return one_of(rng, *names, side(), sides)


def fits(window, shape, arguments):
    first, *rest = arguments.items()
    try:
        window(shape[:-1], first[1], **dict(rest))
    except ValueError:
        return False
    return True


def pooling(rng, axes):
    while True:
        shape = sample_shape(rng, axes)
        arguments = {
            "pool_size": ints(rng, 1, 4, axes),
            "stride": one_of(rng, None, ints(rng, 1, 3, axes)),
            "padding": padding(rng, axes, most=2),
        }
        if fits(ops.pool_window, shape, arguments):
            return shape, arguments


def grouped(rng, axes):
    shape, arguments = sliding(rng, axes)
    c = shape[-1]
    groups = int(one_of(rng, 1, *(g for g in range(1, c + 1) if c % g == 0)))
    arguments["groups"] = groups
    arguments["filters"] = groups * int(rng.integers(1, 5))
    return shape, {**arguments, **affine(rng)}


def depthwise(rng):
    shape, arguments = sliding(rng, 2)
    arguments["depth_multiplier"] = int(rng.integers(1, 4))
    return shape, {**arguments, **affine(rng)}


def separable(rng):
    shape, arguments = depthwise(rng)
    return shape, {**arguments, "filters": int(rng.integers(1, 9))}


def affine(rng):
    return {"activation": activation(rng), "use_bias": bool(rng.integers(2))}


def any_shape(rng):
    axes = int(rng.integers(0, 3))
    return sample_shape(rng, axes)


def some_axes(rng, shape, least):
    n = len(shape)
    axes = rng.permutation(np.arange(1, n + 1))[: rng.integers(least, n + 1)]
    return tuple(int(a) - one_of(rng, 0, n + 1) for a in axes)


def norm(rng):
    shape = any_shape(rng)
    arguments = {
        "axis": one_of(rng, -1, some_axes(rng, shape, 1)),
        "epsilon": one_of(rng, 1e-3, 0.1),
        "center": bool(rng.integers(2)),
        "scale": bool(rng.integers(2)),
    }
    return shape, arguments


def batch_norm(rng):
    shape = any_shape(rng)
    arguments = {
        "epsilon": one_of(rng, 1e-3, 0.1),
        "center": bool(rng.integers(2)),
        "scale": bool(rng.integers(2)),
        "activation": activation(rng),
    }
    return shape, arguments


def slopes(rng):
    shape = any_shape(rng)
    shared = some_axes(rng, shape, 0)
    return shape, {"shared_axes": one_of(rng, None, shared)}


# The same in torch, for samples with the channels last ---------------------------------


def torch_activation(torch, z, name):
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


def torch_pad(torch, x, sides, value=0.0):
    """Pad (n, c, ...): torch wants the last axis first."""
    flat = [number for side in reversed(sides) for number in side]
    return torch.nn.functional.pad(x, flat, value=value)


def torch_convolution(torch, layer, x, weights):
    kernel, bias = weights["kernel"], weights.get("bias")
    z = torch_slide(torch, layer, x, kernel, layer.groups)
    return torch_activation(torch, z if bias is None else z + bias, layer.activation)


def torch_slide(torch, layer, x, kernel, groups):
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
        torch_pad(torch, channels_first(x), win.padding),
        kernel.movedim((-1, -2), (0, 1)).contiguous(),
        stride=win.stride,
        dilation=win.dilation,
        groups=groups,
    )
    return channels_last(z)


def as_groups(kernel):
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def torch_depthwise(torch, layer, x, weights):
    z = torch_slide(torch, layer, x, as_groups(weights["kernel"]), x.shape[-1])
    z = z + weights.get("bias", 0)
    return torch_activation(torch, z, layer.activation)


def torch_separable(torch, layer, x, weights):
    kernel = as_groups(weights["depthwise_kernel"])
    between = torch_slide(torch, layer, x, kernel, x.shape[-1])
    z = between @ weights["pointwise_kernel"][0, 0] + weights.get("bias", 0)
    return torch_activation(torch, z, layer.activation)


def torch_pool(torch, layer, x, weights, kind):
    axes = x.ndim - 2
    win = ops.pool_window(
        tuple(x.shape[1:-1]),
        layer.pool_size,
        stride=layer.stride,
        padding=layer.padding,
    )
    pool = getattr(torch.nn.functional, f"{kind}_pool{axes}d")
    x = channels_first(x)
    if kind == "max":
        padded = torch_pad(torch, x, win.padding, -math.inf)
        return channels_last(pool(padded, win.size, win.stride))
    sums = pool(torch_pad(torch, x, win.padding), win.size, win.stride)
    inside = torch_pad(torch, torch.ones_like(x), win.padding)
    return channels_last(sums / pool(inside, win.size, win.stride))


def torch_layer_norm(torch, layer, x, weights):
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


def torch_batch_norm(torch, layer, x, weights):
    arrays = (weights.get(name) for name in ("gamma", "beta"))
    z = torch.nn.functional.batch_norm(
        x.movedim(-1, 1), None, None, *arrays, training=True, eps=layer.epsilon
    )
    return torch_activation(torch, z.movedim(1, -1), layer.activation)


def torch_prelu(torch, layer, x, weights):
    shared = [] if layer.shared_axes is None else np.atleast_1d(layer.shared_axes)
    shared = [int(a) % x.ndim for a in shared]
    shape = [1 if a in shared else x.shape[a] for a in range(1, x.ndim)]
    alpha = weights["alpha"].reshape(shape).expand(x.shape[1:])
    flat = torch.nn.functional.prelu(x.reshape(len(x), -1), alpha.reshape(-1))
    return flat.reshape(x.shape)


def torch_dense(torch, layer, x, weights):
    z = torch.nn.functional.linear(x.flatten(1), weights["kernel"].T)
    return torch_activation(torch, z + weights.get("bias", 0), layer.activation)


POOL = {kind: functools.partial(torch_pool, kind=kind) for kind in ("max", "avg")}

# Layer -> what draws (shape of a sample, arguments), and torch's (torch, layer, x,
# weights) -> y. What draws at random in training is compared as it predicts.
TORCH = {
    "Activation": (
        lambda rng: (any_shape(rng), {"activation": one_of(rng, *ops.ACTIVATIONS)}),
        lambda torch, layer, x, w: torch_activation(torch, x, layer.activation),
    ),
    "AvgPool1D": (lambda rng: pooling(rng, 1), POOL["avg"]),
    "AvgPool2D": (lambda rng: pooling(rng, 2), POOL["avg"]),
    "BatchNorm": (batch_norm, torch_batch_norm),
    "Conv1D": (lambda rng: grouped(rng, 1), torch_convolution),
    "Conv2D": (lambda rng: grouped(rng, 2), torch_convolution),
    "Dense": (
        lambda rng: (
            any_shape(rng),
            {"units": int(rng.integers(1, 20)), **affine(rng)},
        ),
        torch_dense,
    ),
    "DepthwiseConv2D": (depthwise, torch_depthwise),
    "Dropout": (
        lambda rng: (any_shape(rng), {"rate": 0.0}),
        lambda torch, layer, x, w: torch.nn.functional.dropout(x, 0.0),
    ),
    "Flatten": (
        lambda rng: (any_shape(rng), {}),
        lambda torch, layer, x, w: x.flatten(1),
    ),
    "GlobalAvgPool1D": (
        lambda rng: (sample_shape(rng, 1), {}),
        lambda torch, layer, x, w: x.mean(1),
    ),
    "GlobalAvgPool2D": (
        lambda rng: (sample_shape(rng, 2), {}),
        lambda torch, layer, x, w: x.mean((1, 2)),
    ),
    "GlobalMaxPool1D": (
        lambda rng: (sample_shape(rng, 1), {}),
        lambda torch, layer, x, w: x.amax(1),
    ),
    "GlobalMaxPool2D": (
        lambda rng: (sample_shape(rng, 2), {}),
        lambda torch, layer, x, w: x.amax((1, 2)),
    ),
    "LayerNorm": (norm, torch_layer_norm),
    "MaxPool1D": (lambda rng: pooling(rng, 1), POOL["max"]),
    "MaxPool2D": (lambda rng: pooling(rng, 2), POOL["max"]),
    "PReLU": (slopes, torch_prelu),
    "Rescaling": (
        lambda rng: (any_shape(rng), {"scale": rng.normal(), "offset": rng.normal()}),
        lambda torch, layer, x, w: x * layer.scale + layer.offset,
    ),
    "SeparableConv2D": (separable, torch_separable),
    "SpatialDropout1D": (
        lambda rng: (sample_shape(rng, 1), {"rate": 0.0}),
        lambda torch, layer, x, w: torch.nn.functional.dropout1d(x, 0.0),
    ),
    "SpatialDropout2D": (
        lambda rng: (sample_shape(rng, 2), {"rate": 0.0}),
        lambda torch, layer, x, w: torch.nn.functional.dropout2d(x, 0.0),
    ),
}


# Held against other things: what scikit-learn's StandardScaler learns, and the layers
# that these are made of.
ELSEWHERE = {"Layer", "Normalization", "Branches", "Residual", "Sequential"}


def test_every_layer_has_a_peer():
    assert set(TORCH) == set(layers.__all__) - ELSEWHERE


def draw(name, dtype):
    """Yield layers of random configurations, their weights, an input and a gradient.

    Inputs are distinct and far from 0, so that no maximum is close to a tie and no
    ReLU of an input to its corner.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(CONFIGURATIONS):
        shape, arguments = TORCH[name][0](rng)
        layer = getattr(layers, name)(**arguments)
        weights, output_shape = layer.build(shape, rng, np.dtype("float64"))
        size = BATCH * math.prod(shape)
        x = (rng.permutation(size) - size // 2 + 0.5) / size * 4
        arrays = {"x": x.reshape(BATCH, *shape)}
        arrays["dy"] = rng.standard_normal((BATCH, *output_shape))
        arrays |= {key: rng.standard_normal(w.shape) for key, w in weights.items()}
        yield layer, {key: array.astype(dtype) for key, array in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TORCH)
def test_forward_and_all_gradients_are_torchs(name, dtype, torch):
    for layer, arrays in draw(name, dtype):
        actual = run(layer, arrays)
        leaves = {
            key: torch.from_numpy(array.copy()).double().requires_grad_()
            for key, array in arrays.items()
        }
        x, dy, *_ = leaves.values()
        weights = {key: leaves[key] for key in list(leaves)[2:]}
        y = TORCH[name][1](torch, layer, x, weights)
        y.backward(dy.detach())
        expected = {"y": y, "dx": x.grad}
        expected |= {
            key: w.grad for key, w in weights.items() if key not in layer.state
        }
        for key, value in expected.items():
            kinks = dtype == "float32" and near_a_kink(layer, arrays)
            if not kinks:
                compare(layer, arrays, key, actual[key], value.detach().numpy(), dtype)


def run(layer, arrays):
    x, dy, *_ = arrays.values()
    weights = {key: arrays[key].copy() for key in list(arrays)[2:]}
    y, cache = layer.forward(weights, x, np.random.default_rng(0))
    if not layer.state:  # which only training changes, and only prediction reads
        np.testing.assert_array_equal(layer.predict(weights, x), y)
    dx, grads = layer.backward(weights, cache, dy)
    return {"y": y, "dx": dx, **grads}


def near_a_kink(layer, arrays):
    """Whether rounding may put a sum on the other side of a ReLU's corner."""
    if getattr(layer, "activation", None) not in ("relu", "leaky_relu"):
        return False
    if isinstance(layer, layers.Activation):
        return False
    linear = type(layer)(**{**layer.get_params(), "activation": None})
    x, _, *_ = arrays.values()
    wide = {key: arrays[key].astype(float) for key in list(arrays)[2:]}
    z, _ = linear.forward(wide, x.astype(float), None)
    return bool((np.abs(z) < 1e-4).any())


def compare(layer, arrays, key, actual, expected, dtype):
    # A gradient may cancel out, as that of the softmax of one channel does.
    vanishes = np.abs(expected).max() < 1e-12
    try:
        if vanishes:
            assert np.abs(actual).max() <= ROUNDINGS * RTOL[np.dtype(dtype)]
        else:
            assert_same(actual, expected, dtype, scale=ROUNDINGS)
    except AssertionError as error:
        shape = arrays["x"].shape
        raise AssertionError(f"{key} of {layer!r} on {shape}: {error}") from error


# Keras, whose "same" pads by what the stride leaves ------------------------------------

KERAS_NAMES = {"stride": "strides", "dilation": "dilation_rate"}
KERAS = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "Conv1D": "Conv1D",
    "Conv2D": "Conv2D",
    "DepthwiseConv2D": "DepthwiseConv2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConv2D": "SeparableConv2D",
    "LayerNorm": "LayerNormalization",
}


def of_keras(layer, arguments):
    """The layer's arguments in Keras' words, or None where it has no such layer."""
    keywords = {KERAS_NAMES.get(key, key): value for key, value in arguments.items()}
    if "padding" in keywords and keywords["padding"] not in ("same", "valid", "causal"):
        return None
    if "Pool" in type(layer).__name__ and keywords["padding"] == "causal":
        return None
    strides, dilation = keywords.get("strides"), keywords.get("dilation_rate")
    steps = np.atleast_1d(1 if strides is None else strides)
    if np.any(steps > 1) and np.any(np.atleast_1d(dilation or 1) > 1):
        return None  # not both
    if "depth_multiplier" in keywords and len(set(steps)) > 1:
        return None  # TensorFlow strides such kernels alike along both axes
    return keywords


@pytest.mark.parametrize("name", KERAS)
def test_forward_is_keras(name, keras):
    names = {None: "linear", "identity": "linear", "logistic": "sigmoid"}
    seen = 0
    for layer, arrays in draw(name, "float32"):
        keywords = of_keras(layer, layer.get_params())
        if keywords is None:
            continue
        for argument in [key for key in keywords if key.endswith("_initializer")]:
            del keywords[argument]
        if "activation" in keywords:
            a = keywords["activation"]
            keywords["activation"] = names.get(a, a)
        peer = getattr(keras.layers, KERAS[name])(**keywords)
        peer.build(arrays["x"].shape)
        # In Keras' order, as ours; gamma and beta of several axes are not vectors there.
        weights = [arrays[key] for key in list(arrays)[2:]]
        shapes = [w.shape for w in peer.weights]
        peer.set_weights([w.reshape(s) for w, s in zip(weights, shapes, strict=True)])
        expected = np.asarray(peer(arrays["x"]))
        compare(layer, arrays, "y", run(layer, arrays)["y"], expected, "float32")
        seen += 1
    assert seen >= 5
