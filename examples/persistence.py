"""Save a model, load it, and train it on: what is kept, and what it weighs."""

import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier


def main():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"

        clf = ConvNetClassifier(max_iter=5, random_state=0).fit(X, y)
        joblib.dump(clf, path)
        weights, on_disk = clf.network_.parameters.nbytes, path.stat().st_size
        print(f"{weights / 1e3:.0f} kB of weights, {on_disk / 1e3:.0f} kB on disk")

        # A joblib file can run code when it is loaded: load only files that you trust.
        loaded = joblib.load(path)
        np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
        print("the loaded model gives the same probabilities, to the bit")

        # partial_fit (and warm_start=True) keep Adam's moments and the random stream,
        # so that training goes on after loading as if nothing had happened.
        stream = ConvNetClassifier(random_state=0)
        stream.partial_fit(X[:900], y[:900], classes=range(10))
        joblib.dump(stream, path)
        print(f"with the moments: {path.stat().st_size / 1e3:.0f} kB on disk")
        loaded = joblib.load(path).partial_fit(X[900:], y[900:])
        stream.partial_fit(X[900:], y[900:])
        np.testing.assert_array_equal(
            loaded.network_.parameters, stream.network_.parameters
        )
        print("trained on after loading: the same weights, to the bit")


if __name__ == "__main__":
    main()
