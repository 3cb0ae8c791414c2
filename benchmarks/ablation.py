"""What each means brings: the same network and epochs, with one change a row.

Scores are those of images held out from the training data: test data are not read. To
try something, add a row to `ROWS`: a name, and what it changes. "layers" may be a
function, which takes the layers of the base and returns others.
"""

import time
from functools import lru_cache, partial
from unittest.mock import patch

import numpy as np
from scipy.stats import sem
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from examples.fashion_mnist import load_fashion_mnist
from skconv import ConvNetClassifier, zoo
from skconv._training.optimizers import OPTIMIZERS
from skconv.augmentation import CutMix, MixUp, RandomErasing, RandomFlip, RandomShift
from skconv.layers import Dropout

from .processes import print_table
from .trials import (
    AlternatingFlip,
    IdentityConv2D,
    Lookahead,
    ZeroBatchNorm,
    replace,
)

BASE = {"learning_rate": "one_cycle", "learning_rate_init": 1e-2, "alpha": 1e-2}


def before_output(layers, layer):
    """Return layers with one more at their end."""
    return [*layers, ("more", layer)]


def whitened(layers):
    """Return layers whose first convolution begins with the patches of the data."""
    (name, conv), *others = layers
    conv = clone(conv).set_params(kernel_initializer="whitening")
    return [(name, conv), *others]


CONSTANT = {"learning_rate": "constant", "learning_rate_init": 2e-3}

# Name -> what is different from the base. "optimizer" is a class to use as "adam".
ROWS = {
    "base": {},
    "constant rate of 0.002": CONSTANT,
    "constant rate, ema_momentum=0.98": {**CONSTANT, "ema_momentum": 0.98},
    "cosine": {"learning_rate": "cosine"},
    "cosine, warm-up of 10 %": {"learning_rate": "cosine", "warmup_steps": 0.1},
    "ema_momentum=0.98": {"ema_momentum": 0.98},
    "label_smoothing=0.1": {"label_smoothing": 0.1},
    "Dropout(0.2) at the end": {"layers": partial(before_output, layer=Dropout(0.2))},
    "no weight decay": {"alpha": 0.0},
    "clip_norm=1": {"clip_norm": 1.0},
    "whitening": {"layers": whitened},
    "whitening, ema_momentum=0.98": {"layers": whitened, "ema_momentum": 0.98},
    "solver='sgd', rate 0.3": {
        "solver": "sgd",
        "learning_rate_init": 0.3,
        "alpha": 5e-4,
    },
    "solver='muon'": {"solver": "muon"},
    "solver='muon', rate 0.02": {"solver": "muon", "learning_rate_init": 2e-2},
    "lookahead": {"optimizer": Lookahead},
    "blocks begin with gamma 0": {
        "layers": partial(replace, name="norm2", kind=ZeroBatchNorm)
    },
    "second convolutions begin as identity": {
        "layers": partial(replace, name="conv2", kind=IdentityConv2D)
    },
}

FLIP, SHIFT = RandomFlip(), RandomShift(2)

# The same for what varies images; "tta" changes predictions alone.
VARIED = {
    "base": {},
    "flip": {"augment": FLIP},
    "flip, tta='flip'": {"augment": FLIP, "tta": "flip"},
    "alternating flip": {"augment": AlternatingFlip()},
    "shift by 2": {"augment": SHIFT},
    "shift by 2, tta='shift'": {"augment": SHIFT, "tta": "shift"},
    "flip, shift by 2": {"augment": [FLIP, SHIFT]},
    "flip, shift by 2, tta='flip'": {"augment": [FLIP, SHIFT], "tta": "flip"},
    "erasing": {"augment": RandomErasing()},
    "MixUp()": {"augment": MixUp()},
    "CutMix()": {"augment": CutMix()},
}


@lru_cache
def _fashion(seed):
    """Return 20,000 training images and 10,000 others of the training data."""
    X, _, y, _ = load_fashion_mnist(None)
    parts = train_test_split(
        X / np.float32(255), y, train_size=20_000, test_size=10_000, random_state=seed
    )
    return [*parts, zoo.resnet((8, 16, 32)), {"max_iter": 3, "batch_size": 128}]


def _digits(seed):
    """Return a half and a quarter of the digits; the last quarter is never used."""
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8, 1) / 16
    X, _, y, _ = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    parts = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=seed)
    layers = zoo.resnet((16, 32), pool_size=1)
    return [*parts, layers, {"max_iter": 10, "batch_size": 16}]


def _varied(seed):
    """Return half as many images to train on, and a network for ten epochs."""
    X, X_val, y, y_val, *_ = _fashion(seed)
    budget = {"max_iter": 10, "batch_size": 64}
    return [X[::2], X_val, y[::2], y_val, zoo.resnet((16, 32, 64)), budget]


DATA = {"fashion": (_fashion, ROWS), "digits": (_digits, ROWS)}
DATA["augmentation"] = _varied, VARIED


def run(seeds=3, rows=None, data=None):
    """Print a table for each data set.

    Parameters
    ----------
    seeds : int, default=3
        Of weights, of the order of samples, and of what is held out.
    rows : iterable of str, optional
        Names in `ROWS` or `VARIED`; the base is always the first.
    data : iterable of str, optional
        Names in `DATA`.
    """
    for name in data or DATA:
        load, changes = DATA[name]
        print(f"\nAblation, {name}, {seeds} seeds: {load.__doc__}", flush=True)
        columns = ["change", "accuracy", "standard error", "log-loss", "time"]
        chosen = {row: changes[row] for row in ["base", *(rows or changes)]}
        print_table(columns, _table(load, seeds, chosen))


def _table(load, seeds, rows):
    """Yield rows of means over seeds, and of each fit's time by the base's."""
    results = {}
    for name, changes in rows.items():
        results[name] = np.array([_fit(load(s), changes, s) for s in range(seeds)])
        accuracy, loss, seconds = results[name].T
        yield [
            name,
            f"{accuracy.mean():.4f}",
            f"{sem(accuracy):.4f}",
            f"{loss.mean():.4f}",
            f"{seconds.mean() / results['base'][:, 2].mean():.2f}",
        ]


def _fit(parts, changes, seed):
    """Return accuracy, log-loss and processor time of a fit."""
    X, X_val, y, y_val, layers, budget = parts
    params = {"layers": layers, **budget, **BASE, **changes}
    optimizer = params.pop("optimizer", OPTIMIZERS["adam"])
    if callable(params["layers"]):
        params["layers"] = params["layers"](layers)
    clf = ConvNetClassifier(**params, n_iter_no_change=np.inf, tol=0, random_state=seed)
    start = time.process_time()
    with patch.dict(OPTIMIZERS, adam=optimizer):
        clf.fit(X, y)
    seconds = time.process_time() - start
    probabilities = clf.predict_proba(X_val)
    accuracy = (probabilities.argmax(axis=1) == y_val).mean()
    return accuracy, log_loss(y_val, probabilities), seconds
