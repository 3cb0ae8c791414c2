"""Accuracy on held-out data, and the time of a fit."""

import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetClassifier, zoo
from skconv.augmentation import RandomFlip, RandomShift

from .processes import print_table


def digits(seeds=5):
    """Print the accuracy of default networks on digits, mean of the seeds."""
    print(f"\ndigits, stratified 25 % held out, mean of {seeds} seeds")
    columns = ["estimator", "accuracy", "of each seed", "seconds a fit"]
    print_table(columns, _digits_rows(seeds))


def _digits_rows(seeds):
    X, y = load_digits(return_X_y=True)
    warnings.simplefilter("ignore", ConvergenceWarning)  # MLPClassifier's, at max_iter
    for make in (ConvNetClassifier, MLPClassifier):
        scores, seconds = [], []
        for seed in range(seeds):
            X_train, X_test, y_train, y_test = train_test_split(
                X / 16, y, test_size=0.25, stratify=y, random_state=seed
            )
            start = time.perf_counter()
            clf = make(random_state=seed).fit(X_train, y_train)
            seconds.append(time.perf_counter() - start)
            scores.append(clf.score(X_test, y_test))
        each = ", ".join(f"{score:.4f}" for score in scores)
        duration = f"{np.mean(seconds):.1f} (at most {max(seconds):.1f})"
        yield [f"{make.__name__}()", f"{np.mean(scores):.4f}", each, duration]


# For Fashion-MNIST, whose classes are the same when mirrored.
_TRAINING = {
    "max_iter": 12,
    "learning_rate": "one_cycle",
    "learning_rate_init": 4e-3,
    "alpha": 1e-2,
    "label_smoothing": 0.1,
    "augment": [RandomFlip(), RandomShift(2)],
}
FASHION = {
    "default": {"max_iter": 10},
    "averaged": {"max_iter": 10, "ema_momentum": 0.997},
    "lenet5": {"layers": zoo.lenet5(), **_TRAINING},
    "keras_mnist": {"layers": zoo.keras_mnist(), **_TRAINING},
    "compact": {"layers": zoo.compact(), **_TRAINING},
    "resnet": {"layers": zoo.resnet(), **_TRAINING},
}


def fashion(data=None, seeds=2, networks=None):
    """Print the accuracy of networks on all of Fashion-MNIST, mean of the seeds."""
    X_train, X_test, y_train, y_test = load_fashion_mnist(data)
    parts = X_train / np.float32(255), X_test / np.float32(255), y_train, y_test
    print(f"\nFashion-MNIST, {len(X_train)} / {len(X_test)}")
    columns = ["network", "epochs", "accuracy, mean", "of each seed", "minutes a fit"]
    print_table(columns, _fashion_rows(parts, seeds, networks or FASHION))


def _fashion_rows(parts, seeds, networks):
    X_train, X_test, y_train, y_test = parts
    for name in networks:
        scores, minutes = [], []
        for seed in range(seeds):
            start = time.perf_counter()
            clf = ConvNetClassifier(**FASHION[name], random_state=seed)
            clf.fit(X_train, y_train)
            minutes.append((time.perf_counter() - start) / 60)
            scores.append(clf.score(X_test, y_test))
        yield [
            *(name, str(clf.n_iter_), f"{np.mean(scores):.4f}"),
            ", ".join(f"{score:.4f}" for score in scores),
            ", ".join(f"{each:.1f}" for each in minutes),
        ]
