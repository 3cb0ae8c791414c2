"""The default network for targets that are images: a small U-Net, as layers."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from ..layers import (
    Activation,
    BatchNorm,
    Branches,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    MaxPool2D,
    Normalization,
    ZeroPadding2D,
)
from ..layers.typing import Chain, Pair, Shape
from ..ops import pair
from .default import check_sizes

__all__ = ["unet_layers", "unet_level"]

# Of the scaled inputs, as of the other default network.
_DEVIATION = 0.5
# Filters of the first level and, at most, of the others, which have twice as many.
_FIRST, _MOST = 16, 128
# Levels are added until the shorter side is below this.
_SHORT = 16
_MOST_LEVELS = 5


def unet_layers(
    input_shape: Shape,
    *,
    filters: int | Sequence[int] | Literal["auto"] = "auto",
    kernel_size: Pair = 3,
    activation: str | None = "relu",
) -> Chain:
    """Return the layer that learns X's scale, then a U-Net for images of any size.

    Parameters
    ----------
    input_shape : (h, w, c)
    filters : int, sequence of int or "auto", default="auto"
        Of the convolutions in each level; "auto" is 16, 32, 64, ... with as many levels
        as make the shorter side of the last one less than 16 pixels, up to 5.
    kernel_size : int or pair, default=3
        Of every convolution.
    activation : str, default="relu"

    Returns
    -------
    layers : list of (str, Layer)
    """
    h, w, _ = input_shape
    halved = (h > 1) + 1, (w > 1) + 1
    if isinstance(filters, str):
        filters = _auto_filters((h, w), filters)
    widths = check_sizes(filters, "filters", least=1)
    blocks = [by ** (len(widths) - 1) for by in halved]
    added = [-n % by for n, by in zip((h, w), blocks, strict=True)]
    top, left = ((n // 2, n - n // 2) for n in added)
    margins = top, left
    layers: Chain = [("normalization", Normalization(_DEVIATION))]
    if any(added):
        layers.append(("pad", ZeroPadding2D(margins)))
    kernel = pair(kernel_size, "kernel_size")
    layers += unet_level(widths, kernel, activation, halved)
    if any(added):
        layers.append(("crop", Cropping2D(margins)))
    return layers


def _auto_filters(size: Shape, filters: str) -> list[int]:
    if filters != "auto":
        raise ValueError(
            f"filters must be a number, several, or 'auto', got {filters!r}"
        )
    sides = [n for n in size if n > 1] or [1]
    levels = 1 + max(0, math.ceil(math.log2((min(sides) + 1) / _SHORT)))
    if min(sides) >= 4:
        levels = max(2, levels)
    return [min(_FIRST * 2**i, _MOST) for i in range(min(levels, _MOST_LEVELS))]


def unet_level(
    filters: Sequence[int],
    kernel_size: Pair = 3,
    activation: str | None = "relu",
    pool_size: tuple[int, int] = (2, 2),
) -> Chain:
    """Return the layers of a level of a U-Net and of those below.

    Parameters
    ----------
    filters : sequence of int
        Of this level, and of each below.
    kernel_size : int or pair, default=3
    activation : str, default="relu"
    pool_size : (int, int), default=(2, 2)
        How many times as high and as wide images are as those of the level below.
    """
    width, *below = filters

    def convolution(i: int) -> Chain:
        # The normalisation that follows adds a bias.
        options: dict[str, Any] = {"kernel_initializer": "he_normal", "use_bias": False}
        return [
            (f"conv{i}", Conv2D(width, kernel_size, **options)),
            (f"norm{i}", BatchNorm(activation=activation)),
        ]

    layers = [*convolution(1), *convolution(2)]
    if not below:
        return layers
    up = Conv2DTranspose(
        width, pool_size, stride=pool_size, kernel_initializer="he_normal"
    )
    inside = [
        ("pool", MaxPool2D(pool_size)),
        *unet_level(below, kernel_size, activation, pool_size),
        ("up", up),
    ]
    skip = Branches([("same", Activation(None)), ("below", inside)])
    return [*layers, ("skip", skip), *convolution(3), *convolution(4)]
