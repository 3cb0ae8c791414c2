"""What files give to layers: state in its range, and that of older versions."""

from types import SimpleNamespace

import numpy as np
import pytest

from skconv import Network, layers
from skconv.layers.ranges import check_values
from skconv.layers.upgrade import names_in_version, upgrade_state


class Mine(layers.BatchNorm):
    """A subclass, whose state has the same limits."""


LAYERS = [
    ("scale", layers.Normalization()),
    ("block", layers.Sequential([("norm", Mine()), ("inner", layers.Normalization())])),
    ("last", layers.Dense(2)),
]
BEFORE_3 = {
    "scale.scale": "scale.variance",
    "block.inner.scale": "block.inner.variance",
}


@pytest.fixture
def network(rng):
    return Network.build(LAYERS, (4,), rng)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("scale.scale", 0, "must be > 0, got 0"),
        ("scale.scale", -0.5, "must be > 0, got -0.5"),
        ("scale.scale", 1e-30, None),
        ("scale.mean", -5, None),
        ("block.norm.moving_variance", -0.5, "must be >= 0, got -0.5"),
        ("block.norm.moving_variance", 0, None),
        ("block.norm.samples", -1, "must be >= 0, got -1"),
        ("block.norm.moving_mean", -1, None),
        ("block.inner.scale", 0, "must be > 0, got 0"),
        ("last.bias", np.nan, "must hold finite numbers, got nan"),
        ("last.kernel", np.inf, "must hold finite numbers, got inf"),
        ("last.kernel", -np.inf, "must hold finite numbers, got -inf"),
    ],
)
def test_values_out_of_their_range_are_refused(name, value, words, network):
    check_values(network)
    network.arrays[name].reshape(-1)[-1] = value
    if words is None:
        check_values(network)
    else:
        with pytest.raises(ValueError, match=f"^array '{name}' {words}$"):
            check_values(network)


def test_empty_arrays_have_no_values_out_of_range():
    check_values(SimpleNamespace(arrays={"a": np.ones(0)}, layers=[], weights={}))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_scale_was_a_variance_before_version_3(version, network):
    network.arrays["scale.scale"][...] = [1, 4, 9, 16]
    found = names_in_version(network, version)
    renamed = BEFORE_3 if version < 3 else {}
    assert [*found] == [renamed.get(name, name) for name in network.arrays]
    for name, array in network.arrays.items():
        assert found[renamed.get(name, name)] is array
    before = {name: array.copy() for name, array in network.arrays.items()}
    upgrade_state(network, version)
    for name, array in network.arrays.items():
        root = np.sqrt(before[name]) if name in renamed else before[name]
        np.testing.assert_array_equal(array, root)
