"""Drawn filters are the kernels of a layer."""

import numpy as np
import pytest
from drawn import drawn_images, texts
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.inspection import FilterDisplay
from skconv.inspection.filter_display import _layers_with_weights
from skconv.layers import (
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    MaxPool1D,
    MaxPool2D,
    Residual,
    Sequential,
)


def test_filters_are_the_layers_kernels(fitted):
    display = FilterDisplay.from_estimator(fitted)
    kernel = fitted.network_.weights["conv1"]["kernel"]
    np.testing.assert_array_equal(display.kernels, kernel)
    drawn = drawn_images(display.ax_)
    assert len(drawn) == 6
    for k, image in enumerate(drawn):
        np.testing.assert_array_equal(image, kernel[:, :, 0, k])
    low, high = display.images_[0].get_clim()
    assert low == -high == -np.abs(kernel).max()
    assert len(drawn_images(display.plot(max_filters=4).ax_)) == 4
    assert "conv1: 4 of 6 kernels of 3×3×1" in texts(display.figure_)  # noqa: RUF001


def test_filters_of_several_channels_are_colours_means_or_one_channel():
    rng = np.random.default_rng(SEED)
    X, y = rng.random((20, 6, 6, 3)), np.arange(20) % 2
    layers = [("conv1", Conv2D(5)), ("conv2", Conv2D(4, 2))]
    clf = ConvNetClassifier(layers, max_iter=1).fit(X, y)
    first, second = (
        clf.network_.weights[name]["kernel"] for name in ("conv1", "conv2")
    )
    colours = drawn_images(FilterDisplay.from_estimator(clf).ax_)
    scale = np.abs(first).max()
    np.testing.assert_allclose((colours[2] - 0.5) * 2 * scale, first[..., 2], atol=1e-6)
    means = drawn_images(FilterDisplay.from_estimator(clf, "conv2").ax_)
    np.testing.assert_allclose(means[1], second[..., 1].mean(axis=-1), rtol=1e-6)
    fourth = drawn_images(FilterDisplay.from_estimator(clf, "conv2", channel=4).ax_)
    np.testing.assert_array_equal(fourth[1], second[:, :, 4, 1])
    with pytest.raises(
        ValueError, match="input channels of layer 'conv2', 0 to 4, got 5"
    ):
        FilterDisplay.from_estimator(clf, "conv2", channel=5)


def test_dense_units_on_images_are_drawn_as_images(digits):
    clf = ConvNetClassifier(filters=(), hidden_layer_sizes=(), max_iter=1)
    clf.fit(digits[0], digits[2])
    display = FilterDisplay.from_estimator(clf)
    assert display.layer_name == "output"
    kernel = clf.network_.weights["output"]["kernel"]
    np.testing.assert_array_equal(
        drawn_images(display.ax_)[3], kernel[:, 3].reshape(8, 8)
    )


def test_filters_of_layers_inside_of_a_composite_layer(digits):
    block = Residual([("conv", Conv2D(1))])
    clf = ConvNetClassifier([("pool", MaxPool2D(2)), ("block", block)], max_iter=1)
    clf.fit(digits[0], digits[2])
    kernel = clf.network_.weights["block"]["conv"]["kernel"]
    for display in (
        FilterDisplay.from_estimator(clf),
        FilterDisplay.from_estimator(clf, "block.conv"),
    ):
        assert display.layer_name == "block.conv"
        np.testing.assert_array_equal(display.kernels, kernel)
    with pytest.raises(
        ValueError, match=r"one of \['block.conv', .*'block', a Residual"
    ):
        FilterDisplay.from_estimator(clf, "block")


def test_filters_of_layer_without_kernels_raise_error(fitted):
    with pytest.raises(
        ValueError,
        match=r"a layer with kernels, one of \['conv1'\], got 'pool1', a MaxPool2D",
    ):
        FilterDisplay.from_estimator(fitted, "pool1")
    with pytest.raises(ValueError, match="got 'conv'; did you mean 'conv1'"):
        FilterDisplay.from_estimator(fitted, "conv")
    with pytest.raises(ValueError, match="max_filters must be an int >= 1, got 0"):
        FilterDisplay.from_estimator(fitted, max_filters=0)


def test_kernels_on_images_of_one_row_are_curves(rng):
    X, y = rng.standard_normal((20, 1, 12, 2)), np.arange(20) % 2
    clf = ConvNetClassifier([("conv", Conv2D(3, (1, 5)))], max_iter=1).fit(X, y)
    display = FilterDisplay.from_estimator(clf)
    kernel = clf.network_.weights["conv"]["kernel"]
    np.testing.assert_array_equal(display.kernels, kernel[0])
    assert len(display.images_) == 3 * 2  # a curve for each filter and channel
    several = rng.standard_normal((20, 2, 12, 2))
    clf.fit(several, y)
    assert FilterDisplay.from_estimator(clf).kernels.shape == (1, 5, 2, 3)


def test_channels_of_signals_are_those_of_the_input(rng):
    X, y = rng.standard_normal((20, 12, 4)), np.arange(20) % 2
    clf = ConvNetClassifier([("conv", Conv1D(2, 3))], max_iter=1).fit(X, y)
    display = FilterDisplay.from_estimator(clf, channel=3)
    assert display.kernels.shape == (3, 4, 2)
    assert len(display.images_) == 2
    with pytest.raises(ValueError, match="0 to 3, got 4"):
        FilterDisplay.from_estimator(clf, channel=4)


def test_dense_layers_in_a_composite_have_no_images(digits):
    layers = [("conv", Conv2D(2)), ("top", Sequential([("dense", Dense(3))]))]
    clf = ConvNetClassifier(layers, max_iter=1).fit(digits[0], digits[2])
    assert FilterDisplay.from_estimator(clf).layer_name == "conv"
    with pytest.raises(ValueError, match="'top.dense', a Dense, which has none"):
        FilterDisplay.from_estimator(clf, "top.dense")


def test_dense_units_on_signals_are_drawn_as_curves(rng):
    X, y = rng.standard_normal((20, 12, 2)), np.arange(20) % 3
    clf = ConvNetClassifier([("same", MaxPool1D(1))], max_iter=1).fit(X, y)
    kernel = clf.network_.weights["output"]["kernel"]
    display = FilterDisplay.from_estimator(clf)
    np.testing.assert_array_equal(display.kernels, kernel.reshape(12, 2, 3))
    assert len(display.images_) == 3 * 2


def test_64_of_many_kernels_are_drawn(rng):
    kernels = rng.standard_normal((3, 3, 1, 70))
    assert len(FilterDisplay(kernels, layer_name="conv").plot().images_) == 64
    X, y = rng.random((8, 4, 4, 1)), np.arange(8) % 2
    clf = ConvNetClassifier([Conv2D(70, 2)], max_iter=1).fit(X, y)
    assert len(FilterDisplay.from_estimator(clf).images_) == 64


def test_layers_without_weights_need_no_entry_for_them():
    block = Residual([("drop", Dropout(0.5)), ("conv", Conv2D(1))])
    found = _layers_with_weights([("block", block)], {"block": {"conv": {"kernel": 1}}})
    assert [(path, weights) for path, _, weights in found] == [
        ("block", {"conv": {"kernel": 1}}),
        ("block.drop", {}),
        ("block.conv", {"kernel": 1}),
    ]
