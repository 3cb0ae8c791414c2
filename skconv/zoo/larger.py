"""Networks that end in images, as functions that return their hidden layers."""

from collections.abc import Sequence
from typing import Any

from ..layers import (
    Activation,
    BatchNorm,
    Branches,
    Conv2D,
    Conv2DTranspose,
    Dense,
    MaxPool2D,
    Reshape,
)
from ..layers.typing import Chain, Pair
from ..ops import pair, positive_int
from .parts import BEFORE_NORM, each_int

__all__ = ["autoencoder", "unet"]


def unet(filters: Sequence[int] = (16, 32, 64)) -> Chain:
    """Convolutions on smaller and smaller images, and back: a small U-Net.

    Ronneberger, Fischer & Brox, "U-Net: convolutional networks for biomedical image
    segmentation", 2015, with padding and batch normalisation, and a quarter of its
    filters or fewer. Each level but the last sends its images down to the next, and
    joins what comes back with them: a branch within a branch.

    Parameters
    ----------
    filters : sequence of int, default=(16, 32, 64)
        Of the convolutions in each level: two before the next level, two after it. A
        level has half the height and width of the one above, so the sides of images
        must be multiples of 2 to the power of ``len(filters) - 1``, here of 4.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If `filters` is not as above.

    Notes
    -----
    For images of other sizes put a `ZeroPadding2D` before the layers and a `Cropping2D`
    of the same numbers after them.

    Examples
    --------
    A class for each pixel, of five:

    >>> from skconv import Network, zoo
    >>> from skconv.layers import Conv2D
    >>> layers = zoo.unet()
    >>> Network.build([*layers, ("out", Conv2D(5, 1))], (64, 64, 3), 0)
    <Network of 10 layers, (64, 64, 3) to (64, 64, 5), 117429 parameters>
    >>> [name for name, _ in layers]
    ['conv1', 'norm1', 'conv2', 'norm2', 'skip', 'conv3', 'norm3', 'conv4', 'norm4']
    """
    return _level(each_int(filters, "filters"))


def _level(filters: list[int]) -> Chain:
    """Return the layers of a level and of those below."""
    width, *below = filters
    layers = [*_convolution(1, width), *_convolution(2, width)]
    if not below:
        return layers
    inside = [
        ("pool", MaxPool2D(2)),
        *_level(below),
        ("up", Conv2DTranspose(width, 2, stride=2, kernel_initializer="he_normal")),
    ]
    skip = Branches([("same", Activation(None)), ("below", inside)])
    after = [*_convolution(3, width), *_convolution(4, width)]
    return [*layers, ("skip", skip), *after]


def _convolution(i: int, width: int) -> Chain:
    return [
        (f"conv{i}", Conv2D(width, 3, **BEFORE_NORM)),
        (f"norm{i}", BatchNorm(activation="relu")),
    ]


def autoencoder(
    image_size: Pair = (28, 28), code: int = 32, filters: Sequence[int] = (16, 32)
) -> Chain:
    """Convolutions to a short code, and from it to an image of the same size.

    Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural networks",
    2006, with convolutions, and as their mirror image transposed ones, each of which
    halves or doubles the image's sides. The layer ``code`` makes the code; an output
    layer with a filter for each channel must follow.

    Parameters
    ----------
    image_size : int or (h, w), default=(28, 28)
        Any size: odd ones are met again on the way back.
    code : int, default=32
        Length of the code.
    filters : sequence of int, default=(16, 32)
        Of the convolutions, and in reverse order of the transposed ones.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Conv2D
    >>> layers = zoo.autoencoder((27, 30), code=8)
    >>> [name for name, _ in layers]
    ['conv1', 'conv2', 'code', 'dense', 'image', 'up2', 'up1']
    >>> Network.build([*layers, ("out", Conv2D(1, 3))], (27, 30, 1), 0)
    <Network of 8 layers, (27, 30, 1) to (27, 30, 1), 49289 parameters>
    """
    filters = each_int(filters, "filters")
    sizes = [pair(image_size, "image_size")]
    relu: dict[str, Any] = {"activation": "relu", "kernel_initializer": "he_normal"}
    encoder: Chain = []
    decoder: Chain = []
    for i, width in enumerate(filters, start=1):
        before, half = sizes[-1], tuple((n + 1) // 2 for n in sizes[-1])
        encoder.append((f"conv{i}", Conv2D(width, 3, stride=2, **relu)))
        # One more pixel where the side was even.
        added: Any = tuple(n - 2 * m + 1 for n, m in zip(before, half, strict=True))
        up = Conv2DTranspose(width, 3, stride=2, output_padding=added, **relu)
        decoder.insert(0, (f"up{i}", up))
        sizes.append((half[0], half[1]))
    smallest = *sizes[-1], filters[-1]
    return [
        *encoder,
        ("code", Dense(positive_int(code, "code"))),
        ("dense", Dense(smallest[0] * smallest[1] * smallest[2], **relu)),
        ("image", Reshape(smallest)),
        *decoder,
    ]
