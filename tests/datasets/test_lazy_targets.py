"""Images in files as the targets of a network."""

import numpy as np
import pytest
from PIL import Image
from seeds import SEED

from skconv import ConvNetAutoencoder, ConvNetRegressor
from skconv.datasets import load_image_folder


@pytest.fixture
def images(tmp_path):
    (tmp_path / "a").mkdir()
    pixels = np.random.default_rng(SEED).integers(0, 256, (12, 8, 8, 3), np.uint8)
    for i, each in enumerate(pixels):
        Image.fromarray(each).save(tmp_path / "a" / f"{i:02}.png")
    return load_image_folder(tmp_path, lazy=True, return_X_y=True)[0]


@pytest.mark.parametrize(
    "params", [{}, {"loss": "absolute_error"}, {"early_stopping": True}]
)
def test_autoencoder_of_files_is_that_of_an_array(images, params):
    auto = ConvNetAutoencoder(filters=(2,), max_iter=2, random_state=SEED, **params)
    weight = np.linspace(0, 1, 12)
    whole = np.asarray(images)
    want = auto.fit(whole, sample_weight=weight).network_.values
    auto.fit(images, sample_weight=weight, X_val=images[:4])
    if not params.get("early_stopping"):  # else they stand for the held-out part
        np.testing.assert_array_equal(auto.network_.values, want)
        auto.partial_fit(images)
    assert auto.score(images) == auto.score(whole)


def test_targets_of_a_regressor_may_be_in_files(images):
    X = np.asarray(images)[..., :1]
    net = ConvNetRegressor(filters=(2, 4), max_iter=1, random_state=SEED)
    want = net.fit(X, np.asarray(images)).network_.values
    np.testing.assert_array_equal(net.fit(X, images).network_.values, want)
