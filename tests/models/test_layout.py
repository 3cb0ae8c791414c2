"""Where arrays are in the flat vector, and which parts of it belong together."""

import numpy as np
import pytest

from skconv import Network
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, Residual, Sequential
from skconv.models.draws import has_dropout, predict_draws
from skconv.models.layout import join

BLOCK = [("conv", Conv2D(2, 3, padding="same")), ("norm", BatchNorm())]
LAYERS = [
    ("first", Conv2D(2, 3)),
    ("block", Residual(BLOCK)),
    ("thin", Conv2D(1, 1)),
    ("dense", Dense(2, use_bias=False)),
    ("output", Dense(3)),
]


@pytest.fixture
def network():
    return Network.build(LAYERS, (3, 3, 1), 0)


def test_trained_arrays_come_first_in_build_order(network):
    assert list(network.arrays) == [
        *("first.kernel", "first.bias", "block.conv.kernel", "block.conv.bias"),
        *("block.norm.gamma", "block.norm.beta"),
        *("block.norm.moving_mean", "block.norm.moving_variance", "block.norm.samples"),
        *("thin.kernel", "thin.bias", "dense.kernel", "output.kernel", "output.bias"),
    ]  # fmt: skip
    network.values[:] = np.arange(len(network.values))
    starts = {name: int(array.flat[0]) for name, array in network.arrays.items()}
    assert starts == {
        "first.kernel": 0, "first.bias": 18, "block.conv.kernel": 20,
        "block.conv.bias": 56, "block.norm.gamma": 58, "block.norm.beta": 60,
        "thin.kernel": 62, "thin.bias": 64, "dense.kernel": 65, "output.kernel": 83,
        "output.bias": 89, "block.norm.moving_mean": 92, "block.norm.moving_variance": 94,
        "block.norm.samples": 96,
    }  # fmt: skip
    assert (network.parameters.size, network.state.size) == (92, 5)


def test_matrices_are_kernels_of_hidden_layers_with_rows_and_columns(network):
    assert network.matrices() == [
        (slice(0, 18), (9, 2)),
        (slice(20, 56), (18, 2)),
        (slice(65, 83), (9, 2)),
    ]
    # Frozen kernels are not among the parameters, and the others move to the front.
    assert network.freeze(["first"]).matrices() == [
        (slice(0, 36), (18, 2)),
        (slice(45, 63), (9, 2)),
    ]
    ends_in_kernel = Network.build(
        [("a", Dense(2, use_bias=False)), ("b", Dense(1))], (2,), 0
    )
    assert ends_in_kernel.freeze(["b"]).matrices() == [(slice(0, 4), (2, 2))]


FACTORS = {
    "none": ({}, [(0, 92, 1.0)]),
    "a layer": ({"first": 2}, [(0, 20, 2.0), (20, 92, 1.0)]),
    "neighbours": ({"first": 2, "block": 2}, [(0, 62, 2.0), (62, 92, 1.0)]),
    "inside": ({"block__conv": 3}, [(0, 20, 1.0), (20, 58, 3.0), (58, 92, 1.0)]),
    "the longest name": (
        {"block": 2, "block__conv": 3},
        [(0, 20, 1.0), (20, 58, 3.0), (58, 62, 2.0), (62, 92, 1.0)],
    ),
}


@pytest.mark.parametrize(("factors", "parts"), FACTORS.values(), ids=FACTORS)
def test_parts_share_a_factor_and_are_all_parameters(network, factors, parts):
    found = network.parts(factors)
    assert [(part.start, part.stop, factor) for part, factor in found] == parts
    assert all(type(factor) is float for _, factor in found)


def test_parts_of_frozen_layers_are_none(network):
    twin = network.freeze(["block", "output"])
    assert twin.parts({"block": 2, "first": 3}) == [
        (slice(0, 20), 3),
        (slice(20, 41), 1),
    ]


def test_dropout_is_found_inside_of_layers():
    assert not has_dropout([("a", Dense(1)), ("b", Dropout(0.0))])
    assert has_dropout([("a", Dense(1)), ("b", Dropout(0.1))])
    assert has_dropout([("block", Sequential([("a", Dense(1)), ("b", Dropout(0.1))]))])


def test_a_draw_is_one_network_and_each_dropout_has_masks_of_its_own(rng):
    drops = [("one", Dropout(0.5)), ("two", Dropout(0.5))]
    network = Network.build([("block", Sequential(drops[:1])), *drops[1:]], (50,), 0)
    x = np.ones((3, 50), np.float32)
    draws = predict_draws(network, [[1, 2], [1, 3]], x)
    assert draws.shape == (3, 2, 50)
    np.testing.assert_array_equal(draws, draws[:1].repeat(3, axis=0))
    assert (draws[0, 0] != draws[0, 1]).any()
    # With the same masks, none would be 2 and all others 4 or 0.
    assert 0.05 < (draws[0] == 4).mean() < 0.45
    again = predict_draws(network, [[1, 2]], x[:1])
    np.testing.assert_array_equal(again[0, 0], draws[0, 0])
    later = Network.build([*drops, ("dense", Dense(2))], (50,), 0)
    expected = again[0] @ later.arrays["dense.kernel"] + later.arrays["dense.bias"]
    np.testing.assert_allclose(
        predict_draws(later, [[1, 2]], x[:1])[0], expected, rtol=1e-5
    )
    flat = Network.build(drops, (50,), 0)
    np.testing.assert_array_equal(
        predict_draws(flat, [[1, 2]], x[:1])[0, 0], again[0, 0]
    )
    plain = Network.build([("dense", Dense(2))], (50,), 0)
    np.testing.assert_array_equal(
        predict_draws(plain, [[1], [2]], x), plain.predict(x)[:, None].repeat(2, axis=1)
    )


def test_joined_vectors_have_the_dtype_of_another():
    arrays = {"a": {"x": np.ones((2, 2))}, "b": np.arange(2)}
    found = join(arrays, [("b",), ("a", "x")], np.zeros(3, np.float32))
    assert found.dtype == np.float32 and found.tolist() == [0, 1, 1, 1, 1, 1]
    whole = join({"a": np.array([1.5])}, [("a",)], np.zeros(1, np.int64))
    assert whole.dtype == np.int64
