"""A classifier and a regressor that are fitted, and validated, in a moment."""

from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor


def small(**params):
    defaults = {
        "filters": (8,), "hidden_layer_sizes": (16,), "max_iter": 8,
        "learning_rate_init": 0.005, "batch_size": 32, "random_state": SEED,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})


def regressor(**params):
    return ConvNetRegressor(filters=(4,), max_iter=4, random_state=SEED, **params)
