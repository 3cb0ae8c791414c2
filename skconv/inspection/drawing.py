"""Draw samples: images as pixels, signals as curves; one a panel, or as tiles."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .display import blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = [
    "color_scale",
    "draw_image_tiles",
    "draw_picture",
    "draw_samples",
    "draw_signal",
    "draw_signal_tiles",
    "n_tile_columns",
    "panel_ratio",
    "sample_text",
    "shape_text",
    "tiles_height",
    "to_pictures",
]

# Perceptually ordered, and legible to the colour-blind: for values >= 0, and for values
# on both sides of 0.
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
# Of channels in one plot: Okabe & Ito's colours.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "0.3")

_GAP = 0.12  # between tiles, as a fraction of a tile's width
_FLATTEST = 0.25  # the least height of an image, as a fraction of its width
_SIGNAL_RATIO = 0.5  # height of a signal's panel or tile, as a fraction of its width


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as text: 8×8×32."""
    return "×".join(map(str, shape))  # noqa: RUF001


def sample_text(shape: tuple[int, ...]) -> str:
    """Return what an image (h, w, c) or a signal (length, channels) is, as text."""
    if len(shape) == 3:
        return f"image, {shape_text(shape)}"
    length, c = shape
    return f"signal of length {length}" + (f", {c} channels" if c > 1 else "")


def color_scale(values: NDArray[Any], signed: bool | None = None) -> dict[str, Any]:
    """Return a colour map and its range: from 0, or around 0 if values are below it."""
    largest = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    if signed is None:
        signed = bool(np.nanmin(values, initial=0) < 0)
    if signed:
        return {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    return {"cmap": SEQUENTIAL, "vmin": 0, "vmax": largest}


def to_pictures(images: NDArray[Any]) -> NDArray[Any]:
    """Return images as matplotlib draws them: gray (n, h, w), or RGB (n, h, w, 3).

    Of 2 channels, or more than 3, the mean is returned. Colours that are neither bytes
    nor in [0, 1] are scaled to [0, 1].
    """
    if images.shape[-1] != 3:
        return images.mean(axis=-1)
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if low >= 0 and high <= 1:
        return images.astype(float)
    return (images - low) / max(high - low, np.finfo(float).tiny)


# One sample a panel ------------------------------------------------------------------


def panel_ratio(shape: tuple[int, ...]) -> float:
    """Return the height of a sample's panel, as a fraction of its width."""
    return _SIGNAL_RATIO if len(shape) == 2 else max(shape[0] / shape[1], _FLATTEST)


def draw_samples(panels: Iterable["Axes"], samples: NDArray[Any]) -> None:
    """Draw images (n, h, w, c) or signals (n, length, channels), one in each panel."""
    if samples.ndim == 3:
        for ax, signal in zip(panels, samples, strict=True):
            draw_signal(ax, signal)
    elif len(samples):
        for ax, picture in zip(panels, to_pictures(samples), strict=True):
            draw_picture(ax, picture, cmap="gray")


def draw_picture(ax: "Axes", picture: NDArray[Any], **style: Any) -> None:
    """Draw values (h, w) with the colour map of `style`, or an RGB image (h, w, 3)."""
    h, w = picture.shape[:2]
    ax.imshow(picture, interpolation="nearest", **style)
    ax.set_aspect("equal" if h > _FLATTEST * w else "auto")
    blank(ax)


def draw_signal(ax: "Axes", signal: NDArray[Any], **style: Any) -> None:
    """Draw a signal (length, channels) as one curve a channel."""
    for c, values in enumerate(signal.T):
        ax.plot(values, **{**_line_style(c, len(signal)), **style})
    ax.set_xlim(-0.5, len(signal) - 0.5)
    blank(ax)


def _line_style(channel: int, length: int) -> dict[str, Any]:
    """Return how to draw a channel: the colour, and markers if it is short."""
    color = _COLORS[channel % len(_COLORS)]
    return {"color": color, "linewidth": 1, "marker": "." if length < 20 else None}


# Tiles: many samples in one axes ------------------------------------------------------


def n_tile_columns(shape: tuple[int, ...]) -> int:
    """Return the number of tiles in a row: 8 of images, 4 of signals or flat images."""
    return 8 if len(shape) == 3 and shape[1] < shape[0] / _FLATTEST else 4


def _tile_size(shape: tuple[int, ...]) -> tuple[float, float]:
    """Return height and width of the tile of an image or a signal."""
    if len(shape) == 2:
        return _SIGNAL_RATIO, 1.0
    return max(shape[0], _FLATTEST * shape[1]), shape[1]


def tiles_height(n: int, n_columns: int, shape: tuple[int, ...], width: float) -> float:
    """Return the height of `n` tiles if a row of `n_columns` is `width` wide."""
    tall, wide = _tile_size(shape)
    n_rows = math.ceil(n / n_columns)
    unit = width / (n_columns * (1 + _GAP) - _GAP)
    return unit * (n_rows * (tall / wide + _GAP) - _GAP)


def draw_image_tiles(
    ax: "Axes", tiles: NDArray[Any], n_columns: int, **style: Any
) -> list["AxesImage"]:
    """Draw images in rows of `n_columns`, from the top left.

    Parameters
    ----------
    ax : matplotlib Axes
    tiles : ndarray of shape (n, h, w) or (n, h, w, 3)
    n_columns : int
    **style
        For `Axes.imshow`.

    Returns
    -------
    images : list of AxesImage
    """
    h, w = tiles.shape[1:3]
    tall, wide = _tile_size((h, w, 1))
    corners = _tile_corners(len(tiles), n_columns, tall, wide)
    images = [
        ax.imshow(
            tile,
            extent=(left, left + wide, top + tall, top),
            interpolation="nearest",
            **style,
        )
        for tile, (left, top) in zip(tiles, corners, strict=True)
    ]
    _frame_tiles(ax, corners, n_columns, tall, wide)
    return images


def draw_signal_tiles(
    ax: "Axes", tiles: NDArray[Any], n_columns: int, low: float, high: float
) -> list["Line2D"]:
    """Draw signals in rows of `n_columns`, from the top left.

    Parameters
    ----------
    ax : matplotlib Axes
    tiles : ndarray of shape (n, length, channels)
    n_columns : int
    low, high : float
        Values at the bottom and at the top of each tile; a line marks 0.

    Returns
    -------
    lines : list of Line2D
        Of all channels of the first signal, then of the next.
    """
    tall, wide = _tile_size(tiles.shape[1:])
    corners = _tile_corners(len(tiles), n_columns, tall, wide)
    length = tiles.shape[1]
    along = wide * (np.arange(length) + 0.5) / length
    lines = []
    for signal, (left, top) in zip(tiles, corners, strict=True):
        scaled = top + tall * (0.95 - 0.9 * (signal - low) / (high - low))
        zero = top + tall * (0.95 + 0.9 * low / (high - low))
        ax.plot([left, left + wide], [zero, zero], color="0.85", linewidth=0.8)
        for c, values in enumerate(scaled.T):
            lines += ax.plot(left + along, values, **_line_style(c, length))
    _frame_tiles(ax, corners, n_columns, tall, wide)
    return lines


def _tile_corners(
    n: int, n_columns: int, tall: float, wide: float
) -> list[tuple[float, float]]:
    """Return (left, top) of each tile; the vertical axis goes down."""
    gap = _GAP * wide
    return [
        (i % n_columns * (wide + gap), i // n_columns * (tall + gap)) for i in range(n)
    ]


def _frame_tiles(
    ax: "Axes",
    corners: list[tuple[float, float]],
    n_columns: int,
    tall: float,
    wide: float,
) -> None:
    """Draw a frame around each tile, and fit the axes to whole rows of tiles."""
    from matplotlib.patches import Rectangle

    for corner in corners:
        ax.add_patch(Rectangle(corner, wide, tall, fill=False, ec="0.75", lw=0.6))
    right = n_columns * (1 + _GAP) * wide - _GAP * wide
    bottom = max(top for _, top in corners) + tall
    margin = 0.01 * wide
    ax.set_xlim(-margin, right + margin)
    ax.set_ylim(bottom + margin, -margin)
    ax.set_aspect("equal", anchor="W")
    ax.set_axis_off()
