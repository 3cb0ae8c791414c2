"""The layers that are fixed are computed once, if there is room for their results."""

import numpy as np
import pytest

from skconv import Network
from skconv._data.samples import Samples
from skconv._training import front
from skconv.layers import BatchNorm, Conv2D, Dense, MaxPool2D

LAYERS = [("a", Conv2D(3)), ("b", MaxPool2D(2)), ("c", Conv2D(2)), ("out", Dense(2))]
BYTES = 2 * 2 * 3 * 4  # that a sample takes after the pool


@pytest.fixture
def network(rng):
    return Network.build(LAYERS, (4, 4, 1), rng, frozen=["a"])


def some(rng, n, rows=None):
    X = rng.random((n, 4, 4, 1))
    return Samples(X, np.arange(n if rows is None else len(rows)) % 2, rows=rows)


def test_rest_has_the_results_of_the_front_as_its_samples(network, rng):
    samples, held_out = some(rng, 7, np.array([6, 0, 2])), some(rng, 4)
    rest, made, seen = front.skip_front(network, samples, held_out)
    assert [name for name, _ in rest.layers] == ["c", "out"]
    expected = network.predict(samples.X[samples.rows].astype("f4"), upto="b")
    np.testing.assert_array_equal(made.X, expected)
    assert made.rows is None
    assert made.targets is samples.targets
    expected = network.predict(held_out.X.astype("f4"), upto="b")
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_array_equal(rest.predict(made.X), samples.predict(network))
    assert front.skip_front(network, samples, None)[2] is None


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize(
    ("samples_in_room", "skips", "keeps"),
    [(8, True, True), (7, True, False), (4, True, False), (3, False, False)],
)
def test_results_that_find_no_room_are_not_made(
    free, samples_in_room, skips, keeps, network, rng, monkeypatch
):
    """Of four samples to train on, and four to validate with."""
    room = samples_in_room * BYTES
    if free:  # a quarter of the memory that is free
        monkeypatch.setattr(front, "available_memory", lambda: 4 * room)
    else:
        monkeypatch.setattr(front, "LARGEST", room)
    samples = some(rng, 4)
    rest, made, seen = front.skip_front(network, samples, some(rng, 4))
    assert (rest is not network) == skips
    assert (made is not samples) == skips
    assert (seen is not None) == keeps


def test_network_without_a_fixed_layer_is_trained_whole(rng):
    network, samples = Network.build(LAYERS, (4, 4, 1), rng), some(rng, 4)
    assert front.skip_front(network, samples, some(rng, 4)) == (network, samples, None)


def test_held_out_samples_are_predicted_as_they_will_be(rng):
    """Where the last fixed layer is computed with the next one, not by halves."""
    layers = [("a", Conv2D(3)), ("norm", BatchNorm()), ("out", Dense(2))]
    network = Network.build(layers, (4, 4, 1), rng, frozen=["a"])
    rest, _, seen = front.skip_front(network, some(rng, 4), some(rng, 4))
    assert [name for name, _ in rest.layers] == ["norm", "out"]
    assert seen is None


def test_overflow_in_the_front_gives_no_warning(rng, each_ops):
    layers = [("a", Conv2D(2)), ("b", Conv2D(1, 1)), ("out", Dense(2))]
    network = Network.build(layers, (4, 4, 1), rng, frozen=["a", "b"])
    network.arrays["a.kernel"][...] = 1e30
    network.arrays["b.kernel"][...] = [[1], [-1]]
    samples = some(rng, 4)
    samples.X[...] = 1e30
    _, made, _ = front.skip_front(network, samples, None)
    assert np.isnan(made.X).all()
