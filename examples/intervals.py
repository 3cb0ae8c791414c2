"""
Intervals: how sure a prediction is
===================================

Where y cannot be known exactly, one number says too little. A network with
``loss="quantile"`` predicts quantiles of y, one with ``loss="gaussian"`` a mean and a
standard deviation. On images that no network has seen, the example counts how often y
is below each predicted quantile, which should be as often as the quantile says. Of a
classifier it compares probabilities with the share that is right, before and after
calibration with scikit-learn.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skconv import ConvNetClassifier, ConvNetRegressor

LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
QUANTILES, GAUSSIAN, TRUTH = "#0072b2", "#d55e00", "#7f8c99"


def draw_spots(n, rng):
    """Return images of a spot, and its size, with noise that grows with its light."""
    size, light = rng.uniform(1, 3, n), rng.uniform(0.2, 1, n)
    row, column = rng.uniform(3, 9, (2, n, 1, 1))
    i, j = np.mgrid[:12, :12]
    distance = (i - row) ** 2 + (j - column) ** 2
    X = light[:, None, None] * np.exp(-distance / (2 * size**2)[:, None, None])
    X += 0.05 * rng.standard_normal(X.shape)
    return X.astype(np.float32), 10 * size + 8 * light * rng.standard_normal(n)


def fit_regressors(X, y):
    """Return the networks. They stop early, by a tenth of the data, by default."""
    options = {"filters": (8,), "hidden_layer_sizes": (32,), "random_state": 0}
    return (
        ConvNetRegressor(loss="quantile", quantile=LEVELS, **options).fit(X, y),
        ConvNetRegressor(loss="gaussian", **options).fit(X, y),
    )


def fit_classifiers(X, y):
    """Return a classifier that knows its data by heart, and the same, calibrated."""
    X, X_held_out, y, y_held_out = train_test_split(X, y, test_size=0.3, random_state=0)
    clf = ConvNetClassifier(filters=(8,), max_iter=25, random_state=0).fit(X, y)
    calibrated = CalibratedClassifierCV(FrozenEstimator(clf))
    return clf, calibrated.fit(X_held_out, y_held_out)


def draw_intervals(ax, quantiles, X, y):
    """Draw y of some images, in the order of the median, and what was predicted."""
    some = np.arange(60)
    order = some[np.argsort(quantiles[some, 2])]
    low, _, middle, _, high = quantiles[order].T
    ax.fill_between(some, low, high, color=QUANTILES, alpha=0.25, label="0.05 to 0.95")
    ax.plot(some, middle, color=QUANTILES, label="median")
    ax.plot(some, y[order], "o", ms=3, color="#1c2733", label="y")
    ax.set(title="Quantiles of 60 images", xlabel="image, by its median", ylabel="y")
    ax.legend(frameon=False)


def draw_reliability(ax, curves):
    """Draw how often y is below each quantile; the diagonal is right."""
    ax.plot([0, 1], [0, 1], ":", color=TRUTH)
    for name, (shares, color) in curves.items():
        ax.plot(LEVELS, shares, "o-", color=color, label=name)
    ax.set(
        title="Regressors",
        xlabel="quantile",
        ylabel="share of fresh images below",
        aspect="equal",
    )
    ax.legend(frameon=False)


def main():
    parser = argparse.ArgumentParser(
        description="Predict intervals; draw whether right."
    )
    parser.add_argument("--output", help="file for the picture; by default a window")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    X, y = draw_spots(2000, rng)
    X_fresh, y_fresh = draw_spots(2000, rng)
    by_quantiles, gaussian = fit_regressors(X, y)

    quantiles = by_quantiles.predict(X_fresh)
    mean, std = gaussian.predict(X_fresh, return_std=True)
    normal = mean[:, None] + norm.ppf(LEVELS) * std[:, None]
    curves = {
        'loss="quantile"': ((y_fresh[:, None] < quantiles).mean(axis=0), QUANTILES),
        'loss="gaussian"': ((y_fresh[:, None] < normal).mean(axis=0), GAUSSIAN),
    }
    for name, (shares, _) in curves.items():
        print(f"{name}: {shares[-1] - shares[0]:.1%} between 0.05 and 0.95")

    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    draw_intervals(axes[0], quantiles, X_fresh, y_fresh)
    draw_reliability(axes[1], curves)
    raw, calibrated = fit_classifiers(X, y > 20)
    for name, model, color in [
        ("as fitted", raw, TRUTH),
        ("calibrated", calibrated, QUANTILES),
    ]:
        CalibrationDisplay.from_estimator(
            *(model, X_fresh, y_fresh > 20),
            n_bins=8, strategy="quantile", name=name, ax=axes[2], color=color,
        )  # fmt: skip
    axes[2].set(title="Classifiers", aspect="equal")
    axes[2].set(xlabel="probability of y > 20", ylabel="share of fresh images with it")
    axes[2].legend(frameon=False)
    if arguments.output:
        figure.savefig(arguments.output, dpi=150)
    else:
        plt.show()


if __name__ == "__main__":
    main()
