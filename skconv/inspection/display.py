"""The base of displays: their figure, its axes, texts that fit."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["TEXT_SIZE", "TITLE_SIZE", "WIDTH", "Display", "blank", "shorten"]

# A figure of this width is legible on a phone; matplotlib's default text sizes are not.
WIDTH, TITLE_SIZE, TEXT_SIZE = 5.0, 11.0, 9.5


class Display:
    """The base of displays.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the display is drawn in, or divided into panels.
    figure_ : matplotlib Figure
    """

    ax_: "Axes"
    figure_: "Figure"

    def _open_axes(self, ax: "Axes | None", height: float) -> None:
        """Set `ax_` and `figure_`, from `ax` or as a new figure.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__} draws with matplotlib, which is not installed: "
                "pip install matplotlib, or pip install skconv[plot]"
            ) from error
        if ax is None:
            ax = plt.figure(figsize=(WIDTH, height), layout="constrained").add_subplot()
        figure: Any = ax.figure
        self.ax_, self.figure_ = ax, figure

    def _divide_axes(
        self,
        n_rows: int,
        n_columns: int,
        *,
        title: str | None = None,
        gap: float = 0.0,
        **grid: Any,
    ) -> NDArray[Any]:
        """Return a grid of panels in the place of `ax_`.

        Parameters
        ----------
        n_rows, n_columns : int
        title : str, default=None
            Text above all panels.
        gap : float, default=0.0
            Inches between rows for titles, in figures without a layout engine.
        **grid
            Of matplotlib's `GridSpecFromSubplotSpec`: `height_ratios`, …

        Returns
        -------
        panels : ndarray of Axes of shape (n_rows, n_columns)

        Raises
        ------
        ValueError
            If `ax_` is not in a grid.
        """
        from matplotlib.gridspec import GridSpecFromSubplotSpec

        ax, figure = self.ax_, self.figure_
        place = ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax must be in a grid, so that it can be divided into panels: make it "
                "with plt.subplots() or figure.add_subplot(), or pass ax=None"
            )
        ax.set_axis_off()
        height = ax.get_position().height * figure.get_figheight()
        if title is not None:
            heights = [0.3, max(0.3, height - 0.3)]
            rows = GridSpecFromSubplotSpec(
                2, 1, place, height_ratios=heights, hspace=0.02
            )
            head, place = figure.add_subplot(rows[0]), rows[1]
            head.set_axis_off()
            size = TITLE_SIZE / TEXT_SIZE * self._text_size()
            head.text(0, 0.9, title, fontsize=size, va="top")
            height -= 0.3
        if figure.get_layout_engine() is None:
            grid["hspace"] = gap / max(0.1, height / n_rows - gap)
        else:
            grid.update(hspace=0.03, wspace=0.03)
        cells = GridSpecFromSubplotSpec(n_rows, n_columns, place, **grid)
        panels = np.empty((n_rows, n_columns), object)
        for i, j in np.ndindex(panels.shape):
            panels[i, j] = figure.add_subplot(cells[i, j])
        return panels

    def _text_size(self) -> float:
        """Return the size of small texts, which is smaller in narrow axes."""
        return TEXT_SIZE * min(1, max(0.6, self._width() / (0.75 * WIDTH)))

    def _width(self) -> float:
        """Return the width of `ax_` in inches, before a layout engine changes it."""
        return self.ax_.get_position().width * self.figure_.get_figwidth()


def blank(ax: "Axes") -> None:
    """Remove ticks and leave a thin frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color="0.75", linewidth=0.8)


def shorten(text: str, width: float, size: float) -> str:
    """Return text with its middle left out, so that it is at most `width` inches wide.

    Parameters
    ----------
    text : str
    width : float
    size : float
        Size of the font, in points.
    """
    from matplotlib.textpath import TextPath

    def measure(words: str) -> float:
        return TextPath((0, 0), words, size=size).get_extents().width / 72

    full = measure(text)
    if full <= width or "$" in text:  # a part of mathtext need not be mathtext
        return text
    n = max(2, int(len(text) * width / full))
    while n > 2 and measure(_leave_out_middle(text, n)) > width:
        n -= 1
    return _leave_out_middle(text, n)


def _leave_out_middle(text: str, n: int) -> str:
    """Return `n` characters: the first and the last ones of text, and … between."""
    return f"{text[: n // 2]}…{text[len(text) - (n - 1) // 2 :]}"
