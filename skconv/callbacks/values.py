"""The numbers of an epoch, as a fitted estimator of any kind has them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_epochs", "last_values"]

# Attribute with a number for each epoch -> the number's name.
_CURVES = {
    "loss_curve_": "loss",
    "validation_loss_curve_": "validation_loss",
    "validation_scores_": "validation_score",
    "learning_rate_curve_": "learning_rate",
}


def last_values(fitted: Any) -> dict[str, float]:
    """Return the last number of each curve that an estimator has, by name."""
    curves = {name: _curve(fitted, attribute) for attribute, name in _CURVES.items()}
    return {name: float(curve[-1]) for name, curve in curves.items() if len(curve)}


def count_epochs(fitted: Any, default: int) -> int:
    """Return how many epochs an estimator has seen, in all its fits."""
    return len(_curve(fitted, "loss_curve_")) or default


def _curve(fitted: Any, attribute: str) -> NDArray[Any]:
    """Return the numbers of an attribute by epoch; none if it is something else."""
    value = getattr(fitted, attribute, None)
    is_curve = isinstance(value, list | tuple | np.ndarray) and np.ndim(value) == 1
    return np.asarray(value if is_curve else [])
