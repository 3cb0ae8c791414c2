"""Ctrl-C in a fit, in many fits, and what it leaves."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))
from seeds import SEED

from skconv import ConvNetClassifier, load_model, save_model
from skconv._training import loop
from skconv.layers import Dense, Layer
from tests.attacks import interruptions

rng = np.random.default_rng(SEED)
X, Y = rng.random((60, 8, 8)), np.arange(60) % 3
BATCH = 20  # three steps an epoch


class InterruptsAt(Layer):
    """Behaves as Ctrl-C would at the given step, from 1."""

    def __init__(self, step=0):
        self.step = step

    def predict(self, weights, x):
        return x

    def forward(self, weights, x, rng):
        STEPS.append(1)
        if len(STEPS) == self.step:
            raise KeyboardInterrupt
        return x, None

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {}


STEPS = []


@pytest.fixture(autouse=True)
def _first_step():
    STEPS.clear()


class Interrupted(ConvNetClassifier):
    """A network of which every fit is interrupted at a step."""

    def fit(self, X, y, sample_weight=None):
        STEPS.clear()
        return super().fit(X, y, sample_weight)


def net(step=0, cls=ConvNetClassifier, **params):
    params = {"batch_size": BATCH, "max_iter": 5, "random_state": SEED, **params}
    return cls([InterruptsAt(step), Dense(8)], **params)


def interrupted_after(epochs):
    return pytest.warns(UserWarning, match=f"interrupted by user after {epochs} epochs")


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "sgd"}])
def test_ctrl_c_keeps_the_epochs_that_ended(params):
    clf = net(8, **params)
    with interrupted_after(2):
        clf.fit(X, Y)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.learning_rate_curve_) == 2
    assert np.isfinite(clf.predict_proba(X)).all()


@pytest.mark.parametrize("step", [1, 2, 3])
def test_ctrl_c_before_the_first_epoch_has_ended_changes_nothing(step):
    clf = net(step)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, Y)
    assert not [name for name in vars(clf) if name.endswith("_")]
    clf.set_params(layers=[InterruptsAt(), Dense(8)]).fit(X, Y)
    before = vars(clf).copy()
    for again in (clf.fit, clf.partial_fit, clf.set_params(warm_start=True).fit):
        STEPS.clear()
        clf.network_.layers[0][1].step = clf.layers[0].step = step
        with pytest.raises(KeyboardInterrupt):
            again(X, Y)
        assert vars(clf)["network_"] is before["network_"]
        assert clf.n_iter_ == 5


def test_fit_in_a_pipeline_keeps_what_it_has_learnt():
    pipeline = make_pipeline(StandardScaler(), net(8))
    with interrupted_after(2):
        pipeline.fit(X.reshape(60, -1), Y)
    assert pipeline.predict(X.reshape(60, -1)).shape == (60,)


MANY = {
    "grid": lambda clf: GridSearchCV(clf, {"tol": [0, 1]}, cv=2).fit,
    "grid of pipelines": lambda clf: (
        GridSearchCV(make_pipeline(StandardScaler(), clf), {}, cv=2).fit
    ),
    "random": lambda clf: RandomizedSearchCV(clf, {"tol": [0]}, n_iter=1, cv=2).fit,
    "scores": lambda clf: lambda X, y: cross_val_score(clf, X, y, cv=2),
    "validate": lambda clf: lambda X, y: cross_validate(clf, X, y, cv=2),
    "curve": lambda clf: lambda X, y: learning_curve(clf, X, y, cv=2),
    "bagging": lambda clf: BaggingClassifier(clf, 2).fit,
    "boosting": lambda clf: AdaBoostClassifier(clf, n_estimators=2).fit,
    "voting": lambda clf: VotingClassifier([("a", clf), ("b", clone(clf))]).fit,
    "calibrated": lambda clf: CalibratedClassifierCV(clf, cv=2).fit,
    "one and rest": lambda clf: OneVsRestClassifier(clf).fit,
    "outputs": lambda clf: (
        lambda X, y: MultiOutputClassifier(clf).fit(X, np.c_[y > 0, y > 1])
    ),
    "chain": lambda clf: lambda X, y: ClassifierChain(clf).fit(X, np.c_[y > 0, y > 1]),
    "features": lambda clf: SequentialFeatureSelector(clf, cv=2).fit,
}


@pytest.mark.filterwarnings("ignore:X has .* features, which make no square image")
@pytest.mark.parametrize("name", MANY)
def test_ctrl_c_in_one_of_many_fits_ends_all(name):
    fit_many = MANY[name](net(8, cls=Interrupted, batch_size=10))
    with pytest.raises(KeyboardInterrupt):
        fit_many(X.reshape(60, -1), Y)


def test_refit_of_a_search_is_part_of_it():
    class InLastFit(ConvNetClassifier):
        def fit(self, X, y):
            STEPS.clear()
            if len(X) < 60:
                STEPS.extend([1] * 100)
            return super().fit(X, y)

    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(net(8, cls=InLastFit), {}, cv=2).fit(X, Y)
    assert 8 <= len(STEPS) < 10


@pytest.mark.parametrize("name", ["warn_of_outcome", "keeping", "_print_epoch"])
def test_ctrl_c_after_training_keeps_it(name, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    clf = net(max_iter=2, verbose=name == "_print_epoch")
    if name == "warn_of_outcome":
        monkeypatch.setattr(f"skconv.estimators.fitting.{name}", interrupt)
    elif name == "keeping":
        end = "skconv.estimators.base.EpochCallbacks.end"
        monkeypatch.setattr(end, interrupt)
    else:
        monkeypatch.setattr(loop, name, interrupt)
    epochs = 1 if name == "_print_epoch" else 2
    with interrupted_after(epochs):
        clf.fit(X, Y)
    assert clf.n_iter_ == len(clf.loss_curve_) == epochs


def test_epoch_of_which_only_a_part_was_noted_is_left_out(tmp_path):
    class Torn(list):
        def append(self, value):
            super().append(value)
            if len(self) == 3:
                raise KeyboardInterrupt

    for name in ("loss_curve", "validation_scores", "learning_rates"):
        history = loop.History()
        setattr(history, name, Torn())
        clf = net(early_stopping=True).set_params(layers=[Dense(8)])
        with pytest.MonkeyPatch.context() as patch, interrupted_after(2):
            patch.setattr("skconv.estimators.fitting.History", lambda h=history: h)
            clf.fit(X, Y)
        assert clf.n_iter_ == 2
        assert clf.t_ == 2 * 54
        save_model(clf, tmp_path / "model.safetensors")
        loaded = load_model(tmp_path / "model.safetensors")
        assert loaded.validation_scores_ == clf.validation_scores_


# Real signals ------------------------------------------------------------------------


def start(code):
    """Start Python in a group of its own, as a shell does."""
    prelude = (
        "import signal; import numpy as np; from skconv import ConvNetClassifier\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # if CI ignores it
        "X, y = np.random.default_rng(0).random((2000, 8, 8)), np.arange(2000) % 5\n"
        "clf = ConvNetClassifier(max_iter=10**6, tol=0, n_iter_no_change=10**6,"
        " verbose=True)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-u", "-c", prelude + code], start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_a_real_ctrl_c_ends_training():
    process = start("print('usable', clf.fit(X, y).predict(X).shape)")
    assert process.stdout.readline().startswith("Epoch")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Training interrupted by user" in err
    assert out.endswith("usable (2000,)\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes have no groups")
@pytest.mark.parametrize("to_group", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_real_ctrl_c_ends_a_search(n_jobs, to_group):
    process = start(
        "from sklearn.model_selection import GridSearchCV\n"
        f"GridSearchCV(clf, {{'alpha': [1, 2, 3]}}, cv=2, n_jobs={n_jobs}).fit(X, y)\n"
        "print('searched')"
    )
    try:
        assert process.stdout.readline().startswith("Epoch")
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT) if to_group else process.send_signal(
            signal.SIGINT
        )
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert "searched" not in out


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_exceptions_of_handlers_at_random_moments_leave_whole_models(tmp_path):
    before = signal.getsignal(signal.SIGALRM)
    try:
        with warnings.catch_warnings():
            outcomes = interruptions.attack(60, SEED, tmp_path)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sum(n for name, n in outcomes.items() if "raised" in name) > 10
