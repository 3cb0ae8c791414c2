"""Networks of which a part is frozen: where arrays go, and what still trains."""

import numpy as np
import pytest
from holders import Holder

from skconv import Network, ops
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Normalization,
    Sequential,
)
from skconv.layers.initializers import Blank

INNER = [("conv", Conv2D(2, 3)), ("pool", MaxPool2D(2))]
LAYERS = [
    ("scale", Normalization()),
    ("block", Sequential(INNER)),
    ("flat", Flatten()),
    ("dense", Dense(3, kernel_l2=0.5)),
    ("output", Dense(2, kernel_l1=0.1)),
]


@pytest.fixture
def network():
    return Network.build(LAYERS, (4, 4, 1), 0, "float64")


def step(network, x):
    targets = np.arange(len(x)) % 2
    rng = np.random.default_rng(0)
    return network.loss_and_gradient(
        x, targets, None, ops.softmax_cross_entropy, rng
    )  # fmt: skip


def test_freezing_moves_arrays_and_keeps_their_values(network):
    twin = network.freeze(["block", "output"])
    assert twin.frozen == ("block", "output") and network.frozen == ()
    assert (twin.layers, twin.shapes, twin.input_shape) == (
        network.layers, network.shapes, network.input_shape,
    )  # fmt: skip
    assert twin.dtype == np.float64
    assert twin.parameters.size == 8 * 3 + 3
    assert twin.values.size == network.values.size
    assert list(twin.arrays) == list(network.arrays)
    for name, array in twin.arrays.items():
        np.testing.assert_array_equal(array, network.arrays[name])
    twin.parameters[:] = 7
    assert (twin.arrays["dense.kernel"] == 7).all()
    assert not (network.arrays["dense.kernel"] == 7).any()
    twin.state[:] = 8
    assert (twin.arrays["block.conv.kernel"] == 8).all()
    back = network.freeze(["block"]).freeze([])
    np.testing.assert_array_equal(back.values, network.values)


def test_a_network_is_built_frozen(network):
    built = Network.build(LAYERS, (4, 4, 1), 0, "float64", frozen=["block"])
    np.testing.assert_array_equal(built.values, network.freeze(["block"]).values)
    assert built.frozen == ("block",)
    assert built.parameters.size == 8 * 3 + 3 + 3 * 2 + 2


UNKNOWN = {
    "a layer": (["blok"], r"^frozen must name layers .* got 'blok'; did you mean 'block'"),
    "one inside": (["block__cnv"], r"^frozen must name layers .*'block__cnv'"),
}  # fmt: skip


@pytest.mark.parametrize(("names", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_names_are_refused(network, names, words):
    with pytest.raises(ValueError, match=words):
        network.freeze(names)
    with pytest.raises(ValueError, match=words):
        Network.build(LAYERS, (4, 4, 1), 0, frozen=names)


def test_a_part_of_what_is_no_composite_cannot_be_frozen():
    held = Holder([("deep", Sequential([("dense", Dense(2))]))])
    layers = [("block", Sequential([("held", held)])), ("output", Dense(1))]
    network = Network.build(layers, (3,), 0)
    assert network.freeze(["block__held"]).parameters.size == 3
    words = r"^frozen must not name 'block__held__deep': the layer 'held' that"
    with pytest.raises(ValueError, match=words):
        network.freeze(["block__held__deep"])
    with pytest.raises(ValueError, match=words.replace("deep'", "deep__dense'")):
        network.freeze(["block__held__deep__dense"])


FIXED = {(): 0, ("output",): 1, ("block",): 3, ("block__conv",): 3, ("dense",): 1}


@pytest.mark.parametrize(("frozen", "n_fixed"), FIXED.items(), ids=str)
def test_the_first_layers_are_fixed_if_nothing_in_them_trains(network, frozen, n_fixed):
    assert network.freeze(frozen).n_fixed == n_fixed


def test_fixed_layers_are_computed_once_for_the_same_step(network, rng):
    x = rng.normal(size=(5, 4, 4, 1))
    loss, gradient = step(network, x)
    frozen = network.freeze(["block"])
    frozen_loss, frozen_gradient = step(frozen, x)
    assert frozen_loss == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(frozen_gradient, gradient[-len(frozen_gradient) :])
    rest = frozen.after(3)
    assert rest.input_shape == (8,) and rest.shapes == [(3,), (2,)]
    assert [name for name, _ in rest.layers] == ["dense", "output"]
    assert rest.values is frozen.values and rest.frozen == ("block",)
    assert np.shares_memory(rest.arrays["dense.kernel"], frozen.values)
    assert list(rest.arrays) == [
        *("dense.kernel", "dense.bias", "output.kernel", "output.bias")
    ]
    rest_loss, rest_gradient = step(rest, frozen.predict(x, "flat"))
    assert rest_loss == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(rest_gradient, frozen_gradient)


def test_penalties_add_to_the_loss_and_its_gradient(network, rng):
    plain = [*LAYERS[:3], ("dense", Dense(3)), ("output", Dense(2))]
    other = Network.build(plain, (4, 4, 1), 0, "float64")
    other.values[:] = network.values
    x = rng.normal(size=(5, 4, 4, 1))
    (loss, gradient), (less, without) = step(network, x), step(other, x)
    kernel, last = network.arrays["dense.kernel"], network.arrays["output.kernel"]
    penalty = 0.5 * (kernel**2).sum() + 0.1 * np.abs(last).sum()
    assert loss == pytest.approx(less + penalty)
    other.parameters[:] = gradient - without
    np.testing.assert_allclose(other.arrays["dense.kernel"], kernel, atol=1e-12)
    np.testing.assert_allclose(other.arrays["output.kernel"], 0.1 * np.sign(last), atol=1e-12)  # fmt: skip


def test_a_blank_network_adopts_values_without_a_copy(network):
    blank = Network.build(LAYERS, (4, 4, 1), Blank(), "float64")
    assert blank.values.strides == (0,) and not blank.values.any()
    blank.adopt(network.values)
    assert blank.values is network.values
    assert np.shares_memory(blank.arrays["output.bias"], network.values)
    x = np.ones((1, 4, 4, 1))
    np.testing.assert_array_equal(blank.predict(x), network.predict(x))
    for values, words in [
        (
            network.values[1:],
            r"^its weights are of shape \(\d+,\) in float64, but the net",
        ),
        (network.values.astype("f4"), r"in float32, but the network has \(\d+,\) in f"),
    ]:
        with pytest.raises(ValueError, match=words):
            network.adopt(values)


def test_layers_named_as_unchanged_do_not_adapt(network):
    x = np.arange(32.0).reshape(2, 4, 4, 1)

    def batches():
        yield x, None

    network.adapt(batches, ["scale"])
    assert network.arrays["scale.mean"] == 0 and network.arrays["scale.scale"] == 1
    network.adapt(batches)
    assert network.arrays["scale.mean"] == 15.5 and network.arrays["scale.scale"] != 1


def test_the_last_fixed_layer_may_be_fused_with_the_next():
    layers = [("conv", Conv2D(2, 1)), ("pool", MaxPool2D(2)), ("drop", Dropout(0.5)), ("out", Dense(1))]  # fmt: skip
    network = Network.build(layers, (4, 4, 1), 0, frozen=["conv"])
    assert network.n_fixed == 2 and not network.fuses_front()
    layers.insert(1, ("first", Conv2D(2, 1)))
    network = Network.build(layers, (4, 4, 1), 0, frozen=["conv"])
    assert network.n_fixed == 1 and not network.fuses_front()
    layers = [("conv", Conv2D(2, 1)), ("norm", BatchNorm()), ("out", Dense(1))]
    network = Network.build(layers, (4, 4, 1), 0, frozen=["conv"])
    assert network.n_fixed == 1 and network.fuses_front()
