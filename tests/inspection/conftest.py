"""What the tests of displays share."""

import matplotlib
import pytest
from matplotlib import pyplot as plt
from seeds import SEED
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier
from skconv.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
)

matplotlib.use("agg")

LAYERS = [
    ("conv1", Conv2D(6, activation="relu")),
    ("pool1", MaxPool2D(2)),
    ("drop", Dropout(0.2)),
    ("flat", Flatten()),
    ("dense1", Dense(12, "tanh")),
]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def fitted(digits):
    clf = ConvNetClassifier(
        LAYERS, max_iter=6, batch_size=32, early_stopping=True, n_iter_no_change=10,
        learning_rate="cosine", random_state=SEED,
    )  # fmt: skip
    return clf.fit(digits[0], digits[2])


@pytest.fixture(scope="session")
def scaled(digits):
    clf = ConvNetClassifier(LAYERS, max_iter=4, random_state=SEED)
    return make_pipeline(StandardScaler(), clf).fit(digits[0], digits[2])
