"""Every layer against torch, and against Keras where torch has no such padding.

Random configurations from a fixed seed, forward and all gradients, in float64 (the
definitions) and in float32 (the ops in use). A new layer's test is a row in two tables:
layer_configurations.LAYERS draws its configuration, torch_layers.LAYERS has it in torch.
"""

import math
import zlib

import layer_configurations
import numpy as np
import pytest
import torch_layers
from seeds import SEED
from tolerances import RTOL

from skconv import layers as L
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
    return pytest.importorskip("keras", reason="Keras is not installed: extra `peers`")


def test_every_layer_has_a_configuration_and_a_peer():
    names = set(L.__all__) - {"Composite", "Layer"}
    assert set(layer_configurations.LAYERS) == names
    assert set(torch_layers.LAYERS) == names


def each(function, weights):
    """Apply a function to all weights, those of layers within layers too."""
    return {
        key: each(function, value) if isinstance(value, dict) else function(value)
        for key, value in weights.items()
    }


def draw(name, dtype):
    """Yield layers of random configurations, their weights, an input and a gradient.

    Inputs are distinct and far from 0, so that no maximum is close to a tie and no
    ReLU of an input to its corner.
    """
    rng = np.random.default_rng(SEED + zlib.crc32(name.encode()))
    for _ in range(CONFIGURATIONS):
        shape, arguments = layer_configurations.LAYERS[name](rng)
        layer = getattr(L, name)(**arguments)
        weights, output_shape = layer.build(shape, rng, np.dtype("float64"))
        for _, weight, learnt in chain.named_weights(layer, weights):
            # Scaled by the number of summands, or else each softmax would be saturated.
            fan = weight.size / weight.shape[-1]
            weight[...] = rng.standard_normal(weight.shape) / np.sqrt(fan)
            if not learnt:  # a variance or a count
                weight[...] = np.abs(weight) + 0.5
        size = BATCH * math.prod(shape)
        x = (rng.permutation(size) - size // 2 + 0.5) / size * 4
        x = x.reshape(BATCH, *shape).astype(dtype)
        dy = rng.standard_normal((BATCH, *output_shape)).astype(dtype)
        yield layer, each(lambda weight: weight.astype(dtype), weights), x, dy


@pytest.mark.extras
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", torch_layers.LAYERS)
def test_layer_forward_and_all_gradients_agree_with_torch(name, dtype, torch):
    for layer, weights, x, dy in draw(name, dtype):
        if near_a_kink(layer, weights, x, 1e-4 if dtype == "float32" else 1e-12):
            continue  # inputs are a grid: one may be its channel's mean, exactly

        def leaf(array):
            return torch.from_numpy(array.copy()).double().requires_grad_()

        peer_x, peer_weights = leaf(x), each(leaf, weights)
        y = torch_layers.LAYERS[name](torch, layer, peer_x, peer_weights)
        y.backward(torch.from_numpy(dy).double())
        expected = {"y": y.detach(), "dx": peer_x.grad}
        for path, weight, learnt in chain.named_weights(layer, peer_weights):
            if learnt:
                expected[path] = weight.grad
        actual = run(layer, weights, x, dy)
        assert actual.keys() == expected.keys()
        for key, value in expected.items():
            compare(layer, x.shape, key, actual[key], value.numpy(), dtype)


def run(layer, weights, x, dy):
    weights = each(np.copy, weights)  # forward may change the state in them
    y, cache = layer.forward(weights, x, np.random.default_rng(SEED))
    if all(learnt for _, _, learnt in chain.named_weights(layer, weights)):
        np.testing.assert_array_equal(layer.predict(weights, x), y)
    dx, grads = layer.backward(weights, cache, dy)
    leaves = chain.named_weights(layer, grads)
    return {"y": y, "dx": dx, **{path: grad for path, grad, _ in leaves}}


def near_a_kink(layer, weights, x, distance):
    """Return whether rounding may put a sum on the other side of a ReLU's corner."""
    if getattr(layer, "activation", None) not in ("relu", "leaky_relu"):
        return False
    if isinstance(layer, L.Activation):
        return False
    linear = type(layer)(**{**layer.get_params(), "activation": None})
    wide = each(lambda weight: weight.astype(float), weights)
    z, _ = linear.forward(wide, x.astype(float), np.random.default_rng(SEED))
    return bool((np.abs(z) < distance).any())


def compare(layer, shape, key, actual, expected, dtype):
    # Inputs and incoming gradients are of about 1. A result that cancels out, as the
    # gradient of a softmax of one channel, has the rounding errors of its summands.
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


@pytest.mark.extras
def test_batch_norm_prediction_agrees_with_torch(torch):
    for layer, weights, x, _ in draw("BatchNorm", "float64"):
        peer = each(torch.from_numpy, weights)
        x_peer = torch.from_numpy(x)
        expected = torch_layers.batch_norm(torch, layer, x_peer, peer, training=False)
        y = layer.predict(weights, x)
        compare(layer, x.shape, "y", y, expected.numpy(), "float64")


# Keras, whose "same" pads by what the stride leaves ------------------------------------

KERAS_NAMES = {"stride": "strides", "dilation": "dilation_rate"}
KERAS = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "Conv1D": "Conv1D",
    "Conv2D": "Conv2D",
    "Conv1DTranspose": "Conv1DTranspose",
    "Conv2DTranspose": "Conv2DTranspose",
    "Cropping1D": "Cropping1D",
    "Cropping2D": "Cropping2D",
    "DepthwiseConv2D": "DepthwiseConv2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConv2D": "SeparableConv2D",
    "LayerNorm": "LayerNormalization",
    "Reshape": "Reshape",
    "UpSampling1D": "UpSampling1D",
    "UpSampling2D": "UpSampling2D",
    "ZeroPadding1D": "ZeroPadding1D",
    "ZeroPadding2D": "ZeroPadding2D",
}
KERAS_ACTIVATIONS = {None: "linear", "identity": "linear", "logistic": "sigmoid"}


def keras_arguments(layer):
    """Return the layer's arguments in Keras' words, None where Keras has no such layer."""
    training_only = ("_initializer", "_l1", "_l2")
    keywords = {
        KERAS_NAMES.get(key, key): value
        for key, value in layer.get_params().items()
        if not key.endswith(training_only)
    }
    slides = hasattr(layer, "stride")
    if slides and keywords["padding"] not in ("same", "valid", "causal"):
        return None
    if keywords.get("output_padding") is not None:
        added, steps = (
            np.ravel(keywords[key]) for key in ("output_padding", "strides")
        )
        if (added >= steps).any():
            return None  # Keras demands less
    if "Pool" in type(layer).__name__ and keywords["padding"] == "causal":
        return None
    strides, dilation = keywords.get("strides"), keywords.get("dilation_rate")
    steps = np.atleast_1d(1 if strides is None else strides)
    if np.any(steps > 1) and np.any(np.atleast_1d(dilation or 1) > 1):
        return None  # not both
    if "depth_multiplier" in keywords and len(set(steps)) > 1:
        return None  # TensorFlow strides such kernels alike along both axes
    if "activation" in keywords:
        name = keywords["activation"]
        keywords["activation"] = KERAS_ACTIVATIONS.get(name, name)
    return keywords


# Keras warns of a softmax of one channel, which may be drawn.
@pytest.mark.extras
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning")
@pytest.mark.parametrize("name", KERAS)
def test_layer_forward_agrees_with_keras(name, keras):
    compared = 0
    for layer, weights, x, _ in draw(name, "float32"):
        keywords = keras_arguments(layer)
        if keywords is None:
            continue
        peer = getattr(keras.layers, KERAS[name])(**keywords)
        peer.build(x.shape)
        # The order is Keras' and ours; gamma and beta of several axes are no vectors here.
        shapes = [w.shape for w in peer.weights]
        peer.set_weights(
            [w.reshape(s) for w, s in zip(weights.values(), shapes, strict=True)]
        )
        y = layer.predict(weights, x)
        compare(layer, x.shape, "y", y, np.asarray(peer(x)), "float32")
        compared += 1
    assert compared >= 5
