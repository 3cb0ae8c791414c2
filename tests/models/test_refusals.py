"""What the default networks, and weights by order, refuse."""

import numpy as np
import pytest

from skconv import ConvNetAutoencoder, ConvNetSegmenter, zoo
from skconv.models.scale_warning import _scales_itself
from skconv.models.weights import _walk


def test_unknown_filters_of_a_segmenter_are_refused():
    X, y = (
        np.random.default_rng(0).random((4, 8, 8)),
        np.arange(256).reshape(4, 8, 8) % 2,
    )
    with pytest.raises(
        ValueError, match="filters must be a number, several, or 'auto'"
    ):
        ConvNetSegmenter(filters="many").fit(X, y)


def test_resnets_of_other_than_four_filters_are_refused():
    with pytest.raises(ValueError, match=r"filters must be four int, got 2: \[8, 16\]"):
        zoo.resnet9(filters=(8, 16))


def test_layers_that_contain_others_in_an_unknown_way_have_no_order():
    class Box:
        def inner_layers(self):
            return [("inner", object())]

        def __repr__(self):
            return "Box()"

    with pytest.raises(ValueError, match=r"layer 'box' \(Box\(\)\) contains layers"):
        list(_walk([("box", Box())], ((4, 4, 1), None), ""))


def test_network_without_trained_layers_scales_nothing():
    assert _scales_itself([], {}) == (False, False)


def test_autoencoder_continues_with_the_same_loss_and_dtype():
    X = np.random.default_rng(0).random((6, 8, 8))
    auto = ConvNetAutoencoder(
        n_components=2, filters=4, max_iter=1, random_state=0, warm_start=True
    ).fit(X)
    with pytest.raises(ValueError, match="loss must be the same as in the first fit"):
        auto.set_params(loss="huber").fit(X)
