"""scikit-learn's protocol of callbacks, for a scikit-learn before 1.9."""

import copy
import inspect

__all__ = ["CallbackSupportMixin", "Task"]


class CallbackSupportMixin:
    """Stands in for scikit-learn's: callbacks of the same protocol can be set."""

    def set_callbacks(self, *callbacks):
        """Set callbacks.

        Parameters
        ----------
        *callbacks : callback instances
            As those of `skconv.callbacks`.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If one has not all four methods of a callback.
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

    def __sklearn_clone__(self):
        clone = super().__sklearn_clone__()
        if hasattr(self, "_skl_callbacks"):
            clone._skl_callbacks = self._skl_callbacks
        return clone

    def _init_callback_context(self, task_name="fit", max_subtasks=0):
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
    """Stands in for scikit-learn's `CallbackContext`.

    Parameters
    ----------
    estimator : estimator
    task_name : str
    max_subtasks : int
    parent : Task, optional
    task_id : int, default=0
    """

    source_estimator_name = source_task_name = None

    def __init__(self, estimator, task_name, max_subtasks=0, parent=None, task_id=0):
        self.estimator_name = type(estimator).__name__
        self.task_name, self.task_id = task_name, task_id
        self.max_subtasks, self.parent = max_subtasks, parent
        self.estimator = estimator
        self.callbacks = list(getattr(estimator, "_skl_callbacks", ()))
        self.to_tear_down, self.n_subtasks = [], 0

    def subcontext(self, task_name, max_subtasks=0):
        """Return the next task inside this one."""
        task = Task(self.estimator, task_name, max_subtasks, self, self.n_subtasks)
        self.n_subtasks += 1
        return task

    def call_on_fit_task_begin(self, **told):
        """Call that hook of each callback."""
        self._call("on_fit_task_begin", **told)
        return self

    def call_on_fit_task_end(self, **told):
        """Call that hook of each callback; return whether one wants to stop."""
        return self._call("on_fit_task_end", **told)

    def tear_down(self):
        """Call that hook of each callback that was set up."""
        while self.to_tear_down:
            callback = self.to_tear_down.pop(0)
            callback.teardown(estimator=self.estimator, context=self)

    def _call(self, hook, *, estimator, reconstruction_attributes=None, **told):
        stop = False
        for callback in self.callbacks:
            call = getattr(callback, hook)
            wanted = [
                name
                for name, parameter in inspect.signature(call).parameters.items()
                if parameter.kind == parameter.KEYWORD_ONLY
            ]
            if "fitted_estimator" in wanted and "fitted_estimator" not in told:
                told["fitted_estimator"] = _fitted(estimator, reconstruction_attributes)
            stop |= bool(call(estimator, self, **{name: told[name] for name in wanted}))
        return stop


def _fitted(estimator, attributes):
    if attributes is None:
        return None
    fitted = copy.copy(estimator)
    vars(fitted).update(attributes())
    return fitted
