"""Losses of a regressor, and the scale of targets that each of them learns."""

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._utils.elementary import exp

__all__ = [
    "IMAGE_LOSSES",
    "REGRESSION_LOSSES",
    "RegressionLoss",
    "central_quantiles",
    "check_quantile",
    "find_scale",
    "outputs_per_target",
    "weighted_quantiles",
]

_Array = NDArray[Any]

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
    robust : bool
        Whether a few targets far away hardly move what it learns, nor their scale.
    """

    inverse_link: Callable[[_Array], _Array] = _identity
    smallest_target: float = -math.inf
    robust: bool = False


REGRESSION_LOSSES = {
    "squared_error": RegressionLoss(),
    "absolute_error": RegressionLoss(robust=True),
    "huber": RegressionLoss(robust=True),
    "quantile": RegressionLoss(robust=True),
    "gaussian": RegressionLoss(),
    "poisson": RegressionLoss(exp, 0.0),
}
"""Name of an op that is a loss -> `RegressionLoss`."""

IMAGE_LOSSES = {
    name: REGRESSION_LOSSES[name]
    for name in ("squared_error", "absolute_error", "huber", "poisson")
}
"""Those with an output for each number, which targets that are images can have."""


def check_quantile(given: Any, loss_name: str) -> float | tuple[float, ...] | None:
    """Return what the parameters `quantile` and `loss` say, a list as a tuple.

    Raises
    ------
    ValueError
        If it is not one or several distinct numbers above 0 and below 1, for the loss
        "quantile", and None for others.
    """
    if (given is not None) != (loss_name == "quantile"):
        raise ValueError(
            "quantile must be set with loss='quantile', such as quantile=[0.05, 0.95], "
            f"and be None with others, got loss={loss_name!r} and quantile={given!r}"
        )
    if given is None:
        return None
    plain = given.tolist() if isinstance(given, np.ndarray | np.generic) else given
    several = isinstance(plain, list | tuple)
    found = [*plain] if several else [plain]
    are_numbers = all(isinstance(q, Real) and not isinstance(q, bool) for q in found)
    if not (found and are_numbers and all(0 < q < 1 for q in found)):
        raise ValueError(
            f"quantile must be a number above 0 and below 1, or a list, got {given!r}"
        )
    if len(set(found)) < len(found):
        raise ValueError(f"quantile must hold each number once, got {given!r}")
    return tuple(map(float, found)) if several else float(plain)


def outputs_per_target(
    loss_name: str, quantile: float | tuple[float, ...] | None
) -> int:
    """Return how many outputs of a network a loss reads for each target."""
    if loss_name == "gaussian":
        return 2  # the mean and the standard deviation
    return len(quantile) if isinstance(quantile, tuple) else 1


def find_scale(
    y: _Array, loss_name: str, sample_weight: _Array | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what to subtract from each column of targets, and what to divide it by.

    Parameters
    ----------
    y : ndarray of shape (n, k)
    loss_name : str
        The mean and the standard deviation; the median and the
        interquartile range / 1.349, the deviation of a normal distribution, for robust
        losses (the deviation where the range is 0); 0 and the mean for "poisson", whose
        output 0 is then the mean's logarithm.
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
    if REGRESSION_LOSSES[loss_name].robust:
        low, center, high = weighted_quantiles(y, sample_weight, (0.25, 0.5, 0.75))
        scale = np.where(high > low, (high - low) / _NORMAL_RANGE, deviation)
    is_constant = (scale <= 16 * np.finfo(np.float64).eps) | (scale * size == 0)
    center = np.where(is_constant, y[0], center)
    return center * size, np.where(is_constant, np.minimum(size, 1), scale * size)


def weighted_quantiles(
    y: _Array, sample_weight: _Array | None, levels: Iterable[float]
) -> list[_Array]:
    """Return weighted quantiles of each column, which are values of it."""
    order = np.argsort(y, axis=0)
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    share = np.cumsum(weight[order], axis=0)
    share /= share[-1]
    places = [(share < part).sum(axis=0) for part in levels]
    ordered = np.take_along_axis(y, order, axis=0)
    return [np.take_along_axis(ordered, place[None], axis=0)[0] for place in places]


def central_quantiles(
    errors: _Array, sample_weight: _Array | None, levels: _Array
) -> NDArray[np.float64]:
    """Return the quantile of each column that further samples are below, on average.

    Of m samples of equal weight the i-th smallest is that of ``i / (m + 1)``, with a
    line from each to the next: m samples say nothing about what is beyond them.

    Parameters
    ----------
    errors : ndarray of shape (m, k, n_levels)
    sample_weight : ndarray of shape (m,) or None
    levels : ndarray of shape (n_levels,)
        One for each place on the last axis.

    Returns
    -------
    quantiles : ndarray of shape (k, n_levels)
    """
    m, k, n_levels = errors.shape
    weight = np.ones(m) if sample_weight is None else sample_weight
    found = np.empty((k, n_levels))
    for target, place in np.ndindex(k, n_levels):
        column = errors[:, target, place]
        order = np.argsort(column)
        share = np.cumsum(weight[order])
        share = share / share[-1] * (m / (m + 1))
        found[target, place] = np.interp(levels[place], share, column[order])
    return found
