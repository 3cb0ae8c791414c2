"""Fits to keep in checkpoints, and ways to kill them.

`run` and `uninterrupted` are fixtures: a module of tests gives them names of its own.
"""

import multiprocessing
import os
import signal
import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._data.samples import Samples
from skconv._training import loop as training
from skconv._utils import documents, files
from skconv.augmentation import CutMix, MixUp, RandomFlip, RandomShift
from skconv.callbacks import Checkpoint
from skconv.layers import BatchNorm, Dense, Dropout, Flatten

X, Y = load_digits(return_X_y=True)
X, Y = X[:160] / 16, Y[:160]
WEIGHT = np.linspace(0, 2, len(X))
NAMES = np.array(["zero", "one", "two"], object)


def falling(step):
    return 0.01 / step**0.25


def small(kind=ConvNetClassifier, **params):
    defaults = {
        "filters": (2,), "hidden_layer_sizes": (4,), "batch_size": 32,
        "learning_rate_init": 0.01, "max_iter": 6, "random_state": SEED,
    }  # fmt: skip
    if "layers" in params:
        defaults = {**defaults, "filters": "auto", "hidden_layer_sizes": (128,)}
    return kind(**{**defaults, **params})


# Fits ---------------------------------------------------------------------------------

STEPS = 5  # of an epoch
FITS = {
    "adam": ({}, {}),
    "muon": ({"solver": "muon"}, {}),
    "sgd": ({"solver": "sgd", "learning_rate": "cosine", "warmup_steps": 0.3}, {}),
    "early stopping": (
        {"early_stopping": True, "scoring": "accuracy",
         "validation_fraction": 0.2, "max_iter": 60, "tol": 0.03,
         "n_iter_no_change": 4, "learning_rate_init": 0.02, "batch_size": 26,
         "filters": (8,), "hidden_layer_sizes": (16,)},
        {},
    ),
    "validation and weights": (
        {"early_stopping": True, "scoring": "neg_log_loss", "learning_rate": "one_cycle"},
        {"sample_weight": WEIGHT + 1, "X_val": X[:30], "y_val": Y[:30]},
    ),
    "augmentation and dropout": (
        {"augment": [RandomShift(1)], "learning_rate": falling,
         "layers": [Flatten(), Dense(8, "relu"), Dropout(0.3)]},
        {},
    ),
    "averages": (
        {"ema_momentum": 0.8, "layers": [Flatten(), Dense(8), BatchNorm()],
         "early_stopping": True, "validation_fraction": 0.2, "batch_size": 26},
        {},
    ),
    "mixing and flips": (
        {"augment": [RandomFlip(), MixUp(), CutMix()], "tta": "flip",
         "class_weight": "balanced"},
        {},
    ),
    "adaptive": (
        {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1,
         "max_iter": 8, "clip_norm": 1.0, "dtype": "float64"},
        {},
    ),
    "frozen layers and rates by layer": (
        {"frozen": ["normalization", "conv1"], "solver": "muon", "ema_momentum": 0.8,
         "learning_rate_multipliers": {"dense1": 0.5},
         "pretrained": small(max_iter=1, random_state=SEED + 1).fit(X, Y).network_},
        {},
    ),
    "regressor": ({"kind": ConvNetRegressor, "loss": "huber"}, {}),
    "quantiles": (
        {"kind": ConvNetRegressor, "loss": "quantile", "quantile": [0.9, 0.1],
         "validation_fraction": 0.2, "batch_size": 26},
        {},
    ),
    "columns of classes": (
        {"early_stopping": True, "class_weight": "balanced", "augment": [MixUp()],
         "validation_fraction": 0.2, "batch_size": 26},
        {"y": np.stack([NAMES[Y % 3], Y % 4], axis=1).astype(object)},
    ),
}  # fmt: skip


def fit(name, path=None, **options):
    params, given = FITS[name]
    clf = small(**params)
    if path is not None:
        clf.set_callbacks(Checkpoint(path, **options))
    return clf.fit(X, **{"y": Y, **given})


def outcome(clf):
    """Everything that two fits have to agree on."""
    return {
        "parameters": clf.network_.parameters.tobytes(),
        "outputs": clf._outputs(X)[0].tobytes(),
        **{
            name: getattr(clf, name)
            for name in (
                "n_iter_", "t_", "loss_curve_", "best_loss_", "validation_loss_curve_",
                "validation_scores_", "best_validation_score_",
            )
        },
    }  # fmt: skip


def read(path):
    """Return the document and the arrays of a checkpoint."""
    with documents.reading(path, "checkpoint") as reader:
        arrays = reader.empty(reader.parts)
        reader.read_into(arrays)
        return reader.document, arrays


# One call after another ---------------------------------------------------------------


def stream(path, upto=6, labels=Y, **options):
    """A program that trains by partial_fit, and may end before it is through."""
    checkpoint = Checkpoint(path, **options)
    clf = small(solver="sgd", batch_size=20).set_callbacks(checkpoint)
    for chunk in range(checkpoint.restore(clf), upto):
        rows = slice(20 * chunk, 20 * chunk + 20)
        clf.partial_fit(X[rows], labels[rows], np.unique(labels))
    return clf


# Killing ------------------------------------------------------------------------------


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(count, function, before=True):
    """Return what does as `function`, and kills the process at a call of it."""
    calls = 0

    def counting(*args, **kwargs):
        nonlocal calls
        calls += 1
        if before and calls == count:
            die()
        result = function(*args, **kwargs)
        if calls == count:
            die()
        return result

    return counting


class HalfWritten:
    """A file that kills the process in the middle of its first long part."""

    def __init__(self, file):
        self.file = file

    def write(self, part):
        if len(part) < 100:
            return self.file.write(part)
        self.file.write(memoryview(part)[: len(part) // 2])
        self.file.flush()
        die()


class Opened:
    """Files as they are, but for the n-th that is written to."""

    def __init__(self, count):
        self.left = count

    def __call__(self, path, mode, opener=None):
        self.file = open(path, mode, opener=opener)  # noqa: SIM115
        return self if mode == "xb" else self.file

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()

    def __enter__(self):
        self.left -= 1
        return self.file if self.left else HalfWritten(self.file)

    def __exit__(self, *error):
        self.file.close()


# Where a process is killed: in the n-th epoch, or while it writes the n-th file.
MOMENTS = {
    "in an epoch": lambda n: setattr(
        Samples, "batch", at_call(STEPS * (n - 1) + 3, Samples.batch)
    ),
    "after an epoch": lambda n: setattr(
        training.StoppingRule, "update", at_call(n, training.StoppingRule.update)
    ),
    "before writing": lambda n: setattr(
        documents, "write", at_call(n, documents.write)
    ),
    "while writing": lambda n: setattr(files, "open", Opened(n)),
    "before syncing": lambda n: setattr(os, "fsync", at_call(2 * n - 1, os.fsync)),
    "before replacing": lambda n: setattr(os, "replace", at_call(n, os.replace)),
    "after replacing": lambda n: setattr(
        os, "replace", at_call(n, os.replace, before=False)
    ),
}


def fit_and_report(connection, name, path, options, moment):
    warnings.simplefilter("error")
    epochs = 0
    run_epoch = training._run_epoch

    def counting(*args):
        nonlocal epochs
        epochs += 1
        return run_epoch(*args)

    training._run_epoch = counting
    if moment is not None:
        MOMENTS[moment[0]](moment[1])
    clf = stream(path) if name == "stream" else fit(name, path, **options)
    connection.send((outcome(clf), epochs))


# Fixtures -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    """Run a fit in a process of its own; return its outcome, or that it was killed."""
    context = multiprocessing.get_context("forkserver")
    # What takes long to import, and nothing that starts threads.
    imported = ["pytest", "skconv.callbacks", "sklearn.datasets", "sklearn.pipeline"]
    context.set_forkserver_preload([*imported, "sklearn.model_selection"])

    def run(name, path=None, moment=None, **options):
        here, there = context.Pipe(duplex=False)
        arguments = there, name, path, options, moment
        process = context.Process(target=fit_and_report, args=arguments)
        process.start()
        there.close()
        try:
            return here.recv()
        except EOFError:
            process.join()
            assert process.exitcode == -signal.SIGKILL
            return "killed"
        finally:
            process.join()

    return run


@pytest.fixture(scope="module")
def uninterrupted():
    """Outcomes of fits without a checkpoint, each computed once."""
    known = {}

    def outcome_of(name):
        if name not in known:
            known[name] = outcome(fit(name))
        return known[name]

    return outcome_of
