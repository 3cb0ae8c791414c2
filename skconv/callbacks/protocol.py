"""scikit-learn's callbacks (since 1.9), called once an epoch."""

from collections.abc import Callable
from typing import Any

from .state import FitState

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # pragma: no cover - before scikit-learn 1.9: .ci/oldest
    from .compat import CallbackSupportMixin

__all__ = ["CallbackSupportMixin", "EpochCallbacks"]


class EpochCallbacks:
    """Call an estimator's callbacks at each epoch, and find out whether to stop.

    As a context, it tears the callbacks down where `fit` itself does not.

    Parameters
    ----------
    estimator : estimator
        It has the callbacks.
    data : dict
        X, y and metadata, as they were passed to `fit`.
    max_iter : int
        The largest number of epochs.
    """

    def __init__(self, estimator: Any, data: dict[str, Any], max_iter: int) -> None:
        self.arguments = {"estimator": estimator, **data}
        self.callbacks = getattr(estimator, "_skl_callbacks", ())
        # scikit-learn notes a context at the estimator, which threads may share: not
        # if it is for nothing.
        self.context: Any = None
        if self.callbacks or hasattr(estimator, "_parent_callback_ctx"):
            self.context = estimator._init_callback_context(max_subtasks=max_iter)

    def __enter__(self) -> "EpochCallbacks":
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(self.context, "tear_down"):
            self.context.tear_down()

    @property
    def active(self) -> bool:
        """Whether there is a callback to call."""
        return bool(self.callbacks)

    @property
    def keeps_fits(self) -> bool:
        """Whether a callback saves fits, and may resume one."""
        return any(hasattr(each, "resume_fit") for each in self.callbacks)

    def resume(self, state: FitState) -> None:
        """Let callbacks resume a fit, which begins, from what they saved."""
        for callback in self.callbacks:
            if hasattr(callback, "resume_fit"):
                callback.resume_fit(self.arguments["estimator"], state)
        # A progress bar then shows the epochs that are left.
        self.context.max_subtasks -= state.stopping.epochs

    def begin(self) -> None:
        """Call the hook for the beginning of training."""
        if self.context:
            self.context.call_on_fit_task_begin(**self.arguments)

    def end_epoch(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """Call the hooks for the end of an epoch; return whether to stop training.

        Parameters
        ----------
        fitted : callable
            Returns the estimator's attributes as if training had ended here.
        """
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.arguments)
        return task.call_on_fit_task_end(
            reconstruction_attributes=fitted, **self.arguments
        )

    def end(self, fitted: Callable[[], dict[str, Any]]) -> None:
        """Call the hook for the end of training."""
        if self.context:
            self.context.call_on_fit_task_end(
                reconstruction_attributes=fitted, **self.arguments
            )
