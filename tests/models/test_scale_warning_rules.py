"""When X is on an odd scale: the rules behind the warning, by themselves."""

import warnings

import numpy as np
import pytest

from skconv import Network
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    LayerNorm,
    Normalization,
    PReLU,
    Rescaling,
    Sequential,
)
from skconv.models import scale_warning
from skconv.models.scale_warning import warn_of_scale

SCALES_ITSELF = {
    "normalization": ([Normalization()], (True, True)),
    "rescaling": ([Flatten(), Rescaling(0.5)], (True, True)),
    "batch norm": ([BatchNorm()], (False, True)),
    "layer norm inside": ([Sequential([("norm", LayerNorm())])], (False, True)),
    "right after linear weights": ([Dense(2), BatchNorm()], (False, True)),
    "right after slopes": ([PReLU(), LayerNorm()], (False, True)),
    "after an activation": ([Dense(2, "relu"), BatchNorm()], (False, False)),
    "a layer later": ([Dense(2), Flatten(), BatchNorm()], (False, False)),
    "weights only": ([Dense(2)], (False, False)),
    "nothing": ([Flatten()], (False, False)),
}


@pytest.mark.parametrize(
    ("layers", "expected"), SCALES_ITSELF.values(), ids=SCALES_ITSELF
)
def test_layers_that_scale_values_themselves(layers, expected):
    network = Network.build(layers, (4,), 0)
    found = scale_warning._scales_itself(network.layers, network.weights)
    assert found == expected


# Of a channel in three samples: mean, deviation, largest value; its scale; what it varies by.
CHANNELS = {
    "deviation": ([(0, 1, 9), (0, 3, 9), (0, 2, 9)], 40, 2 / 40),
    "means": ([(10, 0, 9), (12, 0, 9), (16, 0, 9)], 40, 2 / 40),
    "both": ([(10, 3, 9), (14, 3, 9), (18, 3, 9)], 40, 5 / 40),
    "never": ([(5, 0, 9)] * 3, 40, np.inf),
    "scale of a constant": ([(0, 2, 9)] * 3, 1, np.inf),
    "scale like its size": ([(0, 2, 9)] * 3, 9, np.inf),
    "half of it": ([(0, 2, 9)] * 3, 4.5, np.inf),
    "less than half": ([(0, 2, 9)] * 3, 4, 2 / 4),
    "twice": ([(0, 2, 9)] * 3, 18, np.inf),
    "more than twice": ([(0, 2, 9)] * 3, 20, 2 / 20),
    "of most samples": ([(0, 2, 9), (0, 2, 1000), (0, 2, 9)], 20, 2 / 20),
}


@pytest.mark.parametrize(("rows", "scale", "ratio"), CHANNELS.values(), ids=CHANNELS)
def test_a_channel_is_lost_if_most_samples_hardly_vary(rows, scale, ratio):
    alone = [np.array(row, float)[:, None] for row in rows]
    assert scale_warning._find_lost_channel(alone, np.array([scale])) == (0, ratio)
    # Beside another that varies by as much as its scale, and has other numbers.
    both = [np.c_[[500.0, 100.0, 900.0], row] for row in alone]
    at, found = scale_warning._find_lost_channel(both, np.array([100.0, scale]))
    assert (at, found) == ((1, ratio) if ratio < 1 else (0, 1))


def test_sizes_are_computed_in_float64():
    assert scale_warning._size(np.full(3, 1e30, np.float32)) == pytest.approx(1e30)
    moments = scale_warning._moments(np.array([[[1.0, -8], [3, 4]]], np.float32))
    assert moments.tolist() == [[2, -2], [1, 6], [3, 8]]
    assert moments.dtype == np.float64


def network_of(layers, **arrays):
    network = Network.build(layers, (2, 2, 1), 0)
    for name, value in arrays.items():
        network.arrays[name.replace("__", ".")][...] = value
    return network


def words_of(network, size, **options):
    """Return the warning's text for samples of a size, which vary by all of it, or ""."""
    x = np.array([[1.0, -1], [1, -1]], np.float32).reshape(1, 2, 2, 1) * size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_scale(network, [x, -x, x], **options)
    return "".join(str(each.message) for each in caught)


def test_networks_without_weights_give_no_warning():
    assert words_of(network_of([("flat", Flatten())]), 1e6) == ""


@pytest.mark.parametrize(
    ("size", "is_odd"),
    [(0.04, True), (0.06, False), (3.9, False), (4.1, True), (0, False)],
)
def test_first_layers_want_values_of_about_a_half(size, is_odd):
    network = network_of([("conv", Conv2D(2, 1))])
    found = words_of(network, size)
    assert ("what reaches 'conv'" in found and f"{size:.2g}" in found) == is_odd
    assert words_of(network, size, resumed=True) == ""
    normed = network_of([("conv", Conv2D(2, 1)), ("norm", BatchNorm())])
    assert (words_of(normed, size) != "") == (is_odd and size < 1)


SCALED = [("scale", Normalization(0.5)), ("conv", Conv2D(2, 1))]


@pytest.mark.parametrize(
    ("made", "is_odd"),
    [(1e-3, True), (1, False), (3.9, False), (4.1, True), (17, True)],
)
def test_later_calls_want_the_scale_of_the_first(made, is_odd):
    network = network_of(SCALED, scale__scale=2)
    for options in ({"resumed": True}, {"taken": ["scale"]}):
        found = words_of(network, 2 * made, **options)
        assert ("is on another scale" in found) == is_odd
        assert not is_odd or ("layer 'scale' keeps" in found and f"{made:.2g}" in found)
    first = words_of(network, 2 * made, taken=["conv"])
    assert ("so far from the others" in first) == (made == 1e-3)
    assert "is on another scale" not in first


@pytest.mark.parametrize(
    ("deviation", "is_odd"), [(0.04, True), (0.06, False), (3.9, False), (4.1, True)]
)
def test_the_deviation_of_a_normalization_is_what_layers_get(deviation, is_odd):
    layers = [("scale", Normalization(deviation)), ("conv", Conv2D(2, 1))]
    network = network_of(layers, scale__scale=1 / deviation)
    found = words_of(network, 1)
    assert (f"{deviation:.2g}, and a network" in found) == is_odd
    assert not is_odd or f"in place of {layers[0][1]!r}" in found
    normed = network_of([*layers, ("norm", BatchNorm())], scale__scale=1 / deviation)
    assert (words_of(normed, 1) != "") == (is_odd and deviation < 1)
    assert words_of(network, 0) == ""
