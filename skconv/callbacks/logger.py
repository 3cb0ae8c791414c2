"""The base class of callbacks that log the numbers of each epoch."""

import contextlib
import importlib
import time
import uuid
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sklearn.metrics import check_scoring

from .values import count_epochs, last_values

__all__ = ["Fit", "Logger", "find_task", "require"]


@dataclass
class Fit:
    """A fit that is logged.

    Attributes
    ----------
    run : object
        Where a subclass logs it; None before its first epoch.
    start : float
    id : str
        Differs from fit to fit.
    is_part : bool
        Whether it is one of the fits of a search or the like.
    scorer : callable or None
    n_epochs : int
        That it has logged.
    has_failed : bool
        Whether logging has.
    has_ended : bool
        Whether it reached its end, without an error.
    """

    is_part: bool
    run: Any = None
    scorer: Any = None
    start: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    n_epochs: int = 0
    has_failed: bool = False
    has_ended: bool = False


class Logger:
    """Log the numbers of each epoch of a fit.

    The numbers are the last ones of the curves that an estimator has, and the scores of
    `scoring`. If logging fails, the fit continues without it, with a warning. A call of
    `partial_fit` or of `fit` with `warm_start` continues the run of the same estimator.

    A subclass has `_open`, `_write` and, if necessary, `_reopen` and `_close`.
    """

    def __init__(self, *, scoring: Any = None) -> None:
        self.scoring = scoring
        self._forget()

    def _forget(self) -> None:
        """Forget all fits."""
        self._fits: dict[Any, Fit] = {}  # by the task of the fit
        self._runs: weakref.WeakKeyDictionary[Any, Any]
        self._runs = weakref.WeakKeyDictionary()  # the last one of an estimator

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("_fits", "_runs")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def __repr__(self) -> str:
        shown = {k: v for k, v in vars(self).items() if k[0] != "_" and v is not None}
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"{type(self).__name__}({arguments})"

    # The hooks of scikit-learn's protocol.

    def setup(self, estimator: Any, context: Any) -> None:
        """Note that a fit begins."""
        fit = Fit(is_part=context.parent is not None)
        if self.scoring is not None:
            fit.scorer = check_scoring(estimator, self.scoring)
        self._fits[context] = fit

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: numbers are logged at the end of a task."""

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        metadata: Any = None,
        fitted_estimator: Any = None,
    ) -> None:
        """Log an epoch, or the end of a fit without epochs."""
        fit = find_task(self._fits, context)
        if fit is None:
            return
        fit.has_ended = context in self._fits
        if (
            fitted_estimator is None
            or fit.has_failed
            or (fit.has_ended and fit.n_epochs)
        ):
            return
        with self._failing_softly(fit):
            values = last_values(fitted_estimator)
            if fit.scorer is not None and X is not None:
                scores = fit.scorer(fitted_estimator, X, y, **(metadata or {}))
                if not isinstance(scores, dict):
                    scores = {_name(self.scoring): scores}
                values |= {f"train_{name}": float(s) for name, s in scores.items()}
            epoch = count_epochs(fitted_estimator, fit.n_epochs + 1)
            if fit.run is None:
                self._begin(fit, estimator, epoch)
            fit.n_epochs += 1
            self._write(fit, epoch, values)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget a fit."""
        fit = self._fits.pop(context, None)
        if fit is not None and fit.run is not None:
            with self._failing_softly(fit):
                self._close(fit)

    def _begin(self, fit: Fit, estimator: Any, epoch: int) -> None:
        """Give a fit its run: a new one, or the last of an estimator that continues."""
        last = self._runs.get(estimator)
        if epoch > 1 and last is not None:
            fit.run = self._reopen(last)
        else:
            fit.run = self._open(fit, estimator)
        self._runs[estimator] = fit.run

    @contextlib.contextmanager
    def _failing_softly(self, fit: Fit) -> Iterator[None]:
        """Turn an error into a warning, and log no more of the fit."""
        try:
            yield
        except Exception as error:
            if not fit.has_failed:
                warnings.warn(
                    f"{self!r} failed, and the fit continues without it: "
                    f"{type(error).__name__}: {error}",
                    stacklevel=2,
                )
            fit.has_failed = True

    # What a subclass does.

    def _open(self, fit: Fit, estimator: Any) -> Any:
        """Return a new run for a fit."""
        raise NotImplementedError

    def _reopen(self, run: Any) -> Any:
        """Return a run to which a later fit of the same estimator adds."""
        return run

    def _write(self, fit: Fit, epoch: int, values: dict[str, float]) -> None:
        """Log the numbers of an epoch."""
        raise NotImplementedError

    def _close(self, fit: Fit) -> None:
        """End a run."""


def find_task(fits: dict[Any, Any], context: Any) -> Any:
    """Return the value of the fit whose task this is, or of the one it is inside."""
    while context is not None:
        if context in fits:
            return fits[context]
        context = context.parent
    return None


def require(package: str, user: str, extra: str) -> Any:
    """Return a module, or raise ImportError that says how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.split(".")[0]
        raise ImportError(
            f'{user} needs {name}: pip install "skconv[{extra}]" ({error})'
        ) from None


def _name(scoring: Any) -> str:
    return scoring if isinstance(scoring, str) else "score"
