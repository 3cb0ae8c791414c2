"""Layers that contain layers: weights and gradients at any depth."""

import pickle

import numpy as np
import pytest
from nested_layers import block, nested, net
from seeds import SEED
from sklearn.base import clone

from skconv import ConvNetClassifier, Network, ops
from skconv.layers import (
    Activation,
    Branches,
    Composite,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    Normalization,
    Rescaling,
    Residual,
    Sequential,
    chain,
)
from skconv.models.costs import cost_of_layers, count_macs


def test_weights_nest_as_names_do():
    network = Network.build([*nested(), ("output", Dense(3))], (6, 6, 1), 0)
    assert [name for name in network.arrays if name.endswith("kernel")] == [
        "block1.conv1.kernel", "block1.conv2.kernel", "block1.shortcut.conv.kernel",
        "mixed.narrow.kernel", "mixed.wide.squeeze.kernel",
        "mixed.wide.block.conv1.kernel", "mixed.wide.block.conv2.kernel",
        "top.dense_1.kernel", "output.kernel",
    ]  # fmt: skip
    inner = network.weights["mixed"]["wide"]["block"]["conv1"]["kernel"]
    assert inner is network.arrays["mixed.wide.block.conv1.kernel"]
    assert inner.base is network.values
    assert network.shapes == [(6, 6, 4), (3, 3, 4), (3, 3, 4), (16,), (3,)]
    network.parameters[:] = network.decayed(0.5)
    for name, array in network.arrays.items():
        assert (array == 0.5 * name.endswith("kernel")).all()


def test_gradient_through_nested_layers_is_the_derivative_of_the_loss(rng):
    layers = [("first", MaxPool2D(1)), *nested(), ("output", Dense(3))]
    network = Network.build(layers, (4, 4, 2), rng, "float64")
    network.parameters[:] += 0.1 * rng.standard_normal(network.parameters.size)
    x, codes = rng.standard_normal((4, 4, 4, 2)), np.arange(4) % 3

    start = network.parameters.copy()

    def loss(parameters):
        network.parameters[:] = parameters
        return network.loss_and_gradient(
            x, codes, None, ops.softmax_cross_entropy, np.random.default_rng(SEED + 3)
        )

    _, gradient = loss(start)
    for name, part in network.arrays.items():  # a direction that moves one array alone
        network.parameters[:] = 0
        part[...] = rng.standard_normal(part.shape)
        direction = network.parameters.copy()
        numeric = (
            loss(start + 1e-7 * direction)[0] - loss(start - 1e-7 * direction)[0]
        ) / 2e-7
        np.testing.assert_allclose(
            gradient @ direction, numeric, rtol=1e-6, atol=1e-8, err_msg=name
        )


def test_chain_within_a_chain_is_the_same_network(digits):
    X, X_test, y, _ = digits
    flat = [Conv2D(4, activation="relu"), MaxPool2D(), Flatten(), Dense(8, "relu")]
    fits = [
        ConvNetClassifier(layers, max_iter=2, random_state=SEED).fit(X, y)
        for layers in (flat, [Sequential(flat[:2]), Sequential([Sequential(flat[2:])])])
    ]
    a, b = (clf.predict_proba(X_test) for clf in fits)
    np.testing.assert_array_equal(a, b)


def test_residual_whose_layers_return_zero_is_its_shortcut(rng):
    layer = Residual([Conv2D(3, kernel_initializer="zeros")])
    weights, _ = layer.build((5, 4, 3), rng, np.dtype(float))
    x = rng.standard_normal((2, 5, 4, 3))
    np.testing.assert_array_equal(layer.predict(weights, x), x)


def test_branches_join_the_outputs_of_each(rng):
    conv, pool = Conv2D(4, 1), MaxPool2D(3, stride=1, padding="same")
    layer = Branches([pool, ("conv", conv), Activation(None)])
    weights, shape = layer.build((5, 4, 3), rng, np.dtype(float))
    assert shape == (5, 4, 10)
    x = rng.standard_normal((2, 5, 4, 3))
    y = layer.predict(weights, x)
    np.testing.assert_array_equal(y[..., :3], pool.predict({}, x))
    np.testing.assert_array_equal(y[..., 3:7], conv.predict(weights["conv"], x))
    np.testing.assert_array_equal(y[..., 7:], x)


def test_gradients_that_nothing_reads_are_not_computed(rng):
    class Spy(Activation):
        def backward(self, weights, cache, dy, need_dx=True):
            raise AssertionError("backward was called below the first weights")

    spied = [("spy", Spy("relu")), ("conv", Conv2D(2))]
    layer = Branches([spied, Residual(spied, [("spy", Spy("relu")), Conv2D(2)])])
    network = Network.build([Sequential([layer]), Dense(3)], (4, 4, 1), rng)
    x = rng.standard_normal((2, 4, 4, 1), dtype=np.float32)
    network.loss_and_gradient(x, np.array([0, 1]), None, ops.softmax_cross_entropy, rng)


@pytest.mark.parametrize(
    "first",
    [
        Sequential([Rescaling(2.0), ("norm", Normalization())]),
        Residual([Activation("relu")], [Rescaling(0.5)]),
        Branches([Activation("relu"), ("wide", [Rescaling(2.0)])]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_network_may_begin_with_layers_without_weights(first, rng):
    X, y = rng.random((12, 4, 4)), np.arange(12) % 2
    clf = ConvNetClassifier([first, Dense(4)], max_iter=2).fit(X, y)
    assert clf.predict(X).shape == (12,)


def test_macs_are_those_of_the_parts():
    for layer, expected in [
        (block(4), 16 * 9 * (2 * 4 + 4 * 4)),
        (block(4, shortcut=[Conv2D(4, 1)]), 16 * 9 * (2 * 4 + 4 * 4) + 16 * 8),
        (
            Branches([[Conv2D(3, 1), Flatten()], [MaxPool2D(2), Dense(5)]]),
            16 * 6 + 8 * 5,
        ),
    ]:
        if isinstance(layer, Residual) and layer.shortcut is None:
            layer = Sequential(layer.layers)
        assert count_macs([layer], (4, 4, 2)) == expected


class Product(Composite):
    """A custom composite: the product of what two paths make of the input."""

    def __init__(self, layer):
        self.layer = layer

    def paths(self):
        return [[("gate", self.layer)], []]

    def join(self, outputs):
        return outputs[0] * outputs[1], outputs

    def split(self, cache, dy):
        return [dy * cache[1], dy * cache[0]]


class Gate(Layer):
    """The same, as a layer that defines no more than `inner_layers` and its methods."""

    def __init__(self, layer):
        self.layer = layer

    def inner_layers(self):
        return [("gate", self.layer)]

    def build(self, input_shape, rng, dtype):
        weights, _ = chain.build(self.inner_layers(), input_shape, rng, dtype)
        return weights, input_shape

    def predict(self, weights, x):
        return x * chain.predict(self.inner_layers(), weights, x)

    def forward(self, weights, x, rng):
        gate, cache = chain.forward(self.inner_layers(), weights, x, rng)
        return x * gate, (x, gate, cache)

    def backward(self, weights, cache, dy, need_dx=True):
        x, gate, cache = cache
        dx, grads = chain.backward(self.inner_layers(), weights, cache, dy * x, need_dx)
        return dx + dy * gate if need_dx else None, grads


def test_custom_composites_train_as_layers_that_define_all_methods(digits):
    X, _, y, _ = digits
    fits = [
        ConvNetClassifier([Conv2D(4), kind(Conv2D(4, 1, activation="sigmoid"))], max_iter=1, random_state=SEED).fit(X, y)
        for kind in (Product, Gate)
    ]  # fmt: skip
    by_paths, by_methods = (clf.network_ for clf in fits)
    assert list(by_paths.arrays)[2:4] == [
        "product_1.gate.kernel",
        "product_1.gate.bias",
    ]
    np.testing.assert_array_equal(by_paths.values, by_methods.values)
    rows = [
        cost_of_layers(network, 1).layers[1:3] for network in (by_paths, by_methods)
    ]
    assert [row.macs for row in rows[0]] == [64 * 16, 64 * 16]
    assert [row.macs for row in rows[1]] == [64 * 16, None], "its paths are not known"
    assert [row.output_shape for row in rows[1]] == [(8, 8, 4), None]


def test_paths_of_a_custom_composite_must_have_distinct_names_and_one_shape():
    class Pair(Product):
        def paths(self):
            return [[("gate", self.layer)], [("gate", self.layer)]]

    with pytest.raises(ValueError, match="distinct names, got 2 of 'gate'"):
        Network.build([Pair(Conv2D(4))], (8, 8, 4), 0)
    with pytest.raises(ValueError, match=r"one shape of its input \(8, 8, 4\), got \["):
        Network.build([Product(Conv2D(3))], (8, 8, 4), 0)
    with pytest.raises(NotImplementedError, match="Composite defines no paths"):
        Composite().paths()
    with pytest.raises(NotImplementedError, match="Composite defines no join"):
        Composite().join([])
    with pytest.raises(NotImplementedError, match="Composite defines no split"):
        Composite().split(None, np.ones(1))


# Fits ---------------------------------------------------------------------------------


def test_estimator_with_nested_layers_learns_and_has_a_small_pickle(digits):
    X, X_test, y, y_test = digits
    clf = net(max_iter=30).fit(X, y)
    assert clf.score(X_test, y_test) > 0.8
    thawed = pickle.loads(data := pickle.dumps(clf))
    np.testing.assert_array_equal(thawed.predict_proba(X), clf.predict_proba(X))
    assert len(data) < clf.network_.values.nbytes + 12000
    before = clf.network_.values.copy()
    clf.set_params(warm_start=True, max_iter=1).fit(X, y)
    assert not np.array_equal(clf.network_.values, before)
    with pytest.raises(ValueError, match="layers must be the same as in the last fit"):
        clf.set_params(mixed__wide__block__conv1__filters=3).fit(X, y)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            Residual([Conv2D(8, stride=2)]),
            r"layer 'mine' \(Residual\(.*\)\): the shapes of what it adds must be the "
            r"same, but its layers make \(3, 3, 8\) of its input \(5, 5, 2\), and its "
            r"shortcut \(5, 5, 2\); .* such as Conv2D\(8, 1, stride=...\)",
        ),
        (
            Branches([Conv2D(8), ("half", Conv2D(8, stride=2))]),
            r"layer 'mine' .* images of one size .* of its input \(5, 5, 2\) they make "
            r"\{'conv2d_1': \(5, 5, 8\), 'half': \(3, 3, 8\)\}",
        ),
        (
            Sequential([block(2), Residual([("c", Conv2D(2, 9, padding="valid"))])]),
            r"layer 'mine.residual_2.c' \(Conv2D\(filters=2, kernel_size=9, "
            r"padding='valid'\)\): kernel_size 9x9 does not fit its input 5x5",
        ),
        (
            Branches([("a", [Conv2D(2), ("d", Conv2D(0))])]),
            r"layer 'mine.a.d' \(Conv2D\(filters=0\)\): filters must be",
        ),
        (
            Residual([Conv2D(2)], Conv2D(2, 0)),
            r"layer 'mine.shortcut' \(Conv2D\(.*\)\): kernel_size must be",
        ),
        (Residual([Conv2D(2)], 3), "layer 'mine' .*must be a layer .* got 3"),
        (Residual([]), "layer 'mine' .*: layers must hold at least one layer"),
        (Residual([("shortcut", Conv2D(2))]), "may not be called 'shortcut'"),
        (Residual([Conv2D(2)], activation="rulu"), "did you mean 'relu'"),
        (Branches([]), "layers must hold at least one layer"),
        (Branches(3), "layers must be a list of layers .* got int: 3"),
        (Branches([[]]), "layer 'mine.sequential_1' .* at least one layer"),
        (Branches([Conv2D]), r"call it: Conv2D\(...\)"),
        (Branches([("a", Dense(1)), ("a", Dense(2))]), "distinct names, got 2 of 'a'"),
        (Sequential("conv"), "layers must be a list of layers .* got str: 'conv'"),
    ],
)
def test_build_refuses_composites_that_do_not_fit(layer, words):
    repr(layer), clone(layer).get_params()  # these accept anything
    with pytest.raises((TypeError, ValueError), match=words):
        Network.build([("mine", layer), Dense(3)], (5, 5, 2), 0)


def test_error_inside_of_a_composite_names_the_path(rng):
    class Casts(Activation):
        def forward(self, weights, x, rng):
            return x.astype(np.float64), x

    layer = Residual([("first", Conv2D(1)), ("casts", Casts("relu"))])
    network = Network.build([("block", layer), Dense(3)], (4, 4, 1), rng)
    x = np.ones((2, 4, 4, 1), np.float32)
    with pytest.raises(ValueError, match=r"layer 'block.casts' \(Casts.* in float64"):
        network.loss_and_gradient(
            x, np.array([0, 1]), None, ops.softmax_cross_entropy, rng
        )
