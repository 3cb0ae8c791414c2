"""
Save, load, train further
=========================

Save a model with joblib, and compare the sizes of files. ``partial_fit`` (and
``warm_start=True``) save the solver's moments and the random stream, so that training
continues after loading with the same results, to the bit.
"""

import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.joblib"

clf = ConvNetClassifier(max_iter=5, random_state=0).fit(X, y)
joblib.dump(clf, path)
sizes = {
    "the weights themselves": clf.network_.parameters.nbytes,
    "the file, after fit": path.stat().st_size,
}

# %%
# A joblib file can run code when it is loaded: load only files that you trust.

loaded = joblib.load(path)
np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
print("the loaded model gives the same probabilities, to the bit")

# %%
# Train on half of the data, save, load, and train on the other half; then compare with
# the same training without a file.

stream = ConvNetClassifier(random_state=0)
stream.partial_fit(X[:900], y[:900], classes=range(10))
joblib.dump(stream, path)
sizes["the file, after partial_fit"] = path.stat().st_size

loaded = joblib.load(path).partial_fit(X[900:], y[900:])
stream.partial_fit(X[900:], y[900:])
np.testing.assert_array_equal(loaded.network_.parameters, stream.network_.parameters)
print("trained on after loading: the same weights, to the bit")
folder.cleanup()

# %%
# Adam has two moments for each weight; they are saved only if they are needed.

figure, ax = plt.subplots(figsize=(5.2, 2), layout="constrained")
kilobytes = [size / 1e3 for size in sizes.values()]
bars = ax.barh(list(sizes), kilobytes, color=["#8fb3d1", "#2b5d8a", "#c46a00"])
ax.bar_label(bars, [f"{size:,.0f} kB" for size in kilobytes], padding=4)
ax.invert_yaxis()
ax.margins(x=0.2)
ax.set_title("What is on disk", loc="left")
ax.set_xticks([])
ax.spines[:].set_visible(False)
ax.tick_params(left=False)
plt.show()
