"""From parameters to layers, and what training leaves alone, without a fit."""

import re
import warnings
from functools import partial

import numpy as np
import pytest

from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
    Network,
)
from skconv.estimators.building import (
    build_network,
    build_unfitted,
    check_ends_in_image,
    check_unchanged,
    list_layers,
    output_layer,
    sees_pixels,
    takes_signals,
)
from skconv.estimators.tuning import (
    check_learns,
    check_tuning,
    drawn_and_frozen,
    frozen_names,
    warn_if_random,
)
from skconv.layers import (
    Activation,
    BatchNorm,
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    Normalization,
    PReLU,
    Reshape,
    Residual,
    Sequential,
)


class PerPixel(Layer):
    """A custom layer of images."""


SEES = {
    "default": (None, {}, True),
    "no filters": (None, {"filters": ()}, False),
    "filters of a list": (None, {"filters": [2]}, True),
    "a range of none": (None, {"filters": range(0)}, False),
    "one number": (None, {"filters": 3}, True),
    "an array": (None, {"filters": np.array([], int)}, False),
    "convolution": ([Conv2D(2), Dense(1)], {}, True),
    "dense": ([Dense(1), Conv2D(2)], {}, False),
    "flat": ([Flatten()], {}, False),
    "reshaped": ([Reshape((2, 2))], {}, False),
    "blind": ([Normalization(), Dropout(0.1), Activation("relu"), PReLU(), Dense(1)], {}, False),
    "blind before a convolution": ([Normalization(), "passthrough", Conv2D(2)], {}, True),
    "only blind": ([Normalization()], {}, False),
    "inside": ([Sequential([Normalization(), Conv2D(1)])], {}, True),
    "dense inside": ([Sequential([Dense(2)]), Conv2D(1)], {}, False),
    "one branch": ([Branches([[Dense(1)], [Conv2D(1)]])], {}, True),
    "a branch that does nothing": ([Branches([[Dense(1)], [Dropout(0.1)]]), Conv2D(1)], {}, True),
    "sum with a dense": ([Residual([Dense(1)]), Dense(1)], {}, False),
    "custom": ([PerPixel()], {}, True),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "params", "sees"), SEES.values(), ids=SEES)
def test_networks_of_dense_layers_see_no_pixels(layers, params, sees):
    assert sees_pixels(ConvNetClassifier(layers, **params)) is sees


def test_networks_for_images_see_pixels_with_any_filters():
    assert sees_pixels(ConvNetSegmenter(filters=[1]))


def test_layers_of_one_axis_take_signals():
    assert takes_signals(ConvNetClassifier([Conv1D(2)]))
    assert takes_signals(ConvNetClassifier([Sequential([Dropout(0.1), Conv1D(2)])]))
    assert not takes_signals(ConvNetClassifier([Conv2D(2), Dense(1)]))
    assert not takes_signals(ConvNetClassifier())
    of_signals = ConvNetClassifier([Conv1D(2)])
    assert not takes_signals(ConvNetClassifier([Dense(2)], pretrained=of_signals))


@pytest.mark.parametrize(
    ("ndim", "layer"),
    [(1, partial(Dense, 3)), (2, partial(Conv1D, 3, 1)), (3, partial(Conv2D, 3, 1))],
)
def test_output_layers_have_the_axes_of_targets_and_begin_small(ndim, layer):
    small = layer(kernel_initializer="torch_uniform")
    assert repr(output_layer(ndim, 3)) == repr(small)


def test_networks_end_in_a_layer_of_a_free_name():
    clf = ConvNetClassifier([("output", Dense(2)), ("output_", Dense(3))])
    network = build_network(clf, (4,), (5,), 0)
    assert [name for name, _ in network.layers] == ["output", "output_", "output_2"]
    assert network.output_shape == (5,) and network.dtype == np.float32
    assert network.layers[0][1] is not clf.layers[0][1]
    assert build_network(clf, (4,), (0,), 0).output_shape == (1,)
    frozen = ConvNetClassifier([("a", Dense(2))], frozen="a", dtype="float64")
    network = build_network(frozen, (4,), (5,), np.random.default_rng(0))
    assert network.frozen == ("a",) and network.dtype == np.float64
    same = build_network(frozen, (4,), (5,), 0)
    np.testing.assert_array_equal(network.values, same.values)


def test_networks_before_a_fit_need_a_shape():
    words = r"^this ConvNetClassifier is not fitted and input_shape is None"
    with pytest.raises(ValueError, match=words):
        build_unfitted(ConvNetClassifier(), None)
    assert build_unfitted(ConvNetClassifier(input_shape=(8, 8)), None).output_shape == (
        1,
    )
    assert build_unfitted(ConvNetClassifier(input_shape=(8, 8)), 4).output_shape == (4,)
    signals = ConvNetClassifier([Conv1D(2)], input_shape=(9, 2))
    assert build_unfitted(signals, None).input_shape == (9, 2)
    images = build_unfitted(ConvNetSegmenter(input_shape=(8, 6, 2)), 3)
    assert images.output_shape == (8, 6, 3)
    with pytest.raises(ValueError, match="^n_outputs must be an int >= 1, got 0"):
        build_unfitted(ConvNetClassifier(input_shape=(8, 8)), 0)


ENDS = {
    "images": ([("a", Conv2D(2))], (4, 5, 1), (4, 5), None),
    "unknown": ([("a", MaxPool2D())], (4, 5, 1), (0, 0), None),
    "unknown, but flat": ([("a", Dense(2))], (4, 5, 1), (0, 0), r"images \(h, w, c\) of the size of y, 0 x 0, but layer 'a', the last, returns \(2,\) for samples of shape \(4, 5, 1\)\. Pass targets of that size, or layers that end in images"),
    "smaller": ([("a", Conv2D(2)), ("b", MaxPool2D())], (4, 6, 1), (4, 6), r"layer 'b', the last, returns \(2, 3, 2\)"),
    "signals": ([("a", Conv1D(2, padding="valid"))], (9, 1), (9,), r"^the layers of ConvNetRegressor must end in signals \(length, channels\) of the size of y, 9, but"),
    "no layer": ([], (4, 5, 1), (4, 6), r"but a network of no layer returns \(4, 5, 1\)"),
    "no layer of the size": ([], (4, 5, 1), (4, 5), None),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "shape", "size", "words"), ENDS.values(), ids=ENDS)
def test_layers_for_images_end_in_their_size(layers, shape, size, words):
    call = ConvNetRegressor(), layers, shape, size
    if words is None:
        return check_ends_in_image(*call)
    with pytest.raises(ValueError, match=words):
        check_ends_in_image(*call)


def test_parameters_must_describe_the_fitted_network():
    def check(shape=(8, 8, 1), **params):
        check_unchanged(ConvNetClassifier(filters=2, **params), network, shape, 3)

    network = build_network(ConvNetClassifier(filters=2), (8, 8, 1), (3,), 0)
    check()
    check(max_iter=3)
    words = "must be the same as in the last fit to continue it, {}, got {}. Use warm"
    for name, call, before, now in [
        ("layers", {"kernel_size": 5}, r"\[.*", ".*"),
        ("dtype", {"dtype": "float64"}, "float32", "float64"),
        ("input_shape", {"shape": (4, 16, 1)}, r"\(8, 8, 1\)", r"\(4, 16, 1\)"),
    ]:
        with pytest.raises(ValueError, match=f"^{name} {words.format(before, now)}"):
            check(**call)


def names_of(estimator):
    return [name for name, _ in list_layers(estimator)]


def test_layers_are_listed_before_a_fit():
    blocks = ["normalization", "conv1", "pool1", "conv2", "pool2", "dense1"]
    assert names_of(ConvNetClassifier()) == blocks
    assert [layer.filters for _, layer in list_layers(ConvNetClassifier())[1:4:2]] == [
        32,
        64,
    ]
    assert names_of(ConvNetClassifier(filters=[1])) == [*blocks[:3], "dense1"]
    large = ConvNetClassifier(input_shape=(128, 128))
    assert names_of(large)[-3:] == ["conv4", "pool4", "dense1"]
    assert names_of(ConvNetClassifier(pool_size=50))[2] == "pool1"
    assert (
        repr(list_layers(ConvNetClassifier(pool_size=50))[2][1])
        == "MaxPool2D(pool_size=(50, 50))"
    )
    listed = [("a", "passthrough"), Dense(2), 3]
    assert names_of(ConvNetClassifier(listed)) == ["a", "dense_2", "int_1"] or names_of(
        ConvNetClassifier(listed)
    ) == ["a", "dense_1", "int_1"]
    assert "skip" in names_of(ConvNetSegmenter(filters=[1, 2]))
    assert "code" in names_of(ConvNetAutoencoder())


def test_listed_layers_exclude_parameters_of_the_default_network():
    words = r"^kernel_size=5 describes the default network, but layers lists another: .*<its name>__kernel_size"
    with pytest.raises(ValueError, match=words):
        build_network(ConvNetClassifier([Dense(2)], kernel_size=5), (4,), (3,), 0)
    build_network(
        ConvNetClassifier([Dense(2)], hidden_layer_sizes=[128]), (4,), (3,), 0
    )


OUTPUTS = {
    "units of the outputs": ([Dense(5), ("d", Dense(3, "softmax"))], True),
    "units of the classes": ([Dense(4)], True),
    "linear": ([Dense(3, "identity")], True),
    "and an activation": ([Dense(3), Activation("softmax")], True),
    "relu": ([Dense(3, "relu")], False),
    "other units": ([Dense(5)], False),
    "no dense layer": ([Dense(3), Dropout(0.1)], False),
    "convolution": ([Conv2D(3, 1)], False),
    "only an activation": ([Activation("relu")], False),
}


@pytest.mark.parametrize(("layers", "is_output"), OUTPUTS.values(), ids=OUTPUTS)
def test_lists_that_end_with_an_output_layer_give_a_warning(layers, is_output):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_network(ConvNetClassifier(layers), (2, 2, 1), (3,), 0, n_classes=4)
    assert bool(caught) == is_output
    if is_output:
        words = str(caught[0].message)
        assert words.startswith(
            "ConvNetClassifier adds its own output layer after those"
        )
        assert re.search(r"leave out layer 'd(ense_1)?', Dense\(", words)


IMAGE_OUTPUTS = {
    "one pixel": ([Conv2D(3, 1)], True),
    "one pixel as a pair": ([Conv2D(3, (1, 1), activation="sigmoid")], True),
    "more pixels": ([Conv2D(3, (1, 3))], False),
    "other filters": ([Conv2D(5, 1)], False),
    "normalised": ([Conv2D(3, 1), BatchNorm()], False),
}


@pytest.mark.parametrize(
    ("layers", "is_output"), IMAGE_OUTPUTS.values(), ids=IMAGE_OUTPUTS
)
def test_convolutions_of_a_pixel_may_be_output_layers(layers, is_output):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_network(ConvNetSegmenter(layers), (2, 2, 1), (2, 2, 3), 0)
    assert bool(caught) == is_output


@pytest.mark.parametrize(
    ("frozen", "names"),
    [(None, ()), ("a", ("a",)), (["a", "b"], ("a", "b")), (("a",), ("a",)), (np.array(["a"]), ("a",))],
)  # fmt: skip
def test_frozen_is_a_name_or_several(frozen, names):
    found = frozen_names(ConvNetClassifier(frozen=frozen))
    assert found == names and all(type(name) is str for name in found)


@pytest.mark.parametrize("frozen", [3, ["a", 3], {"a"}, {"a": 1}, True])
def test_other_frozen_are_refused(frozen):
    words = f"^frozen must be the name of a layer, .* got {re.escape(repr(frozen))}$"
    with pytest.raises(TypeError, match=words):
        check_tuning(ConvNetClassifier(frozen=frozen))


RATES = {
    "none": (None, None),
    "numbers": ({"a": 0.1, "b": np.float32(2), "c": 3}, None),
    "list": ([0.1], r"^learning_rate_multipliers must be a dict .*or None, got \[0\.1\]"),
    "key": ({1: 0.1}, "must have names of layers as keys, got 1$"),
    "zero": ({"a": 0}, r"> 0, got 0 for 'a'; frozen=\['a'\] leaves a layer alone$"),
    "negative": ({"a": -1.0}, r"> 0, got -1\.0 for 'a'$"),
    "infinite": ({"a": np.inf}, "> 0, got inf for 'a'$"),
    "missing": ({"a": np.nan}, "> 0, got nan for 'a'$"),
    "text": ({"a": "b"}, "> 0, got 'b' for 'a'$"),
    "bool": ({"a": True}, "> 0, got True for 'a'$"),
    "NumPy's bool": ({"a": np.True_}, "for 'a'$"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "words"), RATES.values(), ids=RATES)
def test_multipliers_are_finite_numbers_above_0(given, words):
    clf = ConvNetClassifier(learning_rate_multipliers=given)
    if words is None:
        return check_tuning(clf)
    with pytest.raises((TypeError, ValueError), match=words):
        check_tuning(clf)


def test_a_layer_must_be_left_that_learns():
    layers = [("a", Dense(2)), ("b", Dense(2))]
    network = Network.build(layers, (3,), 0, frozen=["a", "b"])
    words = r"^frozen must leave a layer that learns, got \['a', 'b'\], which .* leave out 'b', the"
    with pytest.raises(ValueError, match=words):
        check_learns(ConvNetClassifier(), network)
    check_learns(ConvNetClassifier(), network.freeze(["a"]))
    check_learns(ConvNetClassifier(), Network.build([Flatten()], (3,), 0))
    clf = ConvNetClassifier(learning_rate_multipliers={"c": 1})
    with pytest.raises(ValueError, match="^learning_rate_multipliers must name layers"):
        check_learns(clf, network)


def test_frozen_layers_that_were_drawn_give_a_warning():
    block = Sequential([("conv", Conv2D(2, 1)), ("norm", BatchNorm())])
    layers = [("block", block), ("dense", Dense(2)), ("out", Dense(1))]
    network = Network.build(layers, (2, 2, 1), 0, frozen=["block", "dense"])
    drawn = drawn_and_frozen(network, [])
    assert list(drawn) == ["block.conv.kernel", "dense.kernel"]
    assert not np.shares_memory(drawn["dense.kernel"], network.arrays["dense.kernel"])
    assert list(drawn_and_frozen(network, ["block"])) == ["dense.kernel"]
    assert list(drawn_and_frozen(network, ["block__conv"])) == ["dense.kernel"]
    assert list(drawn_and_frozen(network, ["den", "blo"])) == list(drawn)
    with pytest.warns(
        UserWarning, match=r"^the frozen layers \['block.conv', 'dense'\] have"
    ):
        warn_if_random(network, drawn)
    network.arrays["dense.kernel"][...] += 1
    with pytest.warns(UserWarning, match=r"^the frozen layers \['block.conv'\] have"):
        warn_if_random(network, drawn)
    network.arrays["block.conv.kernel"][...] += 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_random(network, drawn)


def test_numbers_that_are_unknown_are_no_units_of_a_layer(recwarn):
    assert sees_pixels(ConvNetSegmenter(filters=[]))
    clf = ConvNetClassifier([Dense(1)], input_shape=(2, 2))
    build_network(clf, (2, 2, 1), (3,), 0)
    build_unfitted(clf, None)
    assert not recwarn.list


def test_names_of_parameters_and_unknown_filters_are_refused():
    with pytest.raises(ValueError, match="alpha"):
        build_network(ConvNetClassifier([("alpha", Dense(2))]), (4,), (3,), 0)
    with pytest.raises(ValueError, match="or 'auto', got 'many'"):
        list_layers(ConvNetClassifier(filters="many"))
    layers = [("a", Dense(2)), ("b", Dense(2)), ("c", Dense(2))]
    network = Network.build(layers, (3,), 0, frozen=["a", "b", "c"])
    with pytest.raises(
        ValueError, match="have weights: leave out 'c', the output layer"
    ):
        check_learns(ConvNetClassifier(), network)
