"""Displays by themselves: pictures, and what they refuse or leave out."""

import numpy as np
import pytest

from skconv import ConvNetClassifier
from skconv.inspection import FeatureMapDisplay, FilterDisplay
from skconv.inspection.drawing import to_pictures
from skconv.layers import GlobalAvgPool2D, MaxPool2D


def test_colours_within_0_and_1_are_drawn_unchanged():
    images = np.array([[[[0, 0.5, 1]]]], np.float32)
    np.testing.assert_array_equal(to_pictures(images), images)
    scaled = to_pictures(images * 4 - 2)
    assert (scaled.min(), scaled.max()) == (0, 1)


def small(layers, n_classes=2):
    X = np.random.default_rng(0).random((2 * n_classes, 6, 6))
    y = np.arange(2 * n_classes) % n_classes
    params = {"filters": (2,)} if layers is None else {"layers": layers}
    clf = ConvNetClassifier(**params, max_iter=1, random_state=0)
    return clf.fit(X, y), X


def test_network_without_images_in_its_kernels_has_no_filters():
    clf, _ = small([MaxPool2D(2), GlobalAvgPool2D()])
    with pytest.raises(ValueError, match="the network must have a layer with kernels"):
        FilterDisplay.from_estimator(clf)


def test_maps_are_drawn_in_the_columns_asked_for():
    clf, X = small(None)
    display = FeatureMapDisplay.from_estimator(clf, X[:1])
    assert display.plot(n_columns=1).figure_ is display.figure_
    with pytest.raises(ValueError, match="n_columns must be"):
        display.plot(n_columns=0)


def test_probabilities_of_many_classes_are_left_out():
    clf, X = small(None, n_classes=60)
    display = FeatureMapDisplay.from_estimator(clf, X[:1])
    few, X = small(None)
    bars = FeatureMapDisplay.from_estimator(few, X[:1])
    assert not [*display._probability_strips(16, None)]
    assert [strip.title for strip in bars._probability_strips(16, None)] == [
        "probability of each class"
    ]
