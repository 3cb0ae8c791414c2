"""Write files of the present format, which later versions must read for ever.

    python tests/io/write_files.py

Run it after `skconv._utils.documents.FORMAT_VERSION` has grown, and commit what it adds.
Files of older versions stay as their version wrote them.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

import skconv
from skconv._utils.documents import FORMAT_VERSION
from skconv.augmentation import RandomShift
from skconv.callbacks import Checkpoint
from skconv.layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    LayerNorm,
    Normalization,
    PReLU,
    Residual,
    Sequential,
)

FOLDER = Path(__file__).parent / "files"


def samples():
    """Return X (24, 36) that holds the same numbers on every machine."""
    return (np.arange(24 * 36) * 37 % 101 / 101).reshape(24, 36)


def models():
    """Yield (name, unfitted estimator, X, y)."""
    X, codes = samples(), np.arange(24) % 3
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(36)])
    layers = [
        Conv2D(2, 3, stride=2, activation="relu"),
        Residual([("norm", BatchNorm()), Dropout(0.1)]),
        Dense(3, "tanh"),
    ]
    params = {"layers": layers, "max_iter": 2, "random_state": 0, "batch_size": 8}
    yield (
        "classifier",
        skconv.ConvNetClassifier(
            **params, early_stopping=True, scoring="accuracy", augment=[RandomShift(1)],
            class_weight={"a": 2.0},
        ),
        frame,
        np.array(["a", "b", "ä"])[codes],
    )  # fmt: skip
    yield (
        "regressor",
        skconv.ConvNetRegressor(
            **params, loss="huber", dtype="float64", learning_rate="adaptive"
        ),
        X,
        np.stack([X[:, 0], X[:, 1] - X[:, 2]], axis=1),
    )
    yield (
        "multilabel",
        skconv.ConvNetClassifier(**{**params, "layers": [Dense(2, "relu")]}, tol=0),
        X,
        np.stack([codes > 0, codes == 1], axis=1).astype(int),
    )
    layers = [Normalization(), ("block", Sequential([Conv2D(2), Normalization()]))]
    yield (
        "scaled",
        skconv.ConvNetClassifier(**{**params, "layers": layers}),
        255 * X,
        codes,
    )
    images = X.reshape(-1, 6, 6)
    layers = [
        Conv2D(2, 3, padding="same"),
        LayerNorm(),
        Conv2DTranspose(2, 3, stride=2, padding="same"),
        AvgPool2D(2),
    ]
    yield (
        "segmenter",
        skconv.ConvNetSegmenter(**{**params, "layers": layers}, focal_gamma=1.0),
        images,
        np.where(images > 0.5, "in", "out"),
    )
    yield (
        "autoencoder",
        skconv.ConvNetAutoencoder(
            **{**params, "layers": None}, filters=2, n_components=3
        ),
        images,
        None,
    )
    yield (
        "intervals",
        skconv.ConvNetRegressor(
            **{**params, "layers": [DepthwiseConv2D(3), PReLU()]},
            loss="quantile", quantile=[0.1, 0.5, 0.9], solver="muon",
        ),
        images,
        X[:, 0],
    )  # fmt: skip


def predictions(model):
    """Return what a model predicts for `samples`, as a list of rows."""
    X = samples()
    if hasattr(model, "feature_names_in_"):
        X = pd.DataFrame(X, columns=model.feature_names_in_)
    names = ["predict_proba", "predict", "transform"]
    ask = next(getattr(model, name) for name in names if hasattr(model, name))
    return np.asarray(ask(X), np.float64).tolist()


class Stop:
    """End a fit with an error after its first epoch."""

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        raise InterruptedError


def write(folder):
    """Write a model and a checkpoint of each kind, and what they predict."""
    expected = {}
    for name, estimator, X, y in models():
        path = folder / f"checkpoint_{FORMAT_VERSION}_{name}.ckpt"
        try:
            estimator.set_callbacks(Checkpoint(path), Stop()).fit(X, y)
        except InterruptedError:
            Checkpoint(path).restore(estimator)
        expected[path.name] = predictions(estimator)
        path = folder / f"model_{FORMAT_VERSION}_{name}.safetensors"
        skconv.save_model(estimator.set_callbacks().fit(X, y), path)
        expected[path.name] = predictions(estimator)
    text = json.dumps(expected)
    (folder / f"predictions_{FORMAT_VERSION}.json").write_text(text)


if __name__ == "__main__":
    write(FOLDER)
