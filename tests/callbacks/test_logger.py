"""The base of loggers, without fits: which epochs and scores it logs, and where."""

import json
import sys

import pytest
from sklearn.base import BaseEstimator

from skconv.callbacks import (
    JSONLogger,
    MLflowLogger,
    OptunaPruning,
    TensorBoardLogger,
    compat,
    progress,
)
from skconv.callbacks.json_logger import _plain
from skconv.callbacks.logger import Logger


class Estimator(BaseEstimator):
    """With a curve of some epochs."""

    def __init__(self, n=0):
        self.n = n
        self.loss_curve_ = [1 / (i + 1) for i in range(n)]

    def fit(self, X, y):
        raise AssertionError


class Kept(Logger):
    """Keeps what is logged."""

    def _open(self, fit, estimator):
        return []

    def _write(self, fit, epoch, values):
        fit.run.append((epoch, values))


def scores(estimator, X, y, weight=1):
    return {"one": weight * X, "two": y}


def log(logger, estimator, *fitted, context=None, **data):
    """Log fitted estimators as those of epochs; return the run."""
    task = context or compat.Task(estimator, "fit")
    logger.setup(estimator, task)
    fit = logger._fits[task]
    for each in fitted:
        logger.on_fit_task_end(
            estimator, task.subcontext("epoch"), fitted_estimator=each, **data
        )
    run, ended = fit.run, fit.has_ended
    logger.on_fit_task_end(estimator, task, fitted_estimator=each, **data)
    assert (ended, fit.has_ended) == (False, True)
    logger.teardown(estimator, task)
    assert logger._fits == {}
    return run if run is not None else fit.run, fit


def test_epochs_are_counted_and_the_end_is_no_epoch():
    estimator = Estimator()
    run, fit = log(Kept(), estimator, Estimator(1), Estimator(2), Estimator(3))
    assert run == [(1, {"loss": 1.0}), (2, {"loss": 0.5}), (3, {"loss": 1 / 3})]
    assert (fit.n_epochs, fit.is_part) == (3, False)


def test_fit_without_curves_is_counted_by_its_tasks():
    run, fit = log(Kept(), Estimator(), Estimator(0), Estimator(0))
    assert run == [(1, {}), (2, {})]
    assert fit.n_epochs == 2


def test_fit_without_epochs_is_logged_at_its_end():
    logger, estimator = Kept(), Estimator()
    task = compat.Task(estimator, "fit")
    logger.setup(estimator, task)
    logger.on_fit_task_end(estimator, task, fitted_estimator=None)
    assert logger._fits[task].run is None
    logger.on_fit_task_end(estimator, task, fitted_estimator=Estimator(5))
    assert logger._fits[task].run == [(5, {"loss": 0.2})]


def test_task_of_another_fit_is_not_logged():
    Kept().on_fit_task_end(Estimator(), compat.Task(Estimator(), "fit"))
    Kept().teardown(Estimator(), compat.Task(Estimator(), "fit"))


def test_fit_inside_another_is_a_part():
    outer = compat.Task(Estimator(), "search")
    estimator = Estimator()
    _, fit = log(Kept(), estimator, Estimator(1), context=outer.subcontext("fit"))
    assert fit.is_part


@pytest.mark.parametrize(("first", "again"), [(1, False), (2, True)])
def test_run_continues_after_its_first_epoch(first, again):
    logger, estimator = Kept(), Estimator()
    run, _ = log(logger, estimator, Estimator(1))
    other, _ = log(logger, estimator, Estimator(first))
    assert (run is other) is again
    other, _ = log(logger, Estimator(), Estimator(2))
    assert other is not run


@pytest.mark.parametrize(
    ("scoring", "data", "found"),
    [
        (scores, {"X": 3, "y": 4}, {"train_one": 3.0, "train_two": 4.0}),
        (scores, {"X": 3, "y": 4, "metadata": {"weight": 2}}, {"train_one": 6.0, "train_two": 4.0}),
        (lambda estimator, X, y: X * y, {"X": 3, "y": 4}, {"train_score": 12.0}),
        (scores, {}, {}),
        (None, {"X": 3, "y": 4}, {}),
    ],
)  # fmt: skip
def test_scores_of_the_training_data_are_added(scoring, data, found):
    logger = Kept(scoring=scoring)
    assert logger.scoring is scoring
    run, _ = log(logger, Estimator(), Estimator(1), **data)
    assert run == [(1, {"loss": 1.0, **found})]


def test_score_has_the_name_of_its_scoring(monkeypatch):
    monkeypatch.setattr(
        "skconv.callbacks.logger.check_scoring",
        lambda estimator, scoring: lambda fitted, X, y: (fitted.n, scoring)[0],
    )
    run, _ = log(Kept(scoring="f1"), Estimator(), Estimator(2), X=1, y=2)
    assert run == [(2, {"loss": 0.5, "train_f1": 2.0})]


def test_logger_that_failed_logs_no_more():
    class Fails(Kept):
        def _write(self, fit, epoch, values):
            super()._write(fit, epoch, values)
            raise OSError("full")

    words = r"Fails\(\) failed, and the fit continues without it: OSError: full"
    with pytest.warns(UserWarning, match=words) as warned:
        run, fit = log(Fails(), Estimator(), Estimator(1), Estimator(2))
    assert len(warned) == len(run) == 1
    assert fit.has_failed


def test_lines_have_seconds_and_parameters_once(tmp_path, monkeypatch):
    path = tmp_path / "lines"
    monkeypatch.setattr("skconv.callbacks.json_logger.time.time", lambda: 105.12345)
    logger = JSONLogger(path)
    estimator = Estimator()
    task = compat.Task(estimator, "fit")
    logger.setup(estimator, task)
    logger._fits[task].start = 100.0
    for n in (1, 2):
        part = task.subcontext("epoch")
        logger.on_fit_task_end(estimator, part, fitted_estimator=Estimator(n))
    first, second = map(json.loads, path.read_text().splitlines())
    run = {"run": logger._fits[task].id, "estimator": "Estimator"}
    assert first == {
        **run, "parameters": {"n": 0}, "epoch": 1, "seconds": 5.123, "loss": 1.0,
    }  # fmt: skip
    assert second == {**run, "epoch": 2, "seconds": 5.123, "loss": 0.5}
    assert _plain(object) == repr(object)


def test_estimator_without_parameters_has_none(tmp_path):
    path = tmp_path / "lines"
    plain = type("Plain", (), {})()
    log(JSONLogger(path), plain, Estimator(1))
    assert json.loads(path.read_text())["parameters"] == {}


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (MLflowLogger, "mlflow"),
        (lambda: TensorBoardLogger("runs"), "tensorboard"),
        (lambda: OptunaPruning(None), "optuna"),
    ],
)
def test_package_that_is_missing_is_named(monkeypatch, make, package):
    for name in (package, f"{package}.summary"):
        monkeypatch.setitem(sys.modules, name, None)
    words = rf'(Logger|Pruning) needs {package}: pip install "skconv\[{package}\]" \('
    with pytest.raises(ImportError, match=words):
        make()


def test_normalization_of_older_files_gets_its_deviation():
    old = {"class": "Normalization", "params": {}}
    new = {"class": "Normalization", "params": {"deviation": 1.0}}
    other = {"class": "Conv2D", "params": {"filters": 2}}

    def layers(normalization):
        inner = {"class": "Residual", "params": {"layers": [["n", normalization]]}}
        return [["a", normalization], ["b", other], ["c", inner], [other, 3]]

    described = layers(dict(old))
    progress._add_deviation(described)
    assert described == layers(new)
    progress._add_deviation("Normalization")
