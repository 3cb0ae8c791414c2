"""
Denoising: images as targets
============================

`ConvNetRegressor` takes targets that are images: here generated shapes without the
noise that X has. What it has learnt about shapes and their edges removes more noise
than filters do that know nothing about them, each with the parameter that is best for
these images.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from skconv import ConvNetRegressor
from skconv.datasets import make_shapes

SIGMA = 0.2


def psnr(images, clean):
    """Return the mean peak signal-to-noise ratio, in dB."""
    errors = np.square(images - clean).mean(axis=(1, 2))
    return float(np.mean(-10 * np.log10(errors)))


def filtered(noisy, clean):
    """Return the results of two filters, as near to the clean images as they can be."""
    gaussian = [ndimage.gaussian_filter(noisy, (0, s, s)) for s in (0.6, 0.8, 1, 1.3)]
    median = [ndimage.median_filter(noisy, (1, k, k)) for k in (3, 5, 7)]
    return {
        "Gaussian filter": max(gaussian, key=lambda images: psnr(images, clean)),
        "median filter": max(median, key=lambda images: psnr(images, clean)),
    }


def draw(results, clean):
    """Draw a few images by each method, with its PSNR."""
    shown = {**results, "without noise": clean}
    _figure, axes = plt.subplots(
        len(shown), 6, figsize=(6.5, 1.15 * len(shown)), layout="constrained"
    )
    for row, (name, images) in zip(axes, shown.items(), strict=True):
        for ax, image in zip(row, images, strict=False):
            ax.imshow(image, cmap="gray", vmin=0, vmax=1)
            ax.set_axis_off()
        words = f"{name}: {psnr(images, clean):.1f} dB" if name in results else name
        row[0].set_title(words, loc="left", fontsize=9)


def main(samples=400, epochs=15):
    """Train on generated images, and compare on others."""
    clean, _ = make_shapes(
        samples, image_size=32, n_channels=1, noise=0, target="mask", random_state=0
    )
    clean = clean[..., 0]
    rng = np.random.default_rng(0)
    noisy = clean + rng.normal(0, SIGMA, clean.shape).astype(np.float32)
    n_test = samples // 5
    reg = ConvNetRegressor(
        filters=(16, 32),
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=epochs,
        random_state=0,
    )
    reg.fit(noisy[:-n_test], clean[:-n_test])
    X, y = noisy[-n_test:], clean[-n_test:]
    results = {"X": X, **filtered(X, y), "ConvNetRegressor": reg.predict(X)}
    for name, images in results.items():
        print(f"{name:17} {psnr(images, y):5.1f} dB")
    print(f"R^2 of ConvNetRegressor: {reg.score(X, y):.3f}")
    draw(results, y)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Remove noise.")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    main(arguments.samples, arguments.epochs)
    plt.show()
