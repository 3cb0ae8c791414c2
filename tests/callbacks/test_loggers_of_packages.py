"""MLflow, TensorBoard and Optuna themselves, with our callbacks."""

import pickle
import warnings

import numpy as np
import pytest
from hooks import Hooks
from joblib import parallel_config
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from skconv import ConvNetClassifier
from skconv.callbacks import MLflowLogger, OptunaPruning, TensorBoardLogger

pytestmark = [
    pytest.mark.extras,
    # Of these packages, which deprecate some of what they use themselves.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
try:
    import optuna
except ImportError:
    optuna = None


@pytest.fixture(autouse=True)
def needs_optuna():
    pytest.importorskip("optuna", reason="the test needs optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def small(**params):
    defaults = {"filters": (4,), "hidden_layer_sizes": (8,), "max_iter": 3}
    return ConvNetClassifier(random_state=SEED, **{**defaults, **params})


# MLflow ------------------------------------------------------------------------------


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="the test needs mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("digits")
    yield mlflow
    while mlflow.active_run():
        mlflow.end_run()


def metrics(mlflow, run_id, name):
    history = mlflow.MlflowClient().get_metric_history(run_id, name)
    return [each.value for each in sorted(history, key=lambda each: each.step)]


def all_runs(mlflow):
    return mlflow.search_runs(output_format="list")


def test_mlflow_has_parameters_and_curves_of_the_active_run(mlflow, digits):
    X, _, y, _ = digits
    clf = small(early_stopping=True).set_callbacks(MLflowLogger(scoring="accuracy"))
    with mlflow.start_run() as run:
        clf.fit(X, y)
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert [each.info.run_id for each in all_runs(mlflow)] == [run.info.run_id]
    found = mlflow.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["filters"] == "(4,)"
    for name, curve in {
        "loss": clf.loss_curve_,
        "learning_rate": clf.learning_rate_curve_,
        "validation_loss": clf.validation_loss_curve_,
        "validation_score": clf.validation_scores_,
    }.items():
        assert metrics(mlflow, run.info.run_id, name) == curve
    assert len(metrics(mlflow, run.info.run_id, "train_accuracy")) == 3


def test_mlflow_gets_a_run_where_none_is_active(mlflow, digits):
    X, _, y, _ = digits
    clf = small(warm_start=True).set_callbacks(MLflowLogger()).fit(X, y)
    assert mlflow.active_run() is None
    clf.fit(X, y)  # continues the run
    (run,) = all_runs(mlflow)
    assert run.info.run_name == "ConvNetClassifier" and run.info.status == "FINISHED"
    assert metrics(mlflow, run.info.run_id, "loss") == clf.loss_curve_
    with pytest.raises(ValueError, match="became infinite"):
        clone(clf).set_params(learning_rate_init=1e30, solver="sgd").fit(
            1e5 * X, y, X_val=X, y_val=y
        )
    assert sorted(run.info.status for run in all_runs(mlflow))[-1] in (
        "FAILED",
        "FINISHED",
    )
    assert mlflow.active_run() is None


def test_mlflow_continues_in_the_active_run(mlflow, digits):
    X, _, y, _ = digits
    clf = small(warm_start=True).set_callbacks(MLflowLogger())
    with mlflow.start_run() as run:
        clf.fit(X, y).fit(X, y)
        assert mlflow.active_run().info.run_id == run.info.run_id
    assert [each.info.run_id for each in all_runs(mlflow)] == [run.info.run_id]
    assert metrics(mlflow, run.info.run_id, "loss") == clf.loss_curve_


def test_mlflow_leaves_a_run_that_began_during_the_fit(mlflow, digits):
    X, _, y, _ = digits

    class Begins(Hooks):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 2:
                begun.append(mlflow.start_run(nested=True).info.run_id)

    begun = []
    small().set_callbacks(MLflowLogger(), Begins()).fit(X, y)
    assert mlflow.active_run().info.run_id == begun[0]
    status = {run.info.run_id: run.info.status for run in all_runs(mlflow)}
    assert status.pop(begun[0]) == "RUNNING"
    assert [*status.values()] == ["FINISHED"]


def test_mlflow_has_a_nested_run_for_each_fit_that_shares_one(mlflow, digits):
    X, _, y, _ = digits
    clf = small(max_iter=2).set_callbacks(MLflowLogger())
    with mlflow.start_run() as parent:
        cross_val_score(clf, X, y, cv=3)
    runs = {run.info.run_id: run for run in all_runs(mlflow)}
    assert len(runs) == 3  # the first fold is the active run's
    nested = [run for run in runs.values() if "mlflow.parentRunId" in run.data.tags]
    assert len(nested) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {
        parent.info.run_id
    }
    for run_id in runs:
        assert len(metrics(mlflow, run_id, "loss")) == 2


@pytest.mark.slow
def test_mlflow_has_the_fits_of_processes(mlflow, digits):
    X, _, y, _ = digits
    clf = small(max_iter=2).set_callbacks(MLflowLogger())
    with mlflow.start_run() as parent:
        GridSearchCV(clf, {"kernel_size": [1, 3]}, cv=2, n_jobs=2).fit(X, y)
    runs = [run for run in all_runs(mlflow) if run.info.run_id != parent.info.run_id]
    assert len(runs) == 5
    assert {run.data.tags.get("mlflow.parentRunId") for run in runs} == {
        parent.info.run_id
    }
    assert {run.data.params["kernel_size"] for run in runs} == {"1", "3"}


def test_mlflow_that_is_not_reached_does_not_lose_the_fit(mlflow, digits, monkeypatch):
    X, _, y, _ = digits
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with pytest.warns(
        UserWarning, match="MLflowLogger.* failed, and the fit continues"
    ):
        clf = small().set_callbacks(MLflowLogger()).fit(X, y)
    assert clf.n_iter_ == 3


def test_mlflow_keeps_parameters_that_a_run_has(mlflow, digits):
    X, _, y, _ = digits
    with mlflow.start_run() as run, warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        mlflow.log_param("filters", "mine")
        clf = small().set_callbacks(MLflowLogger()).fit(X, y)
    data = mlflow.get_run(run.info.run_id).data
    assert data.params["filters"] == "mine" and data.params["max_iter"] == "3"
    assert pickle.loads(pickle.dumps(clf)).fit(X, y).n_iter_ == 3


# TensorBoard -------------------------------------------------------------------------


def read_events(folder):
    """Return the curves in a folder of a run."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the test needs tensorboard",
    )
    events = accumulator.EventAccumulator(str(folder), {"tensors": 0}).Reload()
    from tensorboard.util import tensor_util

    return {
        tag: {
            each.step: float(tensor_util.make_ndarray(each.tensor_proto))
            for each in events.Tensors(tag)
        }
        for tag in events.Tags()["tensors"]
    }


def test_tensorboard_shows_the_curves(tmp_path, digits):
    pytest.importorskip("tensorboard", reason="the test needs tensorboard")
    X, _, y, _ = digits
    logger = TensorBoardLogger(tmp_path / "runs", scoring="accuracy")
    clf = small(early_stopping=True, warm_start=True).set_callbacks(logger)
    clf.fit(X, y).fit(X, y)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("ConvNetClassifier-2")
    curves = read_events(folder)
    assert set(curves) == {
        "loss",
        "learning_rate",
        "validation_loss",
        "validation_score",
        "train_accuracy",
    }
    assert list(curves["loss"]) == list(range(1, clf.n_iter_ + 1))
    np.testing.assert_allclose(
        list(curves["loss"].values()), clf.loss_curve_, rtol=1e-6
    )
    pickle.loads(pickle.dumps(clf)).set_params(warm_start=False).fit(X, y)
    assert len(list((tmp_path / "runs").iterdir())) == 2


@pytest.mark.slow
def test_tensorboard_has_a_run_for_each_fit_of_a_search(tmp_path, digits):
    pytest.importorskip("tensorboard", reason="the test needs tensorboard")
    X, _, y, _ = digits
    clf = small(max_iter=2).set_callbacks(TensorBoardLogger(str(tmp_path)))
    # In threads: beside TensorFlow, which tensorboard loads then, a process of joblib
    # grows so much that joblib replaces it, and may wait for it for ever.
    with parallel_config("threading"):
        GridSearchCV(clf, {"kernel_size": [1, 3]}, cv=2, n_jobs=2).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 5


def test_tensorboard_without_a_folder_does_not_lose_the_fit(tmp_path, digits):
    pytest.importorskip("tensorboard", reason="the test needs tensorboard")
    X, _, y, _ = digits
    (tmp_path / "file").write_text("no folder")
    logger = TensorBoardLogger(tmp_path / "file")
    with pytest.warns(
        UserWarning, match="TensorBoardLogger.* failed, and the fit continues"
    ):
        assert small().set_callbacks(logger).fit(X, y).n_iter_ == 3
    with pytest.raises(TypeError, match="log_dir must be a str or a path"):
        TensorBoardLogger(3)


# Optuna ------------------------------------------------------------------------------


def study_of(values, monitor="validation_score", direction="maximize", **params):
    """Run a trial for each learning rate, pruned by the median of the others."""

    def objective(trial):
        clf = small(learning_rate_init=next(rates), **params)
        clf.set_callbacks(OptunaPruning(trial, monitor=monitor)).fit(*data)
        return clf.best_validation_score_ if direction == "maximize" else clf.loss_

    def run(digits):
        nonlocal data
        data = digits[0], digits[2]
        pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=1)
        study = optuna.create_study(direction=direction, pruner=pruner)
        study.optimize(objective, n_trials=len(values), catch=())
        return study

    data, rates = None, iter(values)
    return run


def test_optuna_prunes_bad_trials(digits):
    study = study_of([1e-2, 1e-6, 2e-2], early_stopping=True, max_iter=6)(digits)
    good, bad, _ = study.trials
    assert good.state.name == "COMPLETE" and bad.state.name == "PRUNED"
    assert list(good.intermediate_values) == list(range(6))
    assert len(bad.intermediate_values) == 2
    assert good.value == max(good.intermediate_values.values())


def test_optuna_prunes_by_a_loss(digits):
    study = study_of([1e-2, 1e-6], monitor="loss", direction="minimize", max_iter=4)(
        digits
    )
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]


def test_optuna_refuses_a_study_of_several_objectives(digits):
    study = optuna.create_study(directions=["maximize", "minimize"])
    clf = ConvNetClassifier(filters=(2,), max_iter=1, early_stopping=True)
    clf.set_callbacks(OptunaPruning(study.ask()))
    with pytest.raises(ValueError, match="needs a study of one objective, .* got 2"):
        clf.fit(*digits[:2])


def test_optuna_refuses_another_direction_and_unknown_numbers(digits):
    with pytest.raises(
        ValueError,
        match="monitor='loss' needs a study with direction='minimize', got 'maximize'",
    ):
        study_of([1e-2], monitor="loss")(digits)
    with pytest.raises(
        ValueError,
        match=r"one of \['loss', 'learning_rate'\], got 'validation_score'. Validation needs",
    ):
        study_of([1e-2])(digits)
    with pytest.raises(TypeError, match="trial must be a trial of Optuna"):
        OptunaPruning(None)
    with pytest.raises(TypeError, match="monitor must be a str"):
        OptunaPruning(optuna.trial.FixedTrial({}), monitor=1)


def test_pruned_fits_leave_the_estimator_unchanged(digits):
    X, _, y, _ = digits

    class Pruned(optuna.trial.FixedTrial):
        def should_prune(self):
            return True

    clf = small().fit(X, y)
    before = clf.network_.values.copy()
    with pytest.raises(optuna.TrialPruned, match=r"loss was \d"):
        clf.set_callbacks(OptunaPruning(Pruned({}), monitor="loss")).fit(X, y)
    assert (clf.network_.values == before).all()


def test_first_fold_of_a_cross_validation_reports(digits):
    X, _, y, _ = digits

    def objective(trial):
        clf = small(early_stopping=True).set_callbacks(OptunaPruning(trial))
        return cross_val_score(clf, X, y, cv=3, error_score="raise").mean()

    study = optuna.create_study(direction="maximize")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study.optimize(objective, n_trials=1)
    assert list(study.trials[0].intermediate_values) == [0, 1, 2]


def test_failure_of_optuna_does_not_lose_the_fit(digits):
    X, _, y, _ = digits

    class Lost(optuna.trial.FixedTrial):
        def report(self, value, step):
            raise ConnectionError("the database has left")

    clf = small(max_iter=1).set_callbacks(OptunaPruning(Lost({}), monitor="loss"))
    with pytest.warns(
        UserWarning, match="Optuna failed, and the fit continues: ConnectionError"
    ):
        assert clf.fit(X, y).n_iter_ == 1
    (pruning,) = clf._skl_callbacks
    assert repr(pruning) == f"OptunaPruning({pruning.trial!r}, monitor='loss')"
    copy = pickle.loads(pickle.dumps(clf))
    with pytest.warns(UserWarning, match="without its trial: this fit is not pruned"):
        assert copy.fit(X, y).n_iter_ == 1
