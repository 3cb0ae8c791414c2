"""
Digits: train, save, look inside
================================

Train the default network on scikit-learn's 1,797 digits of 8 x 8 pixels, which takes
seconds. Save and load the model. Draw its first filters, and the outputs of the first
layers for one image.
"""

import argparse
import time
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skconv import ConvNetClassifier

parser = argparse.ArgumentParser(description="Train on digits, save, look inside.")
parser.add_argument(
    "--output", type=Path, default=Path("."), help="folder for model and picture"
)
folder = parser.parse_args().output

# %%
# Train
# -----
# X has rows of 64 pixels, which are read as square images by default; ``input_shape``
# sets another shape.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)

start = time.perf_counter()
clf = ConvNetClassifier(random_state=0).fit(X_train, y_train)
seconds = time.perf_counter() - start
print(f"trained {clf.n_iter_} epochs on {len(X_train)} images in {seconds:.1f} s")
accuracy = clf.score(X_test, y_test)
print(f"accuracy on {len(X_test)} images it never saw: {accuracy:.4f}")

# %%
# Save and load
# -------------
# The file is as large as the weights.

path = folder / "digits.joblib"
joblib.dump(clf, path)
same = np.array_equal(joblib.load(path).predict(X_test), clf.predict(X_test))
print(f"saved to {path} ({path.stat().st_size / 1e3:.0f} kB), reloaded: ", end="")
print("the same predictions" if same else "OTHER PREDICTIONS")

# %%
# Look inside
# -----------
# A layer is a configuration, its weights are in the network: run the layers one by one
# and save the output of each.

network = clf.network_
x = X_test[:1].reshape(1, *network.input_shape).astype(network.dtype)
filters = network.weights["conv1"]["kernel"].transpose(2, 0, 1, 3)
stages = [(f"a {y_test[0]}, the input", x), ("conv1: its filters", filters)]
for name, layer in network.layers[:4]:
    x = layer.predict(network.weights[name], x)
    stages.append((f"{name}: output of {type(layer).__name__}", x))


def draw_maps(part, title, maps, columns=16):
    """Draw the channels of one image side by side."""
    rows = -(-maps.shape[3] // columns)
    part.suptitle(title, x=0.01, ha="left", fontsize=10)
    axes = part.subplots(rows, columns, squeeze=False).ravel()
    part.subplots_adjust(0.01, 0, 0.99, 1 - 0.55 / (rows + 0.7), 0.05, 0.08)
    limit = np.abs(maps).max()
    signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    positive = {"cmap": "viridis", "vmin": 0, "vmax": limit}
    for axis in axes:
        axis.set_axis_off()
    for axis, image in zip(axes, np.moveaxis(maps[0], -1, 0), strict=False):
        axis.imshow(image, **(signed if maps.min() < 0 else positive))


rows = [-(-maps.shape[3] // 16) for _, maps in stages]
figure = plt.figure(figsize=(5.2, 0.33 * sum(rows) + 0.3 * len(rows)))
parts = figure.subfigures(len(stages), height_ratios=[r + 0.7 for r in rows])
for (title, maps), part in zip(stages, parts, strict=True):
    draw_maps(part, title, maps)

path = folder / "digits.png"
figure.savefig(path, dpi=150)
print(f"filters and feature maps: {path}")
plt.show()
