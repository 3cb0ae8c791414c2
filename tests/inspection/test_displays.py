"""All displays: axes, texts, pipelines, what is refused."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, inspection
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    LearningRateDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
)

DRAWN = {
    FilterDisplay: lambda clf, X, y, **ax: FilterDisplay.from_estimator(clf, **ax),
    TrainingCurveDisplay: lambda clf, X, y, **ax: TrainingCurveDisplay.from_estimator(clf, **ax),
    FeatureMapDisplay: lambda clf, X, y, **ax: FeatureMapDisplay.from_estimator(clf, X[:1], **ax),
    SaliencyDisplay: lambda clf, X, y, **ax: SaliencyDisplay.from_estimator(
        clf, X[:2], method=["gradient", "grad_cam"], **ax
    ),
    MistakesDisplay: lambda clf, X, y, **ax: MistakesDisplay.from_estimator(clf, X, y, n=4, **ax),
    LearningRateDisplay: lambda clf, X, y, **ax: LearningRateDisplay.from_estimator(
        clf, X, y, n_steps=30, **ax
    ),
}  # fmt: skip
OF_FITTED = [display for display in DRAWN if display is not LearningRateDisplay]
each_display = pytest.mark.parametrize("display", DRAWN, ids=lambda cls: cls.__name__)
each_of_fitted = pytest.mark.parametrize(
    "display", OF_FITTED, ids=lambda cls: cls.__name__
)


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


@pytest.mark.slow
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


@each_of_fitted
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


@each_of_fitted
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


@pytest.mark.slow
def test_importing_inspection_does_not_import_matplotlib():
    code = "import sys, skconv.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
