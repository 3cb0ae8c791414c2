"""Saliency maps of samples, by several methods."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.lookup import look_up
from ..models.network import Network
from .display import WIDTH, Display, shorten
from .drawing import color_scale, draw_picture, draw_samples, draw_signal, panel_ratio
from .fitted import label_texts, list_classes, prepare_inputs, without_row_axis
from .saliency import grad_cam, input_gradient, occlusion, smooth_gradient

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SaliencyDisplay"]

_MOST_IMAGES = 12
_LABEL_WIDTH = 0.8  # inches, the most that labels of rows take

_Compute: TypeAlias = Callable[[Network, NDArray[Any], NDArray[Any]], NDArray[Any]]
_Methods: TypeAlias = str | _Compute | Sequence[str | _Compute]


class _Method(NamedTuple):
    compute: _Compute
    title: str


METHODS = {
    "gradient": _Method(input_gradient, "gradient"),
    "smooth_gradient": _Method(smooth_gradient, "SmoothGrad"),
    "grad_cam": _Method(grad_cam, "Grad-CAM"),
    "occlusion": _Method(occlusion, "occlusion"),
}
"""Name -> function of `skconv.inspection`, and the title of its column."""


@dataclass(eq=False, repr=False)
class SaliencyDisplay(Display):
    """Saliency maps: what in each sample a network's output depends on.

    Create one with `from_estimator`. Each image has a row, each method a column. Of
    gradients the largest absolute value of a pixel's channels is drawn. Each map has
    its own scale: bright pixels, or red ones if there are values below 0, raise the
    output, blue ones lower it. Of signals a map is the background of the curve.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c), or signals (n, length, channels)
    maps : dict of str to ndarray of shape (n, h, w) or (n, length)
        By the title of the column.
    labels : list of str, of length n
        The outputs that are explained.
    title : str, default="What the classes depend on"

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is divided into the panels.
    axes_ : ndarray of Axes of shape (n, 1 + n_methods)
    figure_ : matplotlib Figure

    See Also
    --------
    input_gradient, smooth_gradient, grad_cam, occlusion : The methods, as functions.

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

    images: NDArray[Any]
    maps: dict[str, NDArray[Any]]
    labels: list[str]
    _: KW_ONLY
    title: str = "What the classes depend on"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        method: _Methods = tuple(METHODS),
        target: ArrayLike | None = None,
        display_labels: Iterable[object] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw what a fitted network's outputs depend on.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of skconv, or a pipeline or a search that ends in one.
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)
            A few images or signals.
        method : str, callable or list of them
            "gradient", "smooth_gradient", "grad_cam" or "occlusion", by default all;
            or a function ``(network, x, direction) -> maps`` like those of
            `skconv.inspection`, for example ``partial(occlusion, window=3)``.
        target : label or array-like of shape (n,), default=None
            The class to explain; the number of a column of y, if y is multilabel or has
            several targets; of several columns of classes, or several quantiles, that
            of an output of the network. Of images as outputs it is the class of a
            segmenter, or the number of a channel, at all pixels. None is the
            prediction, or the largest output, of images on average over pixels.
        display_labels : array-like of shape (n_classes,), default=None
            Text to draw for each class, in the order of `classes_`.
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : SaliencyDisplay

        Raises
        ------
        ValueError
            If there is no such method or target, or there are too many images.
        """
        net, x, shown = prepare_inputs(estimator, X, cls.__name__)
        if len(x) > _MOST_IMAGES:
            raise ValueError(
                f"{cls.__name__} draws a row for each of up to {_MOST_IMAGES} images, "
                f"got {len(x)}; pass some of them, X[:{_MOST_IMAGES // 2}]"
            )
        listed: Any = method if isinstance(method, list | tuple) else [method]
        direction, labels = _find_direction(net, x, target, display_labels)
        maps = {}
        for each in listed:
            compute, title = _find_method(each)
            values = np.asarray(compute(net.network_, x, direction))
            if values.ndim == x.ndim:
                values = np.abs(values).max(axis=-1)
            maps[title] = without_row_axis(values[..., None])[..., 0]
        explained = "predictions" if target is None else "named outputs"
        title = f"What the {explained} depend on"
        return cls(shown, maps, labels, title=title).plot(ax)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the images and their maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : SaliencyDisplay
        """
        n, n_columns = len(self.images), 1 + len(self.maps)
        longest = max(map(len, self.labels))
        margin = min(0.08 * longest, _LABEL_WIDTH)  # inches
        width = (WIDTH - margin) / n_columns
        height = n * (width * panel_ratio(self.images.shape[1:]) + 0.04) + 0.6
        self._open_axes(ax, height)
        self.axes_ = self._divide_axes(n, n_columns, title=self.title)
        if ax is not None:
            width = self._width() / n_columns
        size = self._text_size()
        first = "signal" if self.images.ndim == 3 else "image"
        for panel, title in zip(self.axes_[0], [first, *self.maps], strict=True):
            panel.set_title(shorten(title, width, size), fontsize=size)
        for panel, label in zip(self.axes_[:, 0], self.labels, strict=True):
            text = shorten(label, 0.2 * self._width(), size)
            panel.set_ylabel(text, fontsize=size, rotation=0, ha="right", va="center")
        draw_samples(self.axes_[:, 0], self.images)
        for column, maps in zip(self.axes_.T[1:], self.maps.values(), strict=True):
            self._draw_maps(column, maps)
        return self

    def _draw_maps(self, panels: Iterable["Axes"], maps: NDArray[Any]) -> None:
        """Draw a method's maps, of signals as the background of the curves."""
        signed = bool(np.nanmin(maps) < 0)
        for ax, values, sample in zip(panels, maps, self.images, strict=True):
            scale = color_scale(values, signed)
            if sample.ndim == 3:
                draw_picture(ax, values, **scale)
                continue
            if not signed:
                scale["cmap"] = "OrRd"  # light at 0, like the diverging one
            draw_signal(ax, sample, color="0.15")
            extent = (*ax.get_xlim(), *ax.get_ylim())
            ax.imshow(values[None], aspect="auto", extent=extent, alpha=0.8, **scale)


def _find_method(method: str | _Compute) -> _Method:
    """Return the method of a name, or a function with the title of its column."""
    if not callable(method):
        return look_up(METHODS, method, "method")
    inner = getattr(method, "func", method)  # of a functools.partial
    known = dict(METHODS.values())
    return _Method(method, known.get(inner, getattr(inner, "__name__", "method")))


def _find_direction(
    net: Any,
    x: NDArray[Any],
    target: ArrayLike | None,
    display_labels: Iterable[object] | None,
) -> tuple[NDArray[Any], list[str]]:
    """Return the weight of each output in the score, and the text of each target."""
    n, (*pixels, k) = len(x), net.network_.output_shape
    if pixels:
        return _find_direction_of_pixels(net, x, target, display_labels)
    classes = getattr(net, "classes_", None)
    predicted = net.predict(x)
    if classes is not None and predicted.ndim == 1:
        return _find_class_direction(
            np.broadcast_to(np.asarray(predicted if target is None else target), n),
            classes,
            k,
            label_texts(classes, display_labels),
        )
    if target is None:
        target = net.network_.predict(x).argmax(axis=1)
    columns = np.broadcast_to(np.asarray(target), n)
    several = isinstance(classes, list)  # with an output for each class of each column
    what = "an output" if several else "a column of y"
    if columns.dtype.kind not in "iu" or not np.isin(columns, range(k)).all():
        raise ValueError(
            f"target must be the number of {what}, 0 to {k - 1}, got {target!r}"
        )
    word = "output" if classes is None else "label"
    numbered = [f"{word} {column}" for column in range(k)]
    numbered = list_classes(net) if several else numbered
    texts = label_texts(range(k), display_labels or numbered)
    return np.eye(k)[columns], [texts[column] for column in columns.tolist()]


def _find_direction_of_pixels(
    net: Any,
    x: NDArray[Any],
    target: ArrayLike | None,
    display_labels: Iterable[object] | None,
) -> tuple[NDArray[Any], list[str]]:
    """Return the same for outputs that are images: of a class or channel, all pixels.

    By default that is the one with the largest mean.
    """
    n, (*pixels, k) = len(x), net.network_.output_shape
    classes = getattr(net, "classes_", None)
    if target is None:
        means = net.network_.predict(x).reshape(n, -1, k).mean(axis=1)
        found = means.argmax(axis=1)
        target = found if classes is None else classes[found]
    targets = np.broadcast_to(np.asarray(target), n)
    if classes is not None:
        rows, texts = _find_class_direction(
            targets, classes, k, label_texts(classes, display_labels)
        )
    elif targets.dtype.kind not in "iu" or not np.isin(targets, range(k)).all():
        raise ValueError(
            f"target must be the number of a channel, 0 to {k - 1}, got {target!r}"
        )
    else:
        names = display_labels or [f"channel {j}" for j in range(k)]
        named = label_texts(range(k), names)
        rows, texts = np.eye(k)[targets], [named[j] for j in targets.tolist()]
    rows = rows.reshape(n, *[1] * len(pixels), k)
    return np.broadcast_to(rows, (n, *pixels, k)), texts


def _find_class_direction(
    targets: NDArray[Any], classes: NDArray[Any], k: int, texts: dict[Any, str]
) -> tuple[NDArray[Any], list[str]]:
    """Return the same for classes; two classes have one output, with opposite signs."""
    labels, known = targets.tolist(), classes.tolist()
    if unknown := [label for label in labels if label not in known]:
        raise ValueError(f"target must be in classes_, {known}, got {unknown}")
    codes = np.array([known.index(label) for label in labels])
    direction = np.eye(k)[codes] if k > 1 else 2.0 * codes[:, None] - 1
    return direction, [texts[label] for label in labels]
