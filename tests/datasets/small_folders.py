"""Small folders of images, and a network that learns them in a moment.

`folder` is a fixture: a module of tests gives it a name of its own.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Normalization

RNG = np.random.default_rng(SEED)


def save(path, pixels=(8, 8), **options):
    """Save pixels, or noise of a shape, as an image; return the pixels."""
    if isinstance(pixels, tuple):
        pixels = RNG.integers(0, 256, (*pixels, 3), np.uint8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return np.asarray(pixels)


@pytest.fixture
def folder(tmp_path):
    """Two classes of noise, one darker; 24 images."""
    for i in range(12):
        for name, top in {"dark": 90, "light": 256}.items():
            pixels = RNG.integers(top - 90, top, (8, 8, 3), np.uint8)
            save(tmp_path / name / f"{i:02}.png", pixels)
    return tmp_path


def small():
    layers = [Normalization(0.5), Conv2D(4, 3, activation="relu")]
    return ConvNetClassifier(
        layers, max_iter=4, batch_size=6, learning_rate_init=0.01, random_state=SEED
    )
