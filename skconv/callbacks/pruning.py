"""A callback that ends a fit whose trial Optuna prunes."""

import warnings
from typing import Any

from .logger import find_task, require
from .values import last_values

__all__ = ["OptunaPruning"]


class OptunaPruning:
    """Report each epoch to a trial of Optuna, and end the fit if it is pruned.

    Parameters
    ----------
    trial : optuna.trial.Trial
    monitor : str, default="validation_score"
        The number to report: "validation_score", "validation_loss" or "loss", if the
        estimator has its curve.

    Raises
    ------
    ImportError
        If there is no optuna: ``pip install "skconv[optuna]"``.
    optuna.TrialPruned
        In `fit`, if the trial is pruned. The estimator is then unchanged.
    ValueError
        In `fit`, if the estimator does not have the number, or the study maximizes a
        loss, minimizes a score or has several objectives.

    Notes
    -----
    A validation score needs `early_stopping`, or X_val and y_val in `fit`. A study
    prunes by what is reported at the same epoch, so all trials need the same `monitor`.

    Of several fits of one trial only the first reports: in a cross-validation, the
    first fold. Pass ``error_score="raise"`` to `cross_val_score`, which otherwise
    turns the exception into a NaN. Processes other than that of the trial report
    nothing, with a warning: run trials in parallel instead of folds.

    If Optuna fails to store a number, the fit continues, with a warning.

    Examples
    --------
    >>> from skconv import ConvNetClassifier
    >>> from skconv.callbacks import OptunaPruning
    >>> def objective(trial):
    ...     rate = trial.suggest_float("rate", 1e-4, 1e-2, log=True)
    ...     clf = ConvNetClassifier(learning_rate_init=rate, early_stopping=True)
    ...     clf.set_callbacks(OptunaPruning(trial)).fit(X, y)
    ...     return clf.best_validation_score_
    >>> study = optuna.create_study(direction="maximize")  # doctest: +SKIP
    >>> study.optimize(objective, n_trials=20)  # doctest: +SKIP
    """

    def __init__(self, trial: Any, *, monitor: str = "validation_score") -> None:
        require("optuna", type(self).__name__, "optuna")
        if not (hasattr(trial, "report") and hasattr(trial, "should_prune")):
            raise TypeError(f"trial must be a trial of Optuna, got {trial!r}")
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a str, got {monitor!r}")
        self.trial, self.monitor = trial, monitor
        self._reporting: dict[Any, int] = {}  # the task of the fit -> reported epochs
        self._has_reported = False

    def __repr__(self) -> str:
        return f"OptunaPruning({self.trial!r}, monitor={self.monitor!r})"

    def __getstate__(self) -> dict[str, Any]:
        # A trial belongs to its study, which a copy would not report to.
        return {"monitor": self.monitor, "trial": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reporting, self._has_reported = {}, False

    def setup(self, estimator: Any, context: Any) -> None:
        """Check that the study goes in the direction of the number."""
        if self.trial is None:
            warnings.warn(
                "OptunaPruning was copied or sent to another process, without its "
                "trial: this fit is not pruned",
                stacklevel=2,
            )
            return
        if self._has_reported or self._reporting:
            return
        study: Any = getattr(self.trial, "study", None)
        if len(getattr(study, "directions", ())) > 1:
            raise ValueError(
                "OptunaPruning needs a study of one objective, as Optuna prunes no "
                f"others, got {len(study.directions)} directions; remove the callback"
            )
        direction = getattr(study, "direction", None)
        expected = "MINIMIZE" if self.monitor.endswith("loss") else "MAXIMIZE"
        if direction is not None and direction.name != expected:
            raise ValueError(
                f"monitor={self.monitor!r} needs a study with direction="
                f"{expected.lower()!r}, got {direction.name.lower()!r}. Its objective "
                "must return a number of the same kind"
            )
        self._reporting[context] = 0

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: numbers are reported at the end of a task."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Report an epoch; raise TrialPruned if the trial is pruned."""
        if fitted_estimator is None or context in self._reporting:
            return
        if find_task(self._reporting, context) is None:
            return
        values = last_values(fitted_estimator)
        if self.monitor not in values:
            raise ValueError(
                f"monitor must be a number that {type(estimator).__name__} has after "
                f"an epoch, one of {list(values)}, got {self.monitor!r}. Validation "
                "needs early_stopping=True, or X_val and y_val in fit"
            )
        if self._report(values[self.monitor], context):
            optuna = require("optuna", type(self).__name__, "optuna")
            raise optuna.TrialPruned(f"{self.monitor} was {values[self.monitor]:.4g}")

    def _report(self, value: float, context: Any) -> bool:
        """Report a number; return whether to end the fit."""
        task = next(iter(self._reporting))
        epoch = self._reporting[task]
        self._reporting[task] = epoch + 1
        self._has_reported = True
        try:
            self.trial.report(value, epoch)
            return bool(self.trial.should_prune())
        except Exception as error:
            warnings.warn(
                "Optuna failed, and the fit continues: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
            return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._reporting.pop(context, None)
