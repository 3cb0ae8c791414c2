"""State of layers in files of older versions."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from .input_scale import Normalization
from .typing import Array, Chain, Weights

__all__ = ["names_in_version", "upgrade_state"]


class _Network(Protocol):
    layers: Chain
    weights: Weights
    arrays: dict[str, Array]


def names_in_version(network: _Network, version: int) -> dict[str, Array]:
    """Return a network's arrays by the names that they had in a version of files.

    Until version 2, `Normalization` had a ``variance``, now it has a ``scale``.
    """
    arrays = dict(network.arrays)
    for path, _ in _scales(network.layers, network.weights, version):
        arrays[f"{path}variance"] = arrays.pop(f"{path}scale")
    return {name: arrays[name] for name in _in_order(network, arrays)}


def _in_order(network: _Network, arrays: dict[str, Array]) -> Iterator[str]:
    """Yield names in the order of the network's arrays, which checksums depend on."""
    for name in network.arrays:
        yield name if name in arrays else f"{name.removesuffix('scale')}variance"


def upgrade_state(network: _Network, version: int) -> None:
    """Turn the state that a file of a version had into that of today, in place."""
    for _, scale in _scales(network.layers, network.weights, version):
        np.sqrt(scale, out=scale)


def _scales(
    layers: Chain, weights: Weights, version: int, prefix: str = ""
) -> Iterator[tuple[str, Array]]:
    """Yield the path and the scale of each `Normalization` of older versions."""
    for name, layer in layers if version < 3 else []:
        path, own = f"{prefix}{name}.", weights[name]
        if isinstance(layer, Normalization):
            yield path, own["scale"]
        inner: Any = layer.inner_layers()
        yield from _scales(inner, own, version, path)
