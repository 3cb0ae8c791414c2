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
from tolerances import RTOL

from skconv import layers, ops
from skconv.layers import chain

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


def slopes(rng):
    shape = any_shape(rng)
    shared = some_axes(rng, shape, 0)
    return shape, {"shared_axes": one_of(rng, None, shared)}


def batch_norm(rng):
    arguments = {
        "epsilon": one_of(rng, 1e-3, 0.1),
        "center": bool(rng.integers(2)),
        "scale": bool(rng.integers(2)),
        "activation": one_of(rng, None, *SMOOTH, "relu"),
    }
    return any_shape(rng), arguments


# Layers of layers ----------------------------------------------------------------------

SMOOTH = ("elu", "gelu", "tanh", "logistic")  # no corner that rounding may step over


def convolution(rng, filters=None, **arguments):
    return layers.Conv2D(
        filters or int(rng.integers(1, 6)),
        ints(rng, 1, 4, 2),
        dilation=ints(rng, 1, 2, 2),
        activation=one_of(rng, None, *SMOOTH),
        **arguments,
    )


def middle(rng):
    """A layer that keeps its input's shape."""
    return one_of(
        rng,
        layers.BatchNorm(activation=one_of(rng, None, *SMOOTH)),
        layers.LayerNorm(),
        layers.DepthwiseConv2D(activation=one_of(rng, *SMOOTH)),
        layers.Activation(one_of(rng, *SMOOTH)),
        layers.AvgPool2D(2, stride=1, padding="same"),
    )


def sequential(rng):
    last = one_of(rng, layers.GlobalAvgPool2D(), layers.Dense(3, "tanh"))
    arguments = {"layers": [convolution(rng), middle(rng), ("last", last)]}
    return sample_shape(rng, 2), arguments


def residual(rng):
    shape = sample_shape(rng, 2)
    stride = int(rng.integers(1, 3))
    filters = int(rng.integers(1, 6))
    side = layers.Conv2D(filters, 1, stride=stride)
    if rng.random() < 0.5:
        stride, filters, side = 1, shape[-1], None
    elif rng.random() < 0.5:
        side = [middle(rng), ("mix", side)]
    inside = [convolution(rng, stride=stride), middle(rng), convolution(rng, filters)]
    activation = one_of(rng, None, *SMOOTH)
    return shape, {"layers": inside, "shortcut": side, "activation": activation}


def branches(rng):
    kinds = (
        lambda: convolution(rng),
        lambda: middle(rng),
        lambda: [middle(rng), convolution(rng)],
        lambda: layers.Residual([middle(rng)]),
    )
    return sample_shape(rng, 2), {"layers": [one_of(rng, *kinds)() for _ in range(3)]}


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


def torch_batch_norm(torch, layer, x, weights, training=True):
    running = weights["moving_mean"], weights["moving_variance"]
    y = torch.nn.functional.batch_norm(
        channels_first(x) if x.ndim > 2 else x,
        *(array.detach().clone() for array in running),
        weights.get("gamma"),
        weights.get("beta"),
        training=training,
        eps=layer.epsilon,
    )
    return torch_activation(
        torch, channels_last(y) if x.ndim > 2 else y, layer.activation
    )


def torch_chain(torch, named, x, weights):
    for name, layer in named:
        x = TORCH[type(layer).__name__][1](torch, layer, x, weights.get(name, {}))
    return x


def torch_residual(torch, layer, x, weights):
    *main, last = layer.inner_layers()
    side = [last] if layer.shortcut is not None else []
    main = main if side else [*main, last]
    z = torch_chain(torch, main, x, weights) + torch_chain(torch, side, x, weights)
    return torch_activation(torch, z, layer.activation)


def torch_branches(torch, layer, x, weights):
    sides = [torch_chain(torch, [side], x, weights) for side in layer.inner_layers()]
    return torch.cat(sides, dim=-1)


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
    "Branches": (branches, torch_branches),
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
    "Normalization": (
        lambda rng: (any_shape(rng), {}),
        lambda torch, layer, x, w: (x - w["mean"]) / w["variance"].sqrt(),
    ),
    "PReLU": (slopes, torch_prelu),
    "Rescaling": (
        lambda rng: (any_shape(rng), {"scale": rng.normal(), "offset": rng.normal()}),
        lambda torch, layer, x, w: x * layer.scale + layer.offset,
    ),
    "Residual": (residual, torch_residual),
    "SeparableConv2D": (separable, torch_separable),
    "Sequential": (
        sequential,
        lambda torch, layer, x, w: torch_chain(torch, layer.inner_layers(), x, w),
    ),
    "SpatialDropout1D": (
        lambda rng: (sample_shape(rng, 1), {"rate": 0.0}),
        lambda torch, layer, x, w: torch.nn.functional.dropout1d(x, 0.0),
    ),
    "SpatialDropout2D": (
        lambda rng: (sample_shape(rng, 2), {"rate": 0.0}),
        lambda torch, layer, x, w: torch.nn.functional.dropout2d(x, 0.0),
    ),
}


def test_table_has_every_layer():
    assert set(TORCH) == set(layers.__all__) - {"Composite", "Layer"}


def each(function, weights):
    """Weights, which may be of layers within layers, each turned into another."""
    return {
        key: each(function, value) if isinstance(value, dict) else function(value)
        for key, value in weights.items()
    }


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
        for _, weight, is_trained in chain.named_weights(layer, weights):
            # Scaled by what is summed up, or else each softmax would be saturated.
            fan = weight.size / weight.shape[-1]
            weight[...] = rng.standard_normal(weight.shape) / np.sqrt(fan)
            if not is_trained:  # a variance or a count
                weight[...] = np.abs(weight) + 0.5
        size = BATCH * math.prod(shape)
        x = (rng.permutation(size) - size // 2 + 0.5) / size * 4
        x = x.reshape(BATCH, *shape).astype(dtype)
        dy = rng.standard_normal((BATCH, *output_shape)).astype(dtype)
        yield layer, each(lambda weight: weight.astype(dtype), weights), x, dy


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TORCH)
def test_forward_and_gradients_equal_torch(name, dtype, torch):
    for layer, weights, x, dy in draw(name, dtype):
        if dtype == "float32" and near_a_kink(layer, weights, x):
            continue

        def leaf(array):
            return torch.from_numpy(array.copy()).double().requires_grad_()

        peer_x, peer_weights = leaf(x), each(leaf, weights)
        y = TORCH[name][1](torch, layer, peer_x, peer_weights)
        y.backward(torch.from_numpy(dy).double())
        expected = {"y": y.detach(), "dx": peer_x.grad}
        for path, weight, is_trained in chain.named_weights(layer, peer_weights):
            if is_trained:
                expected[path] = weight.grad
        actual = run(layer, weights, x, dy)
        assert actual.keys() == expected.keys()
        for key, value in expected.items():
            compare(layer, x.shape, key, actual[key], value.numpy(), dtype)


def run(layer, weights, x, dy):
    weights = each(np.copy, weights)  # forward may change their state
    y, cache = layer.forward(weights, x, np.random.default_rng(0))
    if all(is_trained for *_, is_trained in chain.named_weights(layer, weights)):
        np.testing.assert_array_equal(layer.predict(weights, x), y)
    dx, grads = layer.backward(weights, cache, dy)
    named = chain.named_weights(layer, grads)
    return {"y": y, "dx": dx, **{path: grad for path, grad, _ in named}}


def near_a_kink(layer, weights, x):
    """Whether rounding may put a sum on the other side of a ReLU's corner."""
    if getattr(layer, "activation", None) not in ("relu", "leaky_relu"):
        return False
    if isinstance(layer, layers.Activation):
        return False
    linear = type(layer)(**{**layer.get_params(), "activation": None})
    wide = each(lambda weight: weight.astype(float), weights)
    z, _ = linear.forward(wide, x.astype(float), np.random.default_rng(0))
    return bool((np.abs(z) < 1e-4).any())


def compare(layer, shape, key, actual, expected, dtype):
    # Inputs and gradients that come in are of about 1. What cancels out, as the gradient
    # of a softmax of one channel does, has the rounding errors of what it came from.
    largest = max(np.abs(expected).max(), 0.05)
    tolerance = ROUNDINGS * RTOL[np.dtype(dtype)] * largest
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual,
        expected,
        rtol=0,
        atol=tolerance,
        err_msg=f"{key} of {layer!r} on {shape}",
    )


def test_batch_norm_predicts_as_torch(torch):
    for layer, weights, x, _ in draw("BatchNorm", "float64"):
        peer = each(torch.from_numpy, weights)
        x_peer = torch.from_numpy(x)
        expected = torch_batch_norm(torch, layer, x_peer, peer, training=False)
        y = layer.predict(weights, x)
        compare(layer, x.shape, "y", y, expected.numpy(), "float64")


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


def keras_arguments(layer, arguments):
    """Return the layer's arguments as Keras calls them, or None if it has no such layer."""
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


# Keras warns of a softmax of one channel, which may be drawn.
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("name", KERAS)
def test_forward_equals_keras(name, keras):
    names = {None: "linear", "identity": "linear", "logistic": "sigmoid"}
    seen = 0
    for layer, weights, x, _ in draw(name, "float32"):
        keywords = keras_arguments(layer, layer.get_params())
        if keywords is None:
            continue
        training_only = ("_initializer", "_l1", "_l2")
        for argument in [key for key in keywords if key.endswith(training_only)]:
            del keywords[argument]
        if "activation" in keywords:
            a = keywords["activation"]
            keywords["activation"] = names.get(a, a)
        peer = getattr(keras.layers, KERAS[name])(**keywords)
        peer.build(x.shape)
        # In Keras' order, as ours; gamma and beta of several axes are not vectors there.
        shapes = [w.shape for w in peer.weights]
        peer.set_weights(
            [w.reshape(s) for w, s in zip(weights.values(), shapes, strict=True)]
        )
        y = layer.predict(weights, x)
        compare(layer, x.shape, "y", y, np.asarray(peer(x)), "float32")
        seen += 1
    assert seen >= 5
