"""Networks that end in images: segmentation of shapes, images without noise.

Segmentation is of generated shapes, of which 200 are held out. Denoising is of
Fashion-MNIST with normal noise, beside scikit-image, whose parameters are tuned on
training images; it is left out if it is not installed.
"""

import time
from itertools import product

import numpy as np

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetRegressor, ConvNetSegmenter
from skconv.datasets import make_shapes

from .processes import print_table

SIGMA = 0.3
SEGMENTER = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.01,
    "max_iter": 6,
    "random_state": 0,
}
REGRESSOR = {
    "filters": (16, 32),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.01,
    "max_iter": 6,
    "batch_size": 64,
    "random_state": 0,
}
# To tune scikit-image with: as many are enough, as each image counts 784 pixels.
_TUNING = 100


def run(n_train=30_000, n_test=1_000, test=False):
    """Print both tables; `test` is for figures that no decision follows from."""
    print("\nsegmentation of generated shapes, 64 x 64, 800 for training")
    print_table(["network", "mean IoU", "seconds", "processor seconds"], [segment()])
    kind = "test" if test else "validation"
    print(f"\ndenoising of {n_test} {kind} images of Fashion-MNIST, sigma {SIGMA}")
    rows = denoise(n_train, n_test, test)
    print_table(["method", "PSNR [dB]", "R^2", "seconds for training"], rows)


def segment(n_samples=1_000, n_test=200, **params):
    """Return a row: the score of images that were held out, and the time of `fit`."""
    X, y = make_shapes(n_samples, target="mask", random_state=0)
    seg = ConvNetSegmenter(**{**SEGMENTER, **params})
    start, used = time.perf_counter(), time.process_time()
    seg.fit(X[:-n_test], y[:-n_test])
    spent = time.perf_counter() - start, time.process_time() - used
    score = seg.score(X[-n_test:], y[-n_test:])
    return ["U-Net", f"{score:.4f}", *(f"{seconds:.1f}" for seconds in spent)]


def denoise(n_train, n_test, test=False):
    """Yield a row for each method."""
    X, X_test, *_ = load_fashion_mnist(None)
    X, X_test = (images.reshape(-1, 28, 28) for images in (X, X_test))
    rng = np.random.default_rng(0)
    X = X[rng.permutation(len(X))].astype(np.float32) / 255
    clean = X_test[:n_test].astype(np.float32) / 255 if test else X[-n_test:]
    train, tuning = X[:n_train], X[:_TUNING]
    noisy, noisy_train = (
        images + rng.normal(0, SIGMA, images.shape).astype(np.float32)
        for images in (clean, train)
    )
    yield _row("noisy images", noisy, clean)
    for name, method in scikit_image(noisy_train[:_TUNING], tuning):
        yield _row(name, np.stack([method(image) for image in noisy]), clean)
    start = time.perf_counter()
    reg = ConvNetRegressor(**REGRESSOR).fit(noisy_train, train)
    spent = time.perf_counter() - start
    yield _row("ConvNetRegressor, U-Net", reg.predict(noisy), clean, f"{spent:.0f}")


def scikit_image(noisy, clean):
    """Yield (name, method) of scikit-image's methods, as good as they can be."""
    try:
        from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
    except ImportError:
        return

    def tv(weight):
        return lambda image: denoise_tv_chambolle(image, weight=weight)

    def nl_means(h, patch, distance):
        return lambda image: denoise_nl_means(
            image, patch_size=patch, patch_distance=distance, h=h * SIGMA, sigma=SIGMA
        )

    weights = [(w,) for w in np.geomspace(0.1, 1, 11)]
    sizes = product(np.geomspace(0.3, 1.5, 7), (3, 5, 7), (5, 9, 14))
    for name, make, tried in (
        ("total variation", tv, weights),
        ("non-local means", nl_means, sizes),
    ):
        found = {
            each: psnr(np.stack([make(*each)(image) for image in noisy]), clean)
            for each in tried
        }
        best = max(found, key=found.get)
        words = ", ".join(f"{number:.3g}" for number in best)
        yield f"scikit-image, {name} ({words})", make(*best)


def psnr(images, clean):
    """Return the mean peak signal-to-noise ratio of images from 0 to 1, in dB."""
    errors = np.square(np.clip(images, 0, 1) - clean, dtype=np.float64)
    return float(np.mean(-10 * np.log10(errors.mean(axis=(1, 2)))))


def _row(name, images, clean, seconds=""):
    errors = np.square(images - clean, dtype=np.float64).mean()
    return [
        name,
        f"{psnr(images, clean):.2f}",
        f"{1 - errors / clean.var():.4f}",
        seconds,
    ]
