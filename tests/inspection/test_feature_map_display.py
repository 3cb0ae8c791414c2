"""Drawn feature maps are the outputs of a layer."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn_images, texts
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter
from skconv.inspection import (
    FeatureMapDisplay,
    MistakesDisplay,
    SaliencyDisplay,
)
from skconv.layers import Conv1D, Conv2D, MaxPool2D


def test_feature_maps_are_the_layers_outputs(fitted, digits):
    X = digits[1]
    display = FeatureMapDisplay.from_estimator(fitted, X[[3]])
    # Dropout and Flatten do not change their input.
    assert list(display.outputs) == ["conv1", "pool1", "dense1", "output"]
    for name, output in display.outputs.items():
        expected = fitted.transform(X[[3]], layer=name)[0]
        np.testing.assert_array_equal(output.ravel(), expected)
    image, conv1, pool1, dense1, _, bars = display.axes_
    np.testing.assert_array_equal(drawn_images(image)[0], X[3].reshape(8, 8))
    for k, drawn in enumerate(drawn_images(conv1)):
        np.testing.assert_array_equal(drawn, display.outputs["conv1"][:, :, k])
    assert len(drawn_images(pool1)) == 6
    np.testing.assert_array_equal(drawn_images(dense1)[0][0], display.outputs["dense1"])
    assert conv1.get_images()[0].get_cmap().name == "viridis"
    numbers = display.outputs["dense1"]
    low = -abs(numbers).max() if numbers.min() < 0 else 0
    assert dense1.get_images()[0].get_clim() == (low, abs(numbers).max())
    np.testing.assert_array_equal(
        [bar.get_height() for bar in bars.patches], fitted.predict_proba(X[[3]])[0]
    )


def test_feature_maps_of_chosen_layers(fitted, digits):
    X = digits[1].reshape(-1, 8, 8)
    chosen = FeatureMapDisplay.from_estimator(
        fitted, X[:1], ["drop", "conv1"], max_maps=2, display_labels=list("abcdefghij")
    )
    assert list(chosen.outputs) == ["drop", "conv1"]
    assert len(drawn_images(chosen.axes_[2])) == 2
    assert {"a", "j"} <= set(texts(chosen.figure_))
    title = "conv1 (Conv2D), 8×8×6: 2 of its maps"  # noqa: RUF001
    assert title in texts(chosen.figure_)
    one = FeatureMapDisplay.from_estimator(fitted, X[:1], "pool1")
    assert list(one.outputs) == ["pool1"]


def test_images_of_one_row_are_drawn_as_signals(rng):
    X = rng.standard_normal((30, 1, 40, 2))
    reg = ConvNetRegressor(
        filters=(3,), kernel_size=(1, 5), pool_size=(1, 2), max_iter=1
    )
    reg.fit(X, X[:, 0, :, 0].max(axis=1))
    display = FeatureMapDisplay.from_estimator(reg, X[:1])
    assert display.probabilities is None
    assert [maps.shape for maps in display.outputs.values()][:2] == [
        (1, 40, 3),
        (1, 20, 3),
    ]
    saliency = SaliencyDisplay.from_estimator(reg, X[:2])
    assert saliency.labels == ["output 0"] * 2
    mistakes = MistakesDisplay.from_estimator(reg, X, X[:, 0, :, 0].max(axis=1), n=3)
    errors = np.abs(reg.predict(X) - X[:, 0, :, 0].max(axis=1))
    np.testing.assert_array_equal(mistakes.indices, np.argsort(-errors)[:3])
    assert "The largest errors in 30 signals" in texts(mistakes.figure_)


def test_probabilities_of_pixels_are_maps(rng):
    X = rng.random((6, 8, 8))
    seg = ConvNetSegmenter(filters=(2, 4), max_iter=1).fit(X, (3 * X).astype(int))
    display = FeatureMapDisplay.from_estimator(seg, X[:1], "output")
    maps = drawn_images(display.axes_[-1])
    np.testing.assert_array_equal(np.moveaxis(maps, 0, -1), seg.predict_proba(X[:1])[0])
    title = "probability of each class, of each pixel"
    assert f"{title}: 0, 1, 2" in texts(display.figure_)
    all_of_them = FeatureMapDisplay.from_estimator(seg, X[:1], max_maps=3)
    assert f"{title}: 0, 1, 2" in texts(all_of_them.figure_)
    few = FeatureMapDisplay.from_estimator(
        seg, X[:1], max_maps=2, display_labels=["sky", "sea", "sand"]
    )
    assert len(drawn_images(few.axes_[-1])) == 2
    assert f"{title}, 2 of them: sky, sea" in texts(few.figure_)
    own = FeatureMapDisplay(
        X[0, ..., None], {}, {}, probabilities=seg.predict_proba(X[:1])[0]
    )
    assert title in texts(own.plot().figure_)


def test_probabilities_of_a_signals_values_are_curves(rng):
    X = rng.random((6, 40, 1))
    layers = [Conv1D(4, activation="relu")]
    seg = ConvNetSegmenter(layers, max_iter=1).fit(X, (X[..., 0] > 0.5).astype(int))
    display = FeatureMapDisplay.from_estimator(seg, X[:1], "output")
    assert display.probabilities.shape == (40, 2)
    assert len(display.axes_) == 3


def test_probabilities_of_several_columns_are_bars_side_by_side(rng):
    X, y = rng.random((12, 6, 6, 1)), np.arange(12)
    columns = np.stack([y % 3, y % 2], axis=1)
    clf = ConvNetClassifier([Conv2D(2)], max_iter=1).fit(X, columns)
    display = FeatureMapDisplay.from_estimator(clf, X[:1])
    expected = np.hstack(clf.predict_proba(X[:1]))[0]
    assert expected.shape == (5,)
    np.testing.assert_array_equal(display.probabilities, expected)


def test_columns_of_maps_are_those_asked_for(fitted, digits):
    X = digits[1]
    widths = []
    for n_columns in (2, 3):
        display = FeatureMapDisplay.from_estimator(
            fitted, X[:1], "conv1", n_columns=n_columns
        )
        maps = display.axes_[1].get_images()
        widths.append(len({image.get_extent()[0] for image in maps}))
    assert widths == [2, 3]


def test_16_of_many_maps_are_drawn(rng):
    X = rng.random((6, 4, 4, 1))
    reg = ConvNetRegressor([("conv", Conv2D(20, 2))], max_iter=1).fit(X, np.arange(6))
    display = FeatureMapDisplay.from_estimator(reg, X[:1])
    assert len(drawn_images(display.axes_[1])) == 16
    assert len(drawn_images(display.plot().axes_[1])) == 16


def test_maps_of_one_pixel_of_an_image_are_images(rng):
    layers = [("conv", Conv2D(3)), ("pool", MaxPool2D(8))]
    reg = ConvNetRegressor(layers, max_iter=1).fit(
        rng.random((6, 8, 8, 1)), np.arange(6)
    )
    display = FeatureMapDisplay.from_estimator(reg, rng.random((1, 8, 8, 1)), "pool")
    assert display.outputs["pool"].shape == (1, 1, 3)
    assert len(drawn_images(display.axes_[1])) == 3


def test_names_of_classes_are_as_wide_as_bars_or_left_out(fitted, digits):
    wide = [f"{k}{11 * 'W'}" for k in range(10)]  # 1.5 inches
    display = FeatureMapDisplay.from_estimator(
        fitted, digits[1][:1], display_labels=wide
    )
    drawn = [label.get_text() for label in display.axes_[-1].get_xticklabels()]
    assert all("…" in text for text in drawn)
    own = FeatureMapDisplay(
        digits[1][0].reshape(8, 8, 1), {}, {}, probabilities=np.array([0.25, 0.75])
    )
    assert [bar.get_height() for bar in own.plot().axes_[-1].patches] == [0.25, 0.75]


def small():
    return ConvNetClassifier([("conv1", Conv2D(2))], max_iter=1)


def test_all_steps_before_the_network_are_applied(digits):
    steps = [MinMaxScaler(), StandardScaler(), small()]
    pipeline = make_pipeline(*steps).fit(digits[0], digits[2])
    display = FeatureMapDisplay.from_estimator(pipeline, digits[1][:1], "conv1")
    x = pipeline[:-1].transform(digits[1][:1])
    expected = pipeline[-1].transform(x, layer="conv1")[0]
    np.testing.assert_array_equal(display.outputs["conv1"].ravel(), expected)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_displays_do_not_change_the_estimator(digits):
    frame = pd.DataFrame(digits[0], columns=[f"pixel{i}" for i in range(64)])
    clf = small().fit(frame, digits[2])
    FeatureMapDisplay.from_estimator(clf, digits[1][:1], "conv1")
    assert list(clf.feature_names_in_) == list(frame.columns)


def test_feature_maps_errors(fitted, digits):
    X = digits[1]
    with pytest.raises(ValueError, match=r"one image for FeatureMapDisplay, got 200; pass X\[\[i\]\]"):  # fmt: skip
        FeatureMapDisplay.from_estimator(fitted, X)
    with pytest.raises(ValueError, match="got 'pol1'; did you mean 'pool1'"):
        FeatureMapDisplay.from_estimator(fitted, X[:1], ["pol1"])
    with pytest.raises(ValueError, match="X has 63 features, but ConvNetClassifier is"):
        FeatureMapDisplay.from_estimator(fitted, X[:1, 1:])
    with pytest.raises(ValueError, match="text for each of the 10 classes, got 2"):
        FeatureMapDisplay.from_estimator(fitted, X[:1], display_labels=["a", "b"])
