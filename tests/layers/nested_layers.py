"""Layers that contain layers, for the tests."""

from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import (
    Activation,
    Branches,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    Residual,
    Sequential,
)


def block(filters, **params):
    layers = [
        ("conv1", Conv2D(filters, activation="relu")),
        ("conv2", Conv2D(filters)),
    ]
    return Residual(layers, activation="relu", **params)


def nested():
    """Two levels, and lists in the places that take them."""
    mixed = Branches(
        [
            ("narrow", Conv2D(2, 1)),
            ("wide", [("squeeze", Conv2D(2, 1)), ("block", block(2))]),
        ]
    )
    return [
        ("block1", block(4, shortcut=[("conv", Conv2D(4, 1)), Activation("tanh")])),
        ("pool", MaxPool2D(2)),
        ("mixed", mixed),
        ("top", Sequential([Flatten(), Dense(16, "relu")])),
    ]


def net(**params):
    return ConvNetClassifier(
        nested(), max_iter=3, batch_size=32, learning_rate_init=0.01, random_state=SEED
    ).set_params(**params)
