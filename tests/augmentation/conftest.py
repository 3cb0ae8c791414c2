"""What the tests of transforms share."""

import numpy as np
import pytest


@pytest.fixture
def images(rng):
    x = rng.random((9, 6, 7, 3), dtype=np.float32)
    x.flags.writeable = False
    return x
