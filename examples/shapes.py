"""
Where is it: a regression of two targets, on generated shapes
=============================================================

``make_shapes`` needs no download. Here y is the row and the column of a shape in an
image; a network finds both, in pixels. Each epoch is logged to a file.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from skconv import ConvNetRegressor
from skconv.callbacks import JSONLogger
from skconv.datasets import make_shapes

parser = argparse.ArgumentParser(description="Find shapes in images.")
parser.add_argument("--output", type=Path, help="folder for the picture")
folder = parser.parse_args().output

# %%
# Circles, squares and triangles of any size, angle and colour, and their centres:

X, y = make_shapes(1500, image_size=32, target="position", random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print(X.shape, y.shape, "first centre:", y[0].round(1))

# %%
# The default network, and a linear model of all pixels to compare with:

net = ConvNetRegressor(batch_size=32, max_iter=15, random_state=0)
history = (folder or Path()) / "history.jsonl"
net.set_callbacks(JSONLogger(history)).fit(X_train, y_train)
linear = Ridge(100).fit(X_train.reshape(len(X_train), -1), y_train)


def error(predicted):
    """Return the mean distance from the centre, in pixels."""
    return np.hypot(*(predicted - y_test).T).mean()


print(f"mean of all centres: {error(y_train.mean(axis=0)):.2f} pixels off")
print(f"linear model: {error(linear.predict(X_test.reshape(len(X_test), -1))):.2f}")
print(f"network: {error(net.predict(X_test)):.2f}")

# %%
# The file has a line of JSON for each epoch:

lines = [json.loads(line) for line in history.read_text().splitlines()][-net.n_iter_ :]
print("losses:", *(f"{line['loss']:.3f}" for line in lines))

# %%
# Crosses are the predictions, circles the centres.

figure, axes = plt.subplots(2, 5, figsize=(8, 3.4), layout="constrained")
for ax, image, found, true in zip(
    axes.flat, X_test, net.predict(X_test[:10]), y_test, strict=False
):
    ax.imshow(image)
    ax.plot(*true[::-1], "o", color="white", fillstyle="none", markersize=9)
    ax.plot(*found[::-1], "x", color="white")
    ax.set_axis_off()
if folder:
    figure.savefig(folder / "shapes.png", dpi=130)
else:
    plt.show()
