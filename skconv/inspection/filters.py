"""A layer's kernels."""

import numpy as np

from ..ops import positive_int
from .drawing import (
    TEXT_SIZE,
    TITLE_SIZE,
    WIDTH,
    columns_for,
    draw_tiles,
    limits,
    open_axes,
    tiles_height,
)
from .subjects import find_layer, find_network, size_text

__all__ = ["FilterDisplay"]


class FilterDisplay:
    """The kernels of a layer, as pictures.

    Make one with `from_estimator`. Red weights are above 0, blue ones below; all tiles
    share one scale. Kernels that see three channels in the image are drawn in colour,
    gray for 0.

    Parameters
    ----------
    kernels : ndarray of shape (kh, kw, c, n_filters)
    layer_name : str
    channel : int, default=None
        The input channel to draw; None is the only one, all three as colours, or the
        mean of more.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    images_ : list of AxesImage

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

    def __init__(self, kernels, *, layer_name, channel=None):
        self.kernels = kernels
        self.layer_name = layer_name
        self.channel = channel

    @classmethod
    def from_estimator(
        cls, estimator, layer=None, *, channel=None, max_filters=64, ax=None
    ):
        """Draw the kernels of a layer of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted `ConvNetClassifier` or `ConvNetRegressor`, or a pipeline or a
            search that ends in one.
        layer : str, default=None
            Its name, of one inside of a composite layer ``block1.conv1``; None is the
            first that has kernels. Of a dense layer on images each unit's weights are
            drawn as an image.
        channel : int, default=None
            The input channel to draw; None is the only one, all three as colours, or
            the mean of more.
        max_filters : int, default=64
            How many to draw at most.
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
        n_channels = kernels.shape[2]
        if channel is not None and channel not in range(n_channels):
            raise ValueError(
                f"channel must be None or one of the {n_channels} input channels of "
                f"layer {layer!r}, 0 to {n_channels - 1}, got {channel!r}"
            )
        display = cls(kernels, layer_name=layer, channel=channel)
        return display.plot(ax, max_filters=max_filters)

    def plot(self, ax=None, *, max_filters=64, n_columns=None):
        """Draw the kernels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        max_filters : int, default=64
        n_columns : int, default=None
            How many stand side by side; None is 8, or 4 where kernels are long.

        Returns
        -------
        display : FilterDisplay
        """
        positive_int(max_filters, "max_filters")
        tiles, how, meaning = self._tiles()
        tiles, n_filters = tiles[:max_filters], len(tiles)
        size = tiles.shape[1:3]
        n_columns = positive_int(n_columns or columns_for(*size), "n_columns")
        n_columns = min(n_columns, len(tiles))
        height = tiles_height(len(tiles), n_columns, *size, 0.88 * WIDTH) + 0.6
        self.ax_ = open_axes(ax, height, type(self).__name__)
        self.figure_ = self.ax_.figure
        self.images_ = draw_tiles(self.ax_, tiles, n_columns, **how)
        shown = n_filters if len(tiles) == n_filters else f"{len(tiles)} of {n_filters}"
        self.ax_.set_title(
            f"{self.layer_name}: {shown} kernels of {size_text(self.kernels.shape[:3])}"
            f"{meaning}",
            loc="left",
            fontsize=TITLE_SIZE,
        )
        if how:
            bar = self.figure_.colorbar(
                self.images_[0], ax=self.ax_, fraction=0.04, pad=0.02, aspect=25
            )
            bar.ax.tick_params(labelsize=TEXT_SIZE)
            bar.outline.set_visible(False)
        return self

    def _tiles(self):
        """Return the tiles, how to draw them, and what they show of the channels."""
        kernels = np.moveaxis(self.kernels, -1, 0)  # (n_filters, kh, kw, c)
        n_channels = kernels.shape[-1]
        if self.channel is not None:
            tiles = kernels[..., self.channel]
            meaning = f", channel {self.channel}" if n_channels > 1 else ""
        elif n_channels == 3:
            return 0.5 + kernels / (2 * (np.abs(kernels).max() or 1.0)), {}, ""
        else:
            tiles = kernels.mean(axis=-1)
            meaning = ", mean of channels" if n_channels > 1 else ""
        return tiles, limits(tiles, signed=True), meaning


def _find_kernels(network, name):
    """Return a layer's name and its kernels, (kh, kw, c, n_filters)."""
    shapes = [network.input_shape, *network.shapes]
    seen_by = dict(zip(dict(network.layers), shapes[:-1], strict=True))
    names = list(seen_by) if name is None else [name]
    for each in names:
        _, weights = find_layer(network, each)
        kernels = _as_images(weights, seen_by.get(each, ()))
        if kernels is not None:
            return each, kernels
    with_kernels = [
        each
        for each in seen_by
        if _as_images(find_layer(network, each)[1], seen_by[each]) is not None
    ]
    which = "no layer" if name is None else f"layer {name!r}"
    raise ValueError(
        f"{which} has kernels that can be drawn; those that have: {with_kernels}"
    )


def _as_images(weights, input_shape):
    arrays = [w for w in weights.values() if isinstance(w, np.ndarray) and w.ndim > 1]
    for kernel in arrays:
        if kernel.ndim == 4:
            return kernel
        if kernel.ndim == 3:  # of a signal: (k, c, n_filters)
            return kernel[None]
        if len(input_shape) > 1:
            return kernel.reshape(*(1, *input_shape)[-3:], -1)
    return None
