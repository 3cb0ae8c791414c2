"""Ctrl-C ends one fit with a warning, and many fits as a whole."""

import re
from types import SimpleNamespace

import pytest

from skconv._training.interrupts import keeping_what_is_learnt


def interrupted(epochs, caller=None):
    """Interrupt a fit that a module called."""

    def fit():
        with keeping_what_is_learnt(SimpleNamespace(epochs=epochs)):
            raise KeyboardInterrupt

    exec("fit()", {"fit": fit, "__name__": caller})


@pytest.mark.parametrize(
    "caller", [None, "mine", "sklearn.pipeline", "skoptimist", "joblib"]
)
def test_fit_ends_with_what_it_has_learnt(caller):
    words = "Training interrupted by user after 3 epochs; the model is usable."
    with pytest.warns(UserWarning, match=f"^{re.escape(words)}$"):
        interrupted(3, caller)


@pytest.mark.parametrize(
    ("epochs", "caller"),
    [
        (0, "mine"),  # it has learnt nothing
        (3, "sklearn.model_selection._search"),
        (3, "sklearn.multioutput"),
        (3, "joblib.parallel"),
        (3, "optuna"),
        (3, "ray.tune"),
    ],
)
def test_other_fits_end_as_well(epochs, caller):
    with pytest.raises(KeyboardInterrupt):
        interrupted(epochs, caller)
