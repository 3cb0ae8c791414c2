"""A classifier that is fitted in a moment."""

from seeds import SEED

from skconv import ConvNetClassifier


def small(**params):
    defaults = {
        "filters": (8,), "hidden_layer_sizes": (16,), "max_iter": 4,
        "learning_rate_init": 0.003, "batch_size": 32, "random_state": SEED,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})
