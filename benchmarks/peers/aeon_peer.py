"""aeon's classifiers, and the signals that aeon and sktime ship.

``export FOLDER SET ...`` writes each set's arrays to a file. ``fit FOLDER MODEL SET
SEED EPOCHS BATCH`` prints a line of JSON: the accuracy on the test part, and the
processor's seconds of the fit, all threads added up.
"""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np


def export(folder, *names):
    for name in names:
        (X, y), (X_test, y_test) = (read(name, part) for part in ("TRAIN", "TEST"))
        length = max(signal.shape[-1] for signal in X)
        np.savez(
            Path(folder) / f"{name}.npz",
            X_train=same_length(X, length),
            y_train=y,
            X_test=same_length(X_test, length),
            y_test=y_test,
        )


def read(name, part):
    """Return a list of signals (1, length) and their classes, from either package."""
    from aeon.datasets import load_from_ts_file

    for package in "aeon", "sktime":
        folder = Path(importlib.import_module(f"{package}.datasets").__file__).parent
        path = folder / "data" / name / f"{name}_{part}.ts"
        if path.exists():
            return load_from_ts_file(path)
    raise SystemExit(f"neither aeon nor sktime ships {name}")


def same_length(signals, length):
    """Return an array (n, length): zeros follow short signals, long ones are cut."""
    X = np.zeros((len(signals), length), np.float32)
    for row, signal in zip(X, signals, strict=True):
        values = signal[0, :length]
        row[: len(values)] = values
    return X


def fit(folder, model, name, seed, epochs, batch):
    data = np.load(Path(folder) / f"{name}.npz")
    X, y = data["X_train"][:, None].astype(float), data["y_train"]
    clf = MODELS[model](int(seed), int(epochs), int(batch), folder)
    if model != "InceptionTime (aeon)":
        MODELS[model](0, 1, 1, folder).fit(
            X[:: len(X) // 20], y[:: len(X) // 20]
        )  # compiles
    start = time.process_time()
    clf.fit(X, y)
    seconds = time.process_time() - start
    start = time.process_time()
    score = clf.score(data["X_test"][:, None].astype(float), data["y_test"])
    if "NN" in model:  # which computes all distances in prediction
        seconds += time.process_time() - start
    print(json.dumps({"accuracy": float(score), "seconds": seconds}))


def mini_rocket(seed, epochs, batch, folder):
    from aeon.classification.convolution_based import MiniRocketClassifier

    return MiniRocketClassifier(random_state=seed, n_jobs=1)


def nearest_neighbour(seed, epochs, batch, folder):
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    return KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw", n_jobs=1)


def inception_time(seed, epochs, batch, folder):
    """Return one network, trained for as long as the others."""
    from aeon.classification.deep_learning import IndividualInceptionClassifier

    return IndividualInceptionClassifier(
        n_epochs=epochs, batch_size=batch, random_state=seed, file_path=f"{folder}/"
    )


MODELS = {
    "MiniRocket (aeon)": mini_rocket,
    "1-NN, DTW (aeon)": nearest_neighbour,
    "InceptionTime (aeon)": inception_time,
}


if __name__ == "__main__":
    {"export": export, "fit": fit}[sys.argv[1]](*sys.argv[2:])
