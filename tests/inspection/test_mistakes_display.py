"""The mistakes that are drawn: which, and of which images."""

import numpy as np
import pytest
from drawn import drawn_images, texts
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.inspection import (
    FeatureMapDisplay,
    MistakesDisplay,
)
from skconv.layers import Conv1D, Conv2D


def test_mistakes_are_the_most_confident_ones(fitted, digits):
    _, X, _, y = digits
    display = MistakesDisplay.from_estimator(fitted, X, y, n=5)
    predicted, sure = fitted.predict(X), fitted.predict_proba(X).max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    assert display.n_mistakes == len(wrong) > 5
    worst = wrong[np.argsort(-sure[wrong])][:5]
    np.testing.assert_array_equal(display.indices, worst)
    np.testing.assert_array_equal(display.y_true, y[worst])
    np.testing.assert_array_equal(display.y_pred, predicted[worst])
    np.testing.assert_array_equal(display.confidence, sure[worst])
    np.testing.assert_array_equal(
        drawn_images(display.axes_[0, 1])[0].ravel(), X[worst[1]]
    )
    share = f"{len(wrong)} mistakes in 200 images ({len(wrong) / 200:.1%})"
    assert share in texts(display.figure_)
    assert f"said {predicted[worst[0]]} {sure[worst[0]]:.0%}\nis {y[worst[0]]}" in texts(display.figure_)  # fmt: skip
    given = MistakesDisplay.from_predictions(X, y, predicted, confidence=sure, n=5)
    np.testing.assert_array_equal(given.indices, display.indices)
    named = MistakesDisplay.from_estimator(
        fitted, X, y, display_labels=list("abcdefghij"), n=1
    )
    assert any(
        text.endswith("is " + "abcdefghij"[y[worst[0]]])
        for text in texts(named.figure_)
    )


def test_mistakes_of_given_predictions(digits):
    _, X, _, y = digits
    X = X[:60].reshape(-1, 4, 16)
    wrong = y[:60].astype(str)
    wrong[[7, 3]] = "none"
    display = MistakesDisplay.from_predictions(X, y[:60].astype(str), wrong)
    assert list(display.indices) == [3, 7]
    np.testing.assert_array_equal(display.images[0, :, :, 0], X[3])
    assert "2 mistakes in 60 images (3.3%)" in texts(display.figure_)
    flat = MistakesDisplay.from_predictions(X.reshape(60, -1), y[:60], y[:60] + 1, input_shape=(4, 16), n=1)  # fmt: skip
    assert flat.images.shape == (1, 4, 16, 1)
    numbers = MistakesDisplay.from_predictions(
        X, y[:60], y[:60] + np.arange(60) / 10, n=2
    )
    assert list(numbers.indices) == [59, 58]
    none = MistakesDisplay.from_predictions(X, y[:60], y[:60])
    colour = MistakesDisplay.from_predictions(np.stack([X] * 3, -1), y[:60], y[:60])
    assert len(colour.images) == 0
    assert "0 mistakes in 60 images (0.0%)" in texts(none.figure_)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MistakesDisplay.from_predictions(X, y[:60], y[:59])
    with pytest.raises(ValueError, match="text for each of the 0 classes, got 1"):
        MistakesDisplay.from_predictions(X, y[:60], y[:60] / 2, display_labels=["a"])


def test_displays_draw_images_from_before_the_pipeline(digits, scaled):
    _, X, _, y = digits
    display = MistakesDisplay.from_estimator(scaled, X, y, n=1)
    np.testing.assert_array_equal(display.images[0].ravel(), X[display.indices[0]])
    clf = scaled[-1]
    crop = make_pipeline(FunctionTransformer(lambda X: X[:, :64]), clf)
    wide = np.hstack([X, X])
    display = FeatureMapDisplay.from_estimator(crop, wide[:1])
    np.testing.assert_array_equal(display.image.ravel(), X[0])


def test_images_of_three_channels_are_drawn_in_colour(rng):
    X, y = rng.integers(0, 256, (12, 6, 6, 3), dtype=np.uint8), np.arange(12) % 2
    display = MistakesDisplay.from_predictions(X, y, 1 - y, n=1)
    np.testing.assert_array_equal(drawn_images(display.axes_[0, 0])[0], X[0])
    spread = MistakesDisplay.from_predictions(X * 2.0 - 100, y, 1 - y, n=2)
    drawn = np.array([drawn_images(axes)[0] for axes in spread.axes_.flat[:2]])
    assert drawn.min() == 0
    assert drawn.max() == 1
    means = MistakesDisplay.from_predictions(X[..., :2], y, 1 - y, n=1)
    np.testing.assert_array_equal(
        drawn_images(means.axes_[0, 0])[0], X[0, :, :, :2].mean(-1)
    )


def test_mistakes_of_dates_and_of_unknown_classes_are_named(digits):
    _, X, _, y = digits
    classes = np.array(["2020-01", "2020-02"], "M8[ns]")
    y_true = classes[y % 2]
    display = MistakesDisplay.from_predictions(X, y_true, y_true[::-1], n=1)
    assert any("said 2020-0" in text for text in texts(display.figure_))
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(X, y_true)
    display = MistakesDisplay.from_estimator(clf, X, y_true, n=1)
    assert any("said 2020-0" in text for text in texts(display.figure_))
    clf.fit(X, y % 3)
    display = MistakesDisplay.from_estimator(clf, X, np.full(len(X), 7), n=1)
    assert any(text.endswith("is 7") for text in texts(display.figure_))


def test_of_equal_mistakes_the_first_12_are_drawn(rng):
    X, y = rng.random((200, 4, 4)), np.zeros(200, int)
    display = MistakesDisplay.from_predictions(X, y, 1 - y)
    assert display.indices.tolist() == list(range(12))
    clf = ConvNetClassifier([Conv2D(2)], max_iter=1).fit(X, np.arange(200) % 2)
    display = MistakesDisplay.from_estimator(clf, X, 1 - clf.predict(X))
    assert len(display.indices) == 12


def test_labels_may_be_objects(rng):
    X, y = rng.random((3, 4, 4)), np.array(["cat", "dog", "7"])
    display = MistakesDisplay.from_predictions(X, y, y[::-1])
    y = y.astype(object)
    objects = MistakesDisplay.from_predictions(X, y, y[::-1])
    assert texts(objects.figure_) == texts(display.figure_)


@pytest.mark.parametrize("short", ["X", "y_true", "y_pred", "confidence"])
def test_lengths_must_be_the_same(short, rng):
    arrays = {
        "X": rng.random((5, 4, 4)),
        "y_true": np.arange(5),
        "y_pred": np.arange(5),
        "confidence": np.full(5, 0.5),
    }
    arrays[short] = arrays[short][:4]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MistakesDisplay.from_predictions(**arrays)


def test_columns_and_signals_of_targets_are_refused(rng):
    X, y = rng.random((6, 4, 4)), np.arange(6)
    for wrong in [(np.c_[y, y], y), (y, np.c_[y, y])]:
        with pytest.raises(ValueError, match="takes one label or number for each"):
            MistakesDisplay.from_predictions(X, *wrong)
    signals = rng.random((6, 10, 2))
    reg = ConvNetRegressor([Conv1D(2)], max_iter=1).fit(signals, signals)
    with pytest.raises(ValueError, match="was fitted to predict images"):
        MistakesDisplay.from_estimator(reg, signals, signals)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        MistakesDisplay.from_predictions(X * np.nan, y, y)
