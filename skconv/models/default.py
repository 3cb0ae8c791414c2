"""The default network, as a list of layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..layers import Conv2D, Dense, MaxPool2D
from ..layers.typing import Chain, Pair, Shape
from ..ops import pair, positive_int, window

__all__ = ["default_layers"]


def default_layers(
    input_shape: Shape,
    *,
    filters: int | Sequence[int] = (32, 64),
    kernel_size: Pair = 3,
    stride: Pair = 1,
    pool_size: Pair = 2,
    hidden_layer_sizes: int | Sequence[int] = (128,),
    activation: str | None = "relu",
) -> Chain:
    """Return blocks of convolution and max pooling, then dense layers: LeNet's plan.

    Parameters
    ----------
    input_shape : (h, w, c)
    filters : int or sequence of int, default=(32, 64)
        Filters of each convolution, one for each block.
    kernel_size, stride : int or pair, default=3, 1
        Of every convolution; padding is "same". Kernels are limited so that every tap
        sees some pixel: to 1 on an image of height 1, to 3 on one of height 2.
    pool_size : int or pair, default=2
        Of the pooling after each convolution, limited to the size of the image there.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Units of each dense layer.
    activation : str, default="relu"

    Returns
    -------
    layers : list of (str, Layer)
    """
    size, pool = input_shape[:2], pair(pool_size, "pool_size")
    kernel = pair(kernel_size, "kernel_size")
    he: dict[str, Any] = {"activation": activation, "kernel_initializer": "he_uniform"}
    layers: Chain = []
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


def _sizes(value: Any, name: str) -> list[int]:
    is_array = isinstance(value, np.ndarray) and value.ndim
    sizes = value if is_array or isinstance(value, list | tuple | range) else [value]
    return [positive_int(size, f"each of {name}") for size in sizes]
