"""A network with a layer of each kind, which may be frozen or have a rate of its own."""

import numpy as np
from seeds import SEED
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, Network
from skconv import layers as L

X, Y = load_digits(return_X_y=True)
X, Y = X[:150].reshape(-1, 8, 8) / 16, Y[:150]


def deep():
    """Return layers of which each kind may be frozen."""
    inside = [
        ("conv1", L.Conv2D(4, activation="gelu")),
        ("drop", L.Dropout(0.4)),
        ("norm", L.BatchNorm()),
    ]
    return [
        ("scale", L.Normalization(0.5)),
        ("conv", L.Conv2D(4, use_bias=False, kernel_l2=0.1)),
        ("norm", L.BatchNorm(activation="relu")),
        ("drop", L.Dropout(0.3)),
        ("block", L.Residual(inside, activation="relu")),
        ("conv3", L.Conv2D(6, activation="relu", kernel_l1=0.01)),
        ("pool", L.MaxPool2D(2)),
        ("separable", L.SeparableConv2D(6, activation="tanh")),
        ("depthwise", L.DepthwiseConv2D(activation="relu")),
        ("dense", L.Dense(8, "elu")),
    ]


def net(kind=ConvNetClassifier, **params):
    defaults = {"max_iter": 3, "random_state": SEED, "batch_size": 32, "tol": 0.0}
    return kind(deep(), **{**defaults, **params})


def drawn(clf):
    """Return a network with the initial weights of a fit."""
    seed = np.random.RandomState(clf.random_state).randint(2**31, size=4)
    rng = np.random.default_rng(seed)
    rng.integers(2**31)
    return Network.build(
        clf.network_.layers, clf.input_shape_, rng, clf.dtype, clf.network_.frozen
    )
