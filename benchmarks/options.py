"""The time that options add to a step of the mnist net, and validation to an epoch."""

import time
from statistics import median

import numpy as np

from skconv import ConvNetClassifier, zoo
from skconv.augmentation import (
    GaussianNoise,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
)

from .processes import print_table

BATCH, STEPS = 128, 15
OPTIONS = {
    "none": {},
    "label_smoothing=0.1": {"label_smoothing": 0.1},
    "class_weight='balanced'": {"class_weight": "balanced"},
    "clip_norm=1": {"clip_norm": 1.0},
    "learning_rate='one_cycle'": {"learning_rate": "one_cycle"},
    "solver='sgd'": {"solver": "sgd", "learning_rate_init": 0.01},
    "alpha=0": {"alpha": 0.0},
    **{
        f"augment={transform!r}": {"augment": [transform]}
        for transform in (
            RandomFlip(),
            RandomShift(2),
            RandomErasing(),
            RandomRotation(10),
            GaussianNoise(0.1),
        )
    },
}


def run(rounds=7):
    """Print the time of interleaved epochs of `STEPS` steps, and of predictions."""
    rng = np.random.default_rng(0)
    X = rng.random((BATCH * STEPS, 28, 28), np.float32)
    y = rng.integers(0, 10, len(X))
    X_val = rng.random((10_000, 28, 28), np.float32)
    y_val = rng.integers(0, 10, len(X_val))
    seconds = {name: [] for name in OPTIONS}
    predicting, validating = [], []
    for _ in range(rounds + 1):
        for name, options in OPTIONS.items():
            seconds[name].append(_epoch(X, y, **options))
        clf = _network().fit(X, y)
        predicting.append(_timed(lambda clf=clf: clf.predict(X_val)))
        both = _epoch(X, y, X_val=X_val, y_val=y_val)
        validating.append(both - seconds["none"][-1])
    plain = median(seconds["none"][1:]) / STEPS
    print(f"\n## Options: medians of {rounds} interleaved epochs, {STEPS} steps each")
    rows = []
    for name, each in seconds.items():
        step = median(each[1:]) / STEPS  # the first wakes threads and fills caches
        added = f"{100 * (step / plain - 1):+.1f}%"
        rows.append([name, f"{1e3 * step:.1f}", added])
    print_table(["option", "a step (ms)", "adds"], rows)
    added, alone = median(validating[1:]), median(predicting[1:])
    print(
        f"\nValidating on 10,000 images adds {added:.2f} s to an epoch, "
        f"{added / alone:.2f} times what predicting them takes."
    )
    return {"steps": seconds, "predicting": predicting, "validating": validating}


def _network(**options):
    return ConvNetClassifier(
        zoo.keras_mnist(), max_iter=1, batch_size=BATCH, random_state=0, **options
    )


def _epoch(X, y, X_val=None, y_val=None, **options):
    clf = _network(**options)
    return _timed(lambda: clf.fit(X, y, X_val=X_val, y_val=y_val))


def _timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
