"""Digits: train on scikit-learn's 8x8 digits, save the model, look inside.

Run ``python examples/digits.py``; ``--output`` is where the model and the picture go.
"""

import argparse
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skconv import ConvNetClassifier


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("."))
    arguments = parser.parse_args()

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, test_size=0.25, stratify=y, random_state=0
    )

    start = time.perf_counter()
    clf = ConvNetClassifier(random_state=0).fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(f"trained {clf.n_iter_} epochs on {len(X_train)} images in {seconds:.1f} s")
    accuracy = clf.score(X_test, y_test)
    print(f"accuracy on {len(X_test)} images it never saw: {accuracy:.4f}")

    path = arguments.output / "digits.joblib"
    joblib.dump(clf, path)
    same = np.array_equal(joblib.load(path).predict(X_test), clf.predict(X_test))
    print(f"saved to {path} ({path.stat().st_size / 1e3:.0f} kB), reloaded: ", end="")
    print("the same predictions" if same else "OTHER PREDICTIONS")

    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not installed (pip install matplotlib)")
    else:
        matplotlib.use("agg")
        path = arguments.output / "digits.png"
        draw(clf.network_, X_test[0], y_test[0]).savefig(path, dpi=150)
        print(f"filters and feature maps: {path}")


def draw(network, pixels, digit):
    """Draw the first layer's filters, and what the first layers make of one image."""
    import matplotlib.pyplot as plt

    x = pixels.reshape(1, *network.input_shape).astype(network.dtype)
    stages = [(f"a {digit}, the input", x)]
    for name, layer in network.layers[:4]:
        x = layer.predict(network.weights[name], x)
        stages.append((f"{name}: what {type(layer).__name__} makes of it", x))
    kernels = network.weights["conv1"]["kernel"].transpose(2, 0, 1, 3)
    stages.insert(1, ("conv1: its filters, 3x3 each", kernels))

    columns = 16
    rows = [-(-maps.shape[3] // columns) for _, maps in stages]
    figure = plt.figure(figsize=(8, 0.5 * sum(rows) + 0.35 * len(rows)))
    parts = figure.subfigures(len(stages), height_ratios=[r + 0.7 for r in rows])
    for (title, maps), n_rows, part in zip(stages, rows, parts, strict=True):
        part.suptitle(title, x=0.01, ha="left", fontsize=9)
        signed = "filters" in title
        limit = np.abs(maps).max()
        axes = part.subplots(n_rows, columns, squeeze=False).ravel()
        part.subplots_adjust(0.01, 0, 0.99, 1 - 0.5 / (n_rows + 0.7), 0.05, 0.08)
        for axis in axes:
            axis.set_axis_off()
        for axis, image in zip(axes, np.moveaxis(maps[0], -1, 0), strict=False):
            axis.imshow(
                image,
                cmap="RdBu_r" if signed else "viridis",
                vmin=-limit if signed else 0,
                vmax=limit,
            )
    return figure


if __name__ == "__main__":
    main()
