"""Draw the pictures of the pages: ``python docs/scripts/pictures.py``.

They are saved in docs/learning/pictures, so that pages show them without a build.
The numbers in them are those of docs/learning/convolution.md: its blocks are run first.
"""

import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
from grids import CELL, HUES, INK, PALE, grid, slide, svg
from matplotlib import pyplot as plt

from skconv import Network, ops
from skconv.layers import Conv2D, Dense, MaxPool2D

FOLDER = Path(__file__).parents[1] / "learning" / "pictures"


def spread(array, stride, around=0):
    """Return an array with zeros between and around, and a mask of these."""
    h, w = ((n - 1) * stride + 1 + 2 * around for n in array.shape)
    values, holes = np.zeros((h, w)), np.ones((h, w), bool)
    own = np.s_[around : h - around : stride, around : w - around : stride]
    values[own], holes[own] = array, False
    return values, holes


def page(path):
    """Run the blocks of a page, and return their variables."""
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)
    left = {"__name__": "page"}
    for block in blocks:
        exec(block, left)
    return left


# Convolutions, which move -------------------------------------------------------------


def forward(left):
    """Slide a kernel over an image."""
    names = [("x", "x"), ("W", "W"), ("z", "z")]
    label = "A kernel slides over an image; each place gives a sum"
    return slide(left["x"], left["W"], left["z"], names, label)


def grad_kernel(left):
    """Slide the gradient in z over the image."""
    names = [("x", "x"), ("dz", "dz"), ("W", "dW")]
    label = "The gradient dz slides over x and gives dW"
    return slide(left["x"], left["dz"], left["dW"], names, label)


def grad_input(left):
    """Slide the turned kernel over the gradient in z."""
    around, holes = spread(left["dz"], 1, 2)
    names = [("dz", "dz, zeros around"), ("W", "W, turned"), ("x", "dx")]
    label = "The kernel, turned by 180 degrees, slides over dz and gives dx"
    return slide(around, left["turned"], left["dx"], names, label, holes=(holes, None))


def grad_kernel_stride(left):
    """Slide dz with gaps, where stride 2 has no window."""
    between, holes = spread(left["dz2"], 2)
    names = [("x", "x"), ("dz", "dz, zeros between"), ("W", "dW")]
    label = "At stride 2, dz with zeros between slides over x and gives dW"
    return slide(left["x"], between, left["dW2"], names, label, holes=(None, holes))


def grad_input_stride(left):
    """Slide the turned kernel over dz with gaps."""
    values, holes = spread(left["dz2"], 2, 2)
    names = [("dz", "dz, zeros between and around"), ("W", "W, turned"), ("x", "dx")]
    label = "At stride 2, the turned kernel slides over dz with zeros between"
    return slide(values, left["turned"], left["dx2"], names, label, holes=(holes, None))


# Pooling ------------------------------------------------------------------------------


def pooling(left):
    """Draw four windows, forward, and back in two ways."""
    winners = left["to_largest"] != 0
    winners[2:, :2] = left["p"][2:, :2] == 4  # whose gradient is 0 by chance
    wide, gap, side = 4 * CELL, 64, 2 * CELL
    right = 14 + wide + gap
    middle = 40 + CELL
    low = 40 + wide + 62
    parts = [
        grid(left["p"], (14, 40), "x", title="x"),
        grid(left["largest"][0, :, :, 0], (right + 36, middle), "y", title="y"),
        _arrow(14 + wide + 18, 40 + wide / 2, 60),
        grid(left["dp"], (right + 36, low), "y", title="dy"),
        grid(left["to_largest"], (14, low), "x", title="dx of the maximum"),
        grid(left["shared"], (14, low + wide + 50), "x", title="dx of the mean"),
        _arrow(right + 18, low + side / 2, -60),
        _elbow(right + 36 + side / 2, low + side + 10, 14 + wide + 18,
               low + wide + 50 + side),
    ]  # fmt: skip
    for top in (40, low, low + wide + 50):
        for corner in np.ndindex(2, 2):
            at = 14 + corner[1] * side, top + corner[0] * side
            parts.append(_frame(*at, side, HUES["x"], 1.5))
    for row, column in np.argwhere(winners):
        for top in (40, low):
            parts.append(_frame(14 + column * CELL, top + row * CELL, CELL, INK, 2.5))
    label = "Max pooling hands a gradient to the largest pixel, average pooling to all"
    return svg(right + 36 + side + 24, low + 2 * wide + 66, parts, label)


def _frame(x, y, side, colour, width):
    return (
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _arrow(x, y, length):
    tip = 7 if length > 0 else -7
    return (
        f'<path d="M{x} {y} h{length} m{-tip} -5 l{tip} 5 l{-tip} 5" fill="none" '
        f'stroke="{PALE}" stroke-width="2"/>'
    )


def _elbow(x, y, end, bottom):
    return (
        f'<path d="M{x} {y} V{bottom} H{end} m7 -5 l-7 5 l7 5" fill="none" '
        f'stroke="{PALE}" stroke-width="2"/>'
    )


# What matplotlib draws ----------------------------------------------------------------


def batch_norm(left):
    """Draw the distributions of three channels, before and after."""
    rng = np.random.default_rng(1)
    channels = [rng.normal(-2.5, 0.5, 300_000), rng.gamma(2, 1.2, 300_000)]
    channels.append(rng.normal(2, 2.2, 300_000))
    figure, axes = plt.subplots(
        2, figsize=(5.6, 4.2), sharex=True, layout="constrained"
    )
    bins = np.linspace(-8, 10, 100)
    for name, channel in zip("xWz", channels, strict=True):
        after, _ = left["normalise"](channel, 1.0, 0.0)
        for ax, values in zip(axes, (channel, after), strict=True):
            height, edges = np.histogram(values, bins, density=True)
            centre = (edges[1:] + edges[:-1]) / 2
            ax.fill_between(centre, height, color=HUES[name], alpha=0.16, linewidth=0)
            ax.plot(centre, height, color=HUES[name], linewidth=1.6)
    for ax, title in zip(
        axes, ("before: z of three channels", "after: ẑ"), strict=True
    ):
        ax.set_title(title, loc="left", fontsize=12)
        ax.set_yticks([])
        ax.spines[["left", "top", "right"]].set_visible(False)
        ax.tick_params(labelbottom=True)
    axes[1].set_xlabel("mean 0 and variance 1, but a shape of its own each")
    return figure


def adam_layers(left):
    """Draw the sizes of gradients and of Adam's steps by layer."""
    layers = [
        ("conv1", Conv2D(16, activation="relu", kernel_initializer="he_uniform")),
        ("conv2", Conv2D(32, activation="relu", kernel_initializer="he_uniform")),
        ("pool", MaxPool2D()),
        ("dense1", Dense(64, "relu", kernel_initializer="he_uniform")),
        ("dense2", Dense(10)),
    ]
    network = Network.build(layers, (8, 8, 1), 0, "float64")
    names = [(name, key) for name, w in network.weights.items() for key in w]
    ends = np.cumsum([network.weights[n][k].size for n, k in names])[:-1]
    kernels = [k for k, (_, key) in enumerate(names) if key == "kernel"]
    rng, w = np.random.default_rng(0), network.parameters
    m, v = np.zeros((2, w.size))
    sizes = []
    for t in range(1, 601):
        rows = rng.choice(left["train"], 64, replace=False)
        _, g = network.loss_and_gradient(
            left["X"][rows], left["labels"][rows], None, ops.softmax_cross_entropy, rng
        )
        before = w.copy()
        ops.adam_step(w, g, m, v, step=t, learning_rate=0.001)
        parts = [np.split(vector, ends) for vector in (g, before - w)]
        sizes.append([[np.sqrt(np.mean(p[k] ** 2)) for k in kernels] for p in parts])
    sizes = np.exp(np.log(sizes).reshape(-1, 20, 2, 4).mean(axis=1))  # twenty a point
    figure, axes = plt.subplots(
        2, figsize=(5.6, 5.2), sharex=True, sharey=False, layout="constrained"
    )
    titles = "size of the gradient", "size of Adam's step; the learning rate is 0.001"
    colours = [HUES["x"], HUES["W"], "#1d7a5f", "#8a3d7c"]
    for kind, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        for k, colour in enumerate(colours):
            ax.plot(
                np.arange(10, 610, 20), sizes[:, kind, k], color=colour, linewidth=2
            )
        ax.set_title(title, loc="left", fontsize=12)
        ax.set_yscale("log")
        top = sizes[:, kind].max() * 1.6
        ax.set_ylim(top / 300, top)
        ax.grid(axis="y", color="#dddddd", linewidth=0.7)
        ax.spines[["top", "right"]].set_visible(False)
    axes[1].set_xlabel("step")
    figure.legend(
        axes[0].lines,
        [names[k][0] for k in kernels],
        loc="outside lower center",
        ncols=4,
        frameon=False,
    )
    return figure


def valley(left):
    """Walk three optimizers through a narrow valley."""
    steep, steps, start = np.array([1.0, 40.0]), 40, np.array([-3.6, 1.1])

    def walk(update):
        w, path = start.copy(), [start.copy()]
        for t in range(1, steps + 1):
            update(w, steep * w, t)
            path.append(w.copy())
        return np.array(path)

    velocity, m, v = np.zeros((3, 2))
    paths = {
        "gradient descent": (walk(lambda w, g, t: w.__isub__(0.045 * g)), "#c46a00"),
        "momentum": (
            walk(lambda w, g, t: ops.sgd_step(
                w, g, velocity, learning_rate=0.012, momentum=0.85, nesterov=False)),
            "#8a3d7c",
        ),
        "Adam": (
            walk(lambda w, g, t: ops.adam_step(
                w, g, m, v, step=t, learning_rate=0.25, beta_1=0.8)),
            "#1d7a5f",
        ),
    }  # fmt: skip
    figure, axes = plt.subplots(
        3, figsize=(5.6, 7.6), sharex=True, layout="constrained"
    )
    a, b = np.meshgrid(np.linspace(-4.2, 1.4, 60), np.linspace(-1.2, 1.2, 40))
    height = (steep[0] * a**2 + steep[1] * b**2) / 2
    for ax, (name, (path, colour)) in zip(axes, paths.items(), strict=True):
        ax.contourf(a, b, np.sqrt(height), 9, cmap="Blues", alpha=0.5)
        ax.plot(*path.T, "-o", color=colour, markersize=3.2, linewidth=1.4)
        ax.plot(0, 0, "*", color=INK, markersize=11)
        far = np.hypot(*path[-1])
        ax.set_title(f"{name}: {far:.2f} from the star after {steps} steps",
                     loc="left", fontsize=11)  # fmt: skip
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_aspect("equal")
        ax.spines[:].set_visible(False)
    return figure


def kernels_learn(left):
    """Draw the kernels of the last network as they learn, and its loss."""
    moments = [0, 10, 40, 130, 400]
    kernels = left["kernels"]
    limit = max(abs(kernels[t]).max() for t in moments)
    figure = plt.figure(figsize=(5.6, 6.4), layout="constrained")
    above, below = figure.subfigures(2, height_ratios=[5, 3])
    axes = above.subplots(len(moments), 8)
    for row, t in zip(axes, moments, strict=True):
        for f, ax in enumerate(row):
            ax.imshow(kernels[t][:, :, 0, f], cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(f"step {t}", rotation=0, ha="right", va="center", fontsize=11)
    above.suptitle("Eight kernels: blue is below 0, red above", fontsize=12)
    ax = below.subplots()
    ax.plot(np.arange(1, 401), left["losses"], color=HUES["W"], linewidth=1.3)
    for t in moments[1:]:
        ax.axvline(t, color=PALE, linewidth=0.8, linestyle=":")
    ax.set_xlabel("step")
    ax.set_title("and the loss", fontsize=12)
    ax.set_ylim(0)
    ax.set_xlim(0, 402)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


DRAWINGS = [
    forward,
    grad_kernel,
    grad_input,
    grad_kernel_stride,
    grad_input_stride,
    pooling,
    batch_norm,
    adam_layers,
    valley,
    kernels_learn,
]


def main():
    """Draw all pictures, or those that are named."""
    matplotlib.use("agg")
    # Text stays text: small files, the reader's fonts. The same bytes each time.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "skconv"})
    plt.rcParams.update({"font.size": 11, "font.family": ["DejaVu Sans", "sans-serif"]})
    FOLDER.mkdir(exist_ok=True)
    left = page(FOLDER.parent / "convolution.md")
    for draw in DRAWINGS:
        if sys.argv[1:] and draw.__name__ not in sys.argv[1:]:
            continue
        path = FOLDER / f"{draw.__name__}.svg"
        picture = draw(left)
        if isinstance(picture, str):
            path.write_text(picture, encoding="utf-8")
        else:
            picture.savefig(path, metadata={"Date": None}, transparent=True)
            plt.close(picture)
        print(path)


if __name__ == "__main__":
    main()
