"""
Hand a trained model on: files without code, ONNX, arrays for torch
===================================================================

Each way is read back, and its predictions are compared with the model's own.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import skops.io
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skconv


def main():
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    clf = skconv.ConvNetClassifier(max_iter=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        # The estimator by itself, in one file of arrays and plain values.
        path = Path(folder) / "model.safetensors"
        skconv.save_model(clf, path)
        loaded, scaled = skconv.load_model(path), pipeline[:-1].transform(X)
        np.testing.assert_array_equal(
            loaded.predict_proba(scaled), clf.predict_proba(scaled)
        )
        print(f"{path.stat().st_size / 1e3:.0f} kB, no code, the same probabilities")

        # The pipeline: skops loads what is on a list of types.
        path = Path(folder) / "pipeline.skops"
        skops.io.dump(pipeline, path)
        loaded = skops.io.load(path, trusted=skconv.trusted_types())
        np.testing.assert_array_equal(loaded.predict(X), pipeline.predict(X))

        # The pipeline for other languages, computed by onnxruntime.
        path = Path(folder) / "pipeline.onnx"
        path.write_bytes(skconv.to_onnx(pipeline).SerializeToString())
        session = onnxruntime.InferenceSession(path)
        label, probabilities = session.run(["label", "probabilities"], {"X": X})
        np.testing.assert_array_equal(label, pipeline.predict(X))
        error = np.abs(probabilities - pipeline.predict_proba(X)).max()
        assert error < 1e-5, error
        print("onnxruntime agrees within 1e-05")

    for key, array in skconv.to_torch(clf).items():
        print(f"{key:>14} {array.shape}")


if __name__ == "__main__":
    main()
