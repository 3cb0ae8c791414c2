"""The network: one vector of weights, one gradient, whole."""

import pickle

import numpy as np
import pytest
from scipy import optimize
from seeds import SEED
from tolerances import assert_same

from skconv import Network, ops
from skconv.layers import (
    AvgPool2D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalMaxPool2D,
    Layer,
    MaxPool2D,
    SeparableConv2D,
    chain,
)
from skconv.layers.fusion import fuse

LAYERS = [
    ("conv1", Conv2D(4, 3, activation="relu")),
    ("pool", MaxPool2D(2)),
    ("conv2", Conv2D(6, 3, stride=2, padding="valid", activation="gelu")),
    ("drop", Dropout(0.3)),
    ("dense", Dense(8, "tanh")),
    ("output", Dense(3)),
]


@pytest.fixture
def network(rng):
    return Network.build(LAYERS, (8, 7, 2), rng, "float64")


def test_weights_are_views_of_one_vector(network):
    size = sum(w.size for views in network.weights.values() for w in views.values())
    assert network.parameters.shape == (size,)
    network.parameters[:] = 7
    assert all(
        (w == 7).all() for views in network.weights.values() for w in views.values()
    )
    assert list(network.weights) == [name for name, _ in LAYERS]
    assert network.weights["conv1"]["kernel"].shape == (3, 3, 2, 4)
    assert network.weights["pool"] == {}
    assert network.shapes == [(8, 7, 4), (4, 3, 4), (1, 1, 6), (1, 1, 6), (8,), (3,)]
    assert network.output_shape == (3,)


def test_gradient_is_the_derivative_of_the_loss(network, rng):
    x, codes, weight = (
        rng.standard_normal((5, 8, 7, 2)),
        np.arange(5) % 3,
        rng.random(5),
    )

    def loss(parameters):
        network.parameters[:] = parameters
        return network.loss_and_gradient(
            x, codes, weight, ops.softmax_cross_entropy, np.random.default_rng(SEED + 3)
        )

    start = network.parameters.copy()
    _, gradient = loss(start)
    numeric = optimize.approx_fprime(start, lambda p: loss(p)[0], 1e-7)
    np.testing.assert_allclose(gradient, numeric, atol=3e-6)


def test_predict_is_pure(network, rng):
    x = rng.standard_normal((5, 8, 7, 2))
    before = network.parameters.copy()
    np.testing.assert_array_equal(network.predict(x), network.predict(x))
    np.testing.assert_array_equal(network.parameters, before)


@pytest.mark.parametrize(
    "pool",
    [
        MaxPool2D(2),
        MaxPool2D((1, 3)),
        MaxPool2D(3, stride=1),
        MaxPool2D(2, padding="same"),
        AvgPool2D(2),
    ],
    ids=repr,
)
@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu"])
@pytest.mark.parametrize("n", [1, 50])
def test_convolution_and_pool_fuse(pool, activation, n, rng):
    chain = [("conv", Conv2D(17, 3, padding="valid", activation=activation))]
    network = Network.build([*chain, ("pool", pool)], (11, 12, 2), 0)
    x = rng.standard_normal((n, 11, 12, 2), np.float32)
    between = network.predict(x, upto="conv")
    assert between.shape == (n, 9, 10, 17)
    expected = pool.predict({}, between)
    np.testing.assert_array_equal(network.predict(x), expected)
    np.testing.assert_array_equal(network.predict(x, upto="pool"), expected)


class SubclassOfConv2D(Conv2D):
    """What does not fuse."""


@pytest.mark.parametrize(
    "pool", [MaxPool2D(2), MaxPool2D((1, 3)), MaxPool2D(3, stride=1)], ids=repr
)
@pytest.mark.parametrize("activation", [None, "relu", "gelu", "softmax"])
@pytest.mark.parametrize("need_dx", [False, True])
def test_fused_pool_has_the_gradients_of_a_separate_one(pool, activation, need_dx, rng):
    x = rng.standard_normal((5, 11, 12, 2), np.float32)
    found = []
    for conv in Conv2D, SubclassOfConv2D:
        layers = [("conv1", conv(3)), ("conv2", conv(17, activation=activation))]
        network = Network.build(
            [*layers, ("pool", pool), ("out", Dense(2))], x.shape[1:], 0
        )
        y, caches = chain.forward(
            network.layers, network.weights, x, None, network.shapes
        )
        dx, grads = chain.backward(network.layers, network.weights, caches, y, need_dx)
        found.append([y, *([] if dx is None else [dx]), *grads["conv1"].values()])
        assert grads["pool"] == {}
    for fused, separate in zip(*found, strict=True):
        assert_same(fused, separate, np.float32)


def layer_by_layer(network, x):
    for name, layer in network.layers:
        x = layer.predict(network.weights[name], x)
    return x


@pytest.mark.parametrize("pool", [[], [("pool", MaxPool2D(2))]], ids=["", "pooled"])
@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu"])
@pytest.mark.parametrize(
    "conv",
    [
        Conv2D(17, 3, padding="valid"),
        Conv2D(6, 3, groups=2, use_bias=False),
        DepthwiseConv2D(3, depth_multiplier=2),
        DepthwiseConv2D((3, 4)),
        DepthwiseConv2D(5, use_bias=False),
        SeparableConv2D(9, 3, stride=2),
        SeparableConv2D(9, 3, depth_multiplier=2, use_bias=False),
        Conv2DTranspose(9, 3, stride=2),
        Conv2DTranspose(5, 2, use_bias=False, padding="valid"),
        Conv1D(7, 3, padding="causal"),
    ],
    ids=repr,
)
def test_convolution_and_batch_norm_fuse(conv, activation, pool, rng):
    shape, pool = ((40, 4), []) if isinstance(conv, Conv1D) else ((9, 10, 4), pool)
    norm = BatchNorm(activation=activation)
    network = Network.build([("conv", conv), ("norm", norm), *pool], shape, rng)
    for array in network.arrays.values():
        array[...] = rng.uniform(0.5, 2, array.shape)
    x = rng.standard_normal((20, *shape), np.float32)
    between = network.predict(x, upto="conv")
    y = network.predict(x)
    assert_same(y, layer_by_layer(network, x))
    for i in range(20):
        np.testing.assert_array_equal(network.predict(x[i : i + 1])[0], y[i])
    assert "scale" not in network.weights["conv"]
    assert conv.activation is None
    fused, weights = fuse(conv, network.weights["conv"], norm, network.weights["norm"])
    assert type(fused) is type(conv)
    normalised = norm.predict(network.weights["norm"], between)
    assert_same(fused.predict(weights, x), normalised)


def test_batch_norm_does_not_fuse_with_other_layers(rng):
    """An activation between, another normalisation between, custom layers."""

    class Negative(Conv2D):
        def predict(self, weights, x):
            return -super().predict(weights, x)

    class Other(BatchNorm):
        def predict(self, weights, x):
            return super().predict(weights, x) + 1

    x = rng.standard_normal((3, 6, 6, 1), np.float32)
    for layers in [
        [Conv2D(4, activation="relu"), BatchNorm()],
        [Conv2D(4), BatchNorm(), BatchNorm()],
        [Negative(4), BatchNorm()],
        [Conv2D(4), Other()],
    ]:
        network = Network.build(layers, (6, 6, 1), rng)
        for name, array in network.arrays.items():
            if "norm" in name or "other" in name:
                array[...] = rng.uniform(0.5, 2, array.shape)
        assert_same(network.predict(x), layer_by_layer(network, x))


def test_subclasses_do_not_fuse(rng):
    class Twice(MaxPool2D):
        def predict(self, weights, x):
            return 2 * super().predict(weights, x)

    class Negative(Conv2D):
        def predict(self, weights, x):
            return -super().predict(weights, x)

    x = rng.standard_normal((3, 6, 6, 1), np.float32)
    plain = [Conv2D(4), MaxPool2D(2)]
    for other in ([Negative(4), MaxPool2D(2)], [Conv2D(4), Twice(2)]):
        network = Network.build(other, (6, 6, 1), 0)
        assert not np.allclose(
            network.predict(x), Network.build(plain, (6, 6, 1), 0).predict(x)
        )


def test_no_gradient_below_the_first_weights(rng):
    """Nothing reads it: neither the first convolution's nor that of the layer before."""

    class Spy(Layer):
        def predict(self, weights, x):
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            raise AssertionError("backward was called below the first weights")

    class NeedsNothing(Conv2D):
        def backward(self, weights, cache, dy, need_dx=True):
            assert not need_dx, "the gradient of the input was computed"
            return super().backward(weights, cache, dy, need_dx)

    layers = [("spy", Spy()), ("conv", NeedsNothing(2)), ("output", Dense(3))]
    network = Network.build(layers, (4, 4, 1), rng)
    x = rng.standard_normal((2, 4, 4, 1), dtype=np.float32)
    network.loss_and_gradient(x, np.array([0, 1]), None, ops.softmax_cross_entropy, rng)


def test_weight_decay_applies_to_kernels_only(network):
    network.parameters[:] = network.decayed(0.5)
    for views in network.weights.values():
        for name, weight in views.items():
            assert (weight == 0.5 * (name == "kernel")).all()


def test_copies_are_independent_and_pickles_hold_weights_once(network, rng):
    x = rng.standard_normal((2, 8, 7, 2))
    twin = network.copy()
    thawed = pickle.loads(data := pickle.dumps(network))
    np.testing.assert_array_equal(thawed.predict(x), network.predict(x))
    assert len(data) < network.parameters.nbytes * 1.1 + 4000
    network.parameters[:] = 0
    assert twin.predict(x).any()
    thawed.parameters[:] = 0
    assert not thawed.weights["conv1"]["kernel"].any()


def test_network_overfits_a_few_samples(rng):
    layers = [
        ("conv", Conv2D(8, 3, activation="relu")),
        ("avg", AvgPool2D(2)),
        ("conv2", Conv2D(16, 3, activation="leaky_relu")),
        ("max", GlobalMaxPool2D()),
        ("flat", Flatten()),
        ("output", Dense(4)),
    ]
    network = Network.build(layers, (6, 6, 1), rng)
    x = rng.standard_normal((8, 6, 6, 1), dtype=np.float32)
    codes = np.arange(8) % 4
    moments = np.zeros((2, network.parameters.size), np.float32)
    for step in range(1, 301):
        loss, gradient = network.loss_and_gradient(
            x, codes, None, ops.softmax_cross_entropy, rng
        )
        ops.adam_step(
            network.parameters, gradient, *moments, step=step, learning_rate=0.01
        )
    assert loss < 0.01
    np.testing.assert_array_equal(network.predict(x).argmax(axis=1), codes)


def test_network_computes_in_float32_throughout(rng):
    network = Network.build(LAYERS, (8, 7, 2), rng, "float32")
    x = rng.standard_normal((2, 8, 7, 2), dtype=np.float32)
    _, gradient = network.loss_and_gradient(
        x, np.array([0, 1]), None, ops.softmax_cross_entropy, rng
    )
    assert network.predict(x).dtype == gradient.dtype == np.float32
    twice = Network.build(LAYERS, (8, 7, 2), np.random.default_rng(SEED + 5), "float64")
    once = Network.build(LAYERS, (8, 7, 2), np.random.default_rng(SEED + 5), "float32")
    once.parameters[:] = twice.parameters
    assert_same(once.predict(x), twice.predict(x.astype(float)), np.float32, scale=5)
