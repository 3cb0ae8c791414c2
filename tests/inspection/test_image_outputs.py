"""Displays of networks whose outputs are images: a picture, or one clear error."""

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetAutoencoder, ConvNetRegressor, ConvNetSegmenter
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    LearningRateDisplay,
    MistakesDisplay,
    TrainingCurveDisplay,
    grad_cam,
    input_gradient,
    occlusion,
)

pytest.importorskip("matplotlib")
X = np.random.default_rng(SEED).random((12, 8, 8))
FAST = {"filters": (2, 4), "max_iter": 2, "batch_size": 4, "random_state": SEED}
NETS = {
    "segmenter": (ConvNetSegmenter(**FAST), X > 0.5),
    "regressor": (ConvNetRegressor(**FAST), X),
    "autoencoder": (ConvNetAutoencoder(n_components=2, **FAST), None),
}


@pytest.fixture(scope="module", params=NETS)
def net(request):
    estimator, y = NETS[request.param]
    return estimator.fit(X, y, X_val=X, **({} if y is None else {"y_val": y})), y


def test_displays_of_layers_and_of_training(net):
    estimator, _y = net
    FilterDisplay.from_estimator(estimator)
    FeatureMapDisplay.from_estimator(estimator, X[:1])
    TrainingCurveDisplay.from_estimator(estimator)
    assert str(estimator.summary())
    assert estimator._repr_html_()


@pytest.mark.filterwarnings("ignore:the suggestion means nothing")
@pytest.mark.parametrize("name", ["segmenter", "regressor"])
def test_learning_rate_display(name):
    estimator, y = NETS[name]
    LearningRateDisplay.from_estimator(estimator, X, y, n_steps=5)


def test_displays_of_one_output_say_what_to_do(net):
    estimator, y = net
    with pytest.raises(ValueError, match="takes one label or number for each image"):
        MistakesDisplay.from_estimator(estimator, X, X if y is None else y)


@pytest.mark.parametrize("method", [input_gradient, grad_cam, occlusion])
def test_saliency_of_a_class_at_some_pixels(method):
    seg, y = NETS["segmenter"]
    seg.fit(X, y)
    x = X[:2, ..., None].astype(np.float32)
    direction = np.zeros((2, 8, 8, 2))
    direction[:, 3:5, 3:5, 1] = 1
    maps, opposite = (method(seg.network_, x, sign * direction) for sign in (1, -1))
    assert maps.shape[:3] == (2, 8, 8)
    assert (
        np.abs([maps, opposite]).max() > 0
    )  # a class activation map has no values < 0
