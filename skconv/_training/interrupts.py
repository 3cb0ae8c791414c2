"""Ctrl-C: it ends one fit, which keeps what it has learnt, or a search as a whole."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

from .loop import StoppingRule

__all__ = ["keeping_what_is_learnt"]

# Modules that make many fits. The user waits for all of them, not for one.
_MANY_FITS = (
    "joblib.parallel",
    *(
        f"sklearn.{name}"
        for name in (
            *("calibration", "ensemble", "feature_selection", "impute"),
            *("model_selection", "multiclass", "multioutput", "semi_supervised"),
        )
    ),
    *("dask", "distributed", "hyperopt", "optuna", "ray", "skopt"),
)


@contextlib.contextmanager
def keeping_what_is_learnt(stopping: StoppingRule) -> Iterator[None]:
    """End a block at Ctrl-C with a warning, if there is a result to keep.

    There is none before the first epoch has ended. If the fit is one of many, as in a
    search, all of them must end.

    Parameters
    ----------
    stopping : StoppingRule
        It counts the epochs of the fit.

    Raises
    ------
    KeyboardInterrupt
        In these two cases.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not stopping.epochs or _is_one_of_many():
            raise
        warnings.warn(
            f"Training interrupted by user after {stopping.epochs} epochs; the model "
            "is usable.",
            stacklevel=2,
        )


def _is_one_of_many() -> bool:
    """Return whether a library that makes many fits is among the callers."""
    frame = sys._getframe()
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if any(f"{name}.".startswith(f"{module}.") for module in _MANY_FITS):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
