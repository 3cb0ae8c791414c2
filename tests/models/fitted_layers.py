"""A fit of an epoch, whose weights are then drawn."""

import numpy as np
from seeds import SEED

from skconv import ConvNetClassifier

N = 12


def fit(layers, shape, n_classes=3):
    """Fit for an epoch, so that layers have shapes, and draw all weights."""
    rng = np.random.default_rng(SEED)
    X, y = rng.random((N, *shape), np.float32), np.arange(N) % n_classes
    clf = ConvNetClassifier(layers, max_iter=1, random_state=SEED).fit(X, y)
    for name, array in clf.network_.arrays.items():
        positive = name.endswith(("variance", ".scale"))
        array += rng.uniform(0.5 if positive else -0.5, 0.5, array.shape)
    return clf, X
