"""
Export a trained model: files without code, ONNX, arrays for torch
==================================================================

Each file is loaded again, and its predictions are compared with those of the model.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import skops.io
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

import skconv

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
clf = skconv.ConvNetClassifier(max_iter=5, random_state=0)
pipeline = make_pipeline(Normalizer(), clf).fit(X, y)
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %%
# The estimator
# -------------
# One file of arrays and plain values. Loading it runs no code.

path = folder / "model.safetensors"
skconv.save_model(clf, path)
loaded, images = skconv.load_model(path), pipeline[:-1].transform(X)
np.testing.assert_array_equal(loaded.predict_proba(images), clf.predict_proba(images))
print(f"{path.stat().st_size / 1e3:.0f} kB, no code, the same probabilities")

# %%
# The pipeline
# ------------
# skops loads only types on a list.

path = folder / "pipeline.skops"
skops.io.dump(pipeline, path)
loaded = skops.io.load(path, trusted=skconv.trusted_types())
np.testing.assert_array_equal(loaded.predict(X), pipeline.predict(X))

# %%
# The pipeline for other languages
# --------------------------------
# As ONNX, here run by onnxruntime. ``to_onnx`` has compared it with the pipeline on
# a few random inputs already.

path = folder / "pipeline.onnx"
path.write_bytes(skconv.to_onnx(pipeline).SerializeToString())
session = onnxruntime.InferenceSession(path)
label, theirs = session.run(["label", "probabilities"], {"X": X})
np.testing.assert_array_equal(label, pipeline.predict(X))
ours = pipeline.predict_proba(X)
error = np.abs(theirs - ours).max()
assert error < 1e-5, error
print("onnxruntime agrees within 1e-05")

# %%
# A network before the last step gives its features:

features = make_pipeline(Normalizer(), clf, RidgeClassifier()).fit(X, y)
session = onnxruntime.InferenceSession(skconv.to_onnx(features).SerializeToString())
(label,) = session.run(None, {"X": X})
np.testing.assert_array_equal(label, features.predict(X))
temporary.cleanup()

# %%
# All probabilities of all digits, from almost none to almost certain:

figure, ax = plt.subplots(figsize=(5.2, 4.8), layout="constrained")
ax.loglog(ours.ravel(), theirs.ravel(), ".", color="#2b5d8a", markersize=3)
ax.set(xlim=(1e-13, 3), ylim=(1e-13, 3), aspect="equal")
ax.set_title("Probabilities by onnxruntime", loc="left")
ax.set_xlabel("by skconv")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Arrays for torch
# ----------------
# With the names and shapes of a ``state_dict``.

for key, array in skconv.to_torch(clf).items():
    print(f"{key:>14} {array.shape}")
