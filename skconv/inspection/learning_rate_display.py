"""A range test of the learning rate."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ..estimators.base import BaseConvNet
from ..estimators.range_test import losses_by_rate
from ..ops import positive_int
from .display import TEXT_SIZE, TITLE_SIZE, Display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearningRateDisplay"]

_COLOR, _MARK = "#0072b2", "#d55e00"  # Okabe & Ito's blue and vermilion
_WIDTH = 4  # of the average, in steps
# Part of the running average that remains after a step, and the multiple of the
# smallest one at which the test stops.
_REMAINS, _TOO_LARGE = 0.9, 4.0
_LEAST_GAUSSIAN = -7.0  # loss of a target, the logarithm of the smallest deviation


@dataclass(eq=False, repr=False)
class LearningRateDisplay(Display):
    """The training loss while the learning rate grows: a range test.

    Create one with `from_estimator`. The loss stays the same while rates are too small,
    falls, and grows without limit where they are too large.

    Parameters
    ----------
    learning_rate, loss : array-like of shape (n_steps,)
        Rate of each step, and the loss of its minibatch before it.

    Attributes
    ----------
    smoothed_loss : ndarray of shape (n_steps,)
        Losses averaged with those of the steps before and after.
    suggestion : float
        A rate to begin with as `learning_rate_init`: a tenth of the rate at which the
        smoothed loss is the smallest.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Notes
    -----
    Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3,
    with rates that grow exponentially, as in fastai's ``lr_find``. The suggestion is
    one of two rules of Howard & Gugger, "Deep learning for coders with fastai and
    PyTorch", 2020, chapter 5. Losses are smoothed by a normal distribution over steps,
    of standard deviation 4, which does not lag as a running average does.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import LearningRateDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), random_state=0)
    >>> display = LearningRateDisplay.from_estimator(clf, X / 16, y)
    >>> 0.001 < display.suggestion < 0.1
    True
    """

    learning_rate: ArrayLike
    loss: ArrayLike
    _: KW_ONLY

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        start: float = 1e-6,
        stop: float = 10.0,
        n_steps: int = 100,
        ax: "Axes | None" = None,
    ) -> Self:
        """Train a copy of an estimator for some steps and draw its losses.

        Parameters
        ----------
        estimator : estimator
            A `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline that ends in one,
            fitted or not; of a fitted search, the best one. It is not changed. Its
            `random_state` decides every draw.
        X, y, sample_weight
            As in its `fit`.
        start, stop : float, default=1e-6 and 10
            First and last learning rate. The test stops where a running average of the
            loss is four times its smallest value, or a loss infinite.
        n_steps : int, default=100
            Number of steps, each of a minibatch.
        ax : matplotlib Axes, default=None
            What to draw in; None makes a figure.

        Returns
        -------
        display : LearningRateDisplay

        Raises
        ------
        TypeError
            If there is no network in the estimator.
        ValueError
            If rates or their number are out of range, or `fit` refuses X or y.

        Warns
        -----
        UserWarning
            If the loss is the smallest at the first or at the last rate.
        """
        are_numbers = isinstance(start, Real) and isinstance(stop, Real)
        if not are_numbers or not 0 < start < stop < math.inf:
            raise ValueError(
                "start and stop must be learning rates, 0 < start < stop, got "
                f"{start!r} and {stop!r}"
            )
        rates = np.geomspace(start, stop, positive_int(n_steps, "n_steps"))
        net, X = _prepare(estimator, X, y)
        # A gaussian loss may be negative: it is that of each target, log(std) at least.
        is_gaussian = getattr(net, "loss", None) == "gaussian"
        least = _LEAST_GAUSSIAN * np.size(np.asarray(y)[:1]) if is_gaussian else 0.0
        steps = losses_by_rate(net, X, y, sample_weight, rates)
        losses = _until_too_large(steps, least)
        display = cls(rates[: len(losses)], losses)
        display._warn_if_at_an_end(len(rates))
        return display.plot(ax)

    @property
    def smoothed_loss(self) -> NDArray[np.float64]:
        """Losses averaged with those of the steps before and after, (n_steps,)."""
        loss = np.asarray(self.loss, float)
        steps = np.arange(len(loss)) / _WIDTH
        weights = np.exp(-((steps[:, None] - steps) ** 2) / 2)
        return (weights * loss).sum(axis=1) / weights.sum(axis=1)

    @property
    def suggestion(self) -> float:
        """A rate to begin with: a tenth of that of the smallest smoothed loss."""
        smoothed = self.smoothed_loss
        return float(np.asarray(self.learning_rate)[smoothed.argmin()]) / 10

    def _warn_if_at_an_end(self, n_steps: int) -> None:
        """Warn if the smallest loss of a test of `n_steps` suggests no rate."""
        smallest = int(self.smoothed_loss.argmin())
        if smallest == 0:
            reason = "never fell: use a smaller start, or more n_steps"
        elif smallest == n_steps - 1:
            reason = "still fell at the last rate: use a larger stop"
        else:
            return
        warnings.warn(
            f"the suggestion means nothing, as the loss {reason}", stacklevel=3
        )

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw in; None makes a figure.

        Returns
        -------
        display : LearningRateDisplay
        """
        self._open_axes(ax, 3.2)
        ax, rates, smoothed = self.ax_, self.learning_rate, self.smoothed_loss
        ax.plot(rates, self.loss, ".", color=_COLOR, alpha=0.35, ms=5)
        ax.plot(rates, smoothed, color=_COLOR)
        ax.set_xscale("log")
        # The top is where the loss began: what it ends with would hide all else.
        ax.set_ylim(0, 1.4 * smoothed[: smoothed.argmin() + 1].max())
        ax.axvline(self.suggestion, color=_MARK, linestyle="--")
        ax.set_xlabel("learning rate", fontsize=TEXT_SIZE)
        ax.set_ylabel("loss", fontsize=TEXT_SIZE)
        ax.tick_params(labelsize=TEXT_SIZE)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
        title = f"Range test: a learning rate of {self.suggestion:.2g} to begin with"
        ax.set_title(title, loc="left", fontsize=TITLE_SIZE)
        return self


def _prepare(estimator: Any, X: Any, y: Any) -> tuple[BaseConvNet, Any]:
    """Return the network's estimator, and X as it gets it."""
    net = getattr(estimator, "best_estimator_", estimator)
    while isinstance(net, Pipeline):
        if len(net.steps) > 1:
            X = clone(net[:-1]).fit_transform(X, y)
        net = net.steps[-1][1]
    if not isinstance(net, BaseConvNet):
        raise TypeError(
            "LearningRateDisplay takes a ConvNetClassifier or ConvNetRegressor, alone "
            f"or as the last step of a Pipeline, got {estimator!r}"
        )
    return net, X


def _until_too_large(losses: Iterable[float], least: float = 0.0) -> list[float]:
    """Return the finite losses up to where their running average has left the range.

    `least` is the smallest loss that there can be.
    """
    found: list[float] = []
    total, smallest = 0.0, math.inf
    for loss in losses:
        if not math.isfinite(loss):
            break
        found.append(loss)
        total = _REMAINS * total + (1 - _REMAINS) * loss
        average = total / (1 - _REMAINS ** len(found))
        smallest = min(smallest, average)
        if average - least > _TOO_LARGE * (smallest - least):
            break
    if not found:
        raise ValueError(
            "the loss of the first minibatch is infinite or NaN, before any step: the "
            "error of fit names the reason. Scale X or y"
        )
    return found
