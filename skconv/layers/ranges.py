"""The values that weights from a file or another library may have."""

import math
from typing import Any, Protocol

from .chain import leaves
from .input_scale import Normalization
from .normalization import BatchNorm
from .typing import Array, Chain, Weights

__all__ = ["check_values"]

# Layer -> state -> the lowest value, and whether it must be above that.
_LOWEST: dict[type, dict[str, tuple[float, bool]]] = {
    BatchNorm: {"moving_variance": (0.0, False), "samples": (0.0, False)},
    Normalization: {"scale": (0.0, True)},
}


class _Network(Protocol):
    layers: Chain
    weights: Weights
    arrays: dict[str, Array]


def check_values(network: _Network) -> None:
    """Check that weights are finite, and state in its range.

    Raises
    ------
    ValueError
        If not; the message names the array.
    """
    for name, array in network.arrays.items():
        _check_finite(name, array)
    for path, layer, weights in leaves(network.layers, network.weights):
        for name, (lowest, above) in _find_lowest(layer).items():
            least = weights[name].min(initial=math.inf)
            if least < lowest or (above and least == lowest):
                raise ValueError(
                    f"array {f'{path}.{name}'!r} must be {'>' if above else '>='} "
                    f"{lowest:g}, got {least:g}"
                )


def _check_finite(name: str, array: Array) -> None:
    # Without a mask, which would take a quarter of the array's memory.
    for value in (array.min(), array.max()) if array.size else ():
        if not math.isfinite(value):
            raise ValueError(f"array {name!r} must hold finite numbers, got {value}")


def _find_lowest(layer: Any) -> dict[str, tuple[float, bool]]:
    """Return the limits of a layer's state, also of a subclass."""
    found = (_LOWEST[kind] for kind in type(layer).__mro__ if kind in _LOWEST)
    return next(found, {})
