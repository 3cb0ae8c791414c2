"""Where the arrays of a network are in its flat vector."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..layers import chain
from ..layers.typing import Array, Chain, Weights

__all__ = [
    "Layout",
    "find_kernels",
    "flatten",
    "group_by_factor",
    "join",
    "lay_out",
    "trained_paths",
    "view",
]

Layout = dict[str, Any]
"""Nested as weights are; (start, stop, shape) of each array."""


def lay_out(layers: Chain, weights: Weights) -> tuple[Layout, int, int]:
    """Give each array its place in one flat vector, trained ones in front.

    Returns
    -------
    layout : dict
    n_parameters, size : int
        Length of the front, and of all.
    """
    named = [
        row
        for name, layer in layers
        for row in chain.named_weights(layer, weights[name], (name,))
    ]
    starts, size, ends = {}, 0, []
    for part in (True, False):
        for path, array, is_trained in named:
            if is_trained is part:
                starts[path] = size
                size += np.size(array)
        ends.append(size)

    def place(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: place(inner, (*path, key)) for key, inner in value.items()}
        return starts[path], starts[path] + np.size(value), np.shape(value)

    n_parameters, size = ends
    return place(weights, ()), n_parameters, size


def view(layout: Layout, vector: Array) -> dict[str, Any]:
    """Return named views of `values`, or of a vector as long as `parameters`."""
    views: dict[str, Any] = {}
    for key, place in layout.items():
        if isinstance(place, dict):
            views[key] = view(place, vector)
            continue
        start, stop, shape = place
        if stop <= len(vector):
            views[key] = vector[start:stop].reshape(shape)
    return views


def trained_paths(
    layout: Layout, n_parameters: int, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to each array that gradients train, in their order."""
    for key, place in layout.items():
        if isinstance(place, dict):
            yield from trained_paths(place, n_parameters, (*path, key))
        elif place[1] <= n_parameters:
            yield (*path, key)


def find_kernels(
    layout: Layout, n_parameters: int
) -> list[tuple[slice, tuple[int, int]]]:
    """Return where kernels are among the parameters, see `Network.matrices`."""
    found = []
    for start, stop, shape in flatten(layout).values():
        rows, columns = math.prod(shape[:-1]), math.prod(shape[-1:])
        if stop <= n_parameters and min(rows, columns) > 1:
            found.append((slice(start, stop), (rows, columns)))
    return found


def group_by_factor(
    layout: Layout, n_parameters: int, factors: Mapping[str, float]
) -> list[tuple[slice, float]]:
    """Return the parts of the parameters that share a factor, in order.

    Parameters
    ----------
    factors : dict of str to float
        By the names of layers, those inside of others as ``block1__conv1``. The longest
        name that leads to an array has its factor; it is 1 if there is none.
    """
    parts: list[tuple[slice, float]] = []
    places = [
        (start, stop, _find_factor(name, factors))
        for name, (start, stop, _) in flatten(layout).items()
        if start < stop <= n_parameters
    ]
    for start, stop, factor in sorted(places):
        if parts and parts[-1][1] == factor:
            start = parts.pop()[0].start
        parts.append((slice(start, stop), factor))
    return parts


def _find_factor(name: str, factors: Mapping[str, float]) -> float:
    path = name.split(".")[:-1]
    for length in range(len(path), 0, -1):
        if (key := "__".join(path[:length])) in factors:
            return float(factors[key])
    return 1.0


def join(arrays: dict[str, Any], paths: list[tuple[str, ...]], like: Array) -> Array:
    """Return the nested arrays that paths lead to as one new vector."""
    parts = [like[:0]]
    for path in paths:
        part: Any = arrays
        for key in path:
            part = part[key]
        parts.append(part)
    # Without an axis, arrays of any shape are joined, number by number.
    return np.concatenate(parts, axis=None, dtype=like.dtype, casting="unsafe")


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested dicts by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
