"""What dropout drops."""

import numpy as np
import pytest
from seeds import SEED

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


@pytest.mark.parametrize(
    ("kind", "shape", "drawn"),
    [
        (L.Dropout, (5, 4, 3), (5, 4, 3)),
        (L.SpatialDropout1D, (4, 3), (1, 3)),
        (L.SpatialDropout2D, (5, 4, 3), (1, 1, 3)),
    ],
)
def test_dropout_keeps_where_its_generator_draws_the_rate_or_more(kind, shape, drawn):
    """A drawn prediction draws one mask, from a seed, for all samples."""
    x = np.ones((2, *shape))
    for n, take in (
        (2, lambda layer: layer.forward({}, x, np.random.default_rng(SEED))[0]),
        (1, lambda layer: layer.predict({"seed": SEED}, x)),
    ):
        values = np.random.default_rng(SEED).random((n, *drawn), np.float32)
        rate = float(np.sort(values.ravel())[values.size // 2])  # one is just this
        expected = np.broadcast_to(values >= rate, x.shape) / (1 - rate)
        np.testing.assert_array_equal(take(kind(rate)), expected)
