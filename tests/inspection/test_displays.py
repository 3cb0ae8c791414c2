"""Displays: their attributes are right, and they draw them into the right axes."""

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

from skconv import ConvNetClassifier, ConvNetRegressor, inspection
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
    grad_cam,
    input_gradient,
    occlusion,
    smooth_gradient,
)
from skconv.layers import (
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool1D,
    MaxPool2D,
    Residual,
)

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
    """Return all texts of a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # fmt: skip


# All displays


def test_every_display_is_in_the_table():
    displays = {name for name in inspection.__all__ if name.endswith("Display")}
    assert {cls.__name__ for cls in DRAWN} == displays


@each_display
def test_display_draws_into_given_axes_or_a_new_figure(display, fitted, digits):
    _, X, _, y = digits
    drawn = DRAWN[display](fitted, X, y)
    assert isinstance(drawn, display)
    assert drawn.figure_ is drawn.ax_.figure
    assert drawn.figure_.get_figwidth() == 5  # legible on a phone
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
def test_texts_of_display_do_not_overlap_and_are_not_cut_off(
    display, fitted, digits, monkeypatch
):
    _, X, _, y = digits
    figure, drawn, draw = DRAWN[display](fitted, X, y).figure_, {}, Text.draw
    figure.canvas.draw()  # runs the layout engine

    def record_and_draw(text, renderer):
        if text.get_text() and text.get_visible():
            drawn[text] = text.get_window_extent(renderer).padded(-2)
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", record_and_draw)
    figure.canvas.draw()
    assert drawn
    for i, (text, box) in enumerate(drawn.items()):
        assert text.get_fontsize() >= 9
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
        for other in list(drawn)[:i]:
            assert not box.overlaps(drawn[other]), (text, other)


@pytest.mark.parametrize("display", [MistakesDisplay, SaliencyDisplay])
def test_long_class_names_do_not_overlap(display, fitted, digits, monkeypatch):
    names = [f"a digit whose name is very long, the number {k}" for k in range(10)]

    def draw(clf, X, y):
        arguments = (y[:12],) if display is MistakesDisplay else ()
        return display.from_estimator(clf, X[:12], *arguments, display_labels=names)

    monkeypatch.setitem(DRAWN, display, draw)
    _, X, _, y = digits
    shifted = (y + 1) % 10 if display is MistakesDisplay else y
    test_texts_of_display_do_not_overlap_and_are_not_cut_off(
        display, fitted, (None, X, None, shifted), monkeypatch
    )


@each_display
def test_display_finds_network_in_pipeline_and_search(display, scaled, digits):
    _, X, _, y = digits
    clf, seen = scaled[-1], scaled[:-1].transform(X)
    search = GridSearchCV(scaled, {"convnetclassifier__max_iter": [1]}, cv=2)
    search.best_estimator_ = scaled
    expected = vars(DRAWN[display](clf, seen, y))
    for estimator in (scaled, search):
        for name, value in vars(DRAWN[display](estimator, X, y)).items():
            if name.endswith("_") or name.startswith("image"):
                continue  # images are drawn as they were before scaling
            np.testing.assert_equal(value, expected[name])


@each_display
def test_display_refuses_other_and_unfitted_estimators(display, digits):
    X, _, y, _ = digits
    with pytest.raises(NotFittedError):
        DRAWN[display](ConvNetClassifier(), X, y)
    with pytest.raises(NotFittedError):
        DRAWN[display](make_pipeline(StandardScaler(), ConvNetClassifier()), X, y)
    with pytest.raises(NotFittedError):
        DRAWN[display](GridSearchCV(ConvNetClassifier(), {}), X, y)
    other = make_pipeline(LogisticRegression(max_iter=1000)).fit(X[:50], y[:50])
    for nonsense in (other, ConvNetClassifier, "clf", None):
        with pytest.raises(
            TypeError, match=f"{display.__name__} takes a fitted ConvNet"
        ):
            DRAWN[display](nonsense, X, y)


def test_display_refuses_axes_outside_of_a_grid(fitted):
    ax = plt.figure().add_axes([0, 0, 1, 1])
    with pytest.raises(ValueError, match="ax must be in a grid, .* or pass ax=None"):
        TrainingCurveDisplay.from_estimator(fitted, ax=ax)


@each_display
def test_display_without_matplotlib_says_what_to_install(
    display, fitted, digits, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = rf"{display.__name__} draws with matplotlib, .* skconv\[plot\]"
    with pytest.raises(ImportError, match=words):
        DRAWN[display](fitted, digits[1], digits[3])


def test_importing_inspection_does_not_import_matplotlib():
    code = "import sys, skconv.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# TrainingCurveDisplay


def test_training_curves_are_the_estimators_curves(fitted):
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


def test_training_curves_without_data_have_no_panel(digits):
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


def test_learning_rate_curve_continues_over_partial_fits(digits):
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


def test_filters_of_several_channels_are_colours_means_or_one_channel(digits):
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


# FeatureMapDisplay


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
    assert dense1.get_images()[0].get_clim()[0] < 0
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


# Signals


@pytest.fixture(scope="module")
def signals():
    """Signals of two channels, their classes, and a classifier of them."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 40, 2)), np.arange(30) % 3
    layers = [("conv1", Conv1D(5, 3)), ("pool1", MaxPool1D(2)), ("conv2", Conv1D(4, 7))]
    return X, y, ConvNetClassifier(layers, max_iter=1, random_state=0).fit(X, y)


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


# SaliencyDisplay


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
    own = SaliencyDisplay.from_estimator(fitted, X, method=[partial(occlusion, window=1), input_gradient])  # fmt: skip
    assert list(own.maps) == ["occlusion", "gradient"]


def test_saliency_of_two_classes_has_opposite_signs(digits):
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
