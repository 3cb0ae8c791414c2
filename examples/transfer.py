"""
Few images: begin with the weights of another network
=====================================================

Digits are somewhere in noisy pictures. A network learns eight kinds of them from many
pictures; the two kinds that are left are then learnt from 2 to 20 pictures each: from
scratch, and with the weights of the first network, whose first layers are frozen. They
find strokes in noise, which so few pictures do not teach.

``pretrained`` gives layers the weights of those of the same names and shapes, and other
classes get a new output layer. ``frozen`` names the layers that training leaves alone.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier
from skconv.layers import BatchNorm, Conv2D, GlobalAvgPool2D, MaxPool2D, Normalization

PAIRS = [(3, 8), (1, 4), (5, 9)]
FROZEN = ["normalization", "conv1", "norm1", "conv2", "norm2"]
WAYS = {
    "from scratch": ("#8a97a3", lambda old: {}),
    "pretrained": ("#1d7a5f", lambda old: {"pretrained": old, "frozen": FROZEN}),
}


def network(**params):
    """Return a network whose features do not depend on where they are found."""
    layers = [("normalization", Normalization(0.5))]
    for i, filters in enumerate((16, 32, 32), start=1):
        layers.append((f"conv{i}", Conv2D(filters, use_bias=False)))
        layers.append((f"norm{i}", BatchNorm(activation="relu")))
        if i == 2:
            layers.append(("pool", MaxPool2D(2)))
    layers.append(("mean", GlobalAvgPool2D()))
    return ConvNetClassifier(layers, learning_rate_init=0.003, random_state=0, **params)


def place(X, rng):
    """Return each digit at a random place in a picture of 16 x 16 noisy pixels."""
    pictures = rng.normal(0, 0.2, (len(X), 16, 16)).astype(np.float32)
    for picture, digit in zip(pictures, X.reshape(-1, 8, 8), strict=True):
        row, column = rng.integers(0, 9, 2)
        picture[row : row + 8, column : column + 8] += digit / 16
    return pictures


def draw_some(y, count, seed):
    """Return the numbers of `count` images of each class, and those of all others."""
    rng = np.random.default_rng(seed)
    drawn = np.concatenate(
        [rng.choice(np.flatnonzero(y == c), count, replace=False) for c in np.unique(y)]
    )
    return drawn, np.delete(np.arange(len(y)), drawn)


def score_all(X, y, counts, draws):
    """Return the accuracies by way and number of pictures, of all pairs and draws."""
    rng = np.random.default_rng(0)
    scores = {(way, count): [] for way in WAYS for count in counts}
    for pair in PAIRS:
        is_left = np.isin(y, pair)
        many = np.concatenate([place(X[~is_left], rng) for _ in range(2)])
        old = network(max_iter=8).fit(many, np.tile(y[~is_left], 2))
        X_two, y_two = place(X[is_left], rng), y[is_left]
        for way, count in scores:
            _, params = WAYS[way]
            new = network(max_iter=40, n_iter_no_change=40, **params(old.network_))
            for seed in range(draws):
                few, others = draw_some(y_two, count, seed)
                new.fit(X_two[few], y_two[few])
                scores[way, count].append(new.score(X_two[others], y_two[others]))
    return scores


def draw(scores, counts):
    """Draw the mean accuracy by the number of images, and where most draws are."""
    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for way, (color, _) in WAYS.items():
        found = np.array([scores[way, count] for count in counts])
        low, high = np.percentile(found, [10, 90], axis=1)
        ax.fill_between(counts, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(counts, found.mean(axis=1), "o-", color=color, label=way)
    ax.set_xscale("log")
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.set_xlabel("pictures of each of two digits to learn from")
    ax.set_ylabel("accuracy on all other pictures of them")
    ax.set_title("Mean, and 80 % of all pairs and draws")
    ax.legend(loc="lower right", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    parser = argparse.ArgumentParser(description="Learn two digits from few pictures.")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--output", help="file for the picture; by default a window")
    arguments = parser.parse_args()

    X, y = load_digits(return_X_y=True)
    counts = [2, 5, 10, 20]
    scores = score_all(X, y, counts, arguments.draws)
    for count in counts:
        means = {way: np.mean(scores[way, count]) for way in WAYS}
        figures = ", ".join(f"{mean:.1%} {way}" for way, mean in means.items())
        print(f"{count:3} pictures of each: {figures}")
    scratch, pretrained = (100 * np.mean(scores[way, 10]) for way in WAYS)
    print(f"With 10 of each, pretrained brings {pretrained - scratch:.1f} points.")

    figure = draw(scores, counts)
    if arguments.output:
        figure.savefig(arguments.output, dpi=150)
    else:
        plt.show()


if __name__ == "__main__":
    main()
