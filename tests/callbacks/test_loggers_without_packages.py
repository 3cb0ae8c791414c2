"""What loggers ask MLflow, TensorBoard and Optuna to do; these are stood in for here.

With the packages themselves: `test_loggers_of_packages`.
"""

import os
import pickle
import sys
import time
import types
from collections import namedtuple

import pytest
from seeds import SEED
from sklearn.base import clone

from skconv import ConvNetClassifier
from skconv.callbacks import MLflowLogger, OptunaPruning, TensorBoardLogger

Metric = namedtuple("Metric", "key value timestamp step")
Param = namedtuple("Param", "key value")


class Mlflow(types.ModuleType):
    """Runs that are active, and what was logged to each."""

    def __init__(self):
        super().__init__("mlflow")
        self.stack, self.begun, self.batches, self.ended = [], [], [], []
        self.params, self.uri = {}, "here"
        self.entities = types.SimpleNamespace(Metric=Metric, Param=Param)
        fluent = types.SimpleNamespace(_get_latest_active_run=lambda: None)
        self.tracking = types.SimpleNamespace(fluent=fluent)

    def run(self, run_id):
        params = self.params.get(run_id, {})
        info = types.SimpleNamespace(run_id=run_id, experiment_id="experiment 1")
        return types.SimpleNamespace(
            info=info, data=types.SimpleNamespace(params=params)
        )

    get_run = run

    def start_run(self, **options):
        assert options["nested"] is True
        self.begun.append(options)
        self.stack.append(options.get("run_id") or f"run {len(self.begun)}")
        return self.run(self.stack[-1])

    def end_run(self, status):
        self.ended.append((self.stack.pop(), status, "active"))

    def active_run(self):
        return self.run(self.stack[-1]) if self.stack else None

    def get_tracking_uri(self):
        return self.uri

    def set_tracking_uri(self, uri):
        self.uri = uri

    # The client is the module itself.
    def MlflowClient(self):
        return self

    def log_batch(self, run_id, metrics=(), params=()):
        self.batches.append((run_id, list(metrics), list(params)))

    def set_terminated(self, run_id, status):
        self.ended.append((run_id, status, "client"))


@pytest.fixture
def mlflow(monkeypatch):
    mlflow = Mlflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    return mlflow


def small(**params):
    options = {"filters": (2,), "hidden_layer_sizes": (4,), "max_iter": 2}
    return ConvNetClassifier(random_state=SEED, **{**options, **params})


@pytest.fixture
def data(digits):
    return digits[0][:40], digits[2][:40]


def test_mlflow_gets_parameters_then_the_numbers_of_each_epoch(mlflow, data):
    before = 1000 * time.time()
    clf = small().set_callbacks(MLflowLogger()).fit(*data)
    options = dict.fromkeys(("parent_run_id", "experiment_id"))
    assert mlflow.begun == [
        {"run_name": "ConvNetClassifier", "nested": True, **options}
    ]
    (first, none, params), *epochs = mlflow.batches
    assert (first, none) == ("run 1", [])
    assert dict(params) == {k: str(v) for k, v in clf.get_params().items()}
    for epoch, (run_id, metrics, params) in enumerate(epochs, start=1):
        assert (run_id, params) == ("run 1", [])
        assert {each.step for each in metrics} == {epoch}
        found = {each.key: each.value for each in metrics}
        assert found == {
            "loss": clf.loss_curve_[epoch - 1],
            "learning_rate": clf.learning_rate_curve_[epoch - 1],
        }
        for each in metrics:
            assert isinstance(each.timestamp, int)
            assert before - 1 <= each.timestamp <= 1000 * time.time()
    assert len(epochs) == 2
    assert mlflow.ended == [("run 1", "FINISHED", "active")]


def test_mlflow_gets_parameters_that_a_run_lacks_in_parts(mlflow, data, monkeypatch):
    monkeypatch.setattr("skconv.callbacks.mlflow_logger._MOST", 10)
    monkeypatch.setattr("skconv.callbacks.mlflow_logger._LONGEST", 3)
    mlflow.params["mine"] = {"max_iter": "7"}
    mlflow.stack.append("mine")
    clf = small().set_callbacks(MLflowLogger()).fit(*data)
    parts = [params for run_id, _, params in mlflow.batches if params]
    given = clf.get_params()
    assert [len(part) for part in parts[:-1]] == [10] * ((len(given) - 1) // 10)
    found = dict(each for part in parts for each in part)
    assert found == {k: str(v)[:3] for k, v in given.items() if k != "max_iter"}
    assert {run_id for run_id, *_ in mlflow.batches} == {"mine"}
    assert mlflow.begun == mlflow.ended == []


def test_mlflow_has_runs_inside_an_active_one_that_fits_share(mlflow, data):
    mlflow.stack.append("mine")
    logger = MLflowLogger()
    for _ in range(2):
        small().set_callbacks(logger).fit(*data)
    options = dict.fromkeys(("parent_run_id", "experiment_id"))
    assert mlflow.begun == [
        {"run_name": "ConvNetClassifier", "nested": True, **options}
    ]
    assert mlflow.ended == [("run 1", "FINISHED", "active")]
    assert {run_id for run_id, *_ in mlflow.batches} == {"mine", "run 1"}


def test_mlflow_continues_the_run_of_an_estimator(mlflow, data):
    clf = small(warm_start=True).set_callbacks(MLflowLogger())
    clf.fit(*data).fit(*data)
    assert mlflow.begun[1] == {"run_id": "run 1", "nested": True}
    assert {run_id for run_id, *_ in mlflow.batches} == {"run 1"}
    steps = [metrics[0].step for _, metrics, _ in mlflow.batches if metrics]
    assert steps == [1, 2, 3, 4]
    mlflow.stack.append("mine")
    clf = small(warm_start=True).set_callbacks(MLflowLogger())
    clf.fit(*data).fit(*data)
    assert len(mlflow.begun) == 2  # an active run is not begun again


class Fails:
    """A callback, after the logger's."""

    def setup(self, estimator, context):
        self.n = 0

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.n += 1
        if self.n == 2:
            raise RuntimeError("stop")

    def teardown(self, estimator, context):
        pass


def test_mlflow_says_that_a_fit_failed(mlflow, data):
    clf = small().set_callbacks(MLflowLogger(), Fails())
    with pytest.raises(RuntimeError, match="stop"):
        clf.fit(*data)
    assert mlflow.ended == [("run 1", "FAILED", "active")]


def test_mlflow_ends_its_run_where_another_is_active(mlflow, data):
    class Begins(Fails):
        def on_fit_task_end(self, estimator, context):
            mlflow.stack.append("other")

    small().set_callbacks(MLflowLogger(), Begins()).fit(*data)
    assert ("run 1", "FINISHED", "client") in mlflow.ended


def test_mlflow_of_another_process_is_where_the_sender_logs(mlflow, data, monkeypatch):
    mlflow.stack.append("mine")
    mlflow.uri = "there"
    sent = pickle.dumps(MLflowLogger())
    mlflow.stack.clear()
    for parent, uri, run, experiment in (
        (os.getpid(), "there", "mine", "experiment 1"),  # it was sent here
        (1, "here", None, None),  # it was pickled long ago
    ):
        mlflow.uri = "here"
        monkeypatch.setattr(os, "getppid", lambda parent=parent: parent)
        small().set_callbacks(pickle.loads(sent)).fit(*data)
        assert mlflow.uri == uri
        assert mlflow.begun[-1]["parent_run_id"] == run
        assert mlflow.begun[-1]["experiment_id"] == experiment
    latest = lambda: mlflow.run("latest")  # noqa: E731 - of another thread
    mlflow.tracking.fluent._get_latest_active_run = latest
    again = MLflowLogger().__getstate__()
    assert again["_sender"]["run"] == "latest"
    assert again.keys() == {"scoring", "_sender"}
    del mlflow.tracking.fluent._get_latest_active_run
    assert MLflowLogger().__getstate__()["_sender"] == {
        "process": os.getpid(), "uri": "here", "run": None, "experiment": None,
    }  # fmt: skip


# TensorBoard -------------------------------------------------------------------------


class Writer:
    made = ()

    def __init__(self, folder):
        self.folder, self.calls = folder, []
        Writer.made = [*Writer.made, self]

    def add_scalar(self, name, value, epoch):
        self.calls.append((name, value, epoch))

    def flush(self):
        self.calls.append("flush")

    def close(self):
        self.calls.append("close")


@pytest.fixture
def tensorboard(monkeypatch):
    package = types.ModuleType("tensorboard")
    package.summary = types.ModuleType("tensorboard.summary")
    package.summary.Writer = Writer
    monkeypatch.setitem(sys.modules, "tensorboard", package)
    monkeypatch.setitem(sys.modules, "tensorboard.summary", package.summary)
    monkeypatch.setattr(Writer, "made", [])
    return Writer


def test_tensorboard_gets_a_folder_for_each_run(tensorboard, data, tmp_path):
    clf = small(warm_start=True).set_callbacks(TensorBoardLogger(tmp_path / "runs"))
    clf.fit(*data)
    (writer,) = tensorboard.made
    folder, name = os.path.split(writer.folder)
    assert folder == str(tmp_path / "runs")
    kind, day, clock, run = name.split("-")
    assert kind == "ConvNetClassifier" and len(run) == 8
    begun = time.mktime(time.strptime(f"{day}-{clock}", "%Y%m%d-%H%M%S"))
    assert 0 <= time.time() - begun < 60
    want = []
    for epoch in (1, 2):
        want += [
            ("loss", clf.loss_curve_[epoch - 1], epoch),
            ("learning_rate", clf.learning_rate_curve_[epoch - 1], epoch),
            "flush",
        ]
    assert writer.calls == [*want, "close"]
    clf.fit(*data)
    assert tensorboard.made[1].folder == writer.folder
    assert tensorboard.made[1].calls[0][2] == 3


# Optuna ------------------------------------------------------------------------------


class TrialPruned(Exception):
    pass


class Trial:
    """A trial that is pruned at an epoch."""

    def __init__(self, prune_at=99, direction="MAXIMIZE", directions=("one",)):
        self.reported, self.prune_at = [], prune_at
        named = types.SimpleNamespace(name=direction)
        self.study = types.SimpleNamespace(direction=named, directions=directions)

    def report(self, value, epoch):
        self.reported.append((value, epoch))

    def should_prune(self):
        return len(self.reported) > self.prune_at


@pytest.fixture
def optuna(monkeypatch):
    package = types.ModuleType("optuna")
    package.TrialPruned = TrialPruned
    monkeypatch.setitem(sys.modules, "optuna", package)
    return package


def validated(**params):
    return small(early_stopping=True, max_iter=3, **params)


def test_optuna_gets_each_epoch_from_0_on(optuna, data):
    trial = Trial()
    clf = validated().set_callbacks(OptunaPruning(trial)).fit(*data)
    scores = clf.validation_scores_
    assert trial.reported == [(score, i) for i, score in enumerate(scores)]
    loss = Trial(direction="MINIMIZE")
    pruning = OptunaPruning(loss, monitor="loss")
    assert repr(pruning) == f"OptunaPruning({loss!r}, monitor='loss')"
    clf = small().set_callbacks(pruning).fit(*data)
    assert loss.reported == [(value, i) for i, value in enumerate(clf.loss_curve_)]
    clf.fit(*data)  # of a trial the first fit reports
    assert len(loss.reported) == 2


def test_optuna_prunes_with_the_number(optuna, data):
    trial = Trial(prune_at=1)
    clf = validated().set_callbacks(OptunaPruning(trial))
    with pytest.raises(TrialPruned) as error:
        clf.fit(*data)
    assert len(trial.reported) == 2
    assert str(error.value) == f"validation_score was {trial.reported[-1][0]:.4g}"
    assert not hasattr(clf, "network_")


@pytest.mark.parametrize(
    ("trial", "monitor", "words"),
    [
        (Trial(directions=("one", "two")), "loss", "needs a study of one objective, .* got 2 directions; remove"),
        (Trial(), "loss", "monitor='loss' needs a study with direction='minimize', got 'maximize'"),
        (Trial(direction="MINIMIZE"), "validation_score", "direction='maximize', got 'minimize'"),
        (Trial(), "f1", r"monitor must be a number that ConvNetClassifier has after an epoch, one of \['loss', 'learning_rate'\], got 'f1'"),
    ],
)  # fmt: skip
def test_optuna_refuses_studies_and_numbers(optuna, data, trial, monitor, words):
    clf = small().set_callbacks(OptunaPruning(trial, monitor=monitor))
    with pytest.raises(ValueError, match=words):
        clf.fit(*data)
    assert trial.reported == []


def test_optuna_needs_no_direction(optuna, data):
    trial = Trial()
    for study in (types.SimpleNamespace(), None):
        trial.study = study
        small().set_callbacks(OptunaPruning(trial, monitor="loss")).fit(*data)
    assert len(trial.reported) == 4


def test_optuna_is_left_alone_by_copies_and_after_its_failure(optuna, data):
    copy = pickle.loads(pickle.dumps(OptunaPruning(Trial(), monitor="loss")))
    assert (copy.trial, copy.monitor) == (None, "loss")
    clf = clone(small()).set_callbacks(copy)
    with pytest.warns(UserWarning, match="without its trial: this fit is not pruned"):
        clf.fit(*data)
    trial = Trial(direction="MINIMIZE")
    trial.should_prune = lambda: 1 / 0
    clf = small().set_callbacks(OptunaPruning(trial, monitor="loss"))
    words = "Optuna failed, and the fit continues: ZeroDivisionError: division by zero"
    with pytest.warns(UserWarning, match=words) as warned:
        clf.fit(*data)
    assert len(trial.reported) == len(warned) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OptunaPruning(3), "trial must be a trial of Optuna, got 3"),
        (
            lambda: OptunaPruning(types.SimpleNamespace(report=1)),
            "trial must be a trial",
        ),
        (lambda: OptunaPruning(Trial(), monitor=3), "monitor must be a str, got 3"),
        (lambda: TensorBoardLogger(3), "log_dir must be a str or a path, got 3"),
    ],
)
def test_wrong_arguments_are_named(optuna, tensorboard, make, words):
    with pytest.raises(TypeError, match=words):
        make()
