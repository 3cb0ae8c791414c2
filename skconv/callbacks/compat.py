"""scikit-learn's protocol of callbacks, for a scikit-learn before 1.9."""

import copy
import inspect
from typing import Any, Self

__all__ = ["CallbackSupportMixin", "Task"]


class CallbackSupportMixin:
    """Replaces scikit-learn's: callbacks of the same protocol can be set."""

    _skl_callbacks: list[Any]

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set callbacks.

        Parameters
        ----------
        *callbacks : callback instances
            For example those of `skconv.callbacks`.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If one lacks a method of callbacks.
        """
        hooks = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown")
        for callback in callbacks:
            missing = [hook for hook in hooks if not hasattr(callback, hook)]
            if missing or isinstance(callback, type):
                raise TypeError(
                    "callbacks must be instances with the methods "
                    f"{', '.join(hooks)}, got {callback!r}"
                )
        vars(self).pop("_skl_callbacks", None)
        if callbacks:
            self._skl_callbacks = list(callbacks)
        return self

    def __sklearn_clone__(self) -> Self:
        clone: Self = super().__sklearn_clone__()  # type: ignore[misc]
        if hasattr(self, "_skl_callbacks"):
            clone._skl_callbacks = self._skl_callbacks
        return clone

    def _init_callback_context(
        self, task_name: str = "fit", max_subtasks: int = 0
    ) -> "Task":
        task = Task(self, task_name, max_subtasks)
        try:
            for callback in task.callbacks:
                task.to_tear_down.append(callback)
                callback.setup(estimator=self, context=task)
        except BaseException:
            task.tear_down()
            raise
        return task


class Task:
    """Replaces scikit-learn's `CallbackContext`.

    Parameters
    ----------
    estimator : estimator
    task_name : str
    max_subtasks : int
    parent : Task, optional
    task_id : int, default=0
    """

    source_estimator_name = source_task_name = None

    def __init__(
        self,
        estimator: Any,
        task_name: str,
        max_subtasks: int = 0,
        parent: "Task | None" = None,
        task_id: int = 0,
    ) -> None:
        self.estimator_name = type(estimator).__name__
        self.task_name, self.task_id = task_name, task_id
        self.max_subtasks, self.parent = max_subtasks, parent
        self.estimator = estimator
        self.callbacks = list(getattr(estimator, "_skl_callbacks", ()))
        self.to_tear_down: list[Any] = []
        self.n_subtasks = 0

    def subcontext(self, task_name: str, max_subtasks: int = 0) -> "Task":
        """Return the next task inside this one."""
        task = Task(self.estimator, task_name, max_subtasks, self, self.n_subtasks)
        self.n_subtasks += 1
        return task

    def call_on_fit_task_begin(self, **arguments: Any) -> "Task":
        """Call that hook of each callback."""
        self._call("on_fit_task_begin", **arguments)
        return self

    def call_on_fit_task_end(self, **arguments: Any) -> bool:
        """Call that hook of each callback; return whether one requests to stop."""
        return self._call("on_fit_task_end", **arguments)

    def tear_down(self) -> None:
        """Call that hook of each callback that was set up."""
        while self.to_tear_down:
            callback = self.to_tear_down.pop(0)
            callback.teardown(estimator=self.estimator, context=self)

    def _call(
        self,
        hook: str,
        *,
        estimator: Any,
        reconstruction_attributes: Any = None,
        **arguments: Any,
    ) -> bool:
        stop = False
        for callback in self.callbacks:
            call = getattr(callback, hook)
            names = [
                name
                for name, parameter in inspect.signature(call).parameters.items()
                if parameter.kind == parameter.KEYWORD_ONLY
            ]
            if "fitted_estimator" in names and "fitted_estimator" not in arguments:
                arguments["fitted_estimator"] = _fitted(
                    estimator, reconstruction_attributes
                )
            stop |= bool(
                call(estimator, self, **{name: arguments[name] for name in names})
            )
        return stop


def _fitted(estimator: Any, attributes: Any) -> Any:
    if attributes is None:
        return None
    fitted = copy.copy(estimator)
    vars(fitted).update(attributes())
    return fitted
