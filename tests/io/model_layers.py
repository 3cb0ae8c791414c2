"""Layers of the models that are saved."""

from skconv.layers import Activation, AvgPool2D, Conv2D, Dense, Dropout, Flatten

LAYERS = [
    Conv2D(4, (3, 1), padding=((1, 1), (0, 0)), activation="gelu"),
    ("half", AvgPool2D(2)),
    Activation("relu"),
    Flatten(),
    Dropout(0.2),
    Dense(8, "tanh"),
]
