"""How training went."""

import numpy as np

from .drawing import TEXT_SIZE, TITLE_SIZE, open_axes, subdivide
from .subjects import find_network

__all__ = ["TrainingCurveDisplay"]

_TRAINING, _VALIDATION = "#0072b2", "#d55e00"  # Okabe & Ito's blue and vermilion


class TrainingCurveDisplay:
    """Loss, score and learning rate, epoch by epoch.

    Make one with `from_estimator`. There is a panel for the score where there were data
    to validate with, and one for the learning rate where it changed.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Of training.
    validation_loss, validation_score : array-like of shape (n_epochs,), default=None
    learning_rate : array-like of shape (n_epochs,), default=None
        At the end of each epoch.
    best_epoch : int, default=None
        Counted from 1.
    restored : bool, default=False
        Whether the weights of the best epoch are the network's.
    score_name : str, default="score"

    Attributes
    ----------
    ax_ : matplotlib Axes
        That hold the panels.
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

    def __init__(
        self,
        loss,
        *,
        validation_loss=None,
        validation_score=None,
        learning_rate=None,
        best_epoch=None,
        restored=False,
        score_name="score",
    ):
        self.loss = loss
        self.validation_loss = validation_loss
        self.validation_score = validation_score
        self.learning_rate = learning_rate
        self.best_epoch = best_epoch
        self.restored = restored
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the curves of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        ax : matplotlib Axes, default=None
            To be divided into panels; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        net, _ = find_network(estimator, cls.__name__)
        scores, best = net.validation_scores_, None
        if scores is not None and np.isfinite(scores).any():
            best = int(np.nanargmax(scores)) + 1
        scoring = net.scoring
        if scoring is None:
            scoring = "accuracy" if hasattr(net, "classes_") else "R²"
        display = cls(
            net.loss_curve_,
            validation_loss=net.validation_loss_curve_,
            validation_score=scores,
            learning_rate=net.learning_rate_curve_,
            best_epoch=best,
            restored=net.early_stopping,
            score_name=scoring if isinstance(scoring, str) else "score",
        )
        return display.plot(ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            To be divided into panels; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        rates = self.learning_rate
        panels = [(_draw_loss, 2)]
        if self.validation_score is not None:
            panels.append((_draw_score, 2))
        if rates is not None and len(rates) and np.ptp(rates) > 0:
            panels.append((_draw_rate, 1))
        shares = [share for _, share in panels]
        self.ax_ = open_axes(ax, 0.9 + 1.15 * sum(shares), type(self).__name__)
        self.figure_ = self.ax_.figure
        self.axes_ = subdivide(
            self.ax_, len(panels), 1, between=0.25, height_ratios=shares
        )[:, 0]
        for panel, (draw, _) in zip(self.axes_, panels, strict=True):
            draw(self, panel)
            self._style(panel)
        self.axes_[-1].set_xlabel("epoch", fontsize=TEXT_SIZE)
        self.axes_[0].set_title(self._title(), loc="left", fontsize=TITLE_SIZE)
        return self

    def _title(self):
        title = f"{len(self.loss)} epochs of training"
        if self.best_epoch is None:
            return title
        kept = " (restored)" if self.restored else ""
        return f"{title}, the best is {self.best_epoch}{kept}"

    def _style(self, panel):
        from matplotlib.ticker import MaxNLocator

        if self.best_epoch is not None:
            panel.axvline(self.best_epoch, color="0.45", linestyle=":", zorder=0)
        panel.set_xlim(0.5, max(2, len(self.loss)) + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.tick_params(labelsize=TEXT_SIZE, labelbottom=panel is self.axes_[-1])
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="0.9")
        panel.set_axisbelow(True)


def _curve(panel, values, color, label=None, **style):
    epochs = np.arange(1, len(values) + 1)
    marker = "o" if len(values) < 20 else None
    panel.plot(epochs, values, color=color, label=label, marker=marker, ms=3.5, **style)


def _draw_loss(display, panel):
    _curve(panel, display.loss, _TRAINING, "training")
    if display.validation_loss is not None:
        losses = display.validation_loss
        _curve(panel, losses, _VALIDATION, "validation", linestyle="--")
        panel.legend(fontsize=TEXT_SIZE, frameon=False, loc="upper right")
    panel.set_ylabel("loss", fontsize=TEXT_SIZE)
    panel.set_ylim(bottom=min(0, panel.get_ylim()[0]))


def _draw_score(display, panel):
    scores, best = display.validation_score, display.best_epoch
    _curve(panel, scores, _VALIDATION, linestyle="--")
    if best is not None:
        panel.plot(best, scores[best - 1], "o", color=_VALIDATION, ms=8, zorder=5)
        late = best > len(scores) / 2  # the text stands where the curve does not
        panel.annotate(
            f"{scores[best - 1]:#.4g}",
            (best, 0.08),
            xycoords=("data", "axes fraction"),
            xytext=(-6 if late else 6, 0),
            ha="right" if late else "left",
            textcoords="offset points",
            fontsize=TEXT_SIZE,
        )
    panel.set_ylabel(f"validation\n{display.score_name}", fontsize=TEXT_SIZE)


def _draw_rate(display, panel):
    _curve(panel, display.learning_rate, "0.3")
    panel.set_ylabel("learning\nrate", fontsize=TEXT_SIZE)
    panel.set_ylim(bottom=0)
    panel.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
