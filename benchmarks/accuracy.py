"""Accuracy on data that training never saw, and the time a fit takes."""

import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetClassifier


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


def fashion(data=None, seeds=2, epochs=10):
    """Train the default network on all of Fashion-MNIST, mean of the seeds."""
    X_train, X_test, y_train, y_test = load_fashion_mnist(data)
    X_train, X_test = X_train / np.float32(255), X_test / np.float32(255)
    print(f"\nFashion-MNIST, {len(X_train)} / {len(X_test)}, {epochs} epochs")
    print("| estimator | seed | test accuracy | seconds |")
    print("|---|---|---|---|")
    scores = []
    for seed in range(seeds):
        start = time.perf_counter()
        clf = ConvNetClassifier(max_iter=epochs, random_state=seed).fit(
            X_train, y_train
        )
        seconds = time.perf_counter() - start
        scores.append(clf.score(X_test, y_test))
        print(f"| {clf} | {seed} | {scores[-1]:.4f} | {seconds:.0f} |", flush=True)
    print(f"mean test accuracy {np.mean(scores):.4f}")
