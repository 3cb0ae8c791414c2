"""The curves of training."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .display import TEXT_SIZE, TITLE_SIZE, Display
from .fitted import find_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TrainingCurveDisplay"]

_Curve: TypeAlias = Sequence[float] | NDArray[Any]

_TRAINING, _VALIDATION = "#0072b2", "#d55e00"  # Okabe & Ito's blue and vermilion


@dataclass(eq=False, repr=False)
class TrainingCurveDisplay(Display):
    """Loss, score and learning rate of each epoch.

    Create one with `from_estimator`. The score has a panel if there were validation
    data, the learning rate if it changed.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss.
    validation_loss, validation_score : array-like of shape (n_epochs,), default=None
    learning_rate : array-like of shape (n_epochs,), default=None
        At the end of each epoch.
    best_epoch : int, default=None
        From 1.
    restored : bool, default=False
        Whether the network has the weights of the best epoch.
    score_name : str, default="score"

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is divided into the panels.
    axes_ : ndarray of Axes of shape (n_panels,)
        The panels: loss, score, learning rate.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import TrainingCurveDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), max_iter=5, early_stopping=True)
    >>> clf = clf.fit(X / 16, y)
    >>> display = TrainingCurveDisplay.from_estimator(clf)
    >>> len(display.loss), len(display.validation_score)
    (5, 5)
    """

    loss: _Curve
    _: KW_ONLY
    validation_loss: _Curve | None = None
    validation_score: _Curve | None = None
    learning_rate: _Curve | None = None
    best_epoch: int | None = None
    restored: bool = False
    score_name: str = "score"

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> Self:
        """Draw the curves of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        net, _ = find_network(estimator, cls.__name__)
        scores, best = net.validation_scores_, None
        if scores is not None:
            best = _find_best(net)
        scoring = net.scoring
        if scoring is None:
            scoring = net._encoder.score_name.replace("^2", "²")
        display = cls(
            net.loss_curve_,
            validation_loss=net.validation_loss_curve_,
            validation_score=scores,
            learning_rate=net.learning_rate_curve_,
            best_epoch=best,
            restored=net._stops_early(),
            score_name=scoring if isinstance(scoring, str) else "score",
        )
        return display.plot(ax)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        rates = self.learning_rate
        draw_loss = partial(_draw_loss, self.loss, self.validation_loss)
        panels: list[tuple[Callable[[Axes], None], int]] = [(draw_loss, 2)]
        if (scores := self.validation_score) is not None:
            draw_score = partial(_draw_score, scores, self.best_epoch, self.score_name)
            panels.append((draw_score, 2))
        if rates is not None and len(rates) and np.ptp(rates) > 0:
            panels.append((partial(_draw_rate, rates), 1))
        shares = [share for _, share in panels]
        self._open_axes(ax, 0.9 + 1.15 * sum(shares))
        self.axes_ = self._divide_axes(len(panels), 1, gap=0.25, height_ratios=shares)[
            :, 0
        ]
        for panel, (draw, _) in zip(self.axes_, panels, strict=True):
            draw(panel)
            self._style(panel)
        self.axes_[-1].set_xlabel("epoch", fontsize=TEXT_SIZE)
        self.axes_[0].set_title(self._title(), loc="left", fontsize=TITLE_SIZE)
        return self

    def _title(self) -> str:
        title = f"{len(self.loss)} epochs of training"
        if self.best_epoch is None:
            return title
        restored = " (restored)" if self.restored else ""
        return f"{title}, the best is {self.best_epoch}{restored}"

    def _style(self, panel: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        if self.best_epoch is not None:
            panel.axvline(self.best_epoch, color="0.45", linestyle=":", zorder=0)
        panel.set_xlim(0.5, max(2, len(self.loss)) + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.tick_params(labelsize=TEXT_SIZE, labelbottom=panel is self.axes_[-1])
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="0.9")
        panel.set_axisbelow(True)


def _find_best(net: Any) -> int | None:
    """Return the number of the epoch that early stopping takes for the best."""
    rank = net._stopping_rule().rank
    results = zip(net.validation_loss_curve_, net.validation_scores_, strict=True)
    ranks = [rank(loss, score) for loss, score in results]
    best = max(ranks, default=(-np.inf, -np.inf))
    return ranks.index(best) + 1 if max(best) > -np.inf else None


def _draw_curve(
    panel: "Axes", values: _Curve, color: str, label: str | None = None, **style: Any
) -> None:
    epochs = np.arange(1, len(values) + 1)
    marker = "o" if len(values) < 20 else None
    panel.plot(epochs, values, color=color, label=label, marker=marker, ms=3.5, **style)


def _draw_loss(training: _Curve, validation: _Curve | None, panel: "Axes") -> None:
    _draw_curve(panel, training, _TRAINING, "training")
    if validation is not None:
        _draw_curve(panel, validation, _VALIDATION, "validation", linestyle="--")
        panel.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper right")
    panel.set_ylabel("loss", fontsize=TEXT_SIZE)
    panel.set_ylim(bottom=min(0, panel.get_ylim()[0]))


def _draw_score(scores: _Curve, best: int | None, name: str, panel: "Axes") -> None:
    _draw_curve(panel, scores, _VALIDATION, linestyle="--")
    if best is not None:
        panel.plot(best, scores[best - 1], "o", color=_VALIDATION, ms=8, zorder=5)
        late = best > len(scores) / 2  # the text is on the longer side
        panel.annotate(
            f"{scores[best - 1]:#.4g}",
            (best, 0.08),
            xycoords=("data", "axes fraction"),
            xytext=(-6 if late else 6, 0),
            ha="right" if late else "left",
            textcoords="offset points",
            fontsize=TEXT_SIZE,
        )
    panel.set_ylabel(f"validation\n{name}", fontsize=TEXT_SIZE)


def _draw_rate(rates: _Curve, panel: "Axes") -> None:
    _draw_curve(panel, rates, "0.3")
    panel.set_ylabel("learning\nrate", fontsize=TEXT_SIZE)
    panel.set_ylim(bottom=0)
    panel.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
