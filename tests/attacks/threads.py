"""Fit, predict and save one estimator in sixteen threads at once.

    python -m tests.attacks threads --n 2000

Every thread draws what it calls next. The fits differ in their parameters and data, and are
made beforehand in one thread: all that is predicted, saved, copied or left at the end must
equal one of them, to the bit.
"""

import collections
import pickle
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, MaxPool2D

N_THREADS = 16
LAYERS = [Conv2D(4), BatchNorm(activation="relu"), MaxPool2D(2), Dropout(0.2), Dense(8)]


class Kind:
    """An estimator that threads share, and the fits that it may have."""

    def __init__(self, estimator, fits):
        self.estimator = clone(estimator)
        self.fits = fits  # (X, y) of each
        self.digests = {}
        for k, (X, y) in enumerate(fits):
            model = clone(estimator).fit(X, y)
            self.digests[digest(model.predict(probe(X)))] = k
            self.digests[digest(model.transform(probe(X)))] = k


def probe(X):
    return X[:20]


def digest(outputs):
    return outputs.shape, outputs.dtype.str, outputs.tobytes()


def kinds(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.random((90, 8, 8), np.float32), np.arange(90) % 3
    common = {"max_iter": 2, "random_state": seed, "batch_size": 30}
    shifted = [(X, np.roll(y, k)) for k in range(3)]
    names = [(X, np.array([f"{k}{label}" for label in y])) for k in range(3)]
    return [
        Kind(ConvNetClassifier(LAYERS, **common), shifted),
        Kind(ConvNetClassifier(filters=(4,), early_stopping=True, **common), names),
        Kind(
            ConvNetRegressor(filters=(4,), dtype="float64", **common),
            [(X, label * 1.5) for _, label in shifted],
        ),
        # Others have other targets, which are of another shape.
        Kind(
            ConvNetRegressor(filters=(4,), **common),
            [(X, y * 1.5), (X, np.c_[y, -y] * 2.5), (X, np.c_[y, y, y] - 1)],
        ),
    ]


def fit(kind, rng, path):
    X, y = kind.fits[rng.integers(len(kind.fits))]
    kind.estimator.fit(X, y)


def predict(kind, rng, path):
    X = probe(kind.fits[0][0])
    check(kind, kind.estimator.predict(X), "predict")


def transform(kind, rng, path):
    check(kind, kind.estimator.transform(probe(kind.fits[0][0])), "transform")


def save(kind, rng, path):
    """Save to a path of the thread, or to one that all threads share."""
    if rng.random() < 0.5:
        path = path.with_name(f"shared{id(kind)}.safetensors")
    skconv.save_model(kind.estimator, path)
    check(kind, skconv.load_model(path).predict(probe(kind.fits[0][0])), "save")


def copy(kind, rng, path):
    twin = pickle.loads(pickle.dumps(kind.estimator))
    check(kind, twin.predict(probe(kind.fits[0][0])), "pickle")


def describe(kind, rng, path):
    """What reads more than one attribute must find those of one fit."""
    model = kind.estimator
    repr(model)
    if hasattr(model, "network_"):
        model.summary()
    names = model.get_feature_names_out()
    assert len(names) == len(set(names)) > 0
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def again(kind, rng, path):
    """Fit a copy, which shares layers and parameters with the estimator."""
    k = rng.integers(len(kind.fits))
    X, y = kind.fits[k]
    model = clone(kind.estimator).fit(X, y)
    found = kind.digests.get(digest(model.predict(probe(X))))
    assert found is not None, "the fit of a clone has other bits"


ACTIONS = [
    fit,
    fit,
    fit,
    predict,
    predict,
    predict,
    transform,
    save,
    copy,
    describe,
    again,
]


def check(kind, outputs, what):
    assert digest(outputs) in kind.digests, f"{what}: of no fit that was made"


def attack(n, seed, folder):
    """Let threads call `n` actions; return how many of each there were."""
    shared, outcomes, problems = kinds(seed), collections.Counter(), []
    left, lock = [n], threading.Lock()
    begin = threading.Barrier(N_THREADS)

    def take():
        with lock:
            left[0] -= 1
            return left[0] >= 0 and not problems

    def work(number):
        rng = np.random.default_rng((seed, number))
        begin.wait()
        while take():
            kind = shared[rng.integers(len(shared))]
            action = ACTIONS[rng.integers(len(ACTIONS))]
            try:
                action(kind, rng, folder / f"{number}.safetensors")
                outcome = action.__name__
            except NotFittedError:
                outcome = f"{action.__name__}, not fitted yet"
            except BaseException as error:
                problems.append((action.__name__, error))
                raise
            with lock:
                outcomes[outcome] += 1

    threads = [threading.Thread(target=work, args=(k,)) for k in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    for kind in shared:
        if hasattr(kind.estimator, "network_"):
            predict(kind, None, None)
            transform(kind, None, None)
    assert not list(folder.glob(".*.tmp"))
    return outcomes


def main(n, seed):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = attack(n, seed, Path(folder))
    print(
        f"finished, {n} calls in {N_THREADS} threads in "
        f"{time.monotonic() - start:.0f} s: {dict(sorted(outcomes.items()))}"
    )
