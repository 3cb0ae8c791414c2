"""The default network, as a list of layers."""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from ..layers import Conv2D, Dense, MaxPool2D, Normalization
from ..layers.typing import Chain, Pair, Shape
from ..ops import pair, positive_int, window

__all__ = ["check_sizes", "default_layers"]


# Of the scaled inputs: most are within [-1, 1].
_DEVIATION = 0.5
# Filters of the last stages; more stages in front of them have fewer, as their images
# are larger.
_FEW, _LAST = 16, (32, 64, 64)
# Stages are added until no more than 8 x 8 positions are left for the dense layers.
_POSITIONS = 64


def default_layers(
    input_shape: Shape,
    *,
    filters: int | Sequence[int] | Literal["auto"] = "auto",
    kernel_size: Pair = 3,
    stride: Pair = 1,
    pool_size: Pair = 2,
    hidden_layer_sizes: int | Sequence[int] = (128,),
    activation: str | None = "relu",
) -> Chain:
    """Return the layer that learns X's scale, then LeNet's plan.

    That is blocks of convolution and max pooling, then dense layers.

    Parameters
    ----------
    input_shape : (h, w, c)
    filters : int, sequence of int or "auto", default="auto"
        Filters of each convolution, one for each block. "auto" is (32, 64) or, while
        more than 64 positions are left for the dense layers, more blocks: of (16, ...,
        16, 32, 64, 64) filters.
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
    size = input_shape[:2]
    plan = partial(_plan_blocks, size, kernel_size, stride, pool_size)
    if isinstance(filters, str):
        filters = _auto_filters(size, plan(), filters)
    he: dict[str, Any] = {"activation": activation, "kernel_initializer": "he_uniform"}
    layers: Chain = [("normalization", Normalization(_DEVIATION))]
    for i, (n_filters, (kernel, pool, _)) in enumerate(
        zip(check_sizes(filters, "filters"), plan(), strict=False), start=1
    ):
        layers.append((f"conv{i}", Conv2D(n_filters, kernel, stride=stride, **he)))
        if pool != (1, 1):
            layers.append((f"pool{i}", MaxPool2D(pool)))
    for i, units in enumerate(
        check_sizes(hidden_layer_sizes, "hidden_layer_sizes"), start=1
    ):
        layers.append((f"dense{i}", Dense(units, **he)))
    return layers


_Block = tuple[Any, Any, Shape]  # kernel, pool, size of the output


def _plan_blocks(
    size: Shape, kernel_size: Pair, stride: Pair, pool_size: Pair
) -> Iterator[_Block]:
    """Yield kernel, pool and output size of one block after the other, without end."""
    pool, kernel = pair(pool_size, "pool_size"), pair(kernel_size, "kernel_size")
    while True:
        kernel_here = tuple(
            min(k, 2 * n - 1) for k, n in zip(kernel, size, strict=True)
        )
        size = window(size, kernel_here, stride=stride, padding="same").output
        pool_here = tuple(map(min, pool, size))
        size = window(size, pool_here, stride=pool_here).output
        yield kernel_here, pool_here, size


def _auto_filters(
    size: Shape, blocks: Iterator[_Block], filters: str
) -> tuple[int, ...]:
    """Return the filters of as many blocks as leave few positions, two at least."""
    if filters != "auto":
        raise ValueError(
            f"filters must be a number, several, or 'auto', got {filters!r}"
        )
    n_blocks, before = 0, None
    while n_blocks < 2 or (math.prod(size) > _POSITIONS and size != before):
        before, (*_, size) = size, next(blocks)
        n_blocks += 1
    if n_blocks == 2:
        return _LAST[:2]
    return (*[_FEW] * (n_blocks - len(_LAST)), *_LAST)


def check_sizes(value: Any, name: str, least: int = 0) -> list[int]:
    """Return one or several positive ints, `least` or more, as a list.

    Raises
    ------
    ValueError
        If they are none; the message has `name`.
    """
    is_array = isinstance(value, np.ndarray) and value.ndim
    sizes = value if is_array or isinstance(value, list | tuple | range) else [value]
    if len(sizes) < least:
        raise ValueError(f"{name} must be an int or a list of some, got {value!r}")
    return [positive_int(size, f"each of {name}") for size in sizes]
