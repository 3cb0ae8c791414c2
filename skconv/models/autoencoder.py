"""The default network of an autoencoder, as layers."""

import math
from collections.abc import Sequence
from typing import Any

from ..layers import (
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    Normalization,
    Reshape,
)
from ..layers.typing import Chain, Pair, Shape
from ..ops import pair, positive_int
from .default import check_sizes

__all__ = ["autoencoder_layers", "coder_and_decoder"]

# Of the scaled inputs, as of the other default networks.
_DEVIATION = 0.5


def autoencoder_layers(
    input_shape: Shape,
    *,
    n_components: int = 32,
    filters: int | Sequence[int] = (16, 32),
    kernel_size: Pair = 3,
    activation: str | None = "relu",
) -> Chain:
    """Return the layer that learns X's scale, then those to a code and back.

    Parameters
    ----------
    input_shape : (h, w, c)
    n_components : int, default=32
        Length of the code, the output of the layer "code".
    filters : int or sequence of int, default=(16, 32)
        Of the convolutions, each of which halves the image's sides; in reverse order of
        the transposed ones after the code, which double them.
    kernel_size : int or pair, default=3
        Of each of these.
    activation : str, default="relu"
        Of all layers but the code.

    Returns
    -------
    layers : list of (str, Layer)
    """
    normalization = ("normalization", Normalization(_DEVIATION))
    return [
        normalization,
        *coder_and_decoder(
            (input_shape[0], input_shape[1]),
            n_components,
            filters,
            kernel_size,
            activation,
        ),
    ]


def coder_and_decoder(
    size: Pair,
    n_components: int,
    filters: int | Sequence[int],
    kernel_size: Pair = 3,
    activation: str | None = "relu",
) -> Chain:
    """Return the layers of an autoencoder, for images of a size (h, w)."""
    options: dict[str, Any] = {
        "activation": activation,
        "kernel_initializer": "he_normal",
    }
    encoder: Chain = []
    decoder: Chain = []
    here, kernel = pair(size, "size"), pair(kernel_size, "kernel_size")
    widths = check_sizes(filters, "filters", least=1)
    for i, width in enumerate(widths, start=1):
        half = tuple((n + 1) // 2 for n in here)
        encoder.append((f"conv{i}", Conv2D(width, kernel, stride=2, **options)))
        below, right = ((0, n % 2) for n in here)
        odd = below, right
        if any(map(sum, odd)):
            decoder.insert(0, (f"crop{i}", Cropping2D(odd)))
        up = Conv2DTranspose(width, kernel, stride=2, **options)
        decoder.insert(0, (f"up{i}", up))
        here = half[0], half[1]
    smallest = *here, widths[-1]
    return [
        *encoder,
        ("code", Dense(positive_int(n_components, "n_components"))),
        ("dense", Dense(math.prod(smallest), **options)),
        ("image", Reshape(smallest)),
        *decoder,
    ]
