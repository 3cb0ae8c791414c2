"""Texts, scales and pictures, from which displays are drawn."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from skconv.inspection import FeatureMapDisplay, FilterDisplay, MistakesDisplay
from skconv.inspection.display import _leave_out_middle, shorten
from skconv.inspection.drawing import (
    _line_style,
    color_scale,
    draw_picture,
    draw_samples,
    n_tile_columns,
    panel_ratio,
    sample_text,
    to_pictures,
)
from skconv.inspection.fitted import label_text


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((8, 9, 3), "image, 8\u00d79\u00d73"),
        ((30, 1), "signal of length 30"),
        ((30, 2), "signal of length 30, 2 channels"),
    ],
)
def test_samples_are_named_by_their_shape(shape, text):
    assert sample_text(shape) == text


@pytest.mark.parametrize(
    ("values", "signed", "low", "high", "colors"),
    [
        ([0, 3], None, 0, 3, "viridis"),
        ([-1, 0.5], None, -1, 1, "RdBu_r"),
        ([0.25, np.nan], None, 0, 0.25, "viridis"),
        ([0.0, 0], None, 0, 1, "viridis"),
        ([], None, 0, 1, "viridis"),
        ([0.5], True, -0.5, 0.5, "RdBu_r"),
        ([-0.5], False, 0, 0.5, "viridis"),
    ],
)
def test_colours_have_the_scale_of_values(values, signed, low, high, colors):
    scale = color_scale(np.array(values, float), signed)
    assert scale == {"cmap": colors, "vmin": low, "vmax": high}


@pytest.mark.parametrize(
    ("image", "picture"),
    [
        (np.uint8([0, 128, 255]), np.uint8([0, 128, 255])),
        (np.array([0, 1, 1]), [0.0, 1, 1]),
        (np.array([0.25, 0.5, 1]), [0.25, 0.5, 1]),
        (np.array([0.0, 0.5, 2]), [0, 0.25, 1]),
        (np.array([-1.0, 0, 1]), [0, 0.5, 1]),
        (np.array([0.5, 1, 1.5]), [0, 0.5, 1]),
        (np.array([3.0, 3, 3]), [0, 0, 0]),
        (np.array([4.0, 8]), 6),
        (np.array([4.0]), 4),
        (np.array([1.0, 2, 3, 6]), 3),
    ],
)
def test_images_become_pictures(image, picture):
    found = to_pictures(np.broadcast_to(image, (2, 4, 5, len(image))))
    np.testing.assert_allclose(found, np.broadcast_to(picture, found.shape))
    assert found.dtype == (np.uint8 if image.dtype == np.uint8 else float)


def test_samples_have_a_panel_each():
    _, panels = plt.subplots(1, 2)
    draw_samples(panels, np.arange(24.0).reshape(2, 6, 2))
    assert [len(panel.lines) for panel in panels] == [2, 2]
    with pytest.raises(ValueError, match="zip"):
        draw_samples(panels, np.zeros((3, 6, 2)))
    draw_samples([], np.zeros((0, 6, 4, 2)))


def test_flat_images_are_stretched():
    for shape, aspect in (
        ((2, 8), "auto"),
        ((3, 8), 1.0),
        ((1, 3), 1.0),
        ((1, 4), "auto"),
    ):
        _, ax = plt.subplots()
        draw_picture(ax, np.zeros(shape))
        assert ax.get_aspect() == aspect
    assert panel_ratio((2, 8, 1)) == panel_ratio((1, 8, 1)) == 0.25
    assert panel_ratio((4, 8, 1)) == panel_ratio((30, 2)) == 0.5


@pytest.mark.parametrize(
    ("shape", "columns"),
    [((5, 5, 1), 8), ((5, 19, 1), 8), ((5, 20, 1), 4), ((5, 2), 4), ((30, 2), 4)],
)
def test_tiles_of_a_row_are_fewer_if_they_are_wide(shape, columns):
    assert n_tile_columns(shape) == columns


def test_short_signals_have_markers():
    assert [_line_style(0, n)["marker"] for n in (19, 20)] == [".", None]
    colors = [_line_style(channel, 9)["color"] for channel in range(8)]
    assert colors[7] == colors[0] and len(set(colors)) == 7


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("cat", "cat"),
        (3, "3"),
        (np.datetime64("2020-01-02", "ns"), "2020-01-02"),
        (np.datetime64("2020-01-02T03", "ns"), "2020-01-02T03:00"),
    ],
)
def test_labels_of_dates_have_the_digits_that_they_need(label, text):
    assert label_text(label) == text


def test_texts_are_shortened_in_their_middle():
    text = "the name of a class"
    assert shorten(text, 9, 10) == text
    widths = np.linspace(1.2, 0.05, 12)
    found = [shorten(text, width, 10) for width in widths]
    lengths = list(map(len, found))
    assert sorted(lengths, reverse=True) == lengths
    assert len(set(lengths)) > 8
    assert min(lengths) == 2
    for each in found:
        assert each == text or each == _leave_out_middle(text, len(each))
    assert shorten(text, 1.0, 5) == text != shorten(text, 1.0, 10)
    assert shorten("$x^2$ and more", 0.1, 10) == "$x^2$ and more"
    assert _leave_out_middle("abcdef", 2) == "a\u2026"
    assert _leave_out_middle("abcdef", 5) == "ab\u2026ef"


@pytest.mark.parametrize(
    ("plot", "words"),
    [
        (lambda: FeatureMapDisplay(np.ones((2, 2, 1)), {}, {}).plot(max_maps=0), "max_maps must be an int >= 1, got 0"),
        (lambda: FeatureMapDisplay(np.ones((2, 2, 1)), {}, {}).plot(n_columns=0), "n_columns must be an int >= 1, got 0"),
        (lambda: FilterDisplay(np.ones((2, 2, 1, 1)), layer_name="a").plot(max_filters=0), "max_filters must be an int >= 1, got 0"),
        (lambda: FilterDisplay(np.ones((2, 2, 1, 1)), layer_name="a").plot(n_columns=-1), "n_columns must be an int >= 1, got -1"),
        (lambda: MistakesDisplay(np.ones((1, 2, 2, 1)), [1], [2], indices=[0], n_mistakes=1, n_images=1).plot(n_columns=0), "n_columns must be an int >= 1, got 0"),
        (lambda: MistakesDisplay.from_predictions(np.ones((1, 2, 2, 1)), [1], [2], n=0), "n must be an int >= 1, got 0"),
    ],
)  # fmt: skip
def test_numbers_are_named_in_errors(plot, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        plot()


def test_a_text_with_wide_ends_keeps_its_first_character():
    text = "W" + 30 * "i" + "W"
    assert shorten("W…W", 1, 10) == "W…W"
    assert shorten(text, 0.15, 10) == "W…"


def test_colours_in_range_are_not_scaled():
    dark = np.linspace(0, 0.5, 24).reshape(1, 2, 4, 3)
    np.testing.assert_array_equal(to_pictures(dark), dark)
    np.testing.assert_allclose(to_pictures(dark - 0.1), dark / 0.5)
