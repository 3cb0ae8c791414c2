"""A callback that logs fits to MLflow."""

import os
import time
from dataclasses import dataclass
from typing import Any

from .logger import Fit, Logger, require

__all__ = ["MLflowLogger"]

# The longest value of a parameter, and the most of them in a call, that MLflow takes.
_LONGEST = 6000
_MOST = 100


@dataclass
class _Run:
    id: str
    is_own: bool  # it was begun here, and ends with the fit


class MLflowLogger(Logger):
    """Log parameters, and the numbers of each epoch, to MLflow.

    A fit logs to the active run, if there is one, else to a run of its own. Where
    several fits share an active run, as in a search or a cross-validation, each has a
    run of its own inside it.

    Parameters
    ----------
    scoring : str, callable, list or dict, default=None
        As scikit-learn's parameter of this name; scores of the training data that are
        logged, too, as ``train_...``. They cost a prediction of all of X.

    Raises
    ------
    ImportError
        If there is no mlflow: ``pip install "skconv[mlflow]"``.

    Notes
    -----
    ``mlflow.set_tracking_uri`` and ``mlflow.set_experiment`` say where runs are; they
    also hold in joblib's processes. Metrics are the last numbers of the estimator's
    curves: of skconv's, ``loss``, ``learning_rate`` and, if validated,
    ``validation_loss`` and ``validation_score``. Parameters that the active run has
    already are left unchanged. The model is not logged: call
    ``mlflow.sklearn.log_model``.

    It logs any estimator of scikit-learn's callback protocol. If MLflow fails, as when
    its server is not reached, the fit continues, with a warning.

    Examples
    --------
    >>> from skconv import ConvNetClassifier
    >>> from skconv.callbacks import MLflowLogger
    >>> clf = ConvNetClassifier().set_callbacks(MLflowLogger())  # doctest: +SKIP
    >>> with mlflow.start_run():  # doctest: +SKIP
    ...     clf.fit(X, y)
    """

    def __init__(self, *, scoring: Any = None) -> None:
        require("mlflow", type(self).__name__, "mlflow")
        super().__init__(scoring=scoring)

    def _forget(self) -> None:
        super()._forget()
        self._shared: set[str] = set()  # active runs that have a fit

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        del state["_shared"]
        # joblib sends it to other processes, where nothing is active.
        return {**state, "_sender": self._describe_process()}

    def _describe_process(self) -> dict[str, Any]:
        """Return where this process logs to."""
        mlflow = require("mlflow", type(self).__name__, "mlflow")
        # joblib pickles in a thread of its own, where no run is active.
        latest = getattr(mlflow.tracking.fluent, "_get_latest_active_run", None)
        run = mlflow.active_run() or (latest and latest())
        return {
            "process": os.getpid(),
            "uri": mlflow.get_tracking_uri(),
            "run": run and run.info.run_id,
            "experiment": run and run.info.experiment_id,
        }

    def _open(self, fit: Fit, estimator: Any) -> _Run:
        mlflow = require("mlflow", type(self).__name__, "mlflow")
        sender = vars(self).get("_sender") or {}
        sender = sender if sender.get("process") == os.getppid() else {}
        if sender:
            mlflow.set_tracking_uri(sender["uri"])
        active = mlflow.active_run()
        run_id = active and active.info.run_id
        if run_id is None or fit.is_part or run_id in self._shared:
            begun = mlflow.start_run(
                run_name=type(estimator).__name__,
                nested=True,
                parent_run_id=None if run_id else sender.get("run"),
                experiment_id=None if run_id else sender.get("experiment"),
            )
            run = _Run(begun.info.run_id, is_own=True)
        else:
            self._shared.add(run_id)
            run = _Run(run_id, is_own=False)
        _log_parameters(mlflow, run.id, estimator)
        return run

    def _reopen(self, run: _Run) -> _Run:
        if run.is_own:
            mlflow = require("mlflow", type(self).__name__, "mlflow")
            mlflow.start_run(run_id=run.id, nested=True)
        return run

    def _write(self, fit: Fit, epoch: int, values: dict[str, float]) -> None:
        mlflow = require("mlflow", type(self).__name__, "mlflow")
        now = int(1000 * time.time())
        metrics = [
            mlflow.entities.Metric(name, value, now, epoch)
            for name, value in values.items()
        ]
        mlflow.MlflowClient().log_batch(fit.run.id, metrics)

    def _close(self, fit: Fit) -> None:
        if not fit.run.is_own:
            return
        mlflow = require("mlflow", type(self).__name__, "mlflow")
        status = "FINISHED" if fit.has_ended else "FAILED"
        active = mlflow.active_run()
        if active is not None and active.info.run_id == fit.run.id:
            mlflow.end_run(status)
        else:
            mlflow.MlflowClient().set_terminated(fit.run.id, status)


def _log_parameters(mlflow: Any, run_id: str, estimator: Any) -> None:
    """Log the parameters that a run does not have yet."""
    client = mlflow.MlflowClient()
    there = client.get_run(run_id).data.params
    parameters = [
        mlflow.entities.Param(name, str(value)[:_LONGEST])
        for name, value in estimator.get_params().items()
        if name not in there
    ]
    for start in range(0, len(parameters), _MOST):
        client.log_batch(run_id, params=parameters[start : start + _MOST])
