"""Estimators for pages, and how a page is read."""

import json
import re
import warnings

import numpy as np
from seeds import SEED
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor, layers
from skconv._explain.budget import unpack
from skconv.layers import (
    Activation,
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    HandcraftedConv1D,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Normalization,
    PReLU,
    Rescaling,
    Reshape,
    Residual,
    SeparableConv2D,
    SpatialDropout2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)  # fmt: skip


class Halve(layers.Layer):
    """A custom layer."""

    def predict(self, weights, x):
        return x / 2

    def backward(self, weights, cache, dy, need_dx=True):
        return dy / 2, {}


# Name -> layers, and what is to be learnt.
NETWORKS = {
    "plain": ([Conv2D(4, activation="relu"), MaxPool2D(2), Dense(6, "tanh")], "digits"),
    "default": (None, "digits"),
    "strided": ([Conv2D(4, (3, 2), stride=2, dilation=2, padding=2, groups=1, activation="elu"), AvgPool2D(2, stride=1, padding="same")], "digits"),
    "normalised": ([Normalization(), Conv2D(4), BatchNorm(activation="gelu"), LayerNorm(axis=(1, 3)), PReLU((1, 2)), GlobalMaxPool2D()], "digits"),
    "depthwise": ([DepthwiseConv2D(3, depth_multiplier=2, activation="leaky_relu"), SeparableConv2D(4, activation="sigmoid"), Flatten(), PReLU(), LayerNorm(), Dense(5, "softmax")], "labels"),
    "residual": ([Conv2D(4), Residual([Conv2D(4, groups=2, activation="relu"), BatchNorm()], activation="relu"), Residual([("narrow", Conv2D(2, stride=2))], shortcut=Conv2D(2, 1, stride=2)), GlobalAvgPool2D()], "two classes"),
    "branches": ([Branches([Conv2D(2, 1), [Conv2D(2, 3), Activation("tanh")], MaxPool2D(3, stride=1, padding="same")]), SpatialDropout2D(0.1), Rescaling(2.0, 1.0)], "digits"),
    "custom": ([Conv2D(2), Halve(), Dense(4)], "digits"),
    "numbers": ([Conv2D(3, use_bias=False), SeparableConv2D(2, use_bias=False), Dense(4, "relu", use_bias=False)], "numbers"),
    "enlarged": ([Conv2D(4, (3, 2), stride=2, padding="same", activation="relu"), Conv2DTranspose(3, (3, 2), stride=(2, 3), dilation=(1, 2), activation="tanh"), UpSampling2D((2, 1)), UpSampling2D((3, 2), interpolation="bilinear"), Cropping2D(((1, 20), (3, 14))), ZeroPadding2D(((1, 0), (0, 2))), Reshape((4, -1, 3))], "digits"),
    "enlarged signals": ([Conv1D(4, 3, stride=3), Conv1DTranspose(2, 2, stride=3, padding="valid"), UpSampling1D(2), Cropping1D((3, 1)), ZeroPadding1D(2), Reshape((-1, 4))], "signals"),
    "signals": ([Conv1D(4, 5, padding="causal", activation="relu"), MaxPool1D(2), Branches([HandcraftedConv1D((2, 4)), Conv1D(2, 3)]), GlobalAvgPool1D()], "signals"),
}  # fmt: skip


def samples(kind):
    """Return X and y."""
    rng = np.random.default_rng(SEED)
    if kind == "signals":
        return rng.normal(size=(40, 24, 2)), np.arange(40) % 3
    X, codes = rng.random((40, 8, 8)), np.arange(40) % 4
    if kind == "numbers":
        return X, rng.normal(size=(40, 3)) * [1, 100, 1e4]
    if kind == "labels":
        return X, np.stack([codes > 1, codes % 2], axis=1).astype(int)
    return X, codes > 1 if kind == "two classes" else codes


def fitted(name, **params):
    """Return an estimator, X and y."""
    chosen, kind = NETWORKS[name]
    X, y = samples(kind)
    kind = ConvNetRegressor if kind == "numbers" else ConvNetClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(chosen, max_iter=2, random_state=SEED, **params).fit(X, y), X, y


def scaled():
    """Return a pipeline with a scaler, X and y."""
    X, y = samples("digits")
    clf = ConvNetClassifier([Conv2D(3), Dense(4)], max_iter=1, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            make_pipeline(StandardScaler(), clf).fit(X.reshape(40, -1), y),
            X.reshape(40, -1),
            y,
        )


def read(path):
    """Return the document of a page, and its arrays."""
    page = path.read_text(encoding="utf-8")
    pattern = '<script type="{}" id="{}">(.*?)</script>'
    text = re.search(pattern.format("application/json", "document"), page, re.S)[1]
    numbers = re.search(
        pattern.format("application/octet-stream", "numbers"), page, re.S
    )[1]
    document = json.loads(text)
    return document, unpack(document, numbers)
