"""The worst predictions."""

import math
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length

from .._data.inputs import find_input_shape
from ..ops import positive_int
from .display import WIDTH, Display, shorten
from .drawing import draw_samples, panel_ratio
from .fitted import (
    label_text,
    label_texts,
    list_classes,
    prepare_inputs,
    without_row_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MistakesDisplay"]

_CAPTION_HEIGHT = 0.38  # inches, of two lines


@dataclass(eq=False, repr=False)
class MistakesDisplay(Display):
    """The mistakes with the highest confidence, or a regressor's largest errors.

    Create one with `from_estimator`, or with `from_predictions` of any estimator.

    Parameters
    ----------
    images : ndarray of shape (m, h, w, c), or signals (m, length, channels)
        The worst first.
    y_true, y_pred : ndarray of shape (m,)
        True and predicted labels or numbers.
    indices : ndarray of shape (m,)
        Indices of the images in X.
    n_mistakes : int
        Number of all mistakes; of a regressor every prediction is one.
    n_images : int
        Number of all images.
    confidence : ndarray of shape (m,), default=None
        Probability of the predicted class; None for a regressor.
    texts : dict, default=None
        Text to draw for each label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is divided into the panels.
    axes_ : ndarray of Axes of shape (n_rows, n_columns)
        One for each image; the rest are empty.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import MistakesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), max_iter=3, random_state=0)
    >>> clf.fit(X[:900] / 16, y[:900])
    ConvNetClassifier(filters=(8,), max_iter=3, random_state=0)
    >>> display = MistakesDisplay.from_estimator(clf, X[900:] / 16, y[900:])
    >>> bool((clf.predict(X[900:] / 16)[display.indices] == display.y_pred).all())
    True
    """

    images: NDArray[Any]
    y_true: NDArray[Any]
    y_pred: NDArray[Any]
    _: KW_ONLY
    indices: NDArray[Any]
    n_mistakes: int
    n_images: int
    confidence: NDArray[Any] | None = None
    texts: dict[Any, str] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        display_labels: Iterable[object] | None = None,
        n: int = 12,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the worst predictions of an estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)
        y : array-like of shape (n,)
            True labels or numbers.
        display_labels : array-like of shape (n_classes,), default=None
            Text to draw for each class, in the order of `classes_`.
        n : int, default=12
            The largest number of images to draw.
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        ValueError
            If y has several columns, or does not match X.
        """
        net, x, shown = prepare_inputs(estimator, X, cls.__name__)
        if len(net.network_.output_shape) > 1:
            raise ValueError(
                f"{cls.__name__} takes one label or number for each image, but "
                f"{type(net).__name__} was fitted to predict images. Pass a number for "
                f"each to {cls.__name__}.from_predictions, such as "
                "X, errors, np.zeros(len(X))"
            )
        classes, confidence = list_classes(net), None
        predicted = net.predict(x)
        if classes is not None and predicted.ndim == 1:
            confidence = net.predict_proba(x).max(axis=1)
        texts = label_texts(classes, display_labels)
        return cls._of_worst(shown, y, predicted, confidence, texts, n).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        confidence: ArrayLike | None = None,
        input_shape: tuple[int, ...] | None = None,
        signals: bool = False,
        display_labels: Iterable[object] | None = None,
        n: int = 12,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the worst of given predictions.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)
        y_true, y_pred : array-like of shape (n,)
            Labels; or floating-point numbers, whose largest differences are drawn.
        confidence : array-like of shape (n,), default=None
            Of each prediction, in [0, 1]; None draws mistakes in the order of X.
        input_shape : (h, w), (h, w, c) or (length, channels), default=None
            Shape of one image, for X of flat rows that are not square.
        signals : bool, default=False
            Whether X holds signals (n, length, channels): arrays of three axes are then
            not read as images (n, h, w), nor flat rows as square images.
        display_labels : array-like of shape (n_classes,), default=None
            Text to draw for each class, in the order of the sorted labels.
        n : int, default=12
            The largest number of images to draw.
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : MistakesDisplay
        """
        checked = check_array(X, allow_nd=True, input_name="X")
        shape = find_input_shape(checked, input_shape, signals=signals)
        shown = without_row_axis(checked.reshape(len(checked), *shape))
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        classes = None
        if y_pred.dtype.kind != "f":
            classes = np.unique(np.concatenate([y_true.ravel(), y_pred.ravel()]))
        texts = label_texts(classes, display_labels)
        return cls._of_worst(shown, y_true, y_pred, confidence, texts, n).plot(ax)

    @classmethod
    def _of_worst(
        cls,
        shown: NDArray[Any],
        y_true: ArrayLike,
        y_pred: NDArray[Any],
        confidence: ArrayLike | None,
        texts: dict[Any, str],
        n: int,
    ) -> Self:
        """Return a display of the worst; without texts of the largest differences."""
        positive_int(n, "n")
        y_true = np.asarray(y_true)
        check_consistent_length(shown, y_true, y_pred, confidence)
        if y_true.ndim != 1 or y_pred.ndim != 1:
            raise ValueError(
                f"{cls.__name__} takes one label or number for each image, got y of "
                f"shape {y_true.shape} and predictions of shape {y_pred.shape}; draw "
                "column by column with from_predictions"
            )
        sure = None if confidence is None else np.asarray(confidence)
        if not texts:
            wrong = np.arange(len(shown))
            badness = np.abs(y_true - y_pred)
        else:
            wrong = np.flatnonzero(y_true != y_pred)
            badness = np.zeros(len(shown)) if sure is None else sure
        worst = wrong[np.argsort(-badness[wrong], kind="stable")[:n]]
        return cls(
            shown[worst],
            y_true[worst],
            y_pred[worst],
            indices=worst,
            n_mistakes=len(wrong),
            n_images=len(shown),
            confidence=None if sure is None else sure[worst],
            texts=texts,
        )

    def plot(self, ax: "Axes | None" = None, *, n_columns: int = 3) -> Self:
        """Draw the images, each with its predicted and its true label.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.
        n_columns : int, default=3

        Returns
        -------
        display : MistakesDisplay
        """
        n_columns = positive_int(n_columns, "n_columns")
        n_rows = max(1, math.ceil(len(self.images) / n_columns))
        width = WIDTH / n_columns
        ratio = panel_ratio(self.images.shape[1:])
        self._open_axes(ax, n_rows * (width * ratio + _CAPTION_HEIGHT) + 0.35)
        self.axes_ = self._divide_axes(
            n_rows, n_columns, title=self._title(), gap=_CAPTION_HEIGHT
        )
        if ax is not None:
            width = self._width() / n_columns
        size = self._text_size()
        used, unused = np.split(self.axes_.ravel(), [len(self.images)])
        draw_samples(used, self.images)
        for i, panel in enumerate(used):
            caption = self._caption(i, 0.95 * width, size)
            panel.set_title(caption, fontsize=size, loc="left", pad=3)
        for panel in unused:
            panel.set_axis_off()
        return self

    def _title(self) -> str:
        samples = "signals" if self.images.ndim == 3 else "images"
        if self.confidence is None and self.y_pred.dtype.kind == "f":
            return f"The largest errors in {self.n_images:,} {samples}"
        share = self.n_mistakes / self.n_images
        mistakes = f"{self.n_mistakes:,} mistakes"
        return f"{mistakes} in {self.n_images:,} {samples} ({share:.1%})"

    def _caption(self, i: int, width: float, size: float) -> str:
        """Return two lines of text, with labels shortened to `width` inches."""
        sure = "" if self.confidence is None else f" {self.confidence[i]:.0%}"
        room = width - 0.6 * size / 72 * len(f"said {sure}")
        said = shorten(self._text(self.y_pred[i]), room, size)
        is_ = shorten(self._text(self.y_true[i]), width - 0.6 * size / 72 * 3, size)
        return f"said {said}{sure}\nis {is_}"

    def _text(self, value: Any) -> str:
        if isinstance(value, float | np.floating):
            return f"{value:.3g}"
        key = value.item() if hasattr(value, "item") else value
        return (self.texts or {}).get(key, label_text(value))
