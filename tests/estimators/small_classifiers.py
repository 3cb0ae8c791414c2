"""A classifier that learns in a moment."""

from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, MaxPool2D

LAYERS = [
    ("conv1", Conv2D(8, 3, activation="relu")),
    ("pool1", MaxPool2D(2)),
    Dense(16, "relu"),
]


def small(**params):
    """A classifier that trains in a moment."""
    defaults = {
        "filters": (16,), "hidden_layer_sizes": (32,), "max_iter": 15,
        "learning_rate_init": 0.003, "batch_size": 32, "random_state": SEED,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})
