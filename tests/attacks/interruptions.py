"""Raise from a signal's handler at random moments: the old model and file must be whole.

    python -m tests.attacks interruptions --n 5000

A timer's signal comes once in each attempt, at a random moment of `fit`, `partial_fit`, a
warm start, `predict`, `transform`, `save_model` or `load_model`, and its handler raises one
of several exceptions. After each, the estimator predicts the same bits as before, or as
another fit that ended; its attributes belong to one fit; its file loads and is one of the
two models; and no temporary file is left.
"""

import collections
import signal
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, MaxPool2D


class Raised(Exception):
    """What a handler raises that nobody expects."""


EXCEPTIONS = (
    KeyboardInterrupt,
    TimeoutError,
    MemoryError,
    Raised,
    SystemExit,
    ValueError,
)
LAYERS = [Conv2D(4), BatchNorm(activation="relu"), MaxPool2D(2), Dropout(0.2), Dense(8)]
CURVES = (
    *("loss_curve_", "learning_rate_curve_"),
    *("validation_loss_curve_", "validation_scores_"),
)


def estimators(ops_in_use="float32"):
    common = {"random_state": 0, "batch_size": 32, "dtype": ops_in_use}
    return [
        ConvNetClassifier(LAYERS, max_iter=3, **common),
        ConvNetClassifier(
            filters=(4,), max_iter=4, early_stopping=True, warm_start=True, **common
        ),
        ConvNetRegressor(filters=(4,), max_iter=3, solver="sgd", **common),
    ]


def data(model):
    rng = np.random.default_rng(0)
    X, y = rng.random((120, 8, 8)), np.arange(120) % 3
    return X, y * 1.5 if isinstance(model, ConvNetRegressor) else y


ACTIONS = {
    "fit": lambda model, X, y, path: model.fit(X, y),
    "partial_fit": lambda model, X, y, path: model.set_params(
        early_stopping=False
    ).partial_fit(X, y),
    "fit of other images": lambda model, X, y, path: model.set_params(
        warm_start=False
    ).fit(X[:, :6, :6], y),
    "predict": lambda model, X, y, path: [model.predict(X) for _ in range(20)],
    "transform": lambda model, X, y, path: [model.transform(X) for _ in range(20)],
    "save": lambda model, X, y, path: skconv.save_model(model, path),
    "load": lambda model, X, y, path: skconv.load_model(path),
}


def one_fit(model):
    """Check that a model's attributes are those of one fit; return its predictions."""
    h, w, _ = model.input_shape_
    X = data(model)[0][:, :h, :w]
    assert model.n_features_in_ == h * w
    assert model.network_.input_shape == model.input_shape_
    assert {len(getattr(model, name) or [0] * model.n_iter_) for name in CURVES} == {
        model.n_iter_
    }
    assert len(model.loss_curve_) == model.n_iter_ > 0
    return model.predict(X), model.transform(X), model.n_iter_


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def interrupt_once(action, error, after):
    """Call an action, interrupt it after some seconds; return how it ended."""

    def handler(number, frame):
        raise error("from a handler")

    signal.signal(signal.SIGALRM, handler)
    outcome = "ended"
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, after)
            action()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as caught:
        outcome = "raised"
        if not isinstance(caught, error) or "from a handler" not in str(caught):
            # As np.array_equal makes False of any error, and others a ValueError.
            outcome = f"raised a {type(caught).__name__}"
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    return outcome


def attack(n, seed, folder, report_every=None):
    """Interrupt `n` actions; return the number of each outcome."""
    assert hasattr(signal, "setitimer"), "needs a system with timers"
    rng = np.random.default_rng(seed)
    outcomes = collections.Counter()
    models = [model for dtype in ("float32", "float64") for model in estimators(dtype)]
    paths = [folder / f"{k}.safetensors" for k in range(len(models))]
    lengths = collections.defaultdict(lambda: 0.05)  # seconds that an action takes
    warnings.simplefilter("ignore")
    for model, path in zip(models, paths, strict=True):
        skconv.save_model(model.fit(*data(model)), path)
    for i in range(n):
        k = rng.integers(len(models))
        name = list(ACTIONS)[rng.integers(len(ACTIONS))]
        error = EXCEPTIONS[rng.integers(len(EXCEPTIONS))]
        model, path = models[k], paths[k]
        params = model.get_params(deep=False)
        model.set_params(max_iter=int(rng.integers(1, 5)))
        X, y = data(model)
        h, w, _ = model.input_shape_
        if name != "fit of other images" and not (
            name == "fit" and not model.warm_start
        ):
            X = X[:, :h, :w]
        before, saved = one_fit(model), one_fit(skconv.load_model(path))
        start = time.perf_counter()
        outcome = interrupt_once(
            lambda a=ACTIONS[name], m=model, X=X, y=y, p=path: a(m, X, y, p),
            error,
            max(1e-6, rng.uniform(0, 1.2) * lengths[name, k]),
        )
        raised = outcome != "ended"
        if not raised:
            lengths[name, k] = time.perf_counter() - start
        changed = check(model, path, before, saved, raised, name, error)
        model.set_params(
            **{key: params[key] for key in ("early_stopping", "warm_start")}
        )
        new = ", a new model" if raised and changed else ""
        outcomes[f"{name}: {outcome}{new}"] += 1
        if report_every and (i + 1) % report_every == 0:
            print(f"{i + 1}: {dict(sorted(outcomes.items()))}", flush=True)
    return outcomes


def check(model, path, before, saved, raised, name, error):
    """Check what an action left; return whether the model is another one."""
    after, file = one_fit(model), one_fit(skconv.load_model(path))
    where = f"after {error.__name__} in {name}"
    is_fit = name.startswith(("fit", "partial"))
    changed = not same(after, before)
    assert is_fit or not changed, where
    assert same(file, saved) or (name == "save" and same(file, after)), where
    assert not list(path.parent.glob(".*.tmp")), where
    assert np.isfinite(after[1]).all(), where
    if changed and raised and not (model.warm_start or name == "partial_fit"):
        # It came after the last statement of `fit`: the new model is whole, too.
        X, y = data(model)
        h, w, _ = model.input_shape_
        assert same(one_fit(clone(model).fit(X[:, :h, :w], y)), after), where
    return changed


def main(n, seed):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = attack(n, seed, Path(folder), max(1, n // 5))
    print(
        f"finished, {n} interruptions in {time.monotonic() - start:.0f} s: "
        f"{dict(sorted(outcomes.items()))}"
    )
