"""A warning where X is far from the scale on which a network learns."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..layers import BatchNorm, LayerNorm, Normalization, Rescaling
from ..layers.chain import named_weights
from ..layers.layer import Layer
from ..layers.typing import Array, Chain, Weights
from .network import Network

__all__ = ["warn_of_scale"]

# Root mean square of a sample between which networks learn about equally well.
_LOW, _HIGH = 0.05, 4.0
# What is so small once it is normalised never varies, or less than its dtype can hold.
_BLANK = 1e-6


def warn_of_scale(network: Network, samples: Iterable[Array]) -> None:
    """Warn if what reaches the first layer with weights is too large or too small.

    Nothing is said where layers scale it themselves: normalising layers that come first
    or right after the first weights.

    Parameters
    ----------
    network : Network
        Adapted to the training data.
    samples : iterable of ndarray of shape (1, *input_shape)
        Some of the training data.
    """
    names = [name for name, _ in network.layers]
    at = next((i for i, name in enumerate(names) if _is_trained(network, name)), None)
    if at is None:
        return
    fixed, large = _scales_itself(network.layers[at:], network.weights)
    if fixed:
        return
    before = names[at - 1] if at else None
    sizes = [_size(network.predict(x, before) if before else x) for x in samples]
    size = float(np.median(sizes))
    scaled = any(isinstance(layer, Normalization) for _, layer in network.layers[:at])
    blank = _BLANK if scaled else 0.0
    if size <= blank or _LOW <= size <= (np.inf if large else _HIGH):
        return
    warnings.warn(
        _words_for_outliers(size) if scaled else _words(size, *network.layers[at]),
        stacklevel=2,
    )


def _is_trained(network: Network, name: str) -> bool:
    layer = dict(network.layers)[name]
    return any(trained for *_, trained in named_weights(layer, network.weights[name]))


def _size(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def _scales_itself(layers: Chain, weights: Weights) -> tuple[bool, bool]:
    """Return whether the first layers scale values of any size, and large ones only.

    BatchNorm and LayerNorm add an epsilon to the variance, so that small ones stay.
    """
    leaves = list(_leaves(layers, weights))
    for i, (layer, own) in enumerate(leaves):
        if isinstance(layer, Normalization | Rescaling):
            return True, True
        if isinstance(layer, BatchNorm | LayerNorm):
            return False, True
        if any(trained for *_, trained in named_weights(layer, own)):
            linear = getattr(layer, "activation", None) is None
            after = leaves[i + 1][0] if i + 1 < len(leaves) else None
            return False, linear and isinstance(after, BatchNorm | LayerNorm)
    return False, False


def _leaves(layers: Chain, weights: Weights) -> Iterator[tuple[Layer, Any]]:
    for name, layer in layers:
        inner = layer.inner_layers()
        if inner:
            yield from _leaves(inner, weights[name])
        else:
            yield layer, weights[name]


def _words(size: float, name: str, layer: Layer) -> str:
    return (
        f"what reaches {name!r} ({layer!r}), the first layer with weights, has a root "
        f"mean square of about {size:.2g}, and a network learns best if that is about "
        "0.5. Put skconv.layers.Normalization(0.5) first in layers, which learns the "
        "scale of X, or scale X"
    )


def _words_for_outliers(size: float) -> str:
    return (
        "a few values of X are so far from the others that these are all about the "
        f"same once X is normalised, with a root mean square of {size:.2g}: find them "
        "and clip them (np.clip), or take np.log1p of X"
    )
