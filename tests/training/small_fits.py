"""A classifier that is fitted in a moment."""

import numpy as np

from skconv import ConvNetClassifier


def small(**params):
    defaults = {
        "filters": (8,), "hidden_layer_sizes": (16,), "max_iter": 4,
        "learning_rate_init": 0.003, "batch_size": 32, "random_state": 0,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})


def same_bits(a, b):
    return np.array_equal(a.network_.parameters, b.network_.parameters)
