"""What each layer makes of one image."""

import numpy as np

from .._utils.lookup import did_you_mean
from ..ops import positive_int
from .drawing import (
    TEXT_SIZE,
    TITLE_SIZE,
    WIDTH,
    blank,
    columns_for,
    draw_tiles,
    limits,
    open_axes,
    subdivide,
    tiles_height,
)
from .subjects import Subject, as_images, drawable, label_texts, size_text

__all__ = ["FeatureMapDisplay"]

_TITLE_HEIGHT = 0.34  # inches
_MOST_BARS = 20


class FeatureMapDisplay:
    """What each layer makes of one image, from the top down.

    Make one with `from_estimator`. Images are drawn channel by channel, flat outputs
    as a band, and a classifier's probabilities as bars. Within a layer all share one
    scale: dark for 0, or white where there are values below it (blue).

    Parameters
    ----------
    image : ndarray of shape (h, w, c)
    outputs : dict of str to ndarray of shape (h, w, c) or (k,)
        What each layer puts out, by its name.
    types : dict of str to str
        The layers' classes.
    probabilities : ndarray of shape (n_classes,), default=None
        Of a classifier.
    class_texts : list of str, default=None
        What to write below them.

    Attributes
    ----------
    ax_ : matplotlib Axes
        That hold the others.
    axes_ : ndarray of Axes
        Of the image, of each layer, and of the probabilities.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import FeatureMapDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), max_iter=1, random_state=0).fit(X, y)
    >>> display = FeatureMapDisplay.from_estimator(clf, X[:1])
    >>> {name: maps.shape for name, maps in display.outputs.items()}
    {'conv1': (8, 8, 8), 'pool1': (4, 4, 8), 'dense1': (128,), 'output': (10,)}
    """

    def __init__(self, image, outputs, types, *, probabilities=None, class_texts=None):
        self.image = image
        self.outputs = outputs
        self.types = types
        self.probabilities = probabilities
        self.class_texts = class_texts

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        layers=None,
        *,
        max_maps=16,
        n_columns=None,
        display_labels=None,
        ax=None,
    ):
        """Draw what the layers of a fitted network make of an image.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        X : array-like of shape (1, h, w, c), (1, h, w) or (1, n_features)
            As for `predict`, of one image: ``X[[i]]``.
        layers : str or list of str, default=None
            Names of layers; None takes those that change their input.
        max_maps : int, default=16
            How many channels of a layer to draw at most.
        n_columns : int, default=None
            How many maps stand side by side; None is 8, of signals 4.
        display_labels : array-like of shape (n_classes,), default=None
            What to write for the classes, in the order of `classes_`.
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay

        Raises
        ------
        ValueError
            If X does not hold one image, or there is no such layer.
        """
        net, x, images = Subject.find(estimator, X, cls.__name__)
        if len(x) != 1:
            raise ValueError(
                f"X must hold one image for {cls.__name__}, got {len(x)}; pass X[[i]]"
            )
        names = [name for name, _ in net.network_.layers]
        wanted = [layers] if isinstance(layers, str) else layers
        for name in wanted or ():
            if name not in names:
                raise ValueError(
                    f"layers must name layers of the network, of {names}, got {name!r}"
                    f"{did_you_mean(name, names)}"
                )
        outputs, y = {}, x
        for name, layer in net.network_.layers:
            y = layer.predict(net.network_.weights[name], y)
            before = outputs[next(reversed(outputs))] if outputs else x[0]
            if not np.array_equal(np.ravel(y), np.ravel(before)) or wanted is not None:
                outputs[name] = y[0]
        if wanted is not None:
            outputs = {name: outputs[name] for name in wanted}
        texts = label_texts(getattr(net, "classes_", None), display_labels)
        probabilities = None
        if hasattr(net, "predict_proba"):
            probabilities = net.predict_proba(x)[0]
        display = cls(
            images[0],
            outputs,
            {name: type(layer).__name__ for name, layer in net.network_.layers},
            probabilities=probabilities,
            class_texts=list(texts.values()),
        )
        return display.plot(ax, max_maps=max_maps, n_columns=n_columns)

    def plot(self, ax=None, *, max_maps=16, n_columns=None):
        """Draw the image, the layers' outputs, and the probabilities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            To be divided; None makes a figure.
        max_maps : int, default=16
        n_columns : int, default=None
            How many maps stand side by side; None is 8, of signals 4.

        Returns
        -------
        display : FeatureMapDisplay
        """
        positive_int(max_maps, "max_maps")
        if n_columns is not None:
            positive_int(n_columns, "n_columns")
        strips = [self._image_strip(), *self._layer_strips(max_maps, n_columns)]
        if self.probabilities is not None and len(self.probabilities) <= _MOST_BARS:
            strips.append(("probability of each class", 0.95, self._draw_bars))
        heights = [height for _, height, _ in strips]
        total = sum(heights) + _TITLE_HEIGHT * len(strips) + 0.1
        self.ax_ = open_axes(ax, total, type(self).__name__)
        self.figure_ = self.ax_.figure
        self.axes_ = subdivide(
            self.ax_, len(strips), 1, between=_TITLE_HEIGHT, height_ratios=heights
        )[:, 0]
        for axes, (title, _, draw) in zip(self.axes_, strips, strict=True):
            axes.set_title(title, loc="left", fontsize=TITLE_SIZE, pad=4)
            draw(axes)
        return self

    def _image_strip(self):
        picture = drawable(self.image[None])
        h, w, c = self.image.shape

        def draw(axes):
            draw_tiles(axes, picture, 1, cmap="gray" if picture.ndim == 3 else None)

        height = tiles_height(1, 1, h, w, min(WIDTH, 1.1 * w / max(h, w / 4)))
        return f"the image, {size_text((h, w, c))}", height, draw

    def _layer_strips(self, max_maps, n_columns):
        for name, output in self.outputs.items():
            title = f"{name} ({self.types[name]}), {size_text(output.shape)}"
            how = limits(output)
            if output.size == 1:
                yield f"{name} ({self.types[name]}): {output.item():.3g}", 0.02, blank
            elif output.ndim == 1:
                yield title, 0.3, _draw_band(np.ravel(output), how)
            else:
                if output.shape[-1] > max_maps:
                    title += f": {max_maps} of its maps"
                maps = np.moveaxis(as_images(output[None])[0], -1, 0)[:max_maps]
                h, w = maps.shape[1:]
                side_by_side = n_columns or columns_for(h, w)
                height = tiles_height(len(maps), side_by_side, h, w, 0.97 * WIDTH)
                yield title, height, _draw_maps(maps, side_by_side, how)

    def _draw_bars(self, axes):
        best = int(np.argmax(self.probabilities))
        places = np.arange(len(self.probabilities))
        colors = ["#d55e00" if k == best else "0.7" for k in places]
        axes.bar(places, self.probabilities, color=colors)
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.5, 1])
        long = max(map(len, self.class_texts)) * len(places) > 45
        axes.set_xticks(
            places,
            self.class_texts,
            rotation=45 if long else 0,
            ha="right" if long else "center",
            rotation_mode="anchor",
        )
        axes.tick_params(labelsize=TEXT_SIZE, length=2)
        axes.spines[["top", "right"]].set_visible(False)


def _draw_maps(maps, n_columns, how):
    return lambda axes: draw_tiles(axes, maps, n_columns, **how)


def _draw_band(values, how):
    def draw(axes):
        axes.imshow(values[None], aspect="auto", interpolation="nearest", **how)
        blank(axes)

    return draw
