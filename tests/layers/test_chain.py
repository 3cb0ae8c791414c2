"""A chain of layers: what is fused, what reaches a layer, and whose an error is."""

import numpy as np
import pytest

from skconv import layers as L
from skconv.layers import chain
from skconv.layers.fusion import PooledConv2D, training_steps
from skconv.layers.marks import mark

F32 = np.dtype(np.float32)


def built(layers, shape, rng):
    named = [(f"a{i}", layer) for i, layer in enumerate(layers)]
    return named, chain.build(named, shape, rng, F32)[0]


CONV, NORM, POOL = L.Conv2D(3, 1), L.BatchNorm(), L.MaxPool2D(2)


@pytest.mark.parametrize(
    ("layers", "prediction", "training"),
    [
        ([CONV, NORM, POOL], [PooledConv2D], [(0, 0), (1, 1), (2, 2)]),
        ([CONV, POOL], [PooledConv2D], [(0, 1)]),
        ([CONV, POOL, CONV, POOL], [PooledConv2D] * 2, [(0, 1), (2, 3)]),
        ([POOL, CONV], [L.MaxPool2D, L.Conv2D], [(0, 0), (1, 1)]),
        ([CONV, CONV], [L.Conv2D, L.Conv2D], [(0, 0), (1, 1)]),
        ([L.Conv2D(3, 1, activation="gelu"), POOL], [PooledConv2D], [(0, 0), (1, 1)]),
        ([NORM, CONV, NORM], [L.BatchNorm, L.Conv2D], [(0, 0), (1, 1), (2, 2)]),
        ([], [], []),
    ],
)
def test_layers_that_follow_each_other_are_fused(layers, prediction, training, rng):
    named, weights = built(layers, (8, 8, 3), rng)
    assert [type(step) for step, _ in chain._fused(named, weights, None)] == prediction
    steps = [*training_steps(named)]
    assert [(first, last) for first, last, _ in steps] == training
    for first, last, step in steps:
        assert isinstance(step, PooledConv2D) == (first < last)


class Spy(L.Activation):
    """An identity that notes the dtype of what it adapts to."""

    def adapt(self, weights, batches):
        self.seen = [x.dtype for x, _ in batches()]


@pytest.mark.parametrize(
    ("before", "dtypes"),
    [
        ([], ["f8", "i8"]),  # the first layer sees X as it is
        ([L.Conv2D(2, 1)], ["f4", "f4"]),
        ([L.Conv2D(2, 1, use_bias=False)], ["f4", "f4"]),
        ([L.Flatten()], ["f8", "i8"]),  # nobody says what the network's is
    ],
)
def test_layer_adapts_to_what_reaches_it_in_the_networks_dtype(before, dtypes, rng):
    spy = Spy(None)
    named, weights = built([*before, spy], (4, 4, 1), rng)
    x = np.ones((3, 4, 4, 1))
    chain.adapt(named, weights, lambda: [(x, None), (x.astype("i8"), np.ones(3))])
    assert spy.seen == [np.dtype(dtype) for dtype in dtypes]


def test_error_of_the_data_names_no_layer(rng):
    def batches():
        raise ValueError("X cannot be read")
        yield

    named, weights = built([L.Sequential([("b", L.Normalization())])], (4,), rng)
    with pytest.raises(ValueError, match="^X cannot be read$"):
        chain.adapt(named, weights, batches)


class Broken(L.Layer):
    """A layer that returns what it is given."""

    def __init__(self, y=None, error=None):
        self.y, self.error = y, error

    def predict(self, weights, x):
        if self.error:
            raise self.error
        return self.y


def test_error_has_the_path_and_the_cause(rng):
    error = ValueError("too odd")
    layers = [("BOX", L.Sequential([("MAX", Broken(error=error))]))]
    weights, _ = chain.build(layers, (4,), rng, F32)
    with pytest.raises(ValueError, match=r"^layer 'BOX.MAX' \(Broken.*: too odd$") as e:
        chain.forward(layers, weights, np.ones((2, 4), F32), None)
    assert e.value.__cause__ is error
    with pytest.raises(ValueError, match=r"^layer 'MAX' \(Broken.*: too odd$") as e:
        chain.forward(layers[0][1].layers, weights["BOX"], np.ones((2, 4), F32), None)
    assert e.value.__cause__ is error


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[1.0], [2.0]], r"shape \(1,\) in None"),
        (np.ones((2, 3)), r"shape \(3,\) in float64"),
    ],
)
def test_output_that_breaks_the_promise_is_described(y, words, rng):
    layers = [("it", Broken(y))]
    weights, shapes = chain.build(layers, (4,), rng, F32)
    words = (
        r"(?s)layer 'it' .*: forward must return samples of shape \(4,\) in float32, the "
        f"shape from build and the network's dtype, got {words[6:]}"
    )
    with pytest.raises(ValueError, match=words):
        chain.forward(layers, weights, np.ones((2, 4), F32), None, shapes)


class Outer(L.Layer):
    """A layer with one inside, whose gradients it hands back as it is told."""

    def __init__(self, grads=None):
        self.grads = grads

    def inner_layers(self):
        return [("norm", L.BatchNorm())]

    def build(self, input_shape, rng, dtype):
        return chain.build(self.inner_layers(), input_shape, rng, dtype)[0], input_shape

    def predict(self, weights, x):
        return x

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, self.grads


@pytest.mark.parametrize(
    ("grads", "words"),
    [
        ({}, r"gradient of shape \(4,\) for weight 'norm.gamma', got none"),
        ({"norm": {"gamma": np.ones(4)}}, "for weight 'norm.beta', got none"),
        (
            {"norm": {"gamma": np.ones(3), "beta": np.ones(4)}},
            r"for weight 'norm.gamma', got one of shape \(3,\)",
        ),
        ({"norm": {"gamma": np.ones(4), "beta": np.ones(4)}}, None),
    ],
)
def test_gradients_of_layers_inside_are_checked(grads, words, rng):
    layers = [("outer", Outer(grads))]
    weights, _ = chain.build(layers, (4,), rng, F32)
    x = np.ones((2, 4), F32)
    _, caches = chain.forward(layers, weights, x, rng)
    if words is None:
        assert chain.backward(layers, weights, caches, x)[1] == {"outer": grads}
    else:
        with pytest.raises(ValueError, match=words):
            chain.backward(layers, weights, caches, x)


def test_frozen_layer_is_run_as_in_prediction(rng):
    layers = [("a", L.Dropout(0.5))]
    weights, x = {"a": {}}, np.ones((50, 4), F32)
    y, _ = chain.forward(layers, weights, x, rng)
    assert (y == 0).any()
    y, _ = chain.forward(layers, mark(weights, ["a"], frozen=True), x, rng)
    np.testing.assert_array_equal(y, x)


def test_gradient_that_breaks_the_promise_is_refused(rng):
    class Half(L.Activation):
        def backward(self, weights, cache, dy, need_dx=True):
            return dy[:, :2], {}

    layers, x = [("it", Half(None))], np.ones((2, 4), F32)
    _, caches = chain.forward(layers, {"it": {}}, x, rng)
    with pytest.raises(ValueError, match=r"\): backward must return samples of shape"):
        chain.backward(layers, {"it": {}}, caches, x)
