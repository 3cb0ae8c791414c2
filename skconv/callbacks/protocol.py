"""scikit-learn's callbacks (since 1.9), called once an epoch."""

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:
    from .compat import CallbackSupportMixin

__all__ = ["CallbackSupportMixin", "EpochCallbacks"]


class EpochCallbacks:
    """Tells an estimator's callbacks of each epoch, and whether they want to stop.

    Parameters
    ----------
    estimator : estimator
        Whose callbacks they are. Where `fit` itself does not tear them down, leaving
        this context does.
    data : dict
        X, y and metadata, as `fit` was given them.
    max_iter : int
        Most epochs.
    """

    def __init__(self, estimator, data, max_iter):
        self.told = {"estimator": estimator, **data}
        self.callbacks = getattr(estimator, "_skl_callbacks", ())
        self.context = estimator._init_callback_context(max_subtasks=max_iter)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if hasattr(self.context, "tear_down"):
            self.context.tear_down()

    @property
    def active(self):
        """Whether there is a callback to call."""
        return bool(self.callbacks)

    def begin(self, fit, identify):
        """Tell that training begins, or where it has been, goes on.

        Parameters
        ----------
        fit : callable ``(problem) -> Fit``
        identify : callable ``() -> problem``
            Called once, if a callback keeps fits.
        """
        keepers = [each for each in self.callbacks if hasattr(each, "take_up")]
        if keepers:
            fit = fit(identify())
            for callback in keepers:
                callback.take_up(self.told["estimator"], fit)
            # A bar then shows the epochs that are left.
            self.context.max_subtasks -= fit.stopping.epochs
        self.context.call_on_fit_task_begin(**self.told)

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
        self.context.call_on_fit_task_end(reconstruction_attributes=fitted, **self.told)
