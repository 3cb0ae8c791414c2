"""Saved models: whole, small, and the same in another process."""

import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from seeds import SEED

import skconv
from skconv import ConvNetClassifier
from skconv.layers import Dense, Dropout


def fitted(digits, **params):
    X, _, y, _ = digits
    return ConvNetClassifier(**{"max_iter": 2, "random_state": SEED, **params}).fit(
        X, y
    )


@pytest.mark.slow
def test_fresh_process_predicts_the_same_from_joblib(digits, tmp_path):
    clf = fitted(digits)
    joblib.dump(clf, tmp_path / "model.joblib")
    np.save(tmp_path / "X.npy", digits[1])
    code = (
        "import sys, joblib, json, numpy as np\n"
        "clf = joblib.load(sys.argv[1]); X = np.load(sys.argv[2])\n"
        "print(json.dumps(clf.predict_proba(X).tolist()))"
    )
    paths = [str(tmp_path / "model.joblib"), str(tmp_path / "X.npy")]
    out = subprocess.run(
        [sys.executable, "-c", code, *paths], check=True, capture_output=True, text=True
    ).stdout
    np.testing.assert_array_equal(
        np.float32(json.loads(out)), clf.predict_proba(digits[1])
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_joblib_file_is_hardly_larger_than_its_weights(
    early_stopping, digits, tmp_path
):
    clf = fitted(digits, early_stopping=early_stopping)
    joblib.dump(clf, tmp_path / "model.joblib")
    weights = clf.network_.parameters.nbytes
    assert (tmp_path / "model.joblib").stat().st_size < 1.1 * weights + 8000


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_unpickled_estimator_trains_further_to_the_same_bits(how, digits):
    X, _, y, _ = digits
    layers = [Dense(16, "relu"), Dropout(0.2)]
    clf = ConvNetClassifier(
        layers, max_iter=2, random_state=SEED, warm_start=how == "warm_start"
    )

    def train(clf):
        return (
            clf.fit(X, y)
            if how == "warm_start"
            else clf.partial_fit(X, y, np.arange(10))
        )

    loaded = pickle.loads(pickle.dumps(train(clf)))
    weights = clf.network_.parameters.nbytes
    assert 3 * weights < len(pickle.dumps(clf)) < 3.3 * weights + 8000, (
        "moments are kept"
    )
    train(clf)
    train(loaded)
    np.testing.assert_array_equal(clf.network_.parameters, loaded.network_.parameters)


def test_fit_drops_moments_of_earlier_partial_fits(digits):
    X, _, y, _ = digits
    clf = ConvNetClassifier(max_iter=1).partial_fit(X, y, np.arange(10)).fit(X, y)
    assert len(pickle.dumps(clf)) < 1.1 * clf.network_.parameters.nbytes + 8000


def test_memory_mapped_weights_predict_and_train_on(digits, tmp_path):
    X, X_test, y, _ = digits
    clf = ConvNetClassifier(max_iter=1, random_state=SEED).partial_fit(
        X, y, np.arange(10)
    )
    joblib.dump(clf, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped.network_.parameters, np.memmap)
    np.testing.assert_array_equal(
        mapped.predict_proba(X_test), clf.predict_proba(X_test)
    )
    clf.partial_fit(X, y)
    mapped.partial_fit(X, y)
    np.testing.assert_array_equal(
        mapped.predict_proba(X_test), clf.predict_proba(X_test)
    )


def test_pickle_of_another_version_warns(digits, monkeypatch):
    clf = fitted(digits)
    monkeypatch.setattr(skconv.estimators.base, "__version__", "0.0.1")
    data = pickle.dumps(clf)
    monkeypatch.undo()
    words = rf"saved by skconv 0.0.1 and is loaded by {skconv.__version__}"
    with pytest.warns(UserWarning, match=words):
        old = pickle.loads(data)
    np.testing.assert_array_equal(old.predict(digits[1]), clf.predict(digits[1]))
    assert "_skconv_version" not in vars(old)


def test_unfitted_estimator_is_pickled():
    clf = pickle.loads(pickle.dumps(ConvNetClassifier([Dense(3)], max_iter=7)))
    assert clf.max_iter == 7
    assert clf.layers[0].units == 3
