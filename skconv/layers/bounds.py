"""Limits of a network in a file: a small file may describe a network of any size."""

import math
from typing import Any

from .typing import Shape, Weights
from .windows import find_window

__all__ = ["Bounds"]

# Allowed for any network: operations, and numbers in one array.
_WORK = 2**30
_NUMBERS = 2**24
# The cost of a tap, which an op visits on the smallest image, too.
_PER_TAP = 1000


class Bounds:
    """Bounds on the work and the memory of predicting one sample.

    Let P be the pixels of the network's input or, if they are more, of an output that
    has at most 2¹⁶ or 16 times as many; n its weights, and V the numbers of its
    input and of the outputs of layers with kernels, for each layer at most P times its
    channels. A sample may take 2 P n + 64 V + 2³⁰ operations, since a kernel is used
    once for each pixel, rarely more. An array may hold 4 V + 2²⁴ numbers, and the
    columns of a convolution 2 P n more. Operations are the multiply-accumulates that
    `skconv.models.costs.count_macs` counts, the numbers of inputs and outputs, those
    that windows see, and 1000 for each tap of a window.

    Parameters
    ----------
    input_shape : tuple of int
        Of one sample.
    n_weights : int
        Of the whole network.
    """

    def __init__(self, input_shape: Shape, n_weights: int) -> None:
        self._pixels = math.prod(input_shape[:-1])
        self._most_pixels = max(2**16, 16 * self._pixels)
        self._n_weights = n_weights
        self._numbers = math.prod(input_shape)
        self._work = 0

    def add(
        self, layer: Any, input_shape: Shape, output_shape: Shape, weights: Weights
    ) -> None:
        """Add a layer of the network, which has just been built.

        Raises
        ------
        ValueError
            If it would take too much.
        """
        output, kernels = math.prod(output_shape), 0
        made = min(math.prod(output_shape[:-1]), self._most_pixels)
        self._pixels = max(self._pixels, made)
        # A transposed convolution slides over its output.
        transposed = hasattr(layer, "output_padding")
        there, here = (input_shape, output_shape)[:: 1 if transposed else -1]
        is_leaf = not layer.inner_layers()
        if is_leaf:
            arrays = [each for each in weights.values() if each.ndim > 1]
            kernels = sum(array.size for array in arrays)
            if arrays:
                possible = self._pixels * output_shape[-1]
                self._numbers += min(output, possible)
        macs = math.prod(there[:-1]) * kernels
        taps, padded, seen = (0,) * 3
        if is_leaf and (hasattr(layer, "pool_size") or hasattr(layer, "kernel_size")):
            taps, padded, seen = _window(find_window(layer, input_shape), here)
        self._work += macs + max(math.prod(input_shape), output, seen) + _PER_TAP * taps
        by_weights = 2 * self._pixels * self._n_weights
        most = _WORK + by_weights + 64 * self._numbers
        self._check(self._work, most, "operations", input_shape)
        most = _NUMBERS + 4 * self._numbers
        self._check(max(output, padded), most, "numbers", input_shape)
        if kernels:  # the columns of a convolution
            most = _NUMBERS + 4 * self._numbers + by_weights
            self._check(seen, most, "numbers", input_shape)

    def _check(self, n: int, most: int, what: str, input_shape: Shape) -> None:
        if n > most:
            raise ValueError(
                f"with an input of shape {tuple(input_shape)} it takes {n} {what} for "
                f"a sample, too large for the {self._n_weights} weights of the file "
                f"and an image of {self._pixels} pixels, with which {most} are allowed"
            )


def _window(window: Any, shape: Shape) -> tuple[int, int, int]:
    """Return a window's taps, the padded image's size, and what all windows see.

    `shape` is that of the images that the window slides over.
    """
    taps, channels = math.prod(window.size), shape[-1]
    padded = channels * math.prod(
        n + sum(sides) for n, sides in zip(shape[:-1], window.padding, strict=True)
    )
    return taps, padded, math.prod(window.output) * taps * channels
