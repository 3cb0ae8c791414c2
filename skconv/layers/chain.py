"""A chain of named layers, which networks and layers that contain layers consist of.

Layers are a list of ``(name, layer)``; weights are a dict of each layer's weights, by
its name. Those of a layer that contains layers nest in the same way.
"""

import operator
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NoReturn

import numpy as np

from .fusion import Step, fuse, training_steps
from .initializers import Blank
from .layer import Layer
from .marks import is_adapted, is_frozen
from .typing import Array, Batches, Chain, Shape, Weights

__all__ = [
    "adapt",
    "backward",
    "build",
    "forward",
    "leaves",
    "named_weights",
    "predict",
]


def build(
    layers: Chain, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
) -> tuple[Weights, list[Shape]]:
    """Build each layer for the output shape of the one before.

    Returns
    -------
    weights : dict of str to dict
    shapes : list of tuple of int
        The output shape of each layer.
    """
    weights: Weights = {}
    shapes: list[Shape] = []
    shape = tuple(input_shape)
    for name, layer in layers:
        try:
            built, output_shape = layer.build(shape, rng, dtype)
            output_shape = tuple(map(operator.index, output_shape))
            weights[name] = dict(built.items())
            if isinstance(rng, Blank):
                weights[name] = _without_values(weights[name])
                if rng.bounds is not None:
                    rng.bounds.add(layer, shape, output_shape, weights[name])
        except _NAMED as error:
            _raise_named(error, name, layer)
        shape = output_shape
        shapes.append(shape)
    return weights, shapes


def _without_values(weights: Weights) -> Weights:
    """Return weights that take no memory, also of layers that draw in another way."""
    return {
        name: np.broadcast_to(value.dtype.type(0), value.shape)
        if isinstance(value, np.ndarray)
        else value
        for name, value in weights.items()
    }


def adapt(layers: Chain, weights: Weights, batches: Batches) -> None:
    """Adapt each layer to what reaches it of the training data (see `Layer`)."""
    named = [row for each in layers for row in named_weights(each[1], weights[each[0]])]
    dtype = named[0][1].dtype if named else None

    def reaching(before: Chain) -> Iterator[tuple[Array, Array | None]]:
        for x, sample_weight in _blameless(batches()):
            if before:  # the first layer gets x unchanged, maybe in float64
                x = predict(before, weights, x.astype(dtype or x.dtype, copy=False))
            yield x, sample_weight

    for i, (name, layer) in enumerate(layers):
        if not is_adapted(weights[name]):
            try:
                layer.adapt(weights[name], partial(reaching, layers[:i]))
            except _NAMED as error:
                _raise_named(error, name, layer)


def _blameless(pieces: Iterable[Any]) -> Iterator[Any]:
    """Yield pieces of the data, whose errors are not those of the layer that asks."""
    try:
        yield from pieces
    except _NAMED as error:
        error._blameless = True  # type: ignore[union-attr]
        raise


def predict(
    layers: Chain, weights: Weights, x: Array, upto: str | None = None
) -> Array:
    """Compute the output of the last layer, or of the one called `upto`."""
    for step, own in _fused(layers, weights, upto):
        x = step.predict(own, x)
    return x


def _fused(
    layers: Chain, weights: Weights, upto: str | None
) -> Iterator[tuple[Step, Weights]]:
    """Yield the steps of prediction and their weights, those fused that can be."""
    waiting: tuple[Step, Weights] | None = None
    for name, layer in layers:
        fused = waiting and fuse(*waiting, layer, weights[name])
        if waiting and not fused:
            yield waiting
        waiting = fused or (layer, weights[name])
        if name == upto:
            break
    if waiting:
        yield waiting


def forward(
    layers: Chain,
    weights: Weights,
    x: Array,
    rng: np.random.Generator | None,
    shapes: list[Shape] | None = None,
) -> tuple[Array, list[Any]]:
    """Call `forward` of each layer, first to last.

    Parameters
    ----------
    rng : numpy.random.Generator or None
        None means as in prediction (see `Layer`), as do frozen layers always.
    shapes : list of tuple of int, optional
        The output shape of each layer as `build` returned it, to be checked.

    Returns
    -------
    y : ndarray
    caches : list
        What `backward` needs of each step; it takes them out one by one.
    """
    caches = []
    for first, last, step in training_steps(layers):
        name, layer = layers[first]
        own = weights[name]
        try:
            y, cache = step.forward(own, x, None if is_frozen(own) else rng)
            shape = shapes[last] if shapes else y.shape[1:]
            _check_promise("forward", y, shape, x.dtype)
        except _NAMED as error:
            _raise_named(error, name, layer)
        caches.append((first, step, cache, x.shape[1:]))
        x = y
    return x, caches


def backward(
    layers: Chain, weights: Weights, caches: list[Any], dy: Array, need_dx: bool = True
) -> tuple[Array | None, Weights]:
    """Call `backward` of each layer, last to first.

    Returns
    -------
    dx : ndarray or None
    grads : dict of str to dict
        Nested as weights are, without state and without frozen layers.
    """
    # Without need_dx, nothing reads a gradient below the first trained layer.
    lowest = 0 if need_dx else _first_trained(layers, weights)
    grads: Weights = {name: {} for name, _ in layers}
    gradient: Any = dy
    while caches and caches[-1][0] >= lowest:
        first, step, cache, shape = caches.pop()
        name, layer = layers[first]
        own = weights[name]
        try:
            dtype, is_read = gradient.dtype, need_dx or first > lowest
            gradient, found = step.backward(own, cache, gradient, need_dx=is_read)
            if not is_frozen(own):
                _check_gradients(layer, own, found)
                grads[name] = found
            if is_read:
                _check_promise("backward", gradient, shape, dtype)
        except _NAMED as error:
            _raise_named(error, name, layer)
    return (gradient if need_dx else None), grads


def _first_trained(layers: Chain, weights: Weights) -> int:
    for i, (name, layer) in enumerate(layers):
        if any(is_trained for *_, is_trained in named_weights(layer, weights[name])):
            return i
    return len(layers)


def named_weights(
    layer: Layer, weights: Weights, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield the weights of a layer and of the layers inside of it, in build order.

    Yields
    ------
    path : tuple of str
        Names that lead to a weight.
    weight : ndarray
    is_trained : bool
        Whether its gradient trains it; otherwise it is state, or frozen.
    """
    inner = dict(layer.inner_layers())
    for key, value in weights.items():
        if key in inner:
            yield from named_weights(inner[key], value, (*path, key))
        else:
            is_trained = key not in layer.state and not is_frozen(weights)
            yield (*path, key), value, is_trained


def leaves(
    layers: Chain, weights: Weights, prefix: str = ""
) -> Iterator[tuple[str, Layer, Weights]]:
    """Yield each layer that contains no others: its path, itself and its weights."""
    for name, layer in layers:
        inner, path = layer.inner_layers(), prefix + name
        if inner:
            yield from leaves(inner, weights[name], f"{path}.")
        else:
            yield path, layer, weights[name]


def _check_promise(verb: str, array: Any, shape: Shape, dtype: np.dtype[Any]) -> None:
    """Check what a layer returns: later, its author's mistake would be hard to find."""
    got = getattr(array, "dtype", None)
    if got == dtype and array.shape[1:] == shape:
        return
    raise ValueError(
        f"{verb} must return samples of shape {shape} in {dtype}, the shape from build "
        f"and the network's dtype, got {np.shape(array)[1:]} in {got}"
    )


def _check_gradients(layer: Layer, weights: Weights, grads: Weights) -> None:
    """Check that there is a gradient for each trained weight, of its shape."""
    for key, weight in weights.items():  # most layers hold no others
        gradient: Any = grads.get(key)
        if isinstance(weight, dict) or (
            getattr(gradient, "shape", None) != weight.shape and key not in layer.state
        ):
            break
    else:
        return
    for path, weight, is_trained in named_weights(layer, weights):
        gradient = grads
        for key in path if is_trained else ():
            gradient = gradient.get(key, {})
        missing = isinstance(gradient, dict)
        if is_trained and (missing or np.shape(gradient) != np.shape(weight)):
            got = "none" if missing else f"one of shape {np.shape(gradient)}"
            raise ValueError(
                f"backward must return a gradient of shape {np.shape(weight)} for "
                f"weight {'.'.join(path)!r}, got {got}"
            )


_NAMED = AttributeError, TypeError, ValueError, MemoryError


def _raise_named(error: Any, name: str, layer: Layer) -> NoReturn:
    """Raise an error again with a layer's name, or the path to it, in front."""
    if hasattr(error, "_blameless"):
        raise error
    # Subclasses, such as NumPy's, may not be made of a message alone.
    kind = next(kind for kind in _NAMED if isinstance(error, kind))
    inside = getattr(error, "_where", None)
    path, shown, words = inside or ("", repr(layer), error)
    where = f"{name}.{path}".rstrip("."), shown, words
    named: Any = kind("layer {!r} ({}): {}".format(*where))
    named._where = where
    raise named from (error.__cause__ if inside else error)
