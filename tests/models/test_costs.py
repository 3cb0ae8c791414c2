"""What layers cost, against numbers that are counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from holders import Holder

from skconv import Network, ops
from skconv.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Sequential,
)
from skconv.models.costs import (
    _arrays,
    _layer_costs,
    _unknown_parts,
    cost_of_layers,
    count_macs,
)


def costs(layers, shape, batch_size, **params):
    return cost_of_layers(Network.build(layers, shape, 0, **params), batch_size)


# Layers, the shape of a sample; the numbers that backward holds in a batch of 2: gradients
# in the output and in what the activation is applied to, that in x, and of the parameters.
BACKWARD = {
    "nothing to train": ([Flatten()], (5,), 0),
    "no gradient in X": ([Dense(3)], (5,), 2 * (3 + 3) + 18),
    "one weight": ([Dense(1, use_bias=False)], (1,), 2 * (1 + 1) + 1),
    "after a pool": ([MaxPool2D(2), Dense(3)], (2, 2, 1), 2 * (3 + 3) + 6),
    "the larger layer": ([Dense(3), Dense(20)], (5,), 2 * (20 + 20 + 3) + 80),
    "two for a derivative": ([Dense(3, "gelu")], (5,), 2 * (3 + 3 + 3 + 3) + 18),
    "no activation": ([Dense(3, "relu")], (5,), 2 * (3 + 3) + 18),
}


@pytest.mark.parametrize(
    ("layers", "shape", "numbers"), BACKWARD.values(), ids=BACKWARD
)
def test_backward_takes_gradients_of_one_layer_at_a_time(layers, shape, numbers):
    assert costs(layers, shape, 2).backward == 4 * numbers
    assert costs(layers, shape, 2, dtype="float64").backward == 8 * numbers


def test_layers_in_one_op_have_no_gradient_between_them():
    layers = [Conv2D(2, 1), MaxPool2D(2)]
    apart = (
        2 * (8 + 8 + 32 + 32) + 4
    )  # of the pool's output, the convolution's, weights
    assert costs(layers, (4, 4, 1), 2, dtype="float64").backward == 8 * apart
    together = apart if ops.in_use() == "numpy" else 2 * (8 + 8) + 4
    assert costs(layers, (4, 4, 1), 2).backward == 4 * together


def test_forward_takes_the_batch_and_what_each_layer_stores():
    found = costs([Dense(3), Dropout(0.5), Dense(2)], (5,), 2)
    # The outputs, of a dropout the mask, and its output, which the next layer stores.
    assert [row.cache for row in found.layers] == [2 * 12, 2 * 3, 2 * 12 + 2 * 8]
    assert found.forward == 2 * 4 * 5 + sum(row.cache for row in found.layers)
    fused = costs([Conv2D(2, 1), MaxPool2D(2)], (4, 4, 1), 2)
    assert fused.layers[0].cache == 0  # all is the pool's


BLOCK = [
    ("conv", Conv2D(3, 1)),
    ("deep", Sequential([("p", Conv2D(3, 1)), ("pool", MaxPool2D(2))])),
]
FROZEN = {
    (): (18, 6, 12, 12, 26),
    ("block__conv",): (12, 0, 12, 12, 26),
    ("block__deep",): (6, 6, 0, 0, 26),
    ("block__deep__p",): (6, 6, 0, 0, 26),
    ("block",): (0, 0, 0, 0, 26),
    ("output",): (18, 6, 12, 12, 0),
}


@pytest.mark.parametrize(("frozen", "expected"), FROZEN.items(), ids=str)
def test_frozen_layers_have_no_parameters_wherever_they_are(frozen, expected):
    layers = [("block", Sequential(BLOCK)), ("output", Dense(2))]
    rows = {row.name: row for row in costs(layers, (4, 4, 1), 1, frozen=frozen).layers}
    names = "block", "block.conv", "block.deep", "block.deep.p", "output"
    assert tuple(rows[name].parameters for name in names) == expected
    assert [rows[name].macs for name in names] == [48 + 144, 48, 144, 144, 24]


def test_frozen_layers_in_front_store_nothing():
    layers = [("a", Conv2D(4)), ("pool", MaxPool2D()), ("b", Conv2D(4))]
    found = costs(layers, (4, 4, 1), 1, frozen=("a",))
    maps = 4 * 2 * 2 * 4
    assert [row.cache for row in found.layers] == [0, 0, 2 * maps]  # input and output
    assert found.backward == 2 * maps + 4 * (4 * 9 * 4 + 4)


def test_macs_are_of_kernels_at_each_pixel():
    block = Sequential([Conv2D(3, 1), MaxPool2D(), Flatten()])
    assert count_macs([block, Dense(2)], (4, 4, 1)) == 16 * 3 + 12 * 2
    assert count_macs([MaxPool2D(), Dense(2)], (4, 4, 1)) == 4 * 2
    assert count_macs([Conv2DTranspose(3, 2, stride=2)], (4, 4, 5)) == 16 * 5 * 3 * 4
    assert count_macs([Conv2D(8, 3), Dense(10)], [28, 28, 1]) == 784 * 72 + 784 * 80


def test_parts_of_a_layer_whose_paths_are_unknown_have_their_parameters():
    parts = [("conv", Conv2D(3, 1)), ("in", Holder([("pool", MaxPool2D())])), ("flat", Dense(2))]  # fmt: skip
    rows = [
        tuple(row)[:5] for row in _layer_costs([("held", Holder(parts))], (4, 4, 1))
    ]
    assert rows == [
        ("held", "Holder", (2,), 6 + 26, 3 + 24),  # kernels, once for each output
        ("held.conv", "Conv2D", None, 6, None),
        ("held.in", "Holder", None, 0, None),
        ("held.in.pool", "MaxPool2D", None, 0, None),
        ("held.flat", "Dense", None, 26, None),
    ]


def test_parts_without_weights_and_caches_that_are_objects():
    rows = _unknown_parts(Holder([("pool", MaxPool2D())]), {}, "held.")
    assert [tuple(row)[:5] for row in rows] == [
        ("held.pool", "MaxPool2D", None, 0, None)
    ]
    one, two = np.ones(1), np.ones(2)
    cache = {"a": [SimpleNamespace(part=(one, {"b": two})), None, 3]}
    assert list(_arrays(cache)) == [one, two]
