"""What displays draw, as text: panels, curves, images, texts, and their style.

    python tests/inspection/drawings.py

writes the stored ones again, `drawings.txt`. All is drawn from given numbers, and nothing
depends on the layout that matplotlib finds, or on pixels.
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import Colormap
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    LearningRateDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
)

DEFAULTS = {
    Line2D: Line2D([], []),
    Text: Text(),
    Rectangle: Rectangle((0, 0), 1, 1),
}
STORED = Path(__file__).with_name("drawings.txt")


def ramp(*shape, low=0.0, high=1.0):
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def training(**options):
    loss, score = [2.0, 1, 0.5], [0.25, 0.75, 0.5]
    options = {"validation_loss": [2, 1.5, 1], "validation_score": score, **options}
    return TrainingCurveDisplay(loss, **options)


def mistakes(images, **options):
    options = {"n_mistakes": 1234, "n_images": 5000, **options}
    names = ["cat", "dog", "a very long name of a class that is shortened", "mouse"]
    y = np.arange(len(images)) % 4
    texts = dict(enumerate(names))
    return MistakesDisplay(
        images, y, (y + 1) % 4, indices=y, texts=texts, **options
    )  # fmt: skip


def saliency(images, low, **options):
    maps = {
        "gradient": ramp(*images.shape[:-1]),
        "a": ramp(*images.shape[:-1], low=low),
    }
    return SaliencyDisplay(
        images, maps, ["seven", "a very long label of a row"], **options
    )


def maps(image, **options):
    signal = image.ndim == 2
    outputs = {
        "conv": ramp(5, 2) if signal else ramp(6, 5, 3),
        "pool": ramp(4, 20, low=-1) if signal else ramp(2, 3, 9, low=-1),
        "flat": ramp(30, low=-2),
        "one": np.array([0.12345]),
    }
    types = {"conv": "Conv2D", "pool": "MaxPool2D", "flat": "Flatten", "one": "Dense"}
    return FeatureMapDisplay(image, outputs, types, **options)


# Name -> what draws it. In axes: half of a figure of 4 x 3 inches.
DRAWN = {
    "training": lambda: training(best_epoch=2).plot(),
    "training, late and restored": lambda: training(
        learning_rate=[0.1, 0.01, 0.001], best_epoch=3, restored=True, score_name="f1"
    ).plot(),
    "training without validation": lambda: TrainingCurveDisplay(
        ramp(20, low=-1), learning_rate=[0.1] * 20
    ).plot(),
    "rates": lambda: LearningRateDisplay(
        np.geomspace(1e-4, 1, 12), [*ramp(8, low=2, high=0.5), 1, 2, 5, 9]
    ).plot(),
    "kernels": lambda: FilterDisplay(
        ramp(3, 3, 1, 10, low=-2), layer_name="conv1"
    ).plot(max_filters=9),
    "kernels in colour": lambda: FilterDisplay(
        ramp(3, 2, 3, 3, low=-1), layer_name="conv1"
    ).plot(n_columns=2),
    "a channel of kernels": lambda: FilterDisplay(
        ramp(3, 3, 4, 2), layer_name="b.conv", channel=2
    ).plot(),
    "mean of channels": lambda: FilterDisplay(
        ramp(2, 12, 4, 5), layer_name="conv"
    ).plot(),
    "no kernels but 0": lambda: FilterDisplay(
        np.zeros((3, 3, 1, 2)), layer_name="conv1"
    ).plot(),
    "kernels of signals with three channels": lambda: FilterDisplay(
        ramp(5, 3, 2), layer_name="conv1"
    ).plot(),
    "kernels of signals with four channels": lambda: FilterDisplay(
        ramp(5, 4, 2), layer_name="conv1"
    ).plot(),
    "kernels of signals": lambda: FilterDisplay(
        ramp(5, 2, 6, low=-1), layer_name="conv1"
    ).plot(),
    "mistakes": lambda: mistakes(
        ramp(4, 6, 5, 1), confidence=np.array([1, 0.975, 0.5, 0.25])
    ).plot(),
    "mistakes of signals": lambda: mistakes(ramp(2, 30, 2)).plot(n_columns=2),
    "mistakes in axes": lambda: mistakes(ramp(4, 4, 8, 3)).plot(in_axes()),
    "errors": lambda: MistakesDisplay(
        ramp(2, 8, 2, 3), np.array([0.5, 2]), np.array([1234.5, 1]), indices=np.arange(2),
        n_mistakes=2, n_images=2,
    ).plot(),
    "saliency": lambda: saliency(ramp(2, 6, 5, 3), -0.5).plot(),
    "saliency of signals": lambda: saliency(ramp(2, 30, 2), -0.5, title="signals").plot(),
    "saliency in axes": lambda: saliency(ramp(2, 4, 20, 1), 0).plot(in_axes()),
    "feature maps": lambda: maps(
        ramp(6, 5, 1), probabilities=[0.2, 0.7, 0.1], class_texts=["cat", "dog", "mouse"]
    ).plot(max_maps=8),
    "feature maps of signals": lambda: maps(
        ramp(30, 2), probabilities=ramp(10, low=0.1), class_texts=["a name"] * 10
    ).plot(),
    "feature maps of a flat image": lambda: maps(
        ramp(2, 20, 3), probabilities=ramp(2, 20, 3), class_texts=["cat", "dog", "mouse"]
    ).plot(max_maps=2, n_columns=2),
    "feature maps of positions": lambda: maps(
        ramp(30, 1), probabilities=ramp(1, 30, 2)
    ).plot(in_axes()),
    "feature maps of one tile": lambda: FeatureMapDisplay(
        ramp(6, 5, 2), {"conv": ramp(6, 5, 4)}, {"conv": "Conv2D"},
        probabilities=ramp(4, 4, 4), class_texts=["a class of a long name"] * 4,
    ).plot(max_maps=4),
    "feature maps with long bars": lambda: FeatureMapDisplay(
        ramp(6, 5, 2), {}, {}, probabilities=ramp(20), class_texts=["abc"] * 20,
    ).plot(),
    "feature maps with bars of one line": lambda: FeatureMapDisplay(
        ramp(6, 5, 2), {}, {}, probabilities=ramp(5),
        class_texts=["ninechars", "a label that is longer than the others", *"abc"],
    ).plot(),
    "feature maps with short bars": lambda: FeatureMapDisplay(
        ramp(6, 5, 2), {}, {}, probabilities=ramp(5), class_texts=["ninechars"] * 5,
    ).plot(),
    "feature maps without bars": lambda: maps(
        ramp(10, 5, 1), probabilities=ramp(21)
    ).plot(),
}  # fmt: skip


def in_axes():
    return plt.figure(figsize=(4, 3)).add_subplot(1, 2, 2)


def text_of(value):
    """Return a number, a colour, or an array by its shape, its ends and its mean."""
    if isinstance(value, np.ndarray) and value.size > 4:
        ends = text_of(value.ravel()[[0, 1, -2, -1]])
        return f"{'x'.join(map(str, value.shape))} {ends} mean {text_of(value.mean())}"
    if isinstance(value, np.ndarray | tuple | list):
        return f"({', '.join(map(text_of, value))})"
    if isinstance(value, float | np.floating | int | np.integer):
        # A little more, so that no machine rounds the other way.
        return f"{value * (1 + 1e-7):.4g}" if abs(value) > 1e-9 else "0"
    if isinstance(value, Colormap):
        return value.name
    return str(value)


def style(artists, *names):
    """Return what of some artists of a kind is not as matplotlib has it by default."""
    fresh = DEFAULTS.get(type(artists[0]))
    words = []
    for name in names:
        values = [getattr(artist, f"get_{name}")() for artist in artists]
        texts = list(map(text_of, values))
        if fresh is not None and set(texts) == {
            text_of(getattr(fresh, f"get_{name}")())
        }:
            continue
        alike = len(set(texts)) == 1
        words.append(
            f"{name}={texts[0] if alike else text_of(as_array(values, texts))}"
        )
    return ", ".join(words)


def as_array(values, texts):
    """Return an array of numbers; or all texts, if they are no numbers."""
    try:
        return np.array(values, float)
    except ValueError:
        return texts


def axes_lines(axes):
    """Yield a line for each part of some axes that are drawn."""
    yield style([axes], "xscale", "axisbelow")
    for axis in (axes.xaxis, axes.yaxis):
        ticks = axis.get_majorticklocs()
        label = axis.label
        words = f"{axis.axis_name} " + (
            f"label {label.get_text()!r} " if label.get_text() else ""
        )
        words += (
            style([label], "rotation", "ha", "va", "fontsize")
            if label.get_text()
            else ""
        )
        yield f"{words} ticks {text_of(ticks)} {type(axis.get_major_locator()).__name__}"
        if len(ticks):
            tick = axis.get_major_ticks()[0]
            length, grid = tick.tick1line.get_markersize(), tick.gridline
            yield (
                f"  length {length:.3g}, grid {grid.get_visible()} {grid.get_color()}: "
                + style(
                    [tick.label1],
                    "visible",
                    "fontsize",
                    "rotation",
                    "ha",
                    "rotation_mode",
                )
            )
    yield "frame " + ", ".join(
        f"{name} {text_of(spine.get_edgecolor()[:1])} {spine.get_linewidth():g}"
        for name, spine in axes.spines.items()
        if spine.get_visible()
    )


def lines_of(axes):
    """Yield a line for some axes, and for all artists of a kind in them."""
    place, on = axes.get_subplotspec(), "" if axes.axison else ", off"
    if place is None:
        yield f"in no grid{on}"
    else:
        grid = place.get_gridspec()
        spaces = [getattr(grid, name, None) for name in ("_hspace", "_wspace")]
        yield (
            f"row {place.rowspan.start}, column {place.colspan.start} of "
            f"{grid.nrows}x{grid.ncols}, heights {text_of(grid.get_height_ratios())}, "
            f"spaces {text_of(spaces)}{on}"
        )
    yield style([axes], "xlim", "ylim", "aspect", "anchor")
    if bar := getattr(axes, "_colorbar_info", None):
        yield ", ".join(f"{key}={bar[key]}" for key in ("fraction", "pad", "aspect"))
    if axes.axison:
        yield from axes_lines(axes)
    if axes.lines:
        yield f"{len(axes.lines)} lines " + style(
            axes.lines, "xdata", "ydata", "color", "linewidth", "linestyle", "marker",
            "markersize", "alpha", "zorder",
        )  # fmt: skip
    if axes.images:
        yield f"{len(axes.images)} images " + style(
            axes.images, "array", "clim", "extent", "interpolation", "alpha", "cmap"
        )
    if axes.patches:
        yield f"{len(axes.patches)} patches " + style(
            axes.patches,
            "xy",
            "width",
            "height",
            "fill",
            "edgecolor",
            "facecolor",
            "linewidth",
        )
    for loc, title in (("left", axes._left_title), ("center", axes.title)):
        if title.get_text():
            _, pad = axes.titleOffsetTrans.transform((0, 0)) * 72 / axes.figure.dpi
            yield f"title {loc} {title.get_text()!r} pad={text_of(pad)}, " + style(
                [title], "fontsize", "position"
            )
    for text in axes.texts:
        in_axes = text.get_transform() is axes.transAxes
        places = [getattr(text, each, "") for each in ("xy", "xycoords", "anncoords")]
        yield (
            f"text {text.get_text()!r} of {'axes' if in_axes else 'data'} "
            f"{text_of(places)} {style([text], 'position', 'fontsize', 'ha', 'va')}"
        )
    if legend := axes.get_legend():
        texts = [text.get_text() for text in legend.get_texts()]
        size = legend.get_texts()[0].get_fontsize()
        yield f"legend {texts} {legend._loc} {legend.get_frame_on()} {size}"


def drawing(name):
    """Return the text of what a display draws."""
    with plt.rc_context({"figure.dpi": 100}):
        figure = DRAWN[name]().figure_
    size = text_of(figure.get_size_inches())
    made = [f"{name}: {size}, {type(figure.get_layout_engine()).__name__}"]
    for axes in figure.axes:
        first, *others = lines_of(axes)
        made += [f"  {first}", *(f"    {line}" for line in others)]
    plt.close(figure)
    return "\n".join(line.rstrip() for line in made)


def stored():
    """Return {name: its text}."""
    texts = STORED.read_text(encoding="utf-8").strip().split("\n\n")
    return {text.partition(": ")[0]: text for text in texts}


if __name__ == "__main__":
    plt.switch_backend("agg")
    STORED.write_text("\n\n".join(map(drawing, DRAWN)) + "\n", encoding="utf-8")
