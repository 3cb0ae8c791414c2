"""What another data set's network brings where there are few images.

A network learns eight classes of Fashion-MNIST, from 48,000 images. The two classes
that were left out are then learnt from a few images each, drawn several times, in
several ways. Scores are of the test images of these two classes, or of training images
that no draw has. To try something, add a row to `ROWS`.
"""

import warnings

import numpy as np
from scipy.stats import sem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.fashion_mnist import NAMES, load_fashion_mnist
from skconv import ConvNetClassifier
from skconv.layers import BatchNorm, Conv2D, GlobalAvgPool2D, MaxPool2D, Normalization

from .processes import print_table

PAIRS = ((2, 4), (0, 6), (7, 9))  # alike, alike, and shoes


def _layers():
    """Return layers whose features do not depend on where they are found."""
    layers = [("normalization", Normalization(0.5))]
    for i, filters in enumerate((32, 64, 64), start=1):
        layers.append((f"conv{i}", Conv2D(filters, use_bias=False)))
        layers.append((f"norm{i}", BatchNorm(activation="relu")))
        if i < 3:
            layers.append((f"pool{i}", MaxPool2D(2)))
    return [*layers, ("mean", GlobalAvgPool2D())]


ALL = [name for name, _ in _layers()]
FIRST = ALL[: ALL.index("conv3")]
FEW = {"max_iter": 60, "n_iter_no_change": 60, "learning_rate_init": 0.003}


def net(**params):
    def make(old, seed):
        given = params if "pretrained" not in params else {**params, "pretrained": old}
        return ConvNetClassifier(_layers(), **{**FEW, **given}, random_state=seed)

    return make


def scaled_head(old, seed):
    """Return a frozen network whose features are scaled before the new output layer."""
    layers = [*_layers(), ("scale", Normalization())]
    params = {**FEW, "pretrained": old, "frozen": ALL, "alpha": 0.1}
    return ConvNetClassifier(layers, **params, random_state=seed)


def default_net(**params):
    def make(old, seed):
        given = params if "pretrained" not in params else {**params, "pretrained": old}
        few = {"max_iter": 60, "n_iter_no_change": 60, "random_state": seed}
        return ConvNetClassifier(**few, **given)

    return make


def on_features(old, seed):
    return make_pipeline(_Features(old), StandardScaler(), LogisticRegression())


def on_pixels(old, seed):
    return make_pipeline(_Pixels(), StandardScaler(), LogisticRegression())


CONVS = ["normalization", "conv1", "conv2"]
# Network -> name -> ``(network of other classes, seed) -> estimator``.
ROWS = {
    "pooled": {
        "from scratch": net(),
        "pretrained": net(pretrained=True),
        "pretrained, first two convolutions frozen": net(pretrained=True, frozen=FIRST),
        "pretrained, all frozen but the output": net(pretrained=True, frozen=ALL),
        "pretrained, all frozen, Normalization before the output": scaled_head,
        "pretrained, convolutions at a tenth of the rate": net(
            pretrained=True, learning_rate_multipliers=dict.fromkeys(ALL, 0.1)
        ),
        "LogisticRegression on `transform`": on_features,
    },
    "default": {
        "from scratch": default_net(),
        "pretrained": default_net(pretrained=True),
        "pretrained, convolutions frozen": default_net(pretrained=True, frozen=CONVS),
        "pretrained, convolutions at a tenth of the rate": default_net(
            pretrained=True, learning_rate_multipliers=dict.fromkeys(CONVS, 0.1)
        ),
        "LogisticRegression on `transform`": on_features,
        "LogisticRegression on pixels": on_pixels,
    },
}
LAYERS = {"pooled": _layers, "default": lambda: None}


class _Pixels:
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.reshape(len(X), -1)

    def fit_transform(self, X, y=None):
        return self.transform(X)


class _Features(_Pixels):
    def __init__(self, network):
        self.network = network

    def transform(self, X):
        return self.network.transform(X)


def run(data=None, draws=8, count=10, on_test=True, pairs=PAIRS, rows=ROWS):
    """Print a table for each network."""
    warnings.simplefilter("ignore")  # of an output layer that has another shape
    X, X_test, y, y_test = load_fashion_mnist(data)
    found = {}
    for network, ways in rows.items():
        scores = {name: [] for name in ways}
        for pair in pairs:
            left_out = np.isin(y, pair)
            old = _learn_others(LAYERS[network](), X[~left_out], y[~left_out])
            test = X_test[np.isin(y_test, pair)], y_test[np.isin(y_test, pair)]
            few = X[left_out], y[left_out], test if on_test else None
            for name, make in ways.items():
                scores[name].append(
                    [_score(make, old, few, count, seed) for seed in range(draws)]
                )
        print(
            f"\nAccuracy with the {network} network, {count} images of each class, "
            f"mean and standard error of {draws} draws"
        )
        names = [" and ".join(NAMES[each] for each in pair) for pair in pairs]
        print_table(["estimator", *names, "all"], map(_cells, scores.items()))
        found[network] = scores
    return found


def _cells(row):
    name, scores = row
    cells = [f"{np.mean(each):.3f} ± {sem(each):.3f}" for each in scores]
    return [name, *cells, f"{np.mean(scores):.3f}"]


def _learn_others(layers, X, y):
    clf = ConvNetClassifier(
        layers,
        learning_rate="one_cycle",
        learning_rate_init=0.01 if layers else 0.003,
        max_iter=3,
        random_state=0,
    )
    return clf.fit(X, y)


def _score(make, old, few, count, seed):
    """Return the accuracy after learning from a few images that are drawn."""
    X, y, test = few
    rng = np.random.default_rng(seed)
    drawn = np.concatenate(
        [rng.choice(np.flatnonzero(y == c), count, replace=False) for c in np.unique(y)]
    )
    if test is None:
        others = np.delete(np.arange(len(y)), drawn)[::6]
        test = X[others], y[others]
    return make(old, seed).fit(X[drawn], y[drawn]).score(*test)
