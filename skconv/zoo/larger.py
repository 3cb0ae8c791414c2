"""Networks that end in images, as functions that return their hidden layers."""

from collections.abc import Sequence

from ..layers.typing import Chain, Pair
from ..models.autoencoder import coder_and_decoder
from ..models.unet import unet_level
from ..ops import pair, positive_int
from .parts import each_int

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
    return unet_level(each_int(filters, "filters"))


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
        Any size: what odd ones have too much on the way back is cropped.
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
    ['conv1', 'conv2', 'code', 'dense', 'image', 'up2', 'crop2', 'up1', 'crop1']
    >>> Network.build([*layers, ("out", Conv2D(1, 3))], (27, 30, 1), 0)
    <Network of 10 layers, (27, 30, 1) to (27, 30, 1), 49289 parameters>
    """
    widths = each_int(filters, "filters")
    size, length = pair(image_size, "image_size"), positive_int(code, "code")
    return coder_and_decoder(size, length, widths)
