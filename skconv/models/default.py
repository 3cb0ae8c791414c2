"""Networks as lists of layers."""

from ..layers import Conv2D, Dense, MaxPool2D
from ..ops import pair, positive_int, window

__all__ = ["default_layers"]


def default_layers(
    input_shape,
    *,
    filters=(32, 64),
    kernel_size=3,
    stride=1,
    pool_size=2,
    hidden_layer_sizes=(128,),
    activation="relu",
):
    """Blocks of convolution and max pooling, then dense layers: LeNet's plan.

    Parameters
    ----------
    input_shape : (h, w, c)
    filters : int or sequence of int, default=(32, 64)
        Filters of each convolution, one a block.
    kernel_size, stride : int or pair, default=3, 1
        Of every convolution; padding is "same". A kernel is no larger than lets all
        its taps see something: 1 on an image of height 1, 3 on one of height 2.
    pool_size : int or pair, default=2
        Of the pooling behind each convolution. Where less of the image is left, the
        pool is what is left.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Units of each dense layer.
    activation : str, default="relu"

    Returns
    -------
    layers : list of (str, Layer)
    """
    size, pool = input_shape[:2], pair(pool_size, "pool_size")
    kernel = pair(kernel_size, "kernel_size")
    he = {"activation": activation, "kernel_initializer": "he_uniform"}
    layers = []
    for i, n_filters in enumerate(_sizes(filters, "filters"), start=1):
        kernel_here = tuple(
            min(k, 2 * n - 1) for k, n in zip(kernel, size, strict=True)
        )
        layers.append((f"conv{i}", Conv2D(n_filters, kernel_here, stride=stride, **he)))
        size = window(size, kernel_here, stride=stride, padding="same").output
        pool_here = tuple(map(min, pool, size))
        if pool_here != (1, 1):
            layers.append((f"pool{i}", MaxPool2D(pool_here)))
            size = window(size, pool_here, stride=pool_here).output
    for i, units in enumerate(
        _sizes(hidden_layer_sizes, "hidden_layer_sizes"), start=1
    ):
        layers.append((f"dense{i}", Dense(units, **he)))
    return layers


def _sizes(value, name):
    sizes = value if hasattr(value, "__iter__") else [value]
    return [positive_int(size, f"each of {name}") for size in sizes]
