"""Errors of a network name the layer that they are about."""

import numpy as np
import pytest

from skconv import Network, ops
from skconv.layers import (
    Conv2D,
    Dense,
    Layer,
)


def test_errors_name_the_layer(rng):
    layers = [
        ("conv1", Conv2D(8)),
        ("conv2", Conv2D(filters=64, kernel_size=9, padding="valid")),
    ]
    words = (
        r"layer 'conv2' \(Conv2D\(filters=64, kernel_size=9, padding='valid'\)\): "
        "kernel_size 9x9 does not fit its input 5x5; use padding='same' or a smaller"
    )
    with pytest.raises(ValueError, match=words):
        Network.build(layers, (5, 5, 1), rng)


def test_error_names_a_layer_that_returns_a_wrong_shape(rng):
    class Liar(Layer):
        def build(self, input_shape, rng, dtype):
            return {}, (5,)

        def predict(self, weights, x):
            return x

    network = Network.build([("liar", Liar()), Dense(3)], (4,), rng)
    words = (
        r"layer 'liar' .*: forward must return samples of shape \(5,\) .* got \(4,\)"
    )
    with pytest.raises(ValueError, match=words):
        network.loss_and_gradient(
            np.ones((2, 4), np.float32),
            np.array([0, 1]),
            None,
            ops.softmax_cross_entropy,
            rng,
        )


MISTAKES = {
    "no cache": ({"forward": lambda *_: np.ones((3, 4), np.float32)}, "unpack"),
    "float64": (
        {"predict": lambda self, w, x: x.astype(np.float64)},
        "float32, .* got .* float64",
    ),
    "no gradients": ({"backward": lambda self, w, c, dy, need_dx: dy}, "unpack"),
    "dx of a shape": (
        {"backward": lambda self, w, c, dy, need_dx: (dy[:, :2], {})},
        r"backward must return samples of shape \(4,\) .* got \(2,\)",
    ),
    "weights alone": ({"build": lambda self, shape, rng, dtype: {}}, "unpack"),
    "weights as a list": (
        {"build": lambda self, shape, rng, dtype: ([], shape)},
        "items",
    ),
    "no shape": ({"build": lambda self, shape, rng, dtype: ({}, 4)}, "not iterable"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_errors_in_a_custom_layer_name_it(case, rng):
    verbs, words = MISTAKES[case]
    right = {
        "predict": lambda self, weights, x: x,
        "backward": lambda self, weights, cache, dy, need_dx: (dy, {}),
    }
    mine = type("Mine", (Layer,), {**right, **verbs})()
    with pytest.raises(
        (AttributeError, TypeError, ValueError), match=rf"layer 'mine' .*{words}"
    ):
        Network.build([Dense(4), ("mine", mine), Dense(3)], (4,), 0).loss_and_gradient(
            np.ones((3, 4), np.float32),
            np.array([0, 1, 2]),
            None,
            ops.softmax_cross_entropy,
            rng,
        )


class TwoArgumentsError(TypeError):
    def __init__(self, what, why):
        super().__init__(f"{what} {why}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "odd byte"), ValueError),
        (TwoArgumentsError("odd", "byte"), TypeError),
    ],
)
def test_errors_whose_class_takes_other_arguments_name_the_layer(error, kind):
    def build(self, shape, rng, dtype):
        raise error

    mine = type("Mine", (Layer,), {"build": build})()
    with pytest.raises(kind, match=r"layer 'mine' \(Mine\(\)\): .*odd byte") as caught:
        Network.build([("mine", mine)], (4,), 0)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


def test_build_names_layers_and_refuses_duplicate_names(rng):
    network = Network.build([Dense(3), Dense(2)], (4,), rng)
    assert list(network.weights) == ["dense_1", "dense_2"]
    with pytest.raises(ValueError, match="distinct names, got 2 of 'a'"):
        Network.build([("a", Dense(3)), ("a", Dense(2))], (4,), rng)


@pytest.mark.parametrize(
    ("grads", "words"),
    [
        (
            {},
            r"layer 'mine' .*: backward must return a gradient of shape \(2,\) for weight 'a', got none",
        ),
        ({"a": np.ones(3)}, r"for weight 'a', got one of shape \(3,\)"),
    ],
)
def test_backward_without_a_gradient_raises(grads, words, rng):
    class Mine(Layer):
        def build(self, input_shape, rng, dtype):
            return {"a": np.ones(2, dtype)}, input_shape

        def predict(self, weights, x):
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, grads

    network = Network.build([("mine", Mine()), ("output", Dense(3))], (4,), rng)
    with pytest.raises(ValueError, match=words):
        network.loss_and_gradient(
            np.ones((2, 4), np.float32),
            np.array([0, 1]),
            None,
            ops.softmax_cross_entropy,
            rng,
        )
