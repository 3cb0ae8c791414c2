"""Numbers as targets of a network, and its outputs as numbers."""

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from .. import ops
from .._utils.elementary import exp, log
from .arrays import as_numbers, check_finite, count_samples
from .regression_losses import (
    REGRESSION_LOSSES,
    RegressionLoss,
    central_quantiles,
    find_scale,
    outputs_per_target,
    weighted_quantiles,
)
from .weighing import as_counts

__all__ = ["RegressionEncoder", "check_target_values", "warn_of_distance"]

_Array = NDArray[Any]

# How far later targets may be from the center of the first, in units of their scale.
_FAR = 30


@dataclass(frozen=True)
class RegressionEncoder:
    """The `TargetEncoder` of a regressor.

    Attributes
    ----------
    loss_name : str
        A key of `REGRESSION_LOSSES`.
    n_outputs : int
        Number of outputs that a network needs: one for each target, or as many as
        there are quantiles, or two of "gaussian".
    flat : bool
        Whether `y` has one dimension.
    dtype : str
        The network's.
    center, scale : tuple of float
        Targets of the loss are ``(y - center) / scale``: one number for each column of
        `y`, or one for all. See `find_scale`.
    quantile : float, tuple of float or None
        What the loss "quantile" predicts of each target: one number, or several.
    """

    loss_name: str
    n_outputs: int
    flat: bool
    dtype: str
    center: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    quantile: float | tuple[float, ...] | None = None

    classes = ()
    column_sizes = ()

    @classmethod
    def fit(
        cls,
        y: _Array,
        loss_name: str,
        dtype: str,
        sample_weight: _Array | None = None,
        quantile: float | tuple[float, ...] | None = None,
    ) -> "RegressionEncoder":
        """Return the encoder of `y`, which `check_target_values` has checked."""
        columns = y.reshape(len(y), -1)
        if (counts := as_counts(sample_weight)) is not None:
            columns, sample_weight = columns.repeat(counts, axis=0), None
        if sample_weight is None:  # the sum's rounding depends on the order
            columns = np.sort(columns, axis=0)
        center, scale = find_scale(columns, loss_name, sample_weight)
        return cls(
            loss_name,
            columns.shape[1] * outputs_per_target(loss_name, quantile),
            y.ndim == 1,
            dtype,
            tuple(center.tolist()),
            tuple(scale.tolist()),
            quantile,
        )

    @property
    def per_target(self) -> int:
        """Number of outputs for each target."""
        return outputs_per_target(self.loss_name, self.quantile)

    @property
    def n_targets(self) -> int:
        """Number of columns of `y`."""
        return self.n_outputs // self.per_target

    @property
    def loss_options(self) -> dict[str, Any]:
        """Further arguments of the op that is the loss."""
        return {} if self.quantile is None else {"quantile": self.quantile}

    @property
    def has_spread(self) -> bool:
        """Whether outputs say how far targets spread."""
        return self.quantile is not None or self.has_std

    @property
    def has_std(self) -> bool:
        """Whether outputs say standard deviations, too."""
        return self.loss_name == "gaussian"

    @property
    def score_name(self) -> str:
        """Name of what `score` returns."""
        return "R^2" if self.quantile is None else "D^2"

    def unscaled(self) -> "RegressionEncoder":
        """Return an encoder of targets of the same form, without their scale."""
        return replace(self, center=(0.0,), scale=(1.0,))

    def warn_if_far(self, y: _Array) -> None:
        """Warn if later targets are far from those of the first call, in its scale."""
        columns = y.reshape(len(y), -1).astype(np.float64)
        with np.errstate(over="ignore"):  # transform raises then
            distance = np.abs((columns - self.center) / self.scale).mean(axis=0)
        warn_of_distance(distance, self.center, self.scale, self.dtype)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one sample."""
        return (self.n_outputs,)

    @property
    def activation(self) -> str:
        """Name of the function from outputs to predictions."""
        return "exp" if self._loss.inverse_link is exp else "identity"

    @property
    def _loss(self) -> RegressionLoss:
        return REGRESSION_LOSSES[self.loss_name]

    def transform(self, y: _Array, name: str = "y") -> _Array:
        """Return checked numbers as targets of the loss.

        Returns
        -------
        targets : ndarray of shape (n, n_targets), of the network's dtype

        Raises
        ------
        ValueError
            If they have another shape than in `fit`, are negative where the loss
            counts, or out of the dtype's range.
        """
        if (y.ndim == 1) != self.flat or y.shape[1:] not in ((), (self.n_targets,)):
            expected = "(n,)" if self.flat else f"(n, {self.n_targets})"
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

        In float64, which scikit-learn requires of regressors. Several quantiles are on
        a further axis, in the order of `quantile`, and never cross.

        Raises
        ------
        ValueError
            If they leave its range, as the exponential of an output above 709 does.
        """
        with np.errstate(over="ignore"):
            predicted = np.moveaxis(self._predict_scaled(outputs), 1, -1)
            y = np.moveaxis(predicted * self.scale + self.center, -1, 1)
        if not np.isfinite(y).all():
            found = count_samples(y, lambda part: ~np.isfinite(part))
            raise ValueError(
                f"predictions are too large for float64 for {found}: the network's "
                f"outputs are up to {np.abs(outputs).max():.3g} with loss="
                f"{self.loss_name!r}. Scale X like the training data, or leave such "
                "samples out"
            )
        return y[:, 0] if self.flat else y

    def predict_std(self, outputs: _Array) -> NDArray[np.float64]:
        """Return the standard deviations of "gaussian", in the shape of `y`."""
        std = ops.gaussian_std(outputs[:, 1::2]) * self.scale
        return std[:, 0] if self.flat else std

    def _predict_scaled(self, outputs: _Array) -> NDArray[np.float64]:
        """Return predictions of scaled targets, (n, n_targets) or with quantiles."""
        y = self._loss.inverse_link(outputs.astype(np.float64))
        y = y.reshape(len(y), self.n_targets, self.per_target)
        if not isinstance(self.quantile, tuple):
            return y[..., 0]  # of "gaussian", the mean
        rank = np.argsort(np.argsort(self.quantile))
        return np.sort(y)[..., rank]

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return R^2, or D^2 of quantiles, the mean over the targets.

        NaN if a prediction is infinite, or a target the same for all samples.
        """
        # Here, since importing it takes as long as all the rest.
        from sklearn.metrics import r2_score

        # Of scaled targets, as the scale of y does not change it.
        predicted = self._predict_scaled(outputs)
        if self.find_gaps(targets, sample_weight):
            return math.nan
        if not np.isfinite(predicted).all():
            return math.nan
        if self.quantile is not None:
            return self.score_quantiles(predicted, targets, sample_weight)
        return r2_score(targets, predicted, sample_weight=sample_weight)

    def score_quantiles(
        self, predicted: _Array, y: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return D^2, by how much less the pinball loss is than a constant's.

        Parameters
        ----------
        predicted : ndarray
            The quantiles of each target on the last axis, if there are several.
        y : ndarray of shape (n,) or (n, n_targets)
        sample_weight : ndarray of shape (n,) or None

        Returns
        -------
        score : float
            The mean over targets and quantiles; 1 is the best, 0 that of the quantiles
            of `y`.
        """
        from sklearn.metrics import d2_pinball_score

        several = isinstance(self.quantile, tuple)
        predicted = predicted if several else predicted[..., None]
        levels: list[float] = np.ravel(cast(Any, self.quantile)).tolist()
        scores = [
            d2_pinball_score(y, each, alpha=level, sample_weight=sample_weight)
            for level, each in zip(levels, np.moveaxis(predicted, -1, 0), strict=True)
        ]
        return float(np.mean(scores))

    def find_gaps(self, targets: _Array, sample_weight: _Array | None = None) -> str:
        """Return in words why the score is undefined, "" if it is not."""
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
        if self._loss.robust:
            levels = np.ravel(0.5 if self.quantile is None else self.quantile)
            best = weighted_quantiles(targets, sample_weight, levels)
            return np.stack(best, axis=1).ravel()
        mean = np.average(targets, axis=0, weights=sample_weight)
        if self.loss_name == "gaussian":
            variance = np.average((targets - mean) ** 2, axis=0, weights=sample_weight)
            z = np.log(np.clip(np.sqrt(variance), 0.01, 100))
            return np.stack([mean, z], axis=1).ravel()
        tiny = np.finfo(mean.dtype).tiny
        return np.log(np.maximum(mean, tiny)) if self.activation == "exp" else mean

    def calibrate(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> _Array:
        """Return what to add to outputs so that validation data agree, (n_outputs,).

        Then the share of these data below each quantile is right, and the squared
        errors are on average those that the standard deviations of "gaussian" say.
        Warn if these would be larger than a deviation can be.
        """
        errors = targets[:, :, None].astype(np.float64) - outputs.reshape(
            len(outputs), self.n_targets, self.per_target
        )
        if self.quantile is not None:
            levels = np.ravel(self.quantile)
            return central_quantiles(errors, sample_weight, levels).ravel()
        shift = np.zeros(self.n_targets)
        for _ in range(100):  # one step would do if the deviation were exp(z)
            std = ops.gaussian_std(outputs[:, 1::2] + shift)
            relative = np.average(
                (errors[..., 0] / std) ** 2, axis=0, weights=sample_weight
            )
            step = log(np.clip(relative, 1e-4, 1e4)) / 2
            shift = np.clip(shift + step, -20, 20)
            if np.abs(step).max() < 1e-12:
                break
        _warn_of_errors(relative)
        return np.stack([np.zeros_like(shift), shift], axis=1).ravel()

    def stratify(self, targets: _Array) -> None:
        """Return None: numbers have no classes to stratify a split by."""
        return None


def _warn_of_errors(relative: _Array) -> None:
    """Warn if mean squared errors, over what deviations say, are far above 1."""
    column = int(relative.argmax())
    if relative[column] < 1.1:
        return
    warnings.warn(
        f"the errors on validation data are {relative[column] ** 0.5:.3g} times as "
        f"large as the largest standard deviations that loss='gaussian' can predict, "
        f"for column {column} of y: intervals are too narrow. These targets are on "
        "another scale than those to train on; validate with targets like those, or "
        "scale y",
        ConvergenceWarning,
        stacklevel=2,
    )


def warn_of_distance(distance: _Array, centers: Any, scales: Any, dtype: str) -> None:
    """Warn if targets are far from the center of the first, in units of their scale.

    Parameters
    ----------
    distance : ndarray of shape (k,)
        Mean distance of each column.
    centers, scales : array-like of shape (k,) or (1,)
    dtype : str
        The network's.
    """
    if not _FAR < distance.max() < np.finfo(dtype).max:
        return
    column = int(distance.argmax())
    center, scale = (
        np.broadcast_to(numbers, distance.shape)[column]
        for numbers in (centers, scales)
    )
    warnings.warn(
        f"y is {distance[column]:.3g} times its scale away from its center. Scale and "
        f"center, {scale:.3g} and {center:.3g}, are those of the first call and do not "
        "change: such targets may be learnt badly. Begin with targets like those to "
        "come, or start again with warm_start=False and fit",
        stacklevel=3,
    )


def check_target_values(y: Any, name: str = "y") -> _Array:
    """Return `y` as numbers, (n,) or (n, k), or as images, (n, h, w) or (n, h, w, c).

    Raises
    ------
    ValueError, TypeError
        If it has another shape, or holds NaN, infinity or no numbers.
    """
    y = as_numbers(y, name)
    if y.ndim not in (1, 2, 3, 4) or 0 in y.shape[1:]:
        raise ValueError(
            f"{name} must hold numbers, (n,) or (n, n_targets), images, (n, h, w) or "
            "(n, h, w, c), or signals, (n, length, channels), got "
            f"{y.dtype} of shape {y.shape}"
        )
    check_finite(y, name)
    return y
