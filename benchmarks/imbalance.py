"""What helps where one class is rare: weights, the focal loss, thresholds.

The rare class is digit 8, or the shirts of Fashion-MNIST, against all others. All
figures are of images held out from the training data, which have the ratio of the
training data by their weights. To try something, add a row to `ROWS`.
"""

import warnings
from functools import lru_cache

import numpy as np
from scipy.stats import sem
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
)
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetClassifier

from .processes import print_table


class Oversampled(ConvNetClassifier):
    """Trained on the rare class as often as on the other, by repetition."""

    def fit(self, X, y):
        repeats = np.where(y, round((y == 0).sum() / y.sum()), 1)
        return super().fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))


def net(kind=ConvNetClassifier, **params):
    def make(budget, seed):
        return kind(**budget, **params, random_state=seed)

    return make


def tuned(budget, seed):
    return TunedThresholdClassifierCV(
        net()(budget, seed), scoring="balanced_accuracy", cv=3, random_state=seed
    )


def boosting(**params):
    def make(budget, seed):
        return HistGradientBoostingClassifier(**params, random_state=seed)

    return make


def logistic(**params):
    def make(budget, seed):
        return make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, max_iter=300, **params)
        )

    return make


# Name -> ``(epochs and sizes, seed) -> estimator``.
ROWS = {
    "ConvNetClassifier": net(),
    'class_weight="balanced"': net(class_weight="balanced"),
    "repeated samples": net(Oversampled),
    "focal_gamma=1": net(focal_gamma=1.0),
    "focal_gamma=2": net(focal_gamma=2.0),
    'focal_gamma=2, class_weight="balanced"': net(
        focal_gamma=2.0, class_weight="balanced"
    ),
    "label_smoothing=0.1": net(label_smoothing=0.1),
    "TunedThresholdClassifierCV": tuned,
    "LogisticRegression": logistic(),
    'LogisticRegression, "balanced"': logistic(class_weight="balanced"),
    "HistGradientBoostingClassifier": boosting(),
    'HistGradientBoostingClassifier, "balanced"': boosting(class_weight="balanced"),
}


def _digits(seed):
    X, y = load_digits(return_X_y=True)
    X, _, y, _ = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    parts = train_test_split(
        X / 16, y == 8, test_size=1 / 3, stratify=y, random_state=seed
    )
    return parts, {"filters": (16, 32), "max_iter": 20}


@lru_cache  # or each row would unpack the files again
def _fashion(seed):
    X, _, y, _ = load_fashion_mnist(None)
    parts = train_test_split(
        X.reshape(len(X), -1) / np.float32(255), y == 6,
        train_size=8_000, test_size=8_000, stratify=y, random_state=seed,
    )  # fmt: skip
    return parts, {"filters": (16, 32), "max_iter": 5}


DATA = {"digits": _digits, "fashion": _fashion}


def run(seeds=3, ratios=(10, 50), data=None, rows=None):
    """Print a table for each data set and ratio."""
    warnings.simplefilter("ignore")  # LogisticRegression's, at max_iter
    columns = ["estimator", "average precision", "balanced accuracy", "log-loss"]
    for name in data or DATA:
        for ratio in ratios:
            print(f"\n{name}, 1 : {ratio}, mean and standard error of {seeds} seeds")
            print_table(columns, _table(DATA[name], ratio, seeds, rows or ROWS))


def _table(load, ratio, seeds, rows):
    for name in rows:
        scores = np.array(
            [_score(ROWS[name], *load(s), ratio, s) for s in range(seeds)]
        )
        means, errors = scores.mean(axis=0), sem(scores)
        yield [
            name,
            *(f"{m:.3f} ± {e:.3f}" for m, e in zip(means, errors, strict=True)),
        ]


def _score(make, parts, budget, ratio, seed):
    """Return the scores of one fit to data of a ratio, in the order of the table."""
    X, X_val, y, y_val = parts
    rare, others = np.flatnonzero(y), np.flatnonzero(~y)
    rng = np.random.default_rng(seed)
    rare = rng.choice(rare, min(len(rare), round(len(others) / ratio)), replace=False)
    rows = rng.permutation(np.concatenate([rare, others]))
    model = make(budget, seed).fit(X[rows], y[rows].astype(int))
    weight = np.where(y_val, (~y_val).sum() / ratio / y_val.sum(), 1.0)
    probability = model.predict_proba(X_val)[:, 1].astype(float)
    return (
        average_precision_score(y_val, probability, sample_weight=weight),
        balanced_accuracy_score(y_val, model.predict(X_val)),
        log_loss(y_val, probability, sample_weight=weight),
    )
