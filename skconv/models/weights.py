"""Weights as lists of arrays, in the order and the shapes that Keras has them in."""

import math
from collections.abc import Generator, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..layers import Composite, Dense, Layer, LayerNorm, PReLU
from ..layers.checks import sample_axes
from ..layers.initializers import Blank
from ..layers.ranges import check_values
from ..layers.typing import Array, Chain, Shape, Weights
from .network import Network

__all__ = [
    "Leaf",
    "affine_shape",
    "build_blank",
    "by_channel",
    "check_scale",
    "check_weight",
    "get_weights",
    "leaf_layers",
    "replace_arrays",
    "set_weights",
]


class Leaf(NamedTuple):
    """A layer that holds no others, and its position in a network.

    Attributes
    ----------
    path : str
        Its name after the names of the layers that hold it, joined by dots.
    layer : Layer
    input_shape : tuple of int
    grid : tuple of int or None
        For a flat input that is known to be a flattened image or signal, the shape of
        that; () if several were joined, or one and what is none.
    """

    path: str
    layer: Layer
    input_shape: tuple[int, ...]
    grid: tuple[int, ...] | None


def leaf_layers(network: Network) -> list[Leaf]:
    """Return all layers that contain no layers, in build order.

    Raises
    ------
    ValueError
        If a layer contains layers and is not a `Composite`.
    """
    return list(_walk(network.layers, (network.input_shape, None), ""))


_Place = tuple[Shape, Shape | None]  # the shape of samples, and their grid


def _walk(layers: Chain, place: _Place, prefix: str) -> Generator[Leaf, None, _Place]:
    """Yield the leaves of a chain with its input at `place`; return its output's."""
    for name, layer in layers:
        path = prefix + name
        if not layer.inner_layers():
            yield Leaf(path, layer, *place)
            place = _after(layer, place)
            continue
        if not isinstance(layer, Composite):
            raise ValueError(
                f"layer {path!r} ({layer!r}) contains layers, but is not a "
                "skconv.layers.Composite: its paths are unknown"
            )
        ends = []
        for chain in layer.paths():
            ends.append((yield from _walk(chain, place, f"{path}.")))
        place = _join(layer.join_shapes(place[0], [end for end, _ in ends]), ends)
    return place


def _join(shape: Shape, ends: list[_Place]) -> _Place:
    """Return the place after the paths that end at `ends`."""
    grids = {grid for _, grid in ends}
    if len(grids) == 1 and shape == ends[0][0]:
        return ends[0]
    return shape, () if any(grids) else None


def build_blank(layer: Layer, shape: Shape) -> tuple[Weights, Shape]:
    """Return the result of `build`, with weights that take no memory."""
    return layer.build(shape, Blank(), np.dtype("f4"))


def by_channel(kernel: Array) -> Array:
    """Return a depthwise kernel (kh, kw, c, m), channels first: (c m, 1, kh, kw)."""
    c, m = kernel.shape[2:]
    return kernel.transpose(2, 3, 0, 1).reshape(c * m, 1, *kernel.shape[:2])


def _after(layer: Layer, place: _Place) -> _Place:
    shape, grid = place
    weights, after = build_blank(layer, shape)
    if tuple(after) == shape and not isinstance(layer, Dense):
        return shape, grid
    flattens = not weights and tuple(after) == (math.prod(shape),)
    in_order = shape[-1] == 1 or math.prod(shape[:-1]) == 1
    return tuple(after), shape if flattens and not in_order else None


class _Row(NamedTuple):
    """An array of a network as Keras has it.

    Attributes
    ----------
    name : str or None
        None of an array that only Keras has.
    array : ndarray
        The network's.
    shape : tuple of int
        In Keras.
    squared : bool
        Whether Keras has its square: the variance for a scale.
    """

    name: str | None
    array: Array
    shape: Shape
    squared: bool = False

    def to_keras(self) -> NDArray[Any]:
        if self.name is None:
            return np.zeros(self.shape)
        if self.squared:  # in float64, as the network's dtype may not hold it
            return np.square(self.array, dtype=np.float64).reshape(self.shape)
        return np.array(self.array).reshape(self.shape)

    def from_keras(self, weight: Any) -> Array:
        what, dtype = f"weight {self.name!r}", self.array.dtype
        if not self.squared:
            return check_weight(weight, self.shape, what, dtype)
        what = f"the variance for {what}"
        return check_scale(weight, self.shape, what, dtype)


def get_weights(network: Network) -> list[NDArray[Any]]:
    """Return copies of a network's weights in Keras' order and shapes.

    Layer by layer as they were built; of each the trained arrays, kernels before
    biases, then its state.
    """
    return [row.to_keras() for row in _as_in_keras(network)]


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
        names = ", ".join(str(row.name) for row in rows)
        raise ValueError(
            f"weights must be {len(rows)} arrays, {names}, got {len(weights)}"
        )
    return replace_arrays(
        network,
        {
            row.name: row.from_keras(weight)
            for row, weight in zip(rows, weights, strict=True)
            if row.name is not None
        },
    )


def _as_in_keras(network: Network) -> list[_Row]:
    """Return a row for each array that Keras has."""
    at = {leaf.path: leaf for leaf in leaf_layers(network)}
    rows: list[_Row] = []
    for name, array in network.arrays.items():
        path, _, key = name.rpartition(".")
        leaf = at[path]
        kind = type(leaf.layer).__name__
        if (kind, key) == ("BatchNorm", "samples"):
            continue  # Keras does not count the samples of the moments
        shape = array.shape
        if isinstance(leaf.layer, LayerNorm | PReLU):
            shape = affine_shape(leaf.layer, leaf.input_shape)
        is_scale = (kind, key) == ("Normalization", "scale")
        rows.append(_Row(name, array, shape, is_scale))
        if is_scale:
            rows.append(_Row(None, array, ()))  # Keras' count
    return rows


def affine_shape(layer: LayerNorm | PReLU, input_shape: Shape) -> Shape:
    """Return the shape of a sample's axes that vectors of the layer belong to."""
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
        For all or some of ``network.arrays``.

    Raises
    ------
    ValueError
        If they hold values that those cannot have, such as a variance below 0.
    """
    network = network.copy()
    for name, array in arrays.items():
        network.arrays[name][...] = array.reshape(network.arrays[name].shape)
    check_values(network)
    return network


def check_weight(weight: Any, shape: Shape, what: str, dtype: Any) -> Array:
    """Return a weight as an array of a dtype.

    Raises
    ------
    ValueError
        If it is not of `shape`, or holds anything but finite numbers of that dtype.
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


def check_scale(variance: Any, shape: Shape, what: str, dtype: Any) -> Array:
    """Return the square root of a variance of another library, see `check_weight`."""
    variance = check_weight(variance, shape, what, np.float64)
    if (variance < 0).any():
        raise ValueError(f"{what} must not be negative, got {variance.min():g}")
    return np.sqrt(variance).astype(dtype)
