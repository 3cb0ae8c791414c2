"""Displays: that what they hold is what is so, and that they draw it where asked."""

import subprocess
import sys
from functools import partial

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv import inspection as displays
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
)
from skconv.inspection.saliency import (
    grad_cam,
    input_gradient,
    occlusion,
    smooth_gradient,
)
from skconv.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D

matplotlib.use("agg")

LAYERS = [
    ("conv1", Conv2D(6, activation="relu")),
    ("pool1", MaxPool2D(2)),
    ("drop", Dropout(0.2)),
    ("flat", Flatten()),
    ("dense1", Dense(12, "tanh")),
]
DRAWN = {
    FilterDisplay: lambda clf, X, y, **ax: FilterDisplay.from_estimator(clf, **ax),
    TrainingCurveDisplay: lambda clf, X, y, **ax: TrainingCurveDisplay.from_estimator(clf, **ax),
    FeatureMapDisplay: lambda clf, X, y, **ax: FeatureMapDisplay.from_estimator(clf, X[:1], **ax),
    SaliencyDisplay: lambda clf, X, y, **ax: SaliencyDisplay.from_estimator(
        clf, X[:2], method=["gradient", "grad_cam"], **ax
    ),
    MistakesDisplay: lambda clf, X, y, **ax: MistakesDisplay.from_estimator(clf, X, y, n=4, **ax),
}  # fmt: skip
each_display = pytest.mark.parametrize("display", DRAWN, ids=lambda cls: cls.__name__)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted(digits):
    clf = ConvNetClassifier(
        LAYERS, max_iter=6, batch_size=32, early_stopping=True, n_iter_no_change=10,
        learning_rate="cosine", random_state=0,
    )  # fmt: skip
    return clf.fit(digits[0], digits[2])


@pytest.fixture(scope="module")
def scaled(digits):
    clf = ConvNetClassifier(LAYERS, max_iter=4, random_state=0)
    return make_pipeline(StandardScaler(), clf).fit(digits[0], digits[2])


def drawn_images(axes):
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def texts(figure):
    """All that is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # fmt: skip


# What all of them do


def test_every_display_is_in_the_table():
    assert {cls.__name__ for cls in DRAWN} == set(displays.__all__)


@each_display
def test_it_draws_into_axes_or_a_figure_of_its_own(display, fitted, digits):
    _, X, _, y = digits
    drawn = DRAWN[display](fitted, X, y)
    assert isinstance(drawn, display)
    assert drawn.figure_ is drawn.ax_.figure
    assert drawn.figure_.get_figwidth() == 5  # what a telephone's width leaves readable
    figure, axes = plt.subplots(1, 2)
    assert drawn.plot(ax=axes[1]) is drawn
    assert drawn.ax_ is axes[1]
    assert drawn.figure_ is figure
    left = axes[1].get_subplotspec().get_position(figure).x0
    for inner in getattr(drawn, "axes_", np.empty(0)).flat:
        assert inner.get_position().x0 >= left - 1e-9
    assert DRAWN[display](fitted, X, y, ax=axes[0]).ax_ is axes[0]


@pytest.mark.slow
@each_display
def test_nothing_that_is_written_is_cut_off_or_overlaps(
    display, fitted, digits, monkeypatch
):
    _, X, _, y = digits
    figure, drawn, draw = DRAWN[display](fitted, X, y).figure_, {}, Text.draw
    figure.canvas.draw()  # which lays it out

    def noting(text, renderer):
        if text.get_text() and text.get_visible():
            drawn[text] = text.get_window_extent(renderer).padded(-2)
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", noting)
    figure.canvas.draw()
    assert drawn
    for i, (text, box) in enumerate(drawn.items()):
        assert text.get_fontsize() >= 9
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
        for other in list(drawn)[:i]:
            assert not box.overlaps(drawn[other]), (text, other)


@each_display
def test_a_pipeline_and_a_search_are_looked_into(display, scaled, digits):
    _, X, _, y = digits
    clf, seen = scaled[-1], scaled[:-1].transform(X)
    search = GridSearchCV(scaled, {"convnetclassifier__max_iter": [1]}, cv=2)
    search.best_estimator_ = scaled
    expected = vars(DRAWN[display](clf, seen, y))
    for estimator in (scaled, search):
        for name, value in vars(DRAWN[display](estimator, X, y)).items():
            if name.endswith("_") or name.startswith("image"):
                continue  # which are shown as they are before they are scaled
            np.testing.assert_equal(value, expected[name])


@each_display
def test_what_cannot_be_looked_into_says_so(display, digits):
    X, _, y, _ = digits
    with pytest.raises(NotFittedError):
        DRAWN[display](ConvNetClassifier(), X, y)
    with pytest.raises(NotFittedError):
        DRAWN[display](make_pipeline(StandardScaler(), ConvNetClassifier()), X, y)
    with pytest.raises(NotFittedError):
        DRAWN[display](GridSearchCV(ConvNetClassifier(), {}), X, y)
    other = make_pipeline(LogisticRegression(max_iter=1000)).fit(X[:50], y[:50])
    for nonsense in (other, ConvNetClassifier, "clf", None):
        with pytest.raises(TypeError, match=f"{display.__name__} looks into a ConvNet"):
            DRAWN[display](nonsense, X, y)


def test_axes_without_a_place_in_a_grid_are_refused(fitted):
    ax = plt.figure().add_axes([0, 0, 1, 1])
    with pytest.raises(ValueError, match="ax must stand in a grid, .* or pass ax=None"):
        TrainingCurveDisplay.from_estimator(fitted, ax=ax)


@each_display
def test_without_matplotlib_it_says_what_to_install(
    display, fitted, digits, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = rf"{display.__name__} draws with matplotlib, .* skconv\[plot\]"
    with pytest.raises(ImportError, match=words):
        DRAWN[display](fitted, digits[1], digits[3])


def test_importing_them_does_not_import_matplotlib():
    code = "import sys, skconv.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# TrainingCurveDisplay


def test_the_training_curves_are_the_estimators(fitted):
    display = TrainingCurveDisplay.from_estimator(fitted)
    assert display.loss == fitted.loss_curve_
    assert display.validation_loss == fitted.validation_loss_curve_
    assert display.learning_rate == fitted.learning_rate_curve_
    best = display.best_epoch
    assert fitted.validation_scores_[best - 1] == fitted.best_validation_score_
    loss, score, rate = display.axes_
    assert [line.get_label() for line in loss.get_lines()[:2]] == [
        "training",
        "validation",
    ]
    for panel, curve in [(loss, display.loss), (score, display.validation_score), (rate, display.learning_rate)]:  # fmt: skip
        line = panel.get_lines()[0]
        np.testing.assert_array_equal(
            line.get_xdata(), np.arange(1, fitted.n_iter_ + 1)
        )
        np.testing.assert_array_equal(line.get_ydata(), curve)
        assert list(panel.get_lines()[-1].get_xdata()) == [best, best]
    assert f"6 epochs of training, the best is {best} (restored)" in texts(
        display.figure_
    )
    assert score.get_ylabel() == "validation\naccuracy"


def test_panels_without_data_are_left_out(digits):
    X, X_val, y, y_val = digits
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert len(display.axes_) == 1
    assert display.best_epoch is None
    assert clf.learning_rate_curve_ == [0.001, 0.001]
    clf.set_params(scoring="neg_log_loss").fit(X, y, X_val=X_val, y_val=y_val)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.axes_[1].get_ylabel() == "validation\nneg_log_loss"
    assert not display.restored
    assert any("the best is 2" in text for text in texts(display.figure_))
    alone = TrainingCurveDisplay([3.0, 2.0, 1.0]).plot()
    assert len(alone.axes_) == 1


def test_the_learning_rate_curve_goes_on_from_call_to_call(digits):
    X, _, y, _ = digits
    rates = ConvNetClassifier(
        filters=(2,),
        max_iter=4,
        learning_rate=lambda step: 1 / (100 + step),
        batch_size=100,
    )
    rates.fit(X, y)
    np.testing.assert_allclose(rates.learning_rate_curve_, [1 / (100 + 4 * e) for e in (1, 2, 3, 4)])  # fmt: skip
    rates.partial_fit(X, y)
    assert rates.learning_rate_curve_[4:] == [1 / 120]


# FilterDisplay


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


def test_filters_of_several_channels(digits):
    rng = np.random.default_rng(0)
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


def test_units_on_images_are_drawn_as_images(digits):
    clf = ConvNetClassifier(filters=(), hidden_layer_sizes=(), max_iter=1)
    clf.fit(digits[0], digits[2])
    display = FilterDisplay.from_estimator(clf)
    assert display.layer_name == "output"
    kernel = clf.network_.weights["output"]["kernel"]
    np.testing.assert_array_equal(
        drawn_images(display.ax_)[3], kernel[:, 3].reshape(8, 8)
    )


def test_layers_without_kernels_say_which_have_some(fitted):
    with pytest.raises(ValueError, match=r"layer 'pool1' has .* drawn; .*\['conv1'\]"):
        FilterDisplay.from_estimator(fitted, "pool1")
    with pytest.raises(ValueError, match="got 'conv'; did you mean 'conv1'"):
        FilterDisplay.from_estimator(fitted, "conv")
    with pytest.raises(ValueError, match="max_filters must be an int >= 1, got 0"):
        FilterDisplay.from_estimator(fitted, max_filters=0)


# FeatureMapDisplay


def test_feature_maps_are_what_layers_put_out(fitted, digits):
    X = digits[1]
    display = FeatureMapDisplay.from_estimator(fitted, X[[3]])
    # Dropout and Flatten hand on what they get.
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
    assert dense1.get_images()[0].get_clim()[0] < 0
    np.testing.assert_array_equal(
        [bar.get_height() for bar in bars.patches], fitted.predict_proba(X[[3]])[0]
    )


def test_layers_and_maps_can_be_chosen(fitted, digits):
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


def test_signals_and_a_regressor(rng):
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
    assert "The largest errors in 30 images" in texts(mistakes.figure_)


def test_one_image_is_asked_for(fitted, digits):
    X = digits[1]
    with pytest.raises(ValueError, match=r"one image for FeatureMapDisplay, got 200; pass X\[\[i\]\]"):  # fmt: skip
        FeatureMapDisplay.from_estimator(fitted, X)
    with pytest.raises(ValueError, match="got 'pol1'; did you mean 'pool1'"):
        FeatureMapDisplay.from_estimator(fitted, X[:1], ["pol1"])
    with pytest.raises(ValueError, match="X has 63 features, but ConvNetClassifier is"):
        FeatureMapDisplay.from_estimator(fitted, X[:1, 1:])
    with pytest.raises(ValueError, match="text for each of the 10 classes, got 2"):
        FeatureMapDisplay.from_estimator(fitted, X[:1], display_labels=["a", "b"])


# SaliencyDisplay


def test_saliency_is_what_the_functions_compute(fitted, digits):
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
    own = SaliencyDisplay.from_estimator(fitted, X, method=[partial(occlusion, window=1), input_gradient])  # fmt: skip
    assert list(own.maps) == ["occlusion", "gradient"]


def test_of_two_classes_each_speaks_against_the_other(digits):
    X, _, y, _ = digits
    labels = np.where(y[:100] > 4, "large", "small")
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=0).fit(
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
        ValueError, match=r"target has classes .* \['huge'\] are not among"
    ):
        SaliencyDisplay.from_estimator(clf, X[:2], target="huge")


def test_of_several_labels_or_targets_one_is_asked_for(digits):
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
        ValueError, match="one label or number an image, got y of shape"
    ):
        MistakesDisplay.from_estimator(reg, X, np.stack([y, y], 1))


def test_impossible_saliency_says_so(fitted, digits):
    X = digits[1]
    with pytest.raises(ValueError, match="up to 12 images, got 200; pass some of them"):
        SaliencyDisplay.from_estimator(fitted, X)
    with pytest.raises(
        ValueError, match="method must be one of 'gradient', .* mean 'grad_cam'"
    ):
        SaliencyDisplay.from_estimator(fitted, X[:2], method="gradcam")


# MistakesDisplay


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


def test_predictions_of_anything_can_be_drawn(digits):
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
    assert "0 mistakes in 60 images (0.0%)" in texts(none.figure_)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MistakesDisplay.from_predictions(X, y[:60], y[:59])
    with pytest.raises(ValueError, match="text for each of the 0 classes, got 1"):
        MistakesDisplay.from_predictions(X, y[:60], y[:60] / 2, display_labels=["a"])


def test_images_are_shown_as_they_came(digits, scaled):
    """Not as a scaler leaves them, if they can be shown before."""
    _, X, _, y = digits
    display = MistakesDisplay.from_estimator(scaled, X, y, n=1)
    np.testing.assert_array_equal(display.images[0].ravel(), X[display.indices[0]])
    clf = scaled[-1]
    crop = make_pipeline(FunctionTransformer(lambda X: X[:, :64]), clf)
    wide = np.hstack([X, X])
    display = FeatureMapDisplay.from_estimator(crop, wide[:1])
    np.testing.assert_array_equal(display.image.ravel(), X[0])


def test_colours_are_drawn_as_such(rng):
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
