"""Layers by themselves: frozen ones, those without data, and comparison of others."""

import numpy as np
import pytest

from skconv.layers import (
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    LayerNorm,
    MaxPool2D,
    Normalization,
    SeparableConv2D,
)
from skconv.layers.checks import same_configuration
from skconv.layers.fusion import PooledConv2D
from skconv.layers.marks import LayerWeights


def frozen(weights):
    marked = LayerWeights(weights)
    marked.frozen = True
    return marked


@pytest.mark.parametrize(
    "layer",
    [Dense(3), Conv2D(3), DepthwiseConv2D(), SeparableConv2D(3), Conv2DTranspose(3)],
    ids=repr,
)
def test_frozen_layer_without_a_gradient_in_x_computes_none(layer, rng):
    x = rng.normal(size=(2, 5, 4, 3))
    weights, _ = layer.build(x.shape[1:], rng, x.dtype)
    y, cache = layer.forward(weights, x, rng)
    assert layer.backward(frozen(weights), cache, y, need_dx=False) == (None, {})


def test_frozen_pooled_convolution_without_a_gradient_in_x_computes_none(rng):
    conv, x = Conv2D(2, 3, activation="relu"), rng.normal(size=(2, 6, 6, 1))
    weights, _ = conv.build((6, 6, 1), rng, x.dtype)
    for pool in (MaxPool2D(2), MaxPool2D(3, stride=2)):
        pooled = PooledConv2D(conv, pool)
        y, cache = pooled.forward(weights, x, rng)
        assert pooled.backward(frozen(weights), cache, y, need_dx=False) == (None, {})
        dx, _ = pooled.backward(weights, cache, y)
        assert pooled.backward(weights, cache, y, need_dx=False)[0] is None
        np.testing.assert_allclose(pooled.backward(frozen(weights), cache, y)[0], dx)


@pytest.mark.parametrize("layer", [Normalization(), LayerNorm()])
def test_normalization_keeps_its_weights_without_data(layer, rng):
    weights, _ = layer.build((4, 4, 3), rng, np.dtype("float64"))
    before = {name: array.copy() for name, array in weights.items()}
    layer.adapt(weights, lambda: iter(()))
    for name, array in before.items():
        np.testing.assert_array_equal(weights[name], array)


@pytest.mark.parametrize("other", [BatchNorm(), Dense(3), 3])
def test_layers_of_other_types_are_configured_otherwise(other):
    assert not same_configuration(Dense(2), other)
