"""Numbers as targets of a network, and its outputs as numbers."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import as_numbers, check_finite, count_samples

__all__ = [
    "REGRESSION_LOSSES",
    "RegressionEncoder",
    "check_target_values",
    "find_scale",
]

_Array = NDArray[Any]

# How far later targets may be from the center of the first, in units of their scale.
_FAR = 30
# The interquartile range of the standard normal distribution.
_NORMAL_RANGE = 1.3489795003921634


def _identity(outputs: _Array) -> _Array:
    return outputs


class RegressionLoss(NamedTuple):
    """The link of a loss from outputs to predictions, and the targets it allows.

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
    center, scale : tuple of float
        Targets of the loss are ``(y - center) / scale``: one number for each column of
        `y`, or one for all. See `find_scale`.
    """

    loss_name: str
    n_outputs: int
    flat: bool
    dtype: str
    center: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)

    classes = ()

    @classmethod
    def fit(
        cls,
        y: _Array,
        loss_name: str,
        dtype: str,
        sample_weight: _Array | None = None,
    ) -> "RegressionEncoder":
        """Return the encoder of `y`, which `check_target_values` has checked."""
        columns = y.reshape(len(y), -1)
        center, scale = find_scale(columns, loss_name, sample_weight)
        return cls(
            loss_name,
            columns.shape[1],
            y.ndim == 1,
            dtype,
            tuple(center.tolist()),
            tuple(scale.tolist()),
        )

    def unscaled(self) -> "RegressionEncoder":
        """Return an encoder of targets of the same form, without their scale."""
        return replace(self, center=(0.0,), scale=(1.0,))

    def warn_if_far(self, y: _Array) -> None:
        """Warn if later targets are far from those of the first call, in its scale."""
        columns = y.reshape(len(y), -1).astype(np.float64)
        with np.errstate(over="ignore"):  # transform raises then
            distance = np.abs((columns - self.center) / self.scale).mean(axis=0)
        if _FAR < distance.max() < np.finfo(self.dtype).max:
            column = int(distance.argmax())
            center, scale = (
                np.broadcast_to(numbers, distance.shape)[column]
                for numbers in (self.center, self.scale)
            )
            warnings.warn(
                f"y is {distance[column]:.3g} times its scale away from its center. "
                f"Scale and center, {scale:.3g} and {center:.3g}, are those of the "
                "first call and do not change: such targets may be learnt badly. Begin "
                "with targets like those to come, or start again with warm_start=False "
                "and fit",
                stacklevel=2,
            )

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
        columns = y.reshape(len(y), -1).astype(np.float64)
        with np.errstate(over="ignore"):
            targets = ((columns - self.center) / self.scale).astype(self.dtype)
        if not np.isfinite(targets).all():
            raise ValueError(
                f"{name} has values up to {np.abs(columns).max():.3g}, out of "
                f"range for {self.dtype}, the network's dtype, in units of the first "
                f"targets' scale, {max(self.scale):.3g}. Begin with such targets, or "
                "use dtype='float64'"
            )
        return targets

    def inverse_transform(self, targets: _Array) -> NDArray[np.float64]:
        """Return targets in the shape and the units of `y`."""
        y = targets.astype(np.float64) * self.scale + self.center
        return y[:, 0] if self.flat else y

    def predict(self, outputs: _Array) -> NDArray[np.float64]:
        """Return predictions from outputs of shape (n, n_outputs).

        In float64, which scikit-learn requires of regressors.

        Raises
        ------
        ValueError
            If they leave its range, as the exponential of an output above 709 does.
        """
        with np.errstate(over="ignore"):
            y = self.inverse_transform(
                self._loss.inverse_link(outputs.astype(np.float64))
            )
        if not np.isfinite(y).all():
            found = count_samples(y, lambda part: ~np.isfinite(part))
            raise ValueError(
                f"predictions are too large for float64 for {found}: the network's "
                f"outputs are up to {np.abs(outputs).max():.3g} with loss="
                f"{self.loss_name!r}. Scale X like the training data, or leave such "
                "samples out"
            )
        return y

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return R^2, the mean over the targets.

        NaN if a prediction is infinite, or a target the same for all samples.
        """
        # Here, since importing it takes as long as all the rest.
        from sklearn.metrics import r2_score

        # Of scaled targets, as the scale of y does not change it.
        predicted = self._loss.inverse_link(outputs.astype(np.float64))
        if self.find_gaps(targets, sample_weight):
            return math.nan
        if not np.isfinite(predicted).all():
            return math.nan
        return r2_score(targets, predicted, sample_weight=sample_weight)

    def find_gaps(self, targets: _Array, sample_weight: _Array | None = None) -> str:
        """Return in words why R^2 is undefined, "" if it is not."""
        used = targets if sample_weight is None else targets[sample_weight > 0]
        if not (used == used[0]).all(axis=0).any():
            return ""
        if len(used) == 1:
            return "they are one sample"
        return "a target is the same for all of them"

    def constant_outputs(
        self, targets: _Array, sample_weight: _Array | None = None
    ) -> _Array:
        """Return the outputs that fit all samples best if they are the same for all."""
        if self.loss_name == "huber":
            return _quantiles(targets, sample_weight)[1]
        mean = np.average(targets, axis=0, weights=sample_weight)
        tiny = np.finfo(mean.dtype).tiny
        return np.log(np.maximum(mean, tiny)) if self.activation == "exp" else mean

    def stratify(self, targets: _Array) -> None:
        """Return None: numbers have no classes to stratify a split by."""
        return None


def find_scale(
    y: _Array, loss_name: str, sample_weight: _Array | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what to subtract from each column of targets, and what to divide it by.

    Parameters
    ----------
    y : ndarray of shape (n, k)
    loss_name : str
        The mean and the standard deviation for "squared_error"; the median and the
        interquartile range / 1.349, the deviation of a normal distribution, for "huber"
        (the deviation where the range is 0); 0 and the mean for "poisson", whose output
        0 is then the mean's logarithm.
    sample_weight : ndarray of shape (n,) or None

    Returns
    -------
    center, scale : ndarray of shape (k,)
        In float64. A constant column has the scale 1, or its size if that is smaller.
    """
    y = y.astype(np.float64)
    if sample_weight is not None:
        used = sample_weight > 0
        y, sample_weight = y[used], sample_weight[used] / sample_weight.max()
    size = np.abs(y).max(axis=0)
    size[size == 0] = 1
    y = y / size  # so that no square leaves the range of float64
    mean = np.average(y, axis=0, weights=sample_weight)
    if loss_name == "poisson":
        return np.zeros_like(mean), np.where(mean > 0, mean, 1) * size
    deviation = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=sample_weight))
    center, scale = mean, deviation
    if loss_name == "huber":
        low, center, high = _quantiles(y, sample_weight)
        scale = np.where(high > low, (high - low) / _NORMAL_RANGE, deviation)
    is_constant = (scale <= 16 * np.finfo(np.float64).eps) | (scale * size == 0)
    center = np.where(is_constant, y[0], center)
    return center * size, np.where(is_constant, np.minimum(size, 1), scale * size)


def _quantiles(y: _Array, sample_weight: _Array | None) -> list[_Array]:
    """Return the weighted quartiles of each column, which are values of it."""
    order = np.argsort(y, axis=0)
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    share = np.cumsum(weight[order], axis=0)
    share /= share[-1]
    places = [(share < part).sum(axis=0) for part in (0.25, 0.5, 0.75)]
    ordered = np.take_along_axis(y, order, axis=0)
    return [np.take_along_axis(ordered, place[None], axis=0)[0] for place in places]


def check_target_values(y: Any, name: str = "y") -> _Array:
    """Return `y` as numbers, (n,) or (n, k).

    Raises
    ------
    ValueError, TypeError
        If it has another shape, or holds NaN, infinity or no numbers.
    """
    y = as_numbers(y, name)
    if y.ndim not in (1, 2) or y.shape[1:] == (0,):
        raise ValueError(
            f"{name} must hold numbers, (n,) or (n, n_targets), got {y.dtype} of shape "
            f"{y.shape}"
        )
    check_finite(y, name)
    return y
