"""Accuracy on data that training never saw, and the time a fit takes."""

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


def digits(seeds=5):
    """Default networks on a stratified 25 % of the digits, mean of the seeds."""
    X, y = load_digits(return_X_y=True)
    print(f"\ndigits, stratified 25 % held out, mean of {seeds} seeds")
    print("| estimator | accuracy | of each seed | seconds a fit |")
    print("|---|---|---|---|")
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
        print(
            f"| {make.__name__}() | {np.mean(scores):.4f} | {each} | "
            f"{np.mean(seconds):.1f} (at most {max(seconds):.1f}) |",
            flush=True,
        )


# For Fashion-MNIST, whose classes do not change in a mirror.
_RECIPE = {
    "max_iter": 12,
    "learning_rate": "one_cycle",
    "learning_rate_init": 4e-3,
    "alpha": 1e-2,
    "label_smoothing": 0.1,
    "augment": [RandomFlip(), RandomShift(2)],
}
FASHION = {
    "default": {"max_iter": 10},
    "lenet5": {"layers": zoo.lenet5(), **_RECIPE},
    "keras_mnist": {"layers": zoo.keras_mnist(), **_RECIPE},
    "compact": {"layers": zoo.compact(), **_RECIPE},
    "resnet": {"layers": zoo.resnet(), **_RECIPE},
}


def fashion(data=None, seeds=2, networks=None):
    """Train networks on all of Fashion-MNIST, mean of the seeds."""
    X_train, X_test, y_train, y_test = load_fashion_mnist(data)
    X_train, X_test = X_train / np.float32(255), X_test / np.float32(255)
    print(f"\nFashion-MNIST, {len(X_train)} / {len(X_test)}")
    print("| network | epochs | accuracy, mean | of each seed | minutes a fit |")
    print("|---|---|---|---|---|")
    for name in networks or FASHION:
        scores, minutes = [], []
        for seed in range(seeds):
            start = time.perf_counter()
            clf = ConvNetClassifier(**FASHION[name], random_state=seed)
            clf.fit(X_train, y_train)
            minutes.append((time.perf_counter() - start) / 60)
            scores.append(clf.score(X_test, y_test))
        print(
            f"| {name} | {clf.n_iter_} | {np.mean(scores):.4f} | "
            f"{', '.join(f'{score:.4f}' for score in scores)} | "
            f"{', '.join(f'{each:.1f}' for each in minutes)} |",
            flush=True,
        )
