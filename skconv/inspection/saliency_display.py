"""What in an image a prediction depends on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._utils.lookup import look_up
from .drawing import WIDTH, blank, limits, open_axes, subdivide, text_size
from .saliency import grad_cam, input_gradient, occlusion, smooth_gradient
from .subjects import Subject, as_images, drawable, label_texts

__all__ = ["SaliencyDisplay"]

_MOST_IMAGES = 12


class _Method(NamedTuple):
    compute: Callable
    title: str


METHODS = {
    "gradient": _Method(input_gradient, "gradient"),
    "smooth_gradient": _Method(smooth_gradient, "SmoothGrad"),
    "grad_cam": _Method(grad_cam, "Grad-CAM"),
    "occlusion": _Method(occlusion, "occlusion"),
}
"""Name -> function of `skconv.inspection.saliency`, and its title over a picture."""


class SaliencyDisplay:
    """What in images a network's outputs depend on, by several methods.

    Make one with `from_estimator`. A row an image, a column a method. Of gradients the
    largest absolute value of a pixel's channels is drawn. Each picture has its own
    scale: bright, or where there are values below 0 red, is what speaks for the
    output, blue what speaks against it.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c)
    maps : dict of str to ndarray of shape (n, h, w)
        By what stands over the column.
    labels : list of str, of length n
        What the maps explain.
    title : str, default="What the classes depend on"

    Attributes
    ----------
    ax_ : matplotlib Axes
        That hold the others.
    axes_ : ndarray of Axes of shape (n, 1 + n_methods)
    figure_ : matplotlib Figure

    See Also
    --------
    skconv.inspection.saliency : The methods, as functions of arrays.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import SaliencyDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), max_iter=1, random_state=0).fit(X, y)
    >>> display = SaliencyDisplay.from_estimator(clf, X[:2], target=y[:2])
    >>> {name: maps.shape for name, maps in display.maps.items()}
    {'gradient': (2, 8, 8), 'SmoothGrad': (2, 8, 8), 'Grad-CAM': (2, 8, 8), \
'occlusion': (2, 8, 8)}
    """

    def __init__(self, images, maps, labels, *, title="What the classes depend on"):
        self.images = images
        self.maps = maps
        self.labels = labels
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        method=tuple(METHODS),
        target=None,
        display_labels=None,
        ax=None,
    ):
        """Draw what a fitted network's outputs for images depend on.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
            A few images.
        method : str, callable or list of them
            "gradient", "smooth_gradient", "grad_cam" or "occlusion", by default all;
            or a function ``(network, x, direction) -> maps`` as those of
            `skconv.inspection.saliency`, say ``partial(occlusion, window=3)``.
        target : label or array-like of shape (n,), default=None
            The class to explain; of a multilabel classifier or a regressor of several
            quantities the column's number. None is what is predicted.
        display_labels : array-like of shape (n_classes,), default=None
            What to write for the classes, in the order of `classes_`.
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.

        Returns
        -------
        display : SaliencyDisplay

        Raises
        ------
        ValueError
            If there is no such method or target, or there are too many images.
        """
        net, x, images = Subject.find(estimator, X, cls.__name__)
        if len(x) > _MOST_IMAGES:
            raise ValueError(
                f"{cls.__name__} draws a row for each of up to {_MOST_IMAGES} images, "
                f"got {len(x)}; pass some of them, X[:{_MOST_IMAGES // 2}]"
            )
        listed = method if isinstance(method, list | tuple) else [method]
        direction, labels = _ask(net, x, target, display_labels)
        maps = {}
        for each in listed:
            compute, title = _find_method(each)
            found = np.asarray(compute(net.network_, x, direction))
            if found.ndim == x.ndim:
                found = np.abs(found).max(axis=-1)
            maps[title] = as_images(found[..., None])[..., 0]
        whose = "predictions" if target is None else "named outputs"
        title = f"What the {whose} depend on"
        return cls(images, maps, labels, title=title).plot(ax)

    def plot(self, ax=None):
        """Draw the images and their maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.

        Returns
        -------
        display : SaliencyDisplay
        """
        n, h, w = self.images.shape[:3]
        n_columns = 1 + len(self.maps)
        margin = 0.08 * max(map(len, self.labels))  # inches that labels take
        cell = (WIDTH - margin) / n_columns
        height = n * (cell * max(h / w, 0.25) + 0.04) + 0.6
        self.ax_ = open_axes(ax, height, type(self).__name__)
        self.figure_ = self.ax_.figure
        self.axes_ = subdivide(self.ax_, n, n_columns, title=self.title)
        size = text_size(self.ax_)
        pictures = drawable(self.images)
        gray = {"cmap": "gray"} if pictures.ndim == 3 else {}
        how = {"interpolation": "nearest", "aspect": "equal" if h * 4 > w else "auto"}
        for row, picture, label in zip(self.axes_, pictures, self.labels, strict=True):
            row[0].imshow(picture, **gray, **how)
            row[0].set_ylabel(label, fontsize=size, rotation=0, ha="right", va="center")
        for column, (title, maps) in zip(
            self.axes_.T[1:], self.maps.items(), strict=True
        ):
            column[0].set_title(title, fontsize=size)
            signed = bool(np.nanmin(maps) < 0)
            for axes, values in zip(column, maps, strict=True):
                axes.imshow(values, **limits(values, signed), **how)
        self.axes_[0, 0].set_title("image", fontsize=size)
        for axes in self.axes_.flat:
            blank(axes)
        return self


def _find_method(method):
    if not callable(method):
        return look_up(METHODS, method, "method")
    inner = getattr(method, "func", method)  # of a functools.partial
    known = dict(METHODS.values())
    return _Method(method, known.get(inner, getattr(inner, "__name__", "method")))


def _ask(net, x, target, display_labels):
    """Return the direction that asks for targets, and what to write beside it."""
    outputs, coding = net.network_.predict(x), net._encoder
    n, k = outputs.shape
    if not len(coding.classes) or coding.multilabel:
        if target is None:
            target = outputs.argmax(axis=1)
        codes = np.broadcast_to(np.asarray(target), n)
        if codes.dtype.kind not in "iu" or not np.isin(codes, range(k)).all():
            raise ValueError(
                f"target must be the number of a column of y, 0 to {k - 1}, got "
                f"{target!r}"
            )
        word = "label" if len(coding.classes) else "output"
        numbered = [f"{word} {column}" for column in range(k)]
        texts = label_texts(range(k), display_labels or numbered)
        labels = codes
    else:
        if target is None:
            target = coding.predict(outputs)
        labels = np.broadcast_to(np.asarray(target), n)
        codes = coding.transform(labels, "target")
        texts = label_texts(coding.classes, display_labels)
    direction = np.eye(k)[codes] if codes.ndim == 1 else 2.0 * codes - 1
    return direction, [texts[label] for label in labels.tolist()]
