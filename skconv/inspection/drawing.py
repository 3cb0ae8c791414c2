"""What displays share in drawing: figures, subdivided axes, tiles of images."""

import math

import numpy as np

__all__ = [
    "TEXT_SIZE",
    "TITLE_SIZE",
    "WIDTH",
    "blank",
    "columns_for",
    "draw_tiles",
    "limits",
    "open_axes",
    "subdivide",
    "text_size",
    "tile_size",
    "tiles_height",
]

# Perceptually ordered and told apart by the colour-blind: of what is at least 0, and of
# what lies around it.
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"

# A figure of this width can be read on a telephone; matplotlib's own texts cannot.
WIDTH, TITLE_SIZE, TEXT_SIZE = 5.0, 11, 9.5
_GAP = 0.12  # between tiles, of a tile's width
_FLATTEST = 0.25  # height of a tile that shows a signal, by its width


def open_axes(ax, height, display):
    """Return the axes to draw on: those that are given, or of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{display} draws with matplotlib, which is not installed: pip install "
            "matplotlib, or pip install skconv[plot]"
        ) from error
    if ax is None:
        ax = plt.figure(figsize=(WIDTH, height), layout="constrained").add_subplot()
    return ax


def subdivide(ax, n_rows, n_columns, *, title=None, between=0.0, **grid):
    """Fill the place of axes with a grid of them.

    Parameters
    ----------
    ax : matplotlib Axes
    n_rows, n_columns : int
    title : str, default=None
        What stands over all of them.
    between : float, default=0.0
        Inches that the rows' titles need, for figures that do not see to that.
    **grid
        Of matplotlib's `GridSpecFromSubplotSpec`: `height_ratios`, …

    Returns
    -------
    axes : ndarray of Axes of shape (n_rows, n_columns)

    Raises
    ------
    ValueError
        If the axes have no place in a grid.
    """
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    place, figure = ax.get_subplotspec(), ax.figure
    if place is None:
        raise ValueError(
            "ax must stand in a grid, to be divided into smaller ones: make it with "
            "plt.subplots() or figure.add_subplot(), or pass ax=None"
        )
    ax.set_axis_off()
    height = ax.get_position().height * figure.get_figheight()
    if title is not None:
        heights = [0.3, max(0.3, height - 0.3)]
        rows = GridSpecFromSubplotSpec(2, 1, place, height_ratios=heights, hspace=0.02)
        head, place = figure.add_subplot(rows[0]), rows[1]
        head.set_axis_off()
        large = TITLE_SIZE / TEXT_SIZE * text_size(ax)
        head.text(0, 0.9, title, fontsize=large, va="top")
        height -= 0.3
    if figure.get_layout_engine() is None:
        grid["hspace"] = between / max(0.1, height / n_rows - between)
    else:
        grid.update(hspace=0.03, wspace=0.03)
    cells = GridSpecFromSubplotSpec(n_rows, n_columns, place, **grid)
    axes = np.empty((n_rows, n_columns), object)
    for i, j in np.ndindex(axes.shape):
        axes[i, j] = figure.add_subplot(cells[i, j])
    return axes


def blank(ax):
    """Take ticks away and leave a fine frame."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color="0.75", linewidth=0.8)


def limits(values, signed=None):
    """Return the colour map and the range of values: around 0 if some are below."""
    largest = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    if signed is None:
        signed = np.nanmin(values, initial=0) < 0
    if signed:
        return {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    return {"cmap": SEQUENTIAL, "vmin": 0, "vmax": largest}


def text_size(ax):
    """Return the size of small texts: in axes of less width they are smaller, too."""
    width = ax.get_position().width * ax.figure.get_figwidth()
    return TEXT_SIZE * min(1, max(0.6, width / (0.75 * WIDTH)))


def columns_for(h, w):
    """Return how many tiles of images stand side by side, of signals fewer."""
    return 8 if w < 4 * h else 4


def tile_size(h, w):
    """Return height and width of an image's tile; a signal's is taller than it is."""
    return max(h, _FLATTEST * w), w


def tiles_height(n, n_columns, h, w, width):
    """Return how high `n` tiles stand where a row of `n_columns` is `width` wide."""
    tall, wide = tile_size(h, w)
    n_rows = math.ceil(n / n_columns)
    unit = width / (n_columns * (1 + _GAP) - _GAP)
    return unit * (n_rows * (tall / wide + _GAP) - _GAP)


def draw_tiles(ax, tiles, n_columns, **how):
    """Draw images side by side in one axes, from the top left.

    Parameters
    ----------
    ax : matplotlib Axes
    tiles : ndarray of shape (n, h, w) or (n, h, w, 3)
    n_columns : int
    **how
        For `Axes.imshow`.

    Returns
    -------
    images : list of AxesImage
    """
    from matplotlib.patches import Rectangle

    tall, wide = tile_size(*tiles.shape[1:3])
    gap, images = _GAP * wide, []
    for i, tile in enumerate(tiles):
        row, column = divmod(i, n_columns)
        left, top = column * (wide + gap), row * (tall + gap)
        extent = (left, left + wide, top + tall, top)
        images.append(ax.imshow(tile, extent=extent, interpolation="nearest", **how))
        frame = {"fill": False, "edgecolor": "0.75", "linewidth": 0.6}
        ax.add_patch(Rectangle((left, top), wide, tall, **frame))
    n_rows = math.ceil(len(tiles) / n_columns)
    ax.set_xlim(-0.01 * wide, n_columns * (wide + gap) - gap + 0.01 * wide)
    ax.set_ylim(n_rows * (tall + gap) - gap + 0.01 * tall, -0.01 * tall)
    ax.set_aspect("equal", anchor="W")
    ax.set_axis_off()
    return images
