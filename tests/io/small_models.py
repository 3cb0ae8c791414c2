"""Small models to save: fixtures to which a module of tests gives names of its own."""

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import Activation, AvgPool2D, Conv2D, Dense, Dropout, Flatten

LAYERS = [
    Conv2D(4, (3, 1), padding=((1, 1), (0, 0)), activation="gelu"),
    ("half", AvgPool2D(2)),
    Activation("relu"),
    Flatten(),
    Dropout(0.2),
    Dense(8, "tanh"),
]


@pytest.fixture
def images(rng):
    return rng.random((40, 6, 6)), np.arange(40) % 3


@pytest.fixture
def clf(images):
    return ConvNetClassifier(LAYERS, max_iter=3, random_state=SEED).fit(*images)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"
