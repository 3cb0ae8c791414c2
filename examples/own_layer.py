"""
A custom layer
==============

LayerScale (Touvron et al., "Going deeper with image transformers", 2021) multiplies
each channel by a learnt weight. Here it is written with ``build``, ``predict`` and
``backward``, tested with the adjoint identity, used in an estimator, and searched over
like any other layer.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, Layer, MaxPool2D


class LayerScale(Layer):
    """y = x * scale, one weight for each channel."""

    def __init__(self, start=1.0):
        self.start = start

    def build(self, input_shape, rng, dtype):
        if self.start == 0:
            raise ValueError(
                "start must not be 0, or no gradient reaches the layers before"
            )
        return {"scale": np.full(input_shape[-1], self.start, dtype)}, input_shape

    def predict(self, weights, x):
        return x * weights["scale"]

    # forward is inherited: it calls predict, and returns x as the cache for backward.

    def backward(self, weights, x, dy, need_dx=True):
        pixels = tuple(range(x.ndim - 1))  # all axes but the channels
        dx = dy * weights["scale"] if need_dx else None
        return dx, {"scale": (dy * x).sum(axis=pixels)}


# %%
# Test it
# -------
# For any layer ``<dy, J u>`` must equal ``<J^T dy, u>``: the first comes from
# differences of ``predict``, the second from ``backward``. One number tests every
# gradient at once.


def check_backward(layer, shape):
    rng = np.random.default_rng(0)
    weights, _ = layer.build(shape, rng, np.dtype("float64"))
    x, u = rng.standard_normal((2, 3, *shape))
    y, cache = layer.forward(weights, x, rng)
    dy = rng.standard_normal(y.shape)
    dx, _ = layer.backward(weights, cache, dy)
    step = 1e-6
    plus = layer.predict(weights, x + step * u)
    ju = (plus - layer.predict(weights, x - step * u)) / (2 * step)
    print(f"<dy, J u> = {np.vdot(dy, ju):.9f}, <J^T dy, u> = {np.vdot(dx, u):.9f}")
    np.testing.assert_allclose(np.vdot(dy, ju), np.vdot(dx, u), rtol=1e-6)


check_backward(LayerScale(0.5), (4, 4, 3))

# %%
# Use it
# ------

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
clf = ConvNetClassifier(
    [
        ("conv", Conv2D(16, 3, activation="relu")),
        ("scale", LayerScale()),
        ("pool", MaxPool2D(2)),
        ("dense", Dense(32, "relu")),
    ],
    max_iter=10,
    batch_size=32,
    learning_rate_init=0.003,
    random_state=0,
)
search = GridSearchCV(clf, {"scale__start": [0.01, 1.0]}, cv=2, n_jobs=2)
search.fit(X_train, y_train)
print("best start:", search.best_params_["scale__start"])
print(f"accuracy on images it never saw: {search.score(X_test, y_test):.4f}")

# %%
# What the layer has learnt: all channels start with the same weight, and some get a
# larger one than others. Below each is its filter.

weights = search.best_estimator_.network_.weights
scale = weights["scale"]["scale"]
start = search.best_params_["scale__start"]
order = np.argsort(scale)[::-1]
kernels = weights["conv"]["kernel"][:, :, 0, order]
limit = np.abs(kernels).max()

figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
ax.bar(range(len(scale)), scale[order] - start, 0.7, start, color="#2b5d8a")
ax.axhline(start, color="#c46a00", linewidth=2)
ax.set_ylim(min(start, scale.min()) - 0.08)
ax.annotate(
    "start",
    (len(scale) - 0.5, start),
    (0, -5),
    textcoords="offset points",
    ha="right",
    va="top",
    color="#c46a00",
)
ax.set_xticks([])
ax.set_ylabel("learnt scale")
ax.set_title("How much of each channel is let through", loc="left")
ax.spines[["top", "right", "bottom"]].set_visible(False)
ax.margins(x=0.01)
for channel in range(len(scale)):
    below = ax.inset_axes(
        [channel - 0.4, -0.26, 0.8, 0.24], transform=ax.get_xaxis_transform()
    )
    below.imshow(kernels[..., channel], cmap="RdBu_r", vmin=-limit, vmax=limit)
    below.set_axis_off()
plt.show()
