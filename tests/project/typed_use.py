"""Code of a user for `mypy --strict`, which must also find the wrong calls.

`warn_unused_ignores` is part of strict: a wrong call that is not found is an error.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from seeds import SEED

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, Network, ops
from skconv.augmentation import RandomFlip, RandomShift
from skconv.layers import Conv2D, Dense, Dropout, Layer, MaxPool2D

Array = NDArray[Any]


class LayerScale(Layer):
    """A custom layer: its methods have the types of `Layer`."""

    def __init__(self, start: float = 1.0) -> None:
        self.start = start

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: Any
    ) -> tuple[dict[str, Array], tuple[int, ...]]:
        return {"scale": np.full(input_shape[-1], self.start, dtype)}, input_shape

    def predict(self, weights: dict[str, Array], x: Array) -> Array:
        return x * weights["scale"]

    def backward(
        self, weights: dict[str, Array], cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, dict[str, Array]]:
        grads = {"scale": (dy * cache).sum(axis=(0, 1, 2))}
        return dy * weights["scale"] if need_dx else None, grads


def halve(step: int) -> float:
    return 0.01 * 0.5**step


def fit(X: Array, y: list[str]) -> float:
    layers: list[tuple[str, Layer]] = [
        ("conv1", Conv2D(8, (3, 5), stride=2, padding="same", activation="relu")),
        ("scale", LayerScale()),
        ("pool1", MaxPool2D()),
        ("drop", Dropout(0.2)),
        ("dense", Dense(16, "relu")),
    ]
    clf = ConvNetClassifier(
        layers,
        input_shape=(8, 8),
        learning_rate=halve,
        class_weight="balanced",
        augment=[RandomFlip(), ("shift", RandomShift(1))],
        early_stopping=True,
        random_state=SEED,
    )
    clf.fit(X, y, X_val=X, y_val=y).set_params(conv1__filters=4)
    probabilities: NDArray[np.floating[Any]] = clf.predict_proba(X)
    curve: list[float] = clf.loss_curve_
    network: Network = clf.network_
    kernel = network.weights["conv1"]["kernel"]
    reg = ConvNetRegressor(filters=(8,), loss="huber", alpha=0)
    errors = reg.fit(X, probabilities[:, 0]).predict(X) - probabilities[:, 0]
    dx, _, _ = ops.conv2d_backward(X, X, X, kernel, padding=((0, 1), (1, 0)))
    assert dx is not None and dx.shape == X.shape
    return clf.score(X, y) + min(curve) + float(errors.mean())


def make_mistakes() -> None:
    Conv2D("8")  # type: ignore[arg-type]
    Conv2D(8, padding="full")  # type: ignore[arg-type]
    ConvNetClassifier(filter=(8,))  # type: ignore[call-arg]
    ConvNetClassifier(solver="lbfgs")  # type: ignore[arg-type]
    ConvNetRegressor(class_weight="balanced")  # type: ignore[call-arg]
    ops.conv2d(np.ones(3), np.ones(3), strides=2)  # type: ignore[call-arg]
    skconv.layers.Conv3D  # type: ignore[attr-defined]  # noqa: B018
