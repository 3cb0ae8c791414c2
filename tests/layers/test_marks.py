"""Marks of layers: which are frozen or adapted, by name; and those that are fixed."""

import re

import numpy as np
import pytest

from skconv import layers as L
from skconv.layers import chain
from skconv.layers.front import count_fixed
from skconv.layers.initializers import Blank
from skconv.layers.marks import check_names, is_adapted, is_frozen, layer_names, mark

BLOCK = L.Residual([("conv", L.Conv2D(3)), ("deep", L.Sequential([L.Conv2D(3)]))])
CHAIN = [("first", L.Conv2D(3)), ("block", BLOCK), ("last", L.Dense(2))]
NAMES = [
    "first",
    "block",
    "block__conv",
    "block__deep",
    "block__deep__conv2d_1",
    "last",
]


def built(layers, shape=(6, 6, 3)):
    return chain.build(layers, shape, Blank(), np.dtype("f4"))[0]


def marked(weights, is_marked, prefix=""):
    """Return the names of the layers with a mark, by their weights."""
    found = []
    for name, own in weights.items():
        if isinstance(own, dict):
            found += [prefix + name] * is_marked(own)
            found += marked(own, is_marked, f"{prefix}{name}__")
    return found


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["last"], ["last"]),
        (["block"], NAMES[1:5]),
        (["block__deep"], NAMES[3:5]),
        (["block__conv", "first"], ["first", "block__conv"]),
        (["conv"], []),
    ],
)
def test_mark_is_that_of_all_layers_inside(names, expected):
    weights = built(CHAIN)
    frozen = mark(weights, names, frozen=True)
    assert marked(frozen, is_frozen) == expected
    assert marked(frozen, is_adapted) == []
    assert marked(weights, is_frozen) == []
    assert frozen["first"]["kernel"] is weights["first"]["kernel"]
    both = mark(frozen, ["first", "last"], adapted=True)
    assert marked(both, is_frozen) == expected
    assert marked(both, is_adapted) == ["first", "last"]


def test_names_of_layers_lead_inside():
    assert [*layer_names(CHAIN)] == NAMES
    check_names(CHAIN, NAMES, "frozen")


@pytest.mark.parametrize(
    ("name", "there", "hint"),
    [
        ("frist", ["first", "block", "last"], "; did you mean 'first'"),
        ("nowhere__conv", ["first", "block", "last"], ""),
        ("block__cnov", ["block__conv", "block__deep"], "; did you mean 'block__conv'"),
        ("block__deep__x", ["block__deep__conv2d_1"], ""),
    ],
)
def test_unknown_name_is_refused_with_those_beside_it(name, there, hint):
    words = (
        f"frozen must name layers of the network, of {there} (one that is inside of "
        f"another as in 'block1__conv1'), got {name!r}{hint}"
    )
    with pytest.raises(ValueError, match=re.escape(words)):
        check_names(CHAIN, ["first", name], "frozen")


class Mine(L.Layer):
    """A custom layer without weights."""


class OwnForward(L.Sequential):
    """A composite that may do anything in training."""

    def forward(self, weights, x, rng):
        return super().forward(weights, x, rng)


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        ([L.Rescaling(2), L.Conv2D(3)], 1),
        ([L.Normalization(), L.MaxPool2D(), L.Flatten()], 3),
        ([L.Normalization(), L.BatchNorm(), L.Flatten()], 1),
        ([L.Dropout(0.1), L.Flatten()], 0),
        ([L.SpatialDropout2D(0.1)], 0),
        ([L.Conv2D(3), L.Flatten()], 0),
        ([Mine()], 0),
        ([L.Sequential([L.Rescaling(2), L.MaxPool2D()]), L.Dense(2)], 1),
        ([L.Sequential([L.Rescaling(2), L.Conv2D(3)]), L.Flatten()], 0),
        ([L.Sequential([L.Dropout(0.1)])], 0),
        ([OwnForward([L.Rescaling(2)])], 0),
        ([], 0),
    ],
)
def test_fixed_layers_have_nothing_to_train_and_draw_nothing(layers, count):
    named = [(f"a{i}", layer) for i, layer in enumerate(layers)]
    weights = built(named)
    assert count_fixed(named, weights) == count
    frozen = mark(weights, [name for name, _ in named], frozen=True)
    assert count_fixed(named, frozen) == len(layers)


def test_handcrafted_filters_are_fixed():
    named = [("hand", L.HandcraftedConv1D()), ("conv", L.Conv1D(3))]
    assert count_fixed(named, built(named, (9, 1))) == 1
