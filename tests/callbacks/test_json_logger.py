"""The history of fits as lines of JSON, and what all loggers have in common."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from skconv import ConvNetClassifier
from skconv.callbacks import Checkpoint, JSONLogger, compat
from skconv.callbacks.logger import Logger, require

try:
    from sklearn import callback
except ImportError:
    callback = None

new = pytest.mark.skipif(callback is None, reason="new in scikit-learn 1.9")


class Older(compat.CallbackSupportMixin, ConvNetClassifier):
    """ConvNetClassifier with a scikit-learn that has no callbacks."""


def small(kind=ConvNetClassifier, **params):
    defaults = {"filters": (4,), "hidden_layer_sizes": (8,), "max_iter": 3}
    return kind(random_state=SEED, **{**defaults, **params})


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.jsonl"


@pytest.mark.parametrize("kind", [ConvNetClassifier, Older])
def test_lines_have_the_numbers_of_each_epoch(kind, path, digits):
    X, _, y, _ = digits
    clf = small(kind, early_stopping=True).set_callbacks(JSONLogger(path)).fit(X, y)
    first, *others = read(path)
    assert first.pop("parameters")["filters"] == "(4,)"
    lines = [first, *others]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for name, curve in {
        "loss": clf.loss_curve_,
        "learning_rate": clf.learning_rate_curve_,
        "validation_loss": clf.validation_loss_curve_,
        "validation_score": clf.validation_scores_,
    }.items():
        assert [line[name] for line in lines] == curve
    assert len({line["run"] for line in lines}) == 1
    assert {line["estimator"] for line in lines} == {kind.__name__}
    assert 0 <= lines[0]["seconds"] <= lines[2]["seconds"]
    frame = pd.read_json(path, lines=True)
    np.testing.assert_allclose(frame["loss"], clf.loss_curve_)


def test_scores_of_the_training_data_are_logged(path, digits):
    X, _, y, _ = digits
    clf = small().set_callbacks(JSONLogger(path, scoring="accuracy")).fit(X, y)
    assert read(path)[-1]["train_accuracy"] == clf.score(X, y)
    logger = JSONLogger(path, scoring=["accuracy", "f1_macro"])
    clone(clf).set_callbacks(logger).fit(X, y, sample_weight=np.ones(len(y)))
    assert {"train_accuracy", "train_f1_macro"} < set(read(path)[-1])
    with pytest.raises(ValueError, match="'no_score' is not a valid scoring"):
        clf.set_callbacks(JSONLogger(path, scoring="no_score")).fit(X, y)


def test_numbers_that_are_not_finite_are_null(path):
    class Diverged:
        loss_curve_ = (1.0, float("nan"))
        validation_scores_ = "no curve"

        def get_params(self):
            return {"a": np.float32(2), "b": {1: np.inf}, "c": None}

    task = type("Task", (), {"parent": None})()
    epoch = type("Task", (), {"parent": task})()
    logger, estimator = JSONLogger(path), Diverged()
    logger.setup(estimator, task)
    logger.on_fit_task_end(estimator, epoch, fitted_estimator=estimator)
    logger.teardown(estimator, task)
    (line,) = read(path)
    assert (
        line["loss"] is None and line["epoch"] == 2 and "validation_score" not in line
    )
    assert line["parameters"] == {"a": 2.0, "b": {"1": None}, "c": None}


def test_fits_that_continue_have_one_run(path, digits):
    X, _, y, _ = digits
    clf = small(warm_start=True).set_callbacks(JSONLogger(path)).fit(X, y).fit(X, y)
    lines = read(path)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert len({line["run"] for line in lines}) == 1
    assert sum("parameters" in line for line in lines) == 1
    clf.set_params(warm_start=False).fit(X, y)
    other = small().set_callbacks(*clf._skl_callbacks)
    for _ in range(2):
        other.partial_fit(X, y, classes=np.unique(y))
    runs = [line["run"] for line in read(path)[6:]]
    assert runs[:3] == 3 * [runs[0]] and runs[3:] == 2 * [runs[3]]
    assert len({lines[0]["run"], *runs}) == 3


def test_resumed_fits_log_the_epochs_that_are_left(path, tmp_path, digits):
    X, _, y, _ = digits

    class Stops(JSONLogger):
        def on_fit_task_end(self, estimator, context, **arguments):
            super().on_fit_task_end(estimator, context, **arguments)
            if len(read(path)) == 2:
                raise KeyError("power failure")

        on_fit_task_end.__signature__ = __import__("inspect").signature(
            Logger.on_fit_task_end
        )

    checkpoint = Checkpoint(tmp_path / "fit.ckpt")
    with pytest.raises(KeyError):
        small().set_callbacks(checkpoint, Stops(path)).fit(X, y)
    small().set_callbacks(checkpoint, JSONLogger(path)).fit(X, y)
    assert [line["epoch"] for line in read(path)] == [1, 2, 3]


@pytest.mark.slow
def test_each_fit_of_a_search_has_a_run(path, digits):
    X, _, y, _ = digits
    clf = small(max_iter=2).set_callbacks(JSONLogger(path))
    GridSearchCV(clf, {"kernel_size": [1, 3]}, cv=2, n_jobs=2).fit(X, y)
    lines = read(path)
    assert len(lines) == 2 * 5 and len({line["run"] for line in lines}) == 5
    sizes = [
        line["parameters"]["kernel_size"] for line in lines if "parameters" in line
    ]
    assert sorted(sizes)[:2] == [1, 1] and len(sizes) == 5
    cross_val_score(clf, X, y, cv=2)
    assert len({line["run"] for line in read(path)}) == 7


@new
def test_estimators_of_scikit_learn_are_logged(path, digits):
    X, _, y, _ = digits
    clf = LogisticRegression(max_iter=200)
    clf.set_callbacks(JSONLogger(path, scoring="accuracy")).fit(X, y)
    lines = read(path)
    assert [line["epoch"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["train_accuracy"] > 0.8
    assert lines[0]["parameters"]["max_iter"] == 200


def test_loggers_are_cloned_and_pickled(path, digits):
    X, _, y, _ = digits
    clf = small().set_callbacks(JSONLogger(path)).fit(X, y)
    assert clone(clf)._skl_callbacks == clf._skl_callbacks
    copy = pickle.loads(pickle.dumps(clf))
    assert repr(copy._skl_callbacks) == f"[JSONLogger(path={path!r})]"
    copy.fit(X, y)
    assert len({line["run"] for line in read(path)}) == 2


@pytest.mark.parametrize("why", ["no folder", "a folder", "lost later"])
def test_failure_of_a_logger_does_not_lose_the_fit(path, digits, why, monkeypatch):
    X, _, y, _ = digits
    target = path
    if why == "no folder":
        target = path.parent / "none" / "a.jsonl"
    elif why == "a folder":
        path.mkdir()
    logger = JSONLogger(target)
    if why == "lost later":
        write, logger._write = logger._write, None

        def fail_later(fit, epoch, values):
            if epoch > 1:
                raise OSError(28, "No space left on device")
            write(fit, epoch, values)

        monkeypatch.setattr(logger, "_write", fail_later)
    plain = small().fit(X, y)
    with pytest.warns(
        UserWarning, match=r"JSONLogger\(.*\) failed, and the fit continues"
    ) as caught:
        clf = small().set_callbacks(logger).fit(X, y)
    assert len(caught) == 1
    assert (clf.network_.values == plain.network_.values).all()
    if why == "lost later":
        assert len(read(path)) == 1


def test_failures_of_one_fit_give_one_warning(digits):
    class Lost(Logger):
        def _open(self, fit, estimator):
            return "run"

        def _write(self, fit, epoch, values):
            raise ConnectionError("lost")

        def _close(self, fit):
            raise ConnectionError("still lost")

    with pytest.warns(UserWarning, match="continues without it: .*: lost") as caught:
        small().set_callbacks(Lost()).fit(*digits[::2])
    assert len(caught) == 1


def test_copy_of_a_logger_logs_no_fit_of_the_first(path, digits):
    """In a process of a search, the search is a task that the copy does not know."""
    X, _, y, _ = digits
    clf = small().fit(X, y)
    task = compat.Task(clf, "fit")
    logger = JSONLogger(path)
    logger.setup(clf, task)
    copy = pickle.loads(pickle.dumps(logger))
    copy.on_fit_task_end(clf, task.subcontext("fold"), fitted_estimator=clf)
    copy.teardown(clf, task)
    assert not path.exists()
    logger.on_fit_task_end(clf, task.subcontext("fold"), fitted_estimator=clf)
    assert len(read(path)) == 1


def test_failed_fits_leave_nothing_in_a_logger(path, digits):
    X, _, y, _ = digits
    logger = JSONLogger(path)
    with pytest.raises(ValueError, match="became infinite"):
        small(learning_rate_init=1e30).set_callbacks(logger).fit(1e6 * X, y)
    assert not logger._fits and not len(logger._runs)


def test_wrong_arguments_and_missing_packages_are_named():
    with pytest.raises(TypeError, match="path must be a str or a path, got None"):
        JSONLogger(None)
    with pytest.raises(
        ImportError, match=r'Some needs no_such: pip install "skconv\[some\]"'
    ):
        require("no_such.module", "Some", "some")
