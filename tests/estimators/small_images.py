"""Images with masks, and estimators of them that learn in a moment."""

import numpy as np
from seeds import SEED

from skconv import ConvNetAutoencoder, ConvNetRegressor, ConvNetSegmenter
from skconv.layers import Conv1D, Conv2D, Dense, Reshape, UpSampling1D

FAST = {
    "learning_rate_init": 0.02,
    "max_iter": 12,
    "batch_size": 8,
    "random_state": SEED,
}
LABELS = np.array(["circle", "ground", "square"])
# Of few filters with ReLU, all may return 0 for all images, and learn no more.
CONVOLUTIONS = [Conv2D(8, 3, activation="elu"), Conv2D(8, 3, activation="elu")]
SIGNALS = [Conv1D(8, 5, activation="elu"), Conv1D(8, 5, activation="elu")]
CODER = [
    ("conv", Conv1D(4, 3, stride=2, activation="relu")),
    ("code", Dense(3)),
    ("wide", Dense(16, "relu")),
    ("signal", Reshape((8, 2))),
    UpSampling1D(2),
    Conv1D(8, 3, activation="relu"),
]


def images_and_masks(n=40, size=8, seed=0):
    """Return images (n, size, size), and masks of codes: areas of three brightnesses."""
    rng = np.random.default_rng(SEED + seed)
    coarse = rng.integers(0, 3, (n, size // 4, size // 4))
    masks = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return masks + rng.normal(0, 0.2, masks.shape), masks


def segmenter(layers=CONVOLUTIONS, **params):
    return ConvNetSegmenter(layers, **{**FAST, **params})


def regressor(layers=CONVOLUTIONS, **params):
    return ConvNetRegressor(layers, **{**FAST, **params})


def autoencoder(**params):
    return ConvNetAutoencoder(
        **{**FAST, "n_components": 3, "filters": 4, "layers": None, **params}
    )
