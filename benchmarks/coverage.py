"""How often fresh data lie between predicted quantiles 0.05 and 0.95: 90 % is right.

In three problems y cannot be known: "blobs" are images of a spot whose size is y with
noise that grows with its brightness; "halves" asks for the ink in the right half of a
digit, of its left half; "volatility" asks for the next value of a signal, whose noise
has calm and wild times. All figures are of samples held out from the training data.
"""

import warnings
from functools import lru_cache

import numpy as np
from scipy.stats import norm, sem
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split

from skconv import ConvNetRegressor, layers

from .processes import print_table

LEVELS = 0.05, 0.95
_SIGNAL_LAYERS = [
    layers.Normalization(),
    layers.Conv1D(16, 7, activation="relu"),
    layers.MaxPool1D(2),
    layers.Conv1D(16, 7, activation="relu"),
    layers.MaxPool1D(2),
    layers.Flatten(),
    layers.Dense(32, "relu"),
]


def _blobs(seed, n=8000):
    """Return images (n, 12, 12) of a spot, and its size with noise."""
    rng = np.random.default_rng(seed)
    size, light = rng.uniform(1, 3, n), rng.uniform(0.3, 1, n)
    rows, columns = rng.uniform(3, 9, (2, n, 1, 1))
    i, j = np.mgrid[:12, :12]
    distance = (i - rows) ** 2 + (j - columns) ** 2
    X = light[:, None, None] * np.exp(-distance / (2 * size**2)[:, None, None])
    X += 0.05 * rng.standard_normal(X.shape)
    y = 10 * size + 6 * light * rng.standard_normal(n)
    return X.astype(np.float32), y


def _halves(seed):
    """Return left halves of digits, (n, 8, 4), and the ink of the right halves."""
    images = load_digits().images / 16
    return images[:, :, :4].astype(np.float32), images[:, :, 4:].sum(axis=(1, 2))


def _volatility(seed, n=8000, length=64):
    """Return signals (n, length, 1), and the value that follows each."""
    rng = np.random.default_rng(seed)
    X, log_std = np.zeros((n, length + 1)), rng.standard_normal(n)
    for t in range(1, length + 1):
        log_std = 0.95 * log_std + 0.3 * rng.standard_normal(n)
        X[:, t] = 0.8 * X[:, t - 1] + np.exp(log_std) * rng.standard_normal(n)
    return X[:, :-1, None].astype(np.float32), X[:, -1]


DATA = {"blobs": _blobs, "halves": _halves, "volatility": _volatility}


@lru_cache
def _parts(name, seed):
    X, y = DATA[name](seed)
    return train_test_split(X, y, test_size=0.4, random_state=seed)


class Boosting(BaseEstimator):
    """Two of scikit-learn's boosted quantiles, of flat rows."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, X, y):
        """Fit one for each quantile."""
        self.models_ = [
            HistGradientBoostingRegressor(
                loss="quantile", quantile=level, random_state=self.seed
            ).fit(X.reshape(len(X), -1), y)
            for level in LEVELS
        ]
        return self

    def predict(self, X):
        """Return the quantiles, (n, 2)."""
        return np.stack(
            [each.predict(X.reshape(len(X), -1)) for each in self.models_], axis=1
        )


def _net(**params):
    def make(name, seed):
        network = {"filters": (8, 16), "hidden_layer_sizes": (32,)}
        if name == "volatility":
            network = {"layers": _SIGNAL_LAYERS}
        return ConvNetRegressor(**network, **params, random_state=seed)

    return make


_QUANTILES = {"loss": "quantile", "quantile": LEVELS}
# Name -> ``(problem, seed) -> estimator``.
ROWS = {
    'loss="quantile"': _net(**_QUANTILES),
    'loss="gaussian"': _net(loss="gaussian"),
    'loss="quantile", early_stopping=False': _net(
        **_QUANTILES, early_stopping=False, max_iter=60
    ),
    "HistGradientBoostingRegressor": lambda name, seed: Boosting(seed),
}


def run(seeds=3, data=None, rows=None):
    """Print a table for each problem."""
    warnings.simplefilter("ignore")  # of training that ends at max_iter
    columns = ["estimator", "coverage", "width", "pinball loss"]
    for name in data or DATA:
        X, *_ = _parts(name, 0)
        print(
            f"\n{name}, {len(X)} samples to train on, mean and standard error of "
            f"{seeds} seeds"
        )
        print_table(columns, _table(name, seeds, rows or ROWS))


def _table(name, seeds, rows):
    for row in rows:
        scores = np.array([_score(ROWS[row], name, s) for s in range(seeds)])
        means, errors = scores.mean(axis=0), sem(scores)
        yield [
            row,
            f"{100 * means[0]:.1f} ± {100 * errors[0]:.1f} %",
            *(f"{m:.3g}" for m in means[1:]),
        ]


def _score(make, name, seed):
    """Return coverage, mean width and pinball loss, in units of y's deviation."""
    X, X_test, y, y_test = _parts(name, seed)
    low, high = predict_interval(make(name, seed).fit(X, y), X_test)
    scale = y.std()
    losses = [
        mean_pinball_loss(y_test / scale, each / scale, alpha=level)
        for level, each in zip(LEVELS, (low, high), strict=True)
    ]
    covered = ((low <= y_test) & (y_test <= high)).mean()
    return covered, (high - low).mean() / scale, np.mean(losses)


def predict_interval(model, X):
    """Return the quantiles 0.05 and 0.95 that a fitted model predicts."""
    if getattr(model, "loss", None) == "gaussian":
        mean, std = model.predict(X, return_std=True)
        return [mean + norm.ppf(level) * std for level in LEVELS]
    return model.predict(X).T
