"""Numbers as targets of a network, and its outputs as numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import as_numbers, check_finite

__all__ = ["REGRESSION_LOSSES", "RegressionEncoder", "check_target_values"]

_Array = NDArray[Any]


def _identity(outputs: _Array) -> _Array:
    return outputs


class RegressionLoss(NamedTuple):
    """What a loss says about outputs and targets.

    Attributes
    ----------
    inverse_link : callable ``(outputs) -> predictions``
    smallest_target : float
        Smaller targets have no likelihood.
    """

    inverse_link: Callable[[_Array], _Array] = _identity
    smallest_target: float = -math.inf


REGRESSION_LOSSES = {
    "squared_error": RegressionLoss(),
    "huber": RegressionLoss(),
    "poisson": RegressionLoss(np.exp, 0.0),
}
"""Name of an op that is a loss -> `RegressionLoss`."""


@dataclass(frozen=True)
class RegressionEncoder:
    """The `TargetEncoder` of a regressor.

    Attributes
    ----------
    loss_name : str
        A key of `REGRESSION_LOSSES`.
    n_outputs : int
        How many numbers are predicted for each sample.
    flat : bool
        Whether `y` has one dimension.
    dtype : str
        The network's.
    """

    loss_name: str
    n_outputs: int
    flat: bool
    dtype: str

    classes = ()

    @classmethod
    def fit(cls, y: _Array, loss_name: str, dtype: str) -> "RegressionEncoder":
        """Return the encoder of `y`, which `check_target_values` has checked."""
        return cls(loss_name, 1 if y.ndim == 1 else y.shape[1], y.ndim == 1, dtype)

    @property
    def activation(self) -> str:
        """Name of the function from outputs to predictions."""
        return "exp" if self._loss.inverse_link is np.exp else "identity"

    @property
    def _loss(self) -> RegressionLoss:
        return REGRESSION_LOSSES[self.loss_name]

    def transform(self, y: _Array, name: str = "y") -> _Array:
        """Return checked numbers as targets of the loss.

        Returns
        -------
        targets : ndarray of shape (n, n_outputs), of the network's dtype

        Raises
        ------
        ValueError
            If they have another shape than in `fit`, are negative where the loss
            counts, or out of the dtype's range.
        """
        if (y.ndim == 1) != self.flat or y.shape[1:] not in ((), (self.n_outputs,)):
            expected = "(n,)" if self.flat else f"(n, {self.n_outputs})"
            raise ValueError(
                f"{name} of shape {y.shape} does not match the targets of the first "
                f"fit, {expected}"
            )
        if y.min() < self._loss.smallest_target:
            raise ValueError(
                f"{name} must be >= {self._loss.smallest_target:g} with loss="
                f"{self.loss_name!r}, got {y.min():g}. Use loss='squared_error' or "
                "'huber'"
            )
        with np.errstate(over="ignore"):
            targets = y.astype(self.dtype).reshape(len(y), -1)
        if not np.isfinite(targets).all():
            raise ValueError(
                f"{name} has values too large for {self.dtype}, the network's dtype: "
                "scale y, say in a TransformedTargetRegressor, or use dtype='float64'"
            )
        return targets

    def inverse_transform(self, targets: _Array) -> _Array:
        """Return targets in the shape of `y`."""
        return targets[:, 0] if self.flat else targets

    def predict(self, outputs: _Array) -> NDArray[np.float64]:
        """Return predictions from outputs of shape (n, n_outputs).

        In float64, which scikit-learn requires of regressors.
        """
        return self.inverse_transform(
            self._loss.inverse_link(outputs.astype(np.float64))
        )

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return R^2, the mean over the targets; NaN if a prediction is infinite."""
        # Here, since importing it takes as long as all the rest.
        from sklearn.metrics import r2_score

        predicted = self.predict(outputs)
        if not np.isfinite(predicted).all():
            return math.nan
        y = self.inverse_transform(targets)
        return r2_score(y, predicted, sample_weight=sample_weight)

    def stratify(self, targets: _Array) -> None:
        """Return None: numbers have no classes to stratify a split by."""
        return None


def check_target_values(y: Any, name: str = "y") -> _Array:
    """Return `y` as numbers, (n,) or (n, k).

    Raises
    ------
    ValueError, TypeError
        If it has another shape, or holds NaN, infinity or no numbers.
    """
    y = as_numbers(y, name)
    if y.ndim not in (1, 2):
        raise ValueError(
            f"{name} must hold numbers, (n,) or (n, n_targets), got {y.dtype} of shape "
            f"{y.shape}"
        )
    check_finite(y, name)
    return y
