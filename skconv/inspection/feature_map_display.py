"""The outputs of each layer for one sample."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.lookup import did_you_mean
from ..layers import Normalization, Rescaling
from ..models.network import Network
from ..ops import positive_int
from .display import TEXT_SIZE, TITLE_SIZE, WIDTH, Display, blank, shorten
from .drawing import (
    color_scale,
    draw_image_tiles,
    draw_signal,
    draw_signal_tiles,
    n_tile_columns,
    sample_text,
    shape_text,
    tiles_height,
    to_pictures,
)
from .fitted import label_texts, list_classes, prepare_inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FeatureMapDisplay"]

_TITLE_HEIGHT = 0.34  # inches
_MOST_BARS = 20
# Colours of probabilities.
_SHARES = {"cmap": "gray", "vmin": 0, "vmax": 1}


class _Strip(NamedTuple):
    """A panel as wide as the figure: its title, its height in inches, what draws it."""

    title: str
    height: float
    draw: Callable[["Axes"], Any]


@dataclass(eq=False, repr=False)
class FeatureMapDisplay(Display):
    """The outputs of each layer for one sample, from the first layer to the last.

    Create one with `from_estimator`. Of images each channel is drawn as an image, of
    signals as a curve; flat outputs are a band of colours. A classifier's probabilities
    are bars, a segmenter's are drawn as maps. All maps of a layer have the same scale:
    dark is 0, or white is 0 if there are values below 0 (blue).

    Parameters
    ----------
    image : ndarray of shape (h, w, c), or a signal (length, channels)
    outputs : dict of str to ndarray of shape (h, w, c), (length, channels) or (k,)
        Output of each layer, by its name.
    types : dict of str to str
        Class name of each layer.
    probabilities : ndarray of shape (n_classes,), default=None
        Of a classifier; of a segmenter (h, w, n_classes), or (length, n_classes).
    class_texts : list of str, default=None
        Text to draw below each probability, or in the title of a segmenter's.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is divided into the panels.
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

    image: NDArray[Any]
    outputs: dict[str, NDArray[Any]]
    types: dict[str, str]
    _: KW_ONLY
    probabilities: NDArray[Any] | None = None
    class_texts: list[str] | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        layers: str | list[str] | None = None,
        *,
        max_maps: int = 16,
        n_columns: int | None = None,
        display_labels: Iterable[object] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the outputs of a fitted network's layers.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of skconv, or a pipeline or a search that ends in one.
        X : array-like of shape (1, h, w, c), (1, h, w), (1, length, channels) or \
                (1, n_features)
            As for `predict`, one image or signal: ``X[[i]]``.
        layers : str or list of str, default=None
            Names of layers; None is every layer that changes its input by more than
            scaling it.
        max_maps : int, default=16
            The largest number of a layer's channels to draw.
        n_columns : int, default=None
            Maps in a row; None is 8, or 4 of signals.
        display_labels : array-like of shape (n_classes,), default=None
            Text to draw for each class, in the order of `classes_`.
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay

        Raises
        ------
        ValueError
            If X does not hold one image, or there is no such layer.
        """
        net, x, shown = prepare_inputs(estimator, X, cls.__name__)
        if len(x) != 1:
            raise ValueError(
                f"X must hold one image for {cls.__name__}, got {len(x)}; pass X[[i]]"
            )
        names = [layers] if isinstance(layers, str) else layers
        probabilities = None
        if hasattr(net, "predict_proba"):
            found = net.predict_proba(x)
            probabilities = np.hstack(found)[0] if isinstance(found, list) else found[0]
        texts = label_texts(list_classes(net), display_labels)
        display = cls(
            shown[0],
            _compute_outputs(net.network_, x, names),
            {name: type(layer).__name__ for name, layer in net.network_.layers},
            probabilities=probabilities,
            class_texts=list(texts.values()),
        )
        return display.plot(ax, max_maps=max_maps, n_columns=n_columns)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        max_maps: int = 16,
        n_columns: int | None = None,
    ) -> Self:
        """Draw the image, the layers' outputs, and the probabilities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to divide into panels; None makes a figure.
        max_maps : int, default=16
            The largest number of a layer's channels to draw.
        n_columns : int, default=None
            Maps in a row; None is 8, or 4 of signals.

        Returns
        -------
        display : FeatureMapDisplay
        """
        positive_int(max_maps, "max_maps")
        if n_columns is not None:
            positive_int(n_columns, "n_columns")
        strips = [self._input_strip(), *self._layer_strips(max_maps, n_columns)]
        strips += self._probability_strips(max_maps, n_columns)
        heights = [strip.height for strip in strips]
        self._open_axes(ax, sum(heights) + _TITLE_HEIGHT * len(strips) + 0.1)
        self.axes_ = self._divide_axes(
            len(strips), 1, gap=_TITLE_HEIGHT, height_ratios=heights
        )[:, 0]
        for panel, strip in zip(self.axes_, strips, strict=True):
            panel.set_title(strip.title, loc="left", fontsize=TITLE_SIZE, pad=4)
            strip.draw(panel)
        return self

    def _input_strip(self) -> _Strip:
        title = sample_text(self.image.shape)
        if self.image.ndim == 2:
            return _Strip(title, 0.8, lambda ax: draw_signal(ax, self.image))
        h, w = self.image.shape[:2]
        height = tiles_height(
            1, 1, self.image.shape, min(WIDTH, 1.1 * w / max(h, w / 4))
        )
        pictures = to_pictures(self.image[None])
        return _Strip(
            title, height, lambda ax: draw_image_tiles(ax, pictures, 1, cmap="gray")
        )

    def _layer_strips(self, max_maps: int, n_columns: int | None) -> Iterator[_Strip]:
        for name, output in self.outputs.items():
            title = f"{name} ({self.types[name]}), {shape_text(output.shape)}"
            scale = color_scale(output)
            if output.size == 1:
                title = f"{name} ({self.types[name]}): {output.item():.3g}"
                yield _Strip(title, 0.02, blank)
            elif output.ndim == 1:
                yield _Strip(title, 0.3, _band(output, scale))
            else:
                if output.shape[-1] > max_maps:
                    title += f": {max_maps} of its maps"
                yield self._map_strip(title, output[..., :max_maps], n_columns, scale)

    def _probability_strips(
        self, max_maps: int, n_columns: int | None
    ) -> Iterator[_Strip]:
        title = "probability of each class"
        if self.probabilities is None:
            return
        p = np.asarray(self.probabilities)
        if p.ndim > 1:
            title += f", of each {'position' if self.image.ndim == 2 else 'pixel'}"
            if p.shape[-1] > max_maps:
                title += f", {max_maps} of them"
            if self.class_texts:
                title += f": {', '.join(self.class_texts[:max_maps])}"
            title = shorten(title, WIDTH, TITLE_SIZE)
            yield self._map_strip(title, p[..., :max_maps], n_columns, _SHARES)
        elif len(p) <= _MOST_BARS:
            yield _Strip(title, 0.95, self._draw_bars)

    def _map_strip(
        self,
        title: str,
        output: NDArray[Any],
        n_columns: int | None,
        scale: dict[str, Any],
    ) -> _Strip:
        """Return the panel of a layer's maps, of an image or a signal."""
        if self.image.ndim == 2 and output.ndim == 3 and len(output) == 1:
            output = output[0]
        tiles = np.moveaxis(output, -1, 0)
        shape = (*tiles.shape[1:], 1)
        n_columns = n_columns or n_tile_columns(shape)
        height = tiles_height(len(tiles), n_columns, shape, 0.97 * WIDTH)
        if output.ndim == 3:
            return _Strip(
                title,
                height,
                lambda ax: draw_image_tiles(ax, tiles, n_columns, **scale),
            )
        low, high = scale["vmin"], scale["vmax"]
        return _Strip(
            title,
            height,
            lambda ax: draw_signal_tiles(ax, tiles[..., None], n_columns, low, high),
        )

    def _draw_bars(self, ax: "Axes") -> None:
        probabilities = np.asarray(self.probabilities)
        best, n = int(np.argmax(probabilities)), len(probabilities)
        colors = ["#d55e00" if k == best else "0.7" for k in range(n)]
        ax.bar(range(n), probabilities, color=colors)
        ax.set_ylim(0, 1)
        ax.set_yticks([0, 0.5, 1])
        texts = [shorten(text, 1.2, TEXT_SIZE) for text in self.class_texts or ()]
        long = max(map(len, texts), default=0) * n > 45
        ax.set_xticks(
            range(len(texts)),
            texts,
            rotation=45 if long else 0,
            ha="right" if long else "center",
            rotation_mode="anchor",
        )
        ax.tick_params(labelsize=TEXT_SIZE, length=2)
        ax.spines[["top", "right"]].set_visible(False)


def _compute_outputs(
    network: Network, x: NDArray[Any], names: list[str] | None
) -> dict[str, NDArray[Any]]:
    """Return the outputs of layers; without names of those that change their input.

    That is by more than scaling it: each picture is drawn on a scale of its own.
    """
    known = [name for name, _ in network.layers]
    for name in names or ():
        if name not in known:
            raise ValueError(
                f"layers must name layers of the network, of {known}, got {name!r}"
                f"{did_you_mean(name, known)}"
            )
    outputs, before = {}, x
    for name, layer in network.layers:
        y = layer.predict(network.weights[name], before)
        same = isinstance(layer, Normalization | Rescaling) or np.array_equal(
            np.ravel(y), np.ravel(before)
        )
        if names is not None or not same:
            outputs[name] = y[0]
        before = y
    return outputs if names is None else {name: outputs[name] for name in names}


def _band(values: NDArray[Any], scale: dict[str, Any]) -> Callable[["Axes"], None]:
    def draw(ax: "Axes") -> None:
        ax.imshow(values[None], aspect="auto", interpolation="nearest", **scale)
        blank(ax)

    return draw
