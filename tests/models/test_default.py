"""The default network: its first layer, and its filters by the size of the images."""

import math

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier, Network
from skconv.layers import Conv2D, Dense, Normalization
from skconv.models.default import default_layers

FILTERS = {
    (8, 8, 1): (32, 64),
    (28, 28, 1): (32, 64),
    (32, 32, 3): (32, 64),
    (1, 64, 1): (32, 64),
    (1, 1, 5): (32, 64),
    (64, 64, 3): (32, 64, 64),
    (96, 96, 3): (16, 32, 64, 64),
    (128, 128, 3): (16, 32, 64, 64),
    (224, 224, 3): (16, 16, 32, 64, 64),
    (100, 300, 1): (16, 16, 32, 64, 64),
    (1, 1000, 1): (16, 32, 64, 64),
}


def filters_of(layers):
    return tuple(layer.filters for _, layer in layers if isinstance(layer, Conv2D))


@pytest.mark.parametrize(("shape", "filters"), FILTERS.items(), ids=str)
def test_larger_images_get_more_stages(shape, filters):
    layers = default_layers(shape)
    assert filters_of(layers) == filters
    network = Network.build([*layers, ("output", Dense(10))], shape, 0)
    shapes = dict(zip(dict(network.layers), network.shapes, strict=True))
    last = shapes.get(f"pool{len(filters)}", (1, 1))
    assert math.prod(last[:2]) <= 64
    assert network.parameters.size < 1e6


def test_given_filters_remain_and_nothing_shrinks_for_ever():
    assert filters_of(default_layers((128, 128, 3), filters=(5, 6))) == (5, 6)
    assert filters_of(default_layers((128, 128, 3), filters=7)) == (7,)
    assert filters_of(default_layers((64, 64, 1), pool_size=1)) == (32, 64)
    assert filters_of(default_layers((64, 64, 1), pool_size=1, stride=2)) == (
        32,
        64,
        64,
    )
    assert filters_of(default_layers((64, 64, 1), pool_size=4)) == (32, 64)
    with pytest.raises(ValueError, match="or 'auto', got 'many'"):
        default_layers((8, 8, 1), filters="many")


def test_the_first_layer_learns_the_scale():
    name, layer = default_layers((8, 8, 1))[0]
    assert (name, repr(layer)) == ("normalization", "Normalization(deviation=0.5)")
    assert isinstance(layer, Normalization)


def test_filters_of_a_fit_follow_from_the_size_of_its_images(rng):
    X, y = rng.random((8, 40, 40), np.float32), np.arange(8) % 2
    clf = ConvNetClassifier(max_iter=1, random_state=SEED)
    assert clf.get_params()["filters"] == "auto"
    assert filters_of(clf.fit(X, y).network_.layers) == (32, 64, 64)
    clf.set_params(filters=(2, 3)).fit(X, y)
    assert filters_of(clf.network_.layers) == (2, 3)
    summary = ConvNetClassifier(input_shape=(128, 128, 3)).summary(n_outputs=10)
    assert 5e5 < summary.parameters < 6e5
