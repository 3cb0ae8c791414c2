"""Displays draw a signal as a curve."""

import numpy as np
import pytest
from drawn import drawn_images, texts
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    SaliencyDisplay,
)
from skconv.layers import (
    Conv1D,
    MaxPool1D,
)


@pytest.fixture(scope="module")
def signals():
    """Signals of two channels, their classes, and a classifier of them."""
    rng = np.random.default_rng(SEED)
    X, y = rng.standard_normal((30, 40, 2)), np.arange(30) % 3
    layers = [("conv1", Conv1D(5, 3)), ("pool1", MaxPool1D(2)), ("conv2", Conv1D(4, 7))]
    return X, y, ConvNetClassifier(layers, max_iter=1, random_state=SEED).fit(X, y)


def drawn_lines(axes):
    return [line.get_ydata() for line in axes.get_lines()]


def test_feature_maps_of_signals_are_curves(signals):
    X, _, clf = signals
    display = FeatureMapDisplay.from_estimator(clf, X[[3]])
    assert "signal of length 40, 2 channels" in texts(display.figure_)
    assert "conv1 (Conv1D), 40×5" in texts(display.figure_)  # noqa: RUF001
    signal, conv1, pool1, *_ = display.axes_
    np.testing.assert_array_equal(drawn_lines(signal), X[3].T)
    assert not drawn_images(signal) + drawn_images(conv1)
    maps = display.outputs["conv1"]
    curves = drawn_lines(conv1)[1::2]  # each after the line at 0
    assert len(curves) == 5
    for k, curve in enumerate(curves):
        slope, correlation = np.polyfit(maps[:, k], curve, 1), np.corrcoef(maps[:, k], curve)  # fmt: skip
        assert slope[0] < 0  # the axis of tiles goes down
        np.testing.assert_allclose(correlation[0, 1], -1)
    assert len(drawn_lines(pool1)[1]) == 20


def test_filters_on_signals_are_curves(signals):
    clf = signals[-1]
    display = FilterDisplay.from_estimator(clf)
    np.testing.assert_array_equal(
        display.kernels, clf.network_.weights["conv1"]["kernel"]
    )
    assert len(display.images_) == 5 * 2
    assert "conv1: 5 kernels of length 3, 2 channels" in texts(display.figure_)
    mean = FilterDisplay.from_estimator(clf, "conv2", max_filters=3)
    assert len(mean.images_) == 3
    title = "conv2: 3 of 4 kernels of length 7, 5 channels, mean of channels"
    assert title in texts(mean.figure_)
    chosen = FilterDisplay.from_estimator(clf, "conv2", channel=1)
    assert "conv2: 4 kernels of length 7, channel 1" in texts(chosen.figure_)


def test_saliency_of_signals_is_the_background_of_curves(signals):
    X, _, clf = signals
    display = SaliencyDisplay.from_estimator(clf, X[:2])
    assert {maps.shape for maps in display.maps.values()} == {(2, 40)}
    assert "signal" in texts(display.figure_)
    for panel, maps in zip(display.axes_[1, 1:], display.maps.values(), strict=True):
        np.testing.assert_array_equal(drawn_images(panel)[0], maps[1:])
        np.testing.assert_array_equal(drawn_lines(panel), X[1].T)


def test_mistakes_on_signals_are_curves(signals):
    X, y, clf = signals
    wrong = (clf.predict(X) + 1) % 3
    display = MistakesDisplay.from_estimator(clf, X, wrong, n=2)
    assert "30 mistakes in 30 signals (100.0%)" in texts(display.figure_)
    worst = X[display.indices[1]]
    np.testing.assert_array_equal(drawn_lines(display.axes_[0, 1]), worst.T)
    given = MistakesDisplay.from_predictions(X, y, (y + 1) % 3, signals=True, n=2)
    assert given.images.shape == (2, 40, 2)
    np.testing.assert_array_equal(drawn_lines(given.axes_[0, 0]), X[0].T)
