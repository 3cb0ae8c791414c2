"""Fit a thousand times in one process, whose memory, files and threads must not grow.

    python -m tests.attacks fits --n 1000

The fits take turns: of each estimator, with early stopping, transforms, callbacks,
checkpoints that are resumed, and fits that fail at different moments. After a fifth of them
Python may hold no more blocks of memory in each round, and the process no more files and
threads; its memory may grow by no more than the noise of the system's allocator.
"""

import functools
import gc
import os
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
    load_model,
    save_model,
)
from skconv.augmentation import RandomFlip, RandomShift
from skconv.callbacks import Checkpoint, JSONLogger
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, MaxPool2D
from tests.attacks.resources import Usage, after_warm_up, slope, usage_of

GROWTH = 2**14  # bytes a fit: less than the copy of its data, or of its network
BLOCKS = 1 / 20  # of Python's memory a fit: less than one object in each round
LAYERS = [Conv2D(4), BatchNorm(activation="relu"), MaxPool2D(2), Dropout(0.2), Dense(8)]


class Deliberate(Exception):
    """What ends a fit."""


class Draw:
    """What a fit draws: images, targets, and a path of its own."""

    def __init__(self, rng, folder):
        n, size = int(rng.integers(24, 120)), int(rng.integers(6, 13))
        self.X = rng.random((n, size, size), np.float32)
        self.y, self.masks = np.arange(n) % 3, (self.X > 0.5).astype(int)
        self.seed, self.path = int(rng.integers(2**31)), folder / "fit.ckpt"


def plain(make, targets, draw, **params):
    """Fit and predict."""
    model = make(max_iter=2, random_state=draw.seed, **params)
    model.fit(draw.X, targets(draw))
    getattr(model, "predict", model.transform)(draw.X)


def incremental(draw):
    clf = ConvNetClassifier(filters=(4,), random_state=draw.seed)
    for _ in range(3):
        clf.partial_fit(draw.X, draw.y, [0, 1, 2])


def saved(draw):
    clf = ConvNetClassifier(LAYERS, max_iter=1, random_state=draw.seed)
    save_model(clf.fit(draw.X, draw.y), draw.path)
    load_model(draw.path).predict(draw.X)


def resumed(draw):
    """Fit with a checkpoint and a log; fail in the third epoch, and resume."""
    clf = ConvNetClassifier(filters=(4,), max_iter=4, random_state=draw.seed)
    calls = []

    def fail(x, rng):
        calls.append(len(x))
        if sum(calls) > 2.5 * len(draw.X):
            raise Deliberate
        return x

    log = JSONLogger(draw.path.with_name("log.jsonl"))
    clf.set_params(augment=fail).set_callbacks(Checkpoint(draw.path), log)
    refused(clf.fit, Deliberate, draw.X, draw.y)
    calls.append(-(10**9))
    clf.fit(draw.X, draw.y)


def refused(fit, error, *data):
    """Call a fit, which must fail."""
    try:
        fit(*data)
    except error:
        return
    raise AssertionError(f"a fit did not raise {error}")


def not_finite(draw):
    draw.X[1, 2, 3] = np.nan
    refused(ConvNetClassifier(filters=(4,)).fit, ValueError, draw.X, draw.y)


def too_large_a_layer(draw):
    layers = [Conv2D(4, 31, padding="valid")]
    refused(ConvNetClassifier(layers).fit, ValueError, draw.X, draw.y)


def diverging(draw):
    reg = ConvNetRegressor(
        [Dense(4)], solver="sgd", learning_rate_init=1e30, random_state=draw.seed
    )
    refused(reg.fit, ValueError, draw.X, 1e3 * draw.y)


def callbacks_without_a_folder(draw):
    """Fit with a log that fails, which is a warning; and a checkpoint, an error."""
    draw.path.write_bytes(b"")
    path = draw.path / "file"
    clf = ConvNetClassifier(filters=(4,), max_iter=1, random_state=draw.seed)
    clf.set_callbacks(JSONLogger(path)).fit(draw.X, draw.y)
    clf.set_callbacks(Checkpoint(path))
    refused(clf.fit, OSError, draw.X, draw.y)


def labels(draw):
    return draw.y


def numbers(draw):
    return np.c_[draw.y * 1.5, draw.X.mean((1, 2))]


def masks(draw):
    return draw.masks


def nothing(draw):
    return None


SMALL = {"filters": (4,)}
FITS = [
    partial(plain, ConvNetClassifier, labels),
    partial(plain, ConvNetClassifier, labels, layers=LAYERS, augment=[RandomFlip(), RandomShift(1)]),
    partial(plain, ConvNetClassifier, labels, early_stopping=True, **SMALL),
    partial(plain, ConvNetRegressor, numbers, dtype="float64", **SMALL),
    partial(plain, ConvNetRegressor, numbers, early_stopping=True, solver="sgd", **SMALL),
    partial(plain, ConvNetSegmenter, masks, filters=(2, 4)),
    partial(plain, ConvNetAutoencoder, nothing, filters=(2, 4), n_components=3),
    incremental,
    saved,
    resumed,
    not_finite,
    too_large_a_layer,
    diverging,
    callbacks_without_a_folder,
]  # fmt: skip


def clear_bounded_caches():
    """Empty what fills for a while, and no more: it would look like growth.

    scikit-learn has a cache of the signatures of 128 hooks, which keeps their callbacks,
    and Python one of 4096 names of attributes.
    """
    sys._clear_type_cache()
    for each in gc.get_objects():
        is_cache = isinstance(each, functools._lru_cache_wrapper)
        if is_cache and each.cache_info().maxsize is not None:
            each.cache_clear()


def attack(n, seed, folder):
    """Fit `n` times; return a row for each round: fits, blocks, and what is held."""
    rng = np.random.default_rng(seed)
    rounds = np.zeros((n // len(FITS), 5), int)  # made before, or it would be growth
    for k in range(n):
        FITS[k % len(FITS)](Draw(rng, folder))
        for path in folder.iterdir():
            os.unlink(path)
        if (k + 1) % len(FITS) == 0:
            clear_bounded_caches()
            gc.collect()
            rounds[k // len(FITS)] = k + 1, sys.getallocatedblocks(), *usage_of()
    return rounds


def check(rounds, growth=GROWTH):
    """Return the growth after the warm-up, as blocks and bytes a fit; both ends."""
    rounds = after_warm_up(rounds)
    first, last = Usage(*rounds[0, 2:]), Usage(*rounds[-1, 2:])
    blocks, memory = (slope(rounds[:, 0], rounds[:, k]) for k in (1, 2))
    assert blocks < BLOCKS, f"{blocks:.3f} blocks a fit"
    assert memory < growth, f"{memory:.0f} bytes a fit"
    assert last.files <= first.files, (first, last)
    assert last.threads <= first.threads, (first, last)
    return blocks, memory, first, last


def main(n, seed):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rounds = attack(n, seed, Path(folder))
    blocks, memory, first, last = check(rounds)
    print(
        f"finished, {n} fits in {time.monotonic() - start:.0f} s; after the warm-up "
        f"{blocks:+.4f} of Python's blocks and {memory:+.0f} bytes a fit; "
        f"from {first.memory / 2**20:.1f} to {last.memory / 2**20:.1f} MB, from "
        f"{first.files} to {last.files} files, from {first.threads} to {last.threads} "
        "threads"
    )
