"""Weights as lists of arrays, in the order and the shapes that Keras has them in."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..layers import Branches, Layer, LayerNorm, PReLU, Residual, Sequential
from ..layers.initializers import Blank
from ..layers.scaling import sample_axes
from .network import Network

__all__ = [
    "Leaf",
    "affine_shape",
    "build_blank",
    "by_channel",
    "check_weight",
    "get_weights",
    "inner_chains",
    "leaves",
    "replace_arrays",
    "set_weights",
]


class Leaf(NamedTuple):
    """A layer that holds no others, where it stands in a network.

    Attributes
    ----------
    path : str
        Its name, with those of the layers that it is in before it, and dots.
    layer : Layer
    input_shape : tuple of int
    grid : tuple of int or None
        The shape of the image or signal whose values the input holds one after the
        other, where it is flat and known to be one.
    """

    path: str
    layer: Layer
    input_shape: tuple[int, ...]
    grid: tuple[int, ...] | None


def leaves(network):
    """Return all layers that hold no others, in the order they were built in.

    Raises
    ------
    ValueError
        If a layer holds others in a way of its own.
    """
    return list(_walk(network.layers, (network.input_shape, None), ""))


def _walk(layers, place, prefix) -> Iterator[Leaf]:
    """Go down a chain from a place, a shape and its grid; return where it comes out."""
    for name, layer in layers:
        path = prefix + name
        if not layer.inner_layers():
            yield Leaf(path, layer, *place)
            place = _behind(layer, place)
            continue
        ends = []
        for chain in inner_chains(layer, path):
            ends.append((yield from _walk(chain, place, f"{path}.")))
        place = ends[0]
        if isinstance(layer, Branches):
            widths = [shape[-1] for shape, _ in ends]
            # Joined, flat images of several branches are no image any more.
            place = (*place[0][:-1], sum(widths)), None
    return place


def inner_chains(layer, path):
    """Return the chains of layers that see the input of a layer which holds others."""
    inner = layer.inner_layers()
    if isinstance(layer, Residual):
        main = [(name, part) for name, part in inner if name != "shortcut"]
        return [main, inner[len(main) :]]
    if isinstance(layer, Branches):
        return [[branch] for branch in inner]
    if isinstance(layer, Sequential):
        return [inner]
    raise ValueError(
        f"layer {path!r} ({layer!r}) holds others in a way that is not known here, "
        "where Sequential, Residual and Branches can be taken apart"
    )


def build_blank(layer, shape):
    """Return what `build` does, with weights that take no memory."""
    return layer.build(shape, Blank(), np.dtype("f4"))


def by_channel(kernel):
    """Return a depthwise kernel (kh, kw, c, m), channels first: (c m, 1, kh, kw)."""
    c, m = kernel.shape[2:]
    return kernel.transpose(2, 3, 0, 1).reshape(c * m, 1, *kernel.shape[:2])


def _behind(layer, place):
    shape, grid = place
    weights, after = build_blank(layer, shape)
    if tuple(after) == shape:
        return shape, grid
    flattens = not weights and len(shape) > 1 and tuple(after) == (math.prod(shape),)
    return tuple(after), shape if flattens else None


def get_weights(network: Network) -> list[NDArray[Any]]:
    """Return copies of a network's weights in Keras' order and shapes.

    Layer by layer as they were built; of each the trained arrays, kernels before
    biases, then its state.
    """
    return [
        np.zeros(shape) if name is None else np.array(array).reshape(shape)
        for name, array, shape in _as_in_keras(network)
    ]


def set_weights(network: Network, weights: Iterable[Any]) -> Network:
    """Return a copy of a network with other weights, as `get_weights` returns them.

    Raises
    ------
    ValueError
        If there are more or fewer, or one has another shape or is not finite; the
        message names the layer.
    """
    rows, weights = _as_in_keras(network), list(weights)
    if len(weights) != len(rows):
        names = ", ".join(str(name) for name, *_ in rows)
        raise ValueError(
            f"weights must be {len(rows)} arrays, {names}, got {len(weights)}"
        )
    return replace_arrays(
        network,
        {
            name: check_weight(weight, shape, f"weight {name!r}", array.dtype)
            for (name, array, shape), weight in zip(rows, weights, strict=True)
            if name is not None
        },
    )


def _as_in_keras(network):
    """Return (name or None, array, shape in Keras) of each array that Keras has."""
    at = {leaf.path: leaf for leaf in leaves(network)}
    rows = []
    for name, array in network.arrays.items():
        path, _, key = name.rpartition(".")
        leaf = at[path]
        kind = type(leaf.layer).__name__
        if (kind, key) == ("BatchNorm", "samples"):
            continue  # how many samples the moments are of: Keras does not count
        shape = array.shape
        if isinstance(leaf.layer, LayerNorm | PReLU):
            shape = affine_shape(leaf.layer, leaf.input_shape)
        rows.append((name, array, shape))
        if (kind, key) == ("Normalization", "variance"):
            rows.append((None, array, ()))  # Keras' count
    return rows


def affine_shape(layer, input_shape):
    """Return the shape that the vectors of a `LayerNorm` or a `PReLU` stand for."""
    if isinstance(layer, PReLU):
        shared = sample_axes(layer.shared_axes, input_shape, "shared_axes")
        return tuple(1 if a in shared else n for a, n in enumerate(input_shape, 1))
    axes = sample_axes(layer.axis, input_shape, "axis")
    return tuple(input_shape[a - 1] for a in axes)


def replace_arrays(network: Network, arrays: Mapping[str, NDArray[Any]]) -> Network:
    """Return a copy of a network with other arrays.

    Parameters
    ----------
    network : Network
    arrays : dict of str to ndarray
        Checked ones, for all or some of ``network.arrays``.
    """
    network = network.copy()
    for name, array in arrays.items():
        network.arrays[name][...] = array.reshape(network.arrays[name].shape)
    return network


def check_weight(weight, shape, what, dtype):
    """Return a weight as an array of a dtype.

    Raises
    ------
    ValueError
        If it is not of `shape`, or holds anything but numbers finite in that dtype.
    """
    weight = np.asarray(weight)
    if weight.dtype.kind not in "biuf":
        raise ValueError(f"{what} must hold numbers, got {weight.dtype}")
    if weight.shape != tuple(shape):
        raise ValueError(f"{what} must be of shape {tuple(shape)}, got {weight.shape}")
    with np.errstate(over="ignore"):
        weight = weight.astype(dtype)
    if not np.isfinite(weight).all():
        raise ValueError(f"{what} must hold numbers that are finite in {weight.dtype}")
    return weight
