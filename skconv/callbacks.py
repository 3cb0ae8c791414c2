"""scikit-learn's callbacks (since 1.9), called once an epoch."""

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # an older scikit-learn: nothing can be set, and nothing is called

    class CallbackSupportMixin:
        """Stands in for scikit-learn's where there is none."""


__all__ = ["CallbackSupportMixin", "EpochCallbacks"]


class EpochCallbacks:
    """Tells an estimator's callbacks of each epoch, and whether they want to stop.

    Parameters
    ----------
    estimator : estimator
        Whose callbacks they are; those of scikit-learn are torn down by `fit` itself.
    max_iter : int
        Most epochs.
    data : dict
        X, y and metadata, as `fit` was given them.
    """

    def __init__(self, estimator, max_iter, data):
        self.context = None
        self.told = {"estimator": estimator, **data}
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=max_iter)
            self.context.call_on_fit_task_begin(**self.told)

    @property
    def active(self):
        """Whether there is a callback to call."""
        return bool(getattr(self.told["estimator"], "_skl_callbacks", None))

    def end_epoch(self, fitted):
        """Tell that an epoch has ended; return whether training is to end, too.

        Parameters
        ----------
        fitted : callable
            Returns the estimator's attributes as if training had ended here.
        """
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.told)
        return task.call_on_fit_task_end(reconstruction_attributes=fitted, **self.told)

    def end(self, fitted):
        """Tell that training has ended."""
        if self.context is not None:
            self.context.call_on_fit_task_end(
                reconstruction_attributes=fitted, **self.told
            )
