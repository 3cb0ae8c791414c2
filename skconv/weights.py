"""Weights as lists of arrays, in the order and the shapes that Keras has them in."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .initializers import Blank
from .layers import Branches, Layer, LayerNorm, PReLU, Residual, Sequential
from .layers.scaling import sample_axes

__all__ = ["HasWeights", "Leaf", "leaves", "with_arrays"]


class Leaf(NamedTuple):
    """A layer that holds no others, where it stands in a network.

    Attributes
    ----------
    path : str
        Its name, with those of the layers that it is in before it, and dots.
    layer : Layer
    input_shape : tuple of int
    grid : tuple of int or None
        The shape of the image or signal whose values stand in the input one after the
        other, where it is flat and known to be one.
    """

    path: str
    layer: Layer
    input_shape: tuple[int, ...]
    grid: tuple[int, ...] | None


def leaves(layers, input_shape):
    """Return all layers that hold no others, in the order they were built in."""
    return list(_walk(layers, (tuple(input_shape), None), ""))


def _walk(layers, place, prefix) -> Iterator[Leaf]:
    """Go down a chain; return where it comes out, a shape and its grid."""
    for name, layer in layers:
        path, inner = f"{prefix}{name}", layer.inner_layers()
        if not inner:
            yield Leaf(path, layer, *place)
            place = _after(layer, place)
            continue
        chains = [inner]
        if isinstance(layer, Residual):
            main = [(key, part) for key, part in inner if key != "shortcut"]
            chains = [main, [entry for entry in inner if entry not in main]]
        elif isinstance(layer, Branches):
            chains = [[entry] for entry in inner]
        elif not isinstance(layer, Sequential):
            raise ValueError(
                f"layer {path!r} ({layer!r}) holds others in a way that is not known "
                "here; export its layers by themselves"
            )
        ends = []
        for chain in chains:
            ends.append((yield from _walk(chain, place, f"{path}.")))
        place = _join(layer, place, ends)
    return place


def _after(layer, place):
    shape, grid = place
    after = tuple(layer.build(shape, Blank(), np.dtype("f4"))[1])
    if after == shape:
        return after, grid
    flattens = len(shape) > 1 and after == (math.prod(shape),) and not _mixes(layer)
    return after, shape if flattens else None


def _mixes(layer):
    return hasattr(layer, "units") or hasattr(layer, "filters")


def _join(layer, place, ends):
    if isinstance(layer, Branches) and any(grid for _, grid in ends):
        return _after(layer, place)[0], None
    if isinstance(layer, Branches):
        return _after(layer, place)
    return ends[0]


class HasWeights:
    """`get_weights` and `set_weights`, for an estimator with `network_`."""

    def get_weights(self):
        """Return copies of all weights, as Keras' method of this name does.

        Returns
        -------
        weights : list of ndarray
            Layer by layer as they were built, the output layer last; of each kernel,
            then bias, or what else it learns, then what it keeps beside that. Order
            and shapes are Keras' for the same layers.

        See Also
        --------
        set_weights : The way back.
        skconv.to_torch : The same for PyTorch.
        """
        check_is_fitted(self)
        shapes = keras_shapes(self.network_)
        arrays = self.network_.arrays.items()
        return [np.array(array).reshape(shapes[name]) for name, array in arrays]

    def set_weights(self, weights):
        """Replace all weights, say by those of a Keras model of the same layers.

        The solver's moments start anew, as they belong to other weights. If anything
        does not fit, nothing changes.

        Parameters
        ----------
        weights : list of array-like
            As `get_weights` returns them, or ``keras_model.get_weights()``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are more or fewer, or one has another shape or is not finite; the
            message names the layer.
        """
        check_is_fitted(self)
        shapes, weights = keras_shapes(self.network_), list(weights)
        if len(weights) != len(shapes):
            raise ValueError(
                f"weights must be {len(shapes)} arrays, {', '.join(shapes)}, got "
                f"{len(weights)}"
            )
        given = {}
        for (name, shape), weight in zip(shapes.items(), weights, strict=True):
            given[name] = check_weight(weight, shape, f"weight {name!r}")
        return with_arrays(self, given)


def keras_shapes(network):
    """Return the shape of each array in Keras: here those of some layers are flat."""
    shapes = {name: array.shape for name, array in network.arrays.items()}
    flat = [leaf for leaf in _flat_leaves(network) if leaf.layer is not None]
    for path, layer, input_shape, _ in flat:
        whole = affine_shape(layer, input_shape)
        shapes.update(
            (name, whole) for name in shapes if name.rpartition(".")[0] == path
        )
    return shapes


def _flat_leaves(network):
    kinds = LayerNorm, PReLU
    return [
        leaf
        for leaf in leaves(network.layers, network.input_shape)
        if isinstance(leaf.layer, kinds)
    ]


def affine_shape(layer, input_shape):
    """Return the shape that the vectors of a `LayerNorm` or a `PReLU` stand for."""
    if isinstance(layer, PReLU):
        shared = sample_axes(layer.shared_axes, input_shape, "shared_axes")
        return tuple(1 if a in shared else n for a, n in enumerate(input_shape, 1))
    axes = sample_axes(layer.axis, input_shape, "axis")
    return tuple(input_shape[a - 1] for a in axes)


def with_arrays(model, arrays):
    """Have a fitted estimator predict and train on with other arrays.

    Parameters
    ----------
    model : estimator
    arrays : dict of str to ndarray
        Checked ones, one for each of ``model.network_.arrays``.

    Returns
    -------
    model
    """
    network = model.network_.copy()
    for name, array in network.arrays.items():
        array[...] = check_weight(arrays[name].reshape(array.shape), array.shape, name,
                                  array.dtype)  # fmt: skip
    vars(model).update(network_=network, _solver_state=(None, None))
    return model


def check_weight(weight, shape, what, dtype=None):
    """Return a weight as an array.

    Raises
    ------
    ValueError
        If it is not of `shape`, or holds anything but finite numbers.
    """
    weight = np.asarray(weight)
    if weight.dtype.kind not in "biuf":
        raise ValueError(f"{what} must hold numbers, got {weight.dtype}")
    if weight.shape != tuple(shape):
        raise ValueError(f"{what} must be of shape {tuple(shape)}, got {weight.shape}")
    with np.errstate(over="ignore"):
        weight = weight.astype(dtype or weight.dtype)
    if not np.isfinite(weight).all():
        raise ValueError(f"{what} must hold finite numbers alone, in {weight.dtype}")
    return weight
