"""Numbers of any scale, as targets for a network and back."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array

from .._training.losses import REGRESSION_LOSSES

__all__ = ["RegressionEncoder", "check_target_values"]


@dataclass(frozen=True)
class RegressionEncoder:
    """How a regressor's outputs stand for what it predicts.

    Attributes
    ----------
    loss_name : str
        A key of `REGRESSION_LOSSES`.
    n_outputs : int
        How many quantities are predicted for each sample.
    flat : bool
        Whether they come, and are returned, as one dimension.
    dtype : str
        The network's.
    """

    loss_name: str
    n_outputs: int
    flat: bool
    dtype: str

    classes = ()

    @classmethod
    def learn(cls, y, loss_name, dtype):
        """Learn the shape of `y`, which `check_target_values` has checked."""
        return cls(loss_name, 1 if y.ndim == 1 else y.shape[1], y.ndim == 1, dtype)

    @property
    def activation(self):
        """What turns outputs into predictions."""
        return "exp" if self._loss.inverse_link is np.exp else "identity"

    @property
    def loss(self):
        """The loss function, ``(outputs, targets, weight) -> (value, d_outputs)``."""
        return self._loss.loss

    @property
    def _loss(self):
        return REGRESSION_LOSSES[self.loss_name]

    def encode(self, y, name="y"):
        """Return checked quantities as targets of the loss.

        Returns
        -------
        targets : ndarray of shape (n, n_outputs), of the network's dtype

        Raises
        ------
        ValueError
            If they are of another shape, negative where the loss counts, or out of
            the dtype's range.
        """
        if (y.ndim == 1) != self.flat or y.shape[1:] not in ((), (self.n_outputs,)):
            expected = "(n,)" if self.flat else f"(n, {self.n_outputs})"
            raise ValueError(
                f"{name} of shape {y.shape} does not go with the targets of the first "
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

    def decode(self, targets):
        """Return targets in the shape that they came in."""
        return targets[:, 0] if self.flat else targets

    def decide(self, outputs):
        """Return the quantities that outputs of shape (n, n_outputs) stand for.

        In float64, which scikit-learn wants of regressors, whatever they are worth.
        """
        return self.decode(self._loss.inverse_link(outputs.astype(np.float64)))

    def score(self, outputs, targets, weight=None):
        """Return R^2, the mean over the targets; NaN where a prediction is infinite."""
        # Here, since importing it takes as long as all the rest.
        from sklearn.metrics import r2_score

        predicted = self.decide(outputs)
        if not np.isfinite(predicted).all():
            return np.nan
        return r2_score(self.decode(targets), predicted, sample_weight=weight)

    def strata(self, targets):
        """Return what to stratify a split of targets by: nothing."""
        return None


def check_target_values(y, name="y"):
    """Return `y` as numbers, (n,) or (n, k).

    Raises
    ------
    ValueError
        If it is of another shape, or holds NaN, infinity or no numbers.
    """
    y = check_array(y, ensure_2d=False, allow_nd=True, input_name=name)
    if y.ndim not in (1, 2) or y.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold numbers, (n,) or (n, n_targets), got {y.dtype} of shape "
            f"{y.shape}"
        )
    return y
