"""Fixtures of the tests of model files."""

import numpy as np
import pytest
from model_layers import LAYERS

from skconv import ConvNetClassifier


@pytest.fixture
def images(rng):
    return rng.random((40, 6, 6)), np.arange(40) % 3


@pytest.fixture
def clf(images):
    return ConvNetClassifier(LAYERS, max_iter=3, random_state=0).fit(*images)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"
