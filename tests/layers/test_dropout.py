"""What dropout drops."""

import numpy as np
import pytest

from skconv import layers as L


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(L.SpatialDropout1D(0.3), (4, 500)), (L.SpatialDropout2D(0.3), (2, 3, 500))],
)
def test_spatial_dropout_drops_whole_channels(layer, shape, rng):
    y, _ = layer.forward({}, np.ones((200, *shape), np.float32), rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    channels = y.reshape(200, -1, 500)
    np.testing.assert_array_equal(
        channels, np.broadcast_to(channels[:, :1], channels.shape)
    )
    assert abs(np.mean(channels[:, 0] == 0) - 0.3) < 0.01


def test_dropout_keeps_the_expected_value_and_its_rate(rng):
    x = np.ones((200, 500), np.float32)
    y, cache = L.Dropout(0.3).forward({}, x, rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs(np.mean(y == 0) - 0.3) < 0.01
    dx, _ = L.Dropout(0.3).backward({}, cache, x)
    np.testing.assert_array_equal(dx, y)
    assert L.Dropout(0.3).predict({}, x) is x
