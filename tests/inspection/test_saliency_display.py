"""Drawn saliency is that of the functions."""

from functools import partial

import numpy as np
import pytest
from drawn import drawn_images, texts
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.inspection import (
    MistakesDisplay,
    SaliencyDisplay,
    grad_cam,
    input_gradient,
    occlusion,
    smooth_gradient,
)


def test_saliency_display_has_maps_of_the_functions(fitted, digits):
    X, network = digits[1][:3], fitted.network_
    display = SaliencyDisplay.from_estimator(fitted, X, target=[1, 2, 3])
    x, direction = X.reshape(-1, 8, 8, 1).astype("float32"), np.eye(10)[[1, 2, 3]]
    for title, compute in [
        ("gradient", input_gradient),
        ("SmoothGrad", smooth_gradient),
        ("Grad-CAM", grad_cam),
        ("occlusion", occlusion),
    ]:
        expected = compute(network, x, direction)
        if expected.ndim == 4:
            expected = np.abs(expected).max(axis=-1)
        np.testing.assert_array_equal(display.maps[title], expected)
    assert display.labels == ["1", "2", "3"]
    assert display.axes_.shape == (3, 5)
    np.testing.assert_array_equal(
        drawn_images(display.axes_[1, 4])[0], display.maps["occlusion"][1]
    )
    assert display.axes_[0, 4].get_images()[0].get_cmap().name == "RdBu_r"
    assert display.axes_[0, 1].get_images()[0].get_cmap().name == "viridis"
    predicted = SaliencyDisplay.from_estimator(fitted, X, method="gradient")
    assert predicted.labels == [str(k) for k in fitted.predict(X)]
    assert "What the predictions depend on" in texts(predicted.figure_)
    assert "What the named outputs depend on" in texts(display.figure_)
    own = SaliencyDisplay.from_estimator(fitted, X, method=[partial(occlusion, window=1), input_gradient])  # fmt: skip
    assert list(own.maps) == ["occlusion", "gradient"]


def test_saliency_of_two_classes_has_opposite_signs(digits):
    X, _, y, _ = digits
    labels = np.where(y[:100] > 4, "large", "small")
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=SEED).fit(
        X[:100], labels
    )
    maps = [
        SaliencyDisplay.from_estimator(
            clf, X[:2], target=label, method="occlusion"
        ).maps["occlusion"]
        for label in ("large", "small")
    ]
    np.testing.assert_allclose(maps[0], -maps[1], rtol=1e-5, atol=1e-7)
    with pytest.raises(
        ValueError,
        match=r"target must be in classes_, .*'small'\], got \['huge', 'huge'\]",
    ):
        SaliencyDisplay.from_estimator(clf, X[:2], target="huge")


def test_saliency_of_one_of_several_labels_or_targets(digits):
    X, _, y, _ = digits
    clf = ConvNetClassifier(filters=(4,), max_iter=1).fit(
        X, np.stack([y > 4, y < 7], 1).astype(int)
    )
    display = SaliencyDisplay.from_estimator(clf, X[:2], target=1, method="gradient")
    assert display.labels == ["label 1", "label 1"]
    reg = ConvNetRegressor(filters=(4,), max_iter=1).fit(X, np.stack([y, y], 1))
    with pytest.raises(ValueError, match="number of a column of y, 0 to 1, got 2"):
        SaliencyDisplay.from_estimator(reg, X[:2], target=2)
    with pytest.raises(
        ValueError, match="one label or number for each image, got y of shape"
    ):
        MistakesDisplay.from_estimator(reg, X, np.stack([y, y], 1))


def test_saliency_display_errors(fitted, digits):
    X = digits[1]
    with pytest.raises(ValueError, match=r"target must be in classes_, .*, got \[11\]"):
        SaliencyDisplay.from_estimator(fitted, X[:2], target=[3, 11])
    with pytest.raises(ValueError, match="up to 12 images, got 200; pass some of them"):
        SaliencyDisplay.from_estimator(fitted, X)
    with pytest.raises(
        ValueError, match="method must be one of 'gradient', .* mean 'grad_cam'"
    ):
        SaliencyDisplay.from_estimator(fitted, X[:2], method="gradcam")


def test_twelve_images_are_drawn_at_most(fitted, digits):
    X = digits[1]
    display = SaliencyDisplay.from_estimator(fitted, X[:12], method="gradient")
    assert display.axes_.shape == (12, 2)
    with pytest.raises(ValueError, match=r"up to 12 images, got 13; .*, X\[:6\]"):
        SaliencyDisplay.from_estimator(fitted, X[:13], method="gradient")


def test_methods_without_a_name_are_called_methods(fitted, digits):
    class Brightness:
        def __call__(self, network, x, direction):
            return x

    def darkness(network, x, direction):
        return 1 - x

    display = SaliencyDisplay.from_estimator(
        fitted, digits[1][:1], method=[Brightness(), darkness]
    )
    assert list(display.maps) == ["method", "darkness"]
