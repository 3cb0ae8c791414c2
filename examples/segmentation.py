"""
Segmentation: a class for each pixel
====================================

`ConvNetSegmenter` learns from masks, which have a label for each pixel: here the
background, circles, squares and triangles in generated images. Its default network is a
small U-Net. Images are mirrored and shifted at random in training, and their masks move
with them.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np

from skconv import ConvNetSegmenter
from skconv.augmentation import RandomFlip, RandomShift
from skconv.datasets import make_shapes

NAMES = np.array(["background", "circle", "square", "triangle"])
COLOURS = np.array([[235, 235, 230], [29, 122, 95], [214, 138, 52], [73, 98, 178]])


def draw(X, y, predicted):
    """Draw images, their masks and the predictions, side by side."""
    rows = [X, COLOURS[to_codes(y)], COLOURS[to_codes(predicted)]]
    figure, axes = plt.subplots(
        3, len(X), figsize=(1.3 * len(X), 4.2), layout="constrained"
    )
    for row, images, title in zip(axes, rows, ["X", "y", "predict(X)"], strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image)
            ax.set_xticks([])
            ax.set_yticks([])
        row[0].set_ylabel(title)
    figure.suptitle("Images, their masks, and what the network predicts")


def to_codes(masks):
    """Return the number of each label."""
    return np.searchsorted(NAMES, masks)


def main(samples=240, epochs=16):
    """Train on generated images, print scores of others, and draw some."""
    X, codes = make_shapes(samples, image_size=32, target="mask", random_state=0)
    y = NAMES[codes]  # labels may be of any type
    n_test = samples // 6
    seg = ConvNetSegmenter(
        augment=[RandomFlip(vertical=True), RandomShift(3)],
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=epochs,
        random_state=0,
    )
    seg.fit(X[:-n_test], y[:-n_test])
    print(
        f"mean IoU of {n_test} other images: {seg.score(X[-n_test:], y[-n_test:]):.3f}"
    )
    predicted = seg.predict(X[-n_test:])
    sure = seg.predict_proba(X[-n_test:]).max(axis=-1)
    wrong = predicted != y[-n_test:]
    print(f"pixels that are wrong: {wrong.mean():.2%}")
    if wrong.any():
        words = (
            f"{sure[wrong].mean():.2f} of these, {sure[~wrong].mean():.2f} of others"
        )
        print(f"mean probability: {words}")
    draw(X[-6:], y[-6:], predicted[-6:])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Segment shapes.")
    parser.add_argument("--samples", type=int, default=240)
    parser.add_argument("--epochs", type=int, default=16)
    arguments = parser.parse_args()
    main(arguments.samples, arguments.epochs)
    plt.show()
