"""The kernels of a layer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .._utils.lookup import did_you_mean
from ..layers import Layer
from ..models.network import Network
from ..ops import positive_int
from .display import TEXT_SIZE, TITLE_SIZE, WIDTH, Display
from .drawing import (
    color_scale,
    draw_image_tiles,
    draw_signal_tiles,
    n_tile_columns,
    shape_text,
    tiles_height,
)
from .fitted import find_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["FilterDisplay"]


@dataclass(eq=False, repr=False)
class FilterDisplay(Display):
    """The kernels of a layer, as images, or as curves if the layer is on signals.

    Create one with `from_estimator`. In images weights above 0 are red, those below 0
    blue, and kernels of three channels are drawn in colour, with gray for 0. All
    kernels have the same scale.

    Parameters
    ----------
    kernels : ndarray of shape (kh, kw, c, n_filters), or (k, c, n_filters)
        On images, or on signals.
    layer_name : str
    channel : int, default=None
        The input channel to draw. None draws three channels as colours (on signals, up
        to three as curves), and the mean of any other number.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    images_ : list of AxesImage, or of Line2D for signals

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.inspection import FilterDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(8,), max_iter=1, random_state=0).fit(X, y)
    >>> display = FilterDisplay.from_estimator(clf)
    >>> display.kernels.shape
    (3, 3, 1, 8)
    """

    kernels: NDArray[Any]
    _: KW_ONLY
    layer_name: str
    channel: int | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        layer: str | None = None,
        *,
        channel: int | None = None,
        max_filters: int = 64,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the kernels of a layer of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        layer : str, default=None
            Name of a layer, ``block1.conv1`` of one inside a composite layer. None is
            the first layer with kernels. Of a dense layer on images, each unit's
            weights are drawn as an image.
        channel : int, default=None
            The input channel to draw. None draws three channels as colours (on signals,
            up to three as curves), and the mean of any other number.
        max_filters : int, default=64
            The largest number of kernels to draw.
        ax : matplotlib Axes, default=None
            None makes a figure.

        Returns
        -------
        display : FilterDisplay

        Raises
        ------
        ValueError
            If there is no such layer or channel, or the layer has no kernels.
        """
        net, _ = find_network(estimator, cls.__name__)
        layer, kernels = _find_kernels(net.network_, layer)
        n_channels = kernels.shape[-2]
        if channel is not None and channel not in range(n_channels):
            raise ValueError(
                f"channel must be None or one of the {n_channels} input channels of "
                f"layer {layer!r}, 0 to {n_channels - 1}, got {channel!r}"
            )
        display = cls(kernels, layer_name=layer, channel=channel)
        return display.plot(ax, max_filters=max_filters)

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        max_filters: int = 64,
        n_columns: int | None = None,
    ) -> Self:
        """Draw the kernels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        max_filters : int, default=64
            The largest number of kernels to draw.
        n_columns : int, default=None
            Kernels in a row; None is 8, or 4 of signals and long kernels.

        Returns
        -------
        display : FilterDisplay
        """
        positive_int(max_filters, "max_filters")
        tiles, channels = self._tiles()
        largest = float(np.abs(tiles).max()) or 1.0
        tiles, n_filters = tiles[:max_filters], len(tiles)
        shape = tiles.shape[1:]
        n_columns = positive_int(n_columns or n_tile_columns(shape), "n_columns")
        n_columns = min(n_columns, len(tiles))
        height = tiles_height(len(tiles), n_columns, shape, 0.88 * WIDTH) + 0.6
        self._open_axes(ax, height)
        draw = self._draw_images if len(shape) == 3 else self._draw_signals
        self.images_ = draw(tiles, n_columns, largest)
        shown = n_filters if len(tiles) == n_filters else f"{len(tiles)} of {n_filters}"
        self.ax_.set_title(
            f"{self.layer_name}: {shown} kernels of {channels}",
            loc="left",
            fontsize=TITLE_SIZE,
        )
        return self

    def _tiles(self) -> tuple[NDArray[Any], str]:
        """Return tiles (n, kh, kw, 1 or 3) or (n, k, c), and what is drawn, as text."""
        kernels = np.moveaxis(self.kernels, -1, 0)
        on_signals, n_channels = kernels.ndim == 3, kernels.shape[-1]
        text = (
            f"length {kernels.shape[1]}"
            if on_signals
            else shape_text(kernels.shape[1:])
        )
        if n_channels == 1:
            return kernels, text
        if self.channel is not None:
            return kernels[..., self.channel, None], f"{text}, channel {self.channel}"
        if on_signals:
            text += f", {n_channels} channels"
        if n_channels == 3 or (on_signals and n_channels < 3):
            return kernels, text
        return kernels.mean(axis=-1, keepdims=True), f"{text}, mean of channels"

    def _draw_images(
        self, tiles: NDArray[Any], n_columns: int, largest: float
    ) -> list["AxesImage"]:
        if tiles.shape[-1] == 3:
            return draw_image_tiles(self.ax_, 0.5 + tiles / (2 * largest), n_columns)
        scale = color_scale(np.array(largest), signed=True)
        images = draw_image_tiles(self.ax_, tiles[..., 0], n_columns, **scale)
        bar = self.figure_.colorbar(
            images[0], ax=self.ax_, fraction=0.04, pad=0.02, aspect=25
        )
        bar.ax.tick_params(labelsize=TEXT_SIZE)
        bar.outline.set_visible(False)
        return images

    def _draw_signals(
        self, tiles: NDArray[Any], n_columns: int, largest: float
    ) -> list["Line2D"]:
        lines = draw_signal_tiles(self.ax_, tiles, n_columns, -largest, largest)
        self.ax_.text(
            0,
            -0.02,
            f"from {-largest:.2g} to {largest:.2g}",
            transform=self.ax_.transAxes,
            fontsize=self._text_size(),
            va="top",
        )
        return lines


def _find_kernels(network: Network, path: str | None) -> tuple[str, NDArray[Any]]:
    """Return a layer's path, and its kernels (kh, kw, c, n) or (k, c, n)."""
    shapes = [network.input_shape, *network.shapes]
    input_shapes = dict(zip(dict(network.layers), shapes[:-1], strict=True))
    layers, kernels = {}, {}
    for name, layer, weights in _layers_with_weights(network.layers, network.weights):
        layers[name] = layer
        kernel = _as_kernels(weights, input_shapes.get(name, ()))
        if kernel is not None:
            one_row = kernel.ndim == 4 and len(kernel) == network.input_shape[0] == 1
            kernels[name] = kernel[0] if one_row else kernel
    if path is None and kernels:
        return next(iter(kernels.items()))
    if path in kernels:
        return path, kernels[path]
    if path in layers:
        raise ValueError(
            f"layer must name a layer with kernels, one of {list(kernels)}, got "
            f"{path!r}, a {type(layers[path]).__name__}, which has none"
        )
    if path is None:
        raise ValueError(
            "the network must have a layer with kernels, a convolution or a dense "
            f"layer on images, got layers {list(layers)}"
        )
    raise ValueError(
        f"layer must name a layer of the network, one of {list(layers)}, got "
        f"{path!r}{did_you_mean(path, layers)}"
    )


def _layers_with_weights(
    layers: Iterable[tuple[str, Layer]], weights: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Layer, Mapping[str, Any]]]:
    """Yield the path, the layer and its weights, also of layers inside of layers."""
    for name, layer in layers:
        own = weights.get(name, {})
        yield prefix + name, layer, own
        yield from _layers_with_weights(layer.inner_layers(), own, f"{prefix}{name}.")


def _as_kernels(
    weights: Mapping[str, Any], input_shape: tuple[int, ...]
) -> NDArray[Any] | None:
    """Return the first weights that are kernels, or a dense layer's on images."""
    for kernel in weights.values():
        if isinstance(kernel, np.ndarray) and kernel.ndim > 2:
            return kernel
        if isinstance(kernel, np.ndarray) and kernel.ndim == 2 and len(input_shape) > 1:
            return kernel.reshape(*input_shape, -1)
    return None
