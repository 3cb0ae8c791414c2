"""Where a network is most wrong."""

import math

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from .._data.inputs import find_input_shape
from ..ops import positive_int
from .drawing import WIDTH, blank, open_axes, subdivide, text_size
from .subjects import Subject, drawable, label_texts

__all__ = ["MistakesDisplay"]


class MistakesDisplay:
    """The mistakes that a network is most confident of, or its largest errors.

    Make one with `from_estimator`, or with `from_predictions` of any estimator.

    Parameters
    ----------
    images : ndarray of shape (m, h, w, c)
        The worst first.
    y_true, y_pred : ndarray of shape (m,)
        What they are, and what was predicted.
    indices : ndarray of shape (m,)
        Which of the images these were.
    n_mistakes : int
        How many mistakes there are; of a regressor every prediction is one.
    n_images : int
        Among how many images.
    confidence : ndarray of shape (m,), default=None
        Probability of what was predicted; of a regressor there is none.
    texts : dict, default=None
        What to write for each label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        That hold the others.
    axes_ : ndarray of Axes
        One for each image, and perhaps empty ones.
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

    def __init__(
        self,
        images,
        y_true,
        y_pred,
        *,
        indices,
        n_mistakes,
        n_images,
        confidence=None,
        texts=None,
    ):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.indices = indices
        self.n_mistakes = n_mistakes
        self.n_images = n_images
        self.confidence = confidence
        self.texts = texts

    @classmethod
    def from_estimator(cls, estimator, X, y, *, display_labels=None, n=12, ax=None):
        """Draw the worst predictions that an estimator makes for X.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y : array-like of shape (n,)
            What they are.
        display_labels : array-like of shape (n_classes,), default=None
            What to write for the classes, in the order of `classes_`.
        n : int, default=12
            How many to draw at most.
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        ValueError
            If y is of several columns, or does not go with X.
        """
        net, x, images = Subject.find(estimator, X, cls.__name__)
        classes, confidence = getattr(net, "classes_", None), None
        predicted = net.predict(x)
        if classes is not None and predicted.ndim == 1:
            confidence = net.predict_proba(x).max(axis=1)
        return cls._from(
            images, y, predicted, confidence, classes, display_labels, n
        ).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        X,
        y_true,
        y_pred,
        *,
        confidence=None,
        input_shape=None,
        display_labels=None,
        n=12,
        ax=None,
    ):
        """Draw the worst of predictions that were made for X.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y_true, y_pred : array-like of shape (n,)
            Labels; or floating-point numbers, whose largest differences are drawn.
        confidence : array-like of shape (n,), default=None
            Of each prediction, in [0, 1]; None draws mistakes in the order of X.
        input_shape : (h, w) or (h, w, c), default=None
            Shape of one image, for X of flat rows that are not square.
        display_labels : array-like of shape (n_classes,), default=None
            What to write for the classes, in the order of the sorted labels.
        n : int, default=12
            How many to draw at most.
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.

        Returns
        -------
        display : MistakesDisplay
        """
        X = check_array(X, allow_nd=True, input_name="X")
        images = X.reshape(len(X), *find_input_shape(X, input_shape))
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        classes = None
        if y_pred.dtype.kind != "f":
            classes = np.unique(np.concatenate([y_true.ravel(), y_pred.ravel()]))
        return cls._from(
            images, y_true, y_pred, confidence, classes, display_labels, n
        ).plot(ax)

    @classmethod
    def _from(cls, images, y_true, y_pred, confidence, classes, display_labels, n):
        """Find the worst; without classes they are the largest differences."""
        positive_int(n, "n")
        y_true = np.asarray(y_true)
        check_consistent_length(images, y_true, y_pred, confidence)
        if y_true.ndim != 1 or y_pred.ndim != 1:
            raise ValueError(
                f"{cls.__name__} is for one label or number an image, got y of shape "
                f"{y_true.shape} and predictions of shape {y_pred.shape}; draw column "
                "by column with from_predictions"
            )
        texts = label_texts(classes, display_labels)
        if classes is None:
            wrong = np.arange(len(images))
            badness = np.abs(y_true - y_pred)
        else:
            wrong = np.flatnonzero(y_true != y_pred)
            badness = np.zeros(len(images)) if confidence is None else confidence
        worst = wrong[np.argsort(-np.asarray(badness)[wrong], kind="stable")[:n]]
        return cls(
            images[worst],
            y_true[worst],
            y_pred[worst],
            indices=worst,
            n_mistakes=len(wrong),
            n_images=len(images),
            confidence=None if confidence is None else np.asarray(confidence)[worst],
            texts=texts,
        )

    def plot(self, ax=None, *, n_columns=3):
        """Draw the images, with what they are and what was predicted.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.
        n_columns : int, default=3

        Returns
        -------
        display : MistakesDisplay
        """
        n_columns = positive_int(n_columns, "n_columns")
        n_rows = max(1, math.ceil(len(self.images) / n_columns))
        h, w = self.images.shape[1:3]
        height = n_rows * (WIDTH / n_columns * max(h / w, 0.25) + 0.38) + 0.35
        self.ax_ = open_axes(ax, height, type(self).__name__)
        self.figure_ = self.ax_.figure
        self.axes_ = subdivide(
            self.ax_, n_rows, n_columns, title=self._title(), between=0.38
        )
        pictures = drawable(self.images)
        how = {"cmap": "gray"} if pictures.ndim == 3 else {}
        for axes in self.axes_.flat:
            axes.set_axis_off()
        for i, (axes, picture) in enumerate(
            zip(self.axes_.flat, pictures, strict=False)
        ):
            aspect = "equal" if h * 4 > w else "auto"
            axes.imshow(picture, interpolation="nearest", aspect=aspect, **how)
            axes.set_axis_on()
            blank(axes)
            axes.set_title(
                self._caption(i), fontsize=text_size(self.ax_), loc="left", pad=3
            )
        return self

    def _title(self):
        if self.confidence is None and self.y_pred.dtype.kind == "f":
            return f"The largest errors in {self.n_images:,} images"
        share = self.n_mistakes / self.n_images
        return f"{self.n_mistakes:,} mistakes in {self.n_images:,} images ({share:.1%})"

    def _caption(self, i):
        said, is_ = self._text(self.y_pred[i]), self._text(self.y_true[i])
        sure = "" if self.confidence is None else f" {self.confidence[i]:.0%}"
        return f"said {said}{sure}\nis {is_}"

    def _text(self, value):
        if isinstance(value, float | np.floating):
            return f"{value:.3g}"
        key = value.item() if hasattr(value, "item") else value
        return str(self.texts[key] if self.texts else key)
