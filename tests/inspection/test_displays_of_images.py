"""Displays and pages of networks whose outputs are images."""

import numpy as np
import pytest
from seeds import SEED

from skconv import (
    ConvNetAutoencoder,
    ConvNetRegressor,
    ConvNetSegmenter,
    explain,
)
from skconv.inspection import (
    FeatureMapDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    input_gradient,
)

X = np.random.default_rng(SEED).random((12, 8, 8)).astype(np.float32)
MASKS = np.array(["dark", "grey", "light"])[(X * 3).astype(int)]
SMALL = {"filters": (2, 4), "max_iter": 1, "random_state": SEED}


@pytest.fixture(scope="module")
def segmenter():
    return ConvNetSegmenter(**SMALL).fit(X, MASKS)


@pytest.fixture(scope="module")
def autoencoder():
    return ConvNetAutoencoder(n_components=3, **SMALL).fit(X)


@pytest.fixture(scope="module")
def regressor():
    return ConvNetRegressor(**SMALL).fit(X, np.stack([X, 1 - X], axis=-1))


@pytest.mark.parametrize("name", ["segmenter", "autoencoder", "regressor"])
def test_every_estimator_is_drawn_and_explained(name, request, tmp_path):
    est = request.getfixturevalue(name)
    display = FeatureMapDisplay.from_estimator(est, X[:1])
    assert "output" in display.outputs
    assert (display.probabilities is None) == (name != "segmenter")
    display = SaliencyDisplay.from_estimator(est, X[:2])
    assert all(maps.shape == (2, 8, 8) for maps in display.maps.values())
    explain(est, X[:2], tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 1000
    with pytest.raises(ValueError, match="MistakesDisplay takes one label or number"):
        MistakesDisplay.from_estimator(est, X, X)


def test_saliency_is_of_a_class_at_all_pixels(segmenter):
    display = SaliencyDisplay.from_estimator(
        segmenter, X[:2], target=["light", "dark"], method="gradient"
    )
    assert display.labels == ["light", "dark"]
    direction = np.zeros((2, 8, 8, 3))
    direction[0, ..., 2] = direction[1, ..., 0] = 1
    expected = np.abs(input_gradient(segmenter.network_, X[:2, ..., None], direction))
    np.testing.assert_array_equal(display.maps["gradient"], expected[..., 0])
    with pytest.raises(ValueError, match="target must be in classes_, .*'purple'"):
        SaliencyDisplay.from_estimator(segmenter, X[:2], target="purple")


def test_saliency_is_of_a_channel_at_all_pixels(regressor):
    labels = SaliencyDisplay.from_estimator(regressor, X[:2], target=[1, 0]).labels
    assert labels == ["channel 1", "channel 0"]
    with pytest.raises(ValueError, match="number of a channel, 0 to 1, got 2"):
        SaliencyDisplay.from_estimator(regressor, X[:2], target=2)


def test_page_of_an_autoencoder_has_losses_of_its_input(autoencoder, tmp_path):
    with pytest.raises(ValueError, match="y must be None: the targets of"):
        explain(autoencoder, X[:2], tmp_path / "page.html", y=X[:2])
    explain(autoencoder, X[:2], tmp_path / "page.html")
