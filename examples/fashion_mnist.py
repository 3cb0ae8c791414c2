"""
Fashion-MNIST, from bytes
=========================

Train on 60,000 images of clothes, batch by batch from the bytes they are stored in: a
first layer of ten lines scales them inside the network, so that X is never copied as a
whole. Ten epochs reach about 92 % on the 10,000 test images.

.. image:: /static/fashion_mnist.png
   :alt: Test images with their predicted names; one of 24 is wrong

Run ``python examples/fashion_mnist.py``, with ``--data`` for the folder that holds the
data set's four gzip IDX files. The default is the folder of Debian's package
``dataset-fashion-mnist``; if that is missing, the data are fetched from OpenML. The
example takes minutes, so it does not run when this page is built.
"""

# sphinx_gallery_thumbnail_path = "static/fashion_mnist.png"

import argparse
import gzip
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, Dropout, Layer, MaxPool2D

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
NAMES = [
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
]


class Bytes(Layer):
    """Scale bytes to [0, 1], batch by batch, inside the network."""

    def predict(self, weights, x):
        return x / 255

    def backward(self, weights, cache, dy, need_dx=True):
        return dy / 255, {}


def load_fashion_mnist(folder=None):
    """Return X_train, X_test, y_train, y_test; X are uint8 of shape (n, 28, 28)."""
    folder = Path(folder or DEBIAN)
    if not folder.is_dir():
        X, y = fetch_openml("Fashion-MNIST", return_X_y=True, as_frame=False)
        X, y = X.astype(np.uint8).reshape(-1, 28, 28), y.astype(int)
        return X[:60_000], X[60_000:], y[:60_000], y[60_000:]
    parts = [
        read_idx(folder / f"{part}-{kind}-ubyte.gz")
        for kind in ("images-idx3", "labels-idx1")
        for part in ("train", "t10k")
    ]
    return tuple(parts)


def read_idx(path):
    """Read an IDX file: 4 bytes of type and dimensions, the sizes, the bytes."""
    with gzip.open(path) as file:
        data = file.read()
    sizes = np.frombuffer(data, ">i4", data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def draw(images, guesses, labels):
    """Draw images with their predicted names; wrong ones in red."""
    figure, axes = plt.subplots(6, 4, figsize=(5.2, 8), layout="constrained")
    for ax, image, guess, label in zip(
        axes.flat, images, guesses, labels, strict=False
    ):
        right = guess == label
        ax.imshow(image, cmap="gray_r")
        ax.set_title(
            NAMES[guess] if right else f"{NAMES[guess]}, not {NAMES[label]}",
            fontsize=8 if right else 7,
            color="black" if right else "#b3261e",
        )
        ax.set_axis_off()
    figure.suptitle("Test images with predicted names")
    return figure


def main():
    parser = argparse.ArgumentParser(description="Train on Fashion-MNIST.")
    parser.add_argument("--data", help="folder of the gzip IDX files")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument(
        "--samples", type=int, default=60_000, help="train on the first"
    )
    parser.add_argument("--output", help="file for the picture; by default a window")
    arguments = parser.parse_args()

    X_train, X_test, y_train, y_test = load_fashion_mnist(arguments.data)
    clf = ConvNetClassifier(
        [
            ("bytes", Bytes()),
            ("conv1", Conv2D(32, 3, activation="relu")),
            ("pool1", MaxPool2D(2)),
            ("conv2", Conv2D(64, 3, activation="relu")),
            ("pool2", MaxPool2D(2)),
            ("drop", Dropout(0.25)),
            ("dense", Dense(128, "relu")),
        ],
        max_iter=arguments.epochs,
        verbose=True,
        random_state=0,
    )
    start = time.perf_counter()
    clf.fit(X_train[: arguments.samples], y_train[: arguments.samples])
    print(f"trained in {time.perf_counter() - start:.0f} s")
    print(f"test accuracy {clf.score(X_test, y_test):.4f}")

    figure = draw(X_test, clf.predict(X_test[:24]), y_test)
    if arguments.output:
        figure.savefig(arguments.output, dpi=150)
    else:
        plt.show()


if __name__ == "__main__":
    main()
