"""A chain of named layers: what a network and a layer that holds others do alike.

Layers are a list of ``(name, layer)``; weights are a dict of what each of them has, by
its name. Those of a layer that holds others nest in the same way.
"""

import operator
from functools import partial

import numpy as np

__all__ = [
    "adapt",
    "backward",
    "build",
    "forward",
    "input_gradient",
    "leaves",
    "multiply_adds",
    "penalty",
    "predict",
]


def build(layers, input_shape, rng, dtype):
    """Send the shape down the layers; collect the weights that come up.

    Returns
    -------
    weights : dict of str to dict
    shapes : list of tuple of int
        What comes out of each layer.
    """
    weights, shapes, shape = {}, [], tuple(input_shape)
    for name, layer in layers:
        with _naming(name, layer):
            built, shape = layer.build(shape, rng, dtype)
            shape = tuple(map(operator.index, shape))
            weights[name] = dict(built.items())
        shapes.append(shape)
    return weights, shapes


def adapt(layers, weights, batches):
    """Have each layer learn from what reaches it of the training data (see `Layer`)."""

    def reaching(before):
        for x, sample_weight in batches():
            yield predict(before, weights, x), sample_weight

    for i, (name, layer) in enumerate(layers):
        with _naming(name, layer):
            layer.adapt(weights[name], partial(reaching, layers[:i]))


def predict(layers, weights, x, upto=None):
    """Compute the output of the last layer, or of the one called `upto`."""
    for layer, own in _fused(layers, weights, upto):
        x = layer.predict(own, x)
    return x


def _fused(layers, weights, upto):
    """Yield layers and their weights, and one in the place of those that can be one."""
    waiting = None
    for name, layer in layers:
        fused = waiting and layer.fuse(*waiting, weights[name])
        if waiting and not fused:
            yield waiting
        waiting = fused or (layer, weights[name])
        if name == upto:
            break
    if waiting:
        yield waiting


def forward(layers, weights, x, rng, shapes=None):
    """Go down the layers in training.

    Parameters
    ----------
    shapes : list of tuple of int, optional
        What `build` said that comes out of each layer, to be checked.

    Returns
    -------
    y : ndarray
    caches : list
        What `backward` needs; it takes them out one by one.
    """
    caches = []
    for i, (name, layer) in enumerate(layers):
        with _naming(name, layer):
            y, cache = layer.forward(weights[name], x, rng)
            _check_promise("forward", y, shapes[i] if shapes else y.shape[1:], x.dtype)
        caches.append((cache, x.shape[1:]))
        x = y
    return x, caches


def backward(layers, weights, caches, dy, need_dx=True):
    """Go back up the layers with the gradient.

    Returns
    -------
    dx : ndarray or None
    grads : dict of str to dict
        Nested as weights are, without those that training does not learn.
    """
    first = 0  # Nobody reads a gradient below the first layer that learns.
    if not need_dx:
        learning = (
            i
            for i, (name, layer) in enumerate(layers)
            if any(learnt for *_, learnt in leaves(layer, weights[name]))
        )
        first = next(learning, len(layers))
    grads = {name: {} for name, _ in layers}
    for i in reversed(range(first, len(layers))):
        name, layer = layers[i]
        cache, shape = caches.pop()
        with _naming(name, layer):
            dtype, wanted = dy.dtype, need_dx or i > first
            dy, grads[name] = layer.backward(weights[name], cache, dy, need_dx=wanted)
            _check_gradients(layer, weights[name], grads[name])
            if wanted:
                _check_promise("backward", dy, shape, dtype)
    return (dy if need_dx else None), grads


def penalty(layers, weights):
    """Add up what the loss has added for large weights, and its gradient.

    Returns
    -------
    value : float
    grads : dict of str to dict
        Nested as weights are, of those weights alone that it depends on.
    """
    total, grads = 0.0, {}
    for name, layer in layers:
        value, grads[name] = layer.penalty(weights[name])
        total += value
    return total, grads


def leaves(layer, weights, path=()):
    """Go through a layer's weights and those of layers inside of it, in build order.

    Yields
    ------
    path : tuple of str
        Names that lead to a weight.
    weight : ndarray
    learnt : bool
        Whether training learns it by its gradient; otherwise it is state.
    """
    inner = dict(layer.inner_layers())
    for key, value in weights.items():
        if key in inner:
            yield from leaves(inner[key], value, (*path, key))
        else:
            yield (*path, key), value, key not in layer.state


def input_gradient(layers, weights, x, dy):
    """Turn the gradient in what `predict` returns into that in its input."""
    inputs = []
    for name, layer in layers:
        inputs.append(x)
        x = layer.predict(weights[name], x)
    for (name, layer), x in zip(reversed(layers), reversed(inputs), strict=True):
        dy = layer.input_gradient(weights[name], x, dy)
    return dy


def multiply_adds(layers, input_shape):
    """Count the multiply-adds of all layers for one sample (see `Layer`)."""
    _, shapes = build(layers, input_shape, np.random.default_rng(0), np.dtype("f4"))
    sizes = zip([tuple(input_shape), *shapes], shapes, layers, strict=False)
    return sum(layer.multiply_adds(a, b) for a, b, (_, layer) in sizes)


def _check_promise(verb, array, shape, dtype):
    """Check what a layer returns: a mistake would show up far from its author."""
    got = np.shape(array)[1:], getattr(array, "dtype", None)
    if got != (shape, dtype):
        raise ValueError(
            f"{verb} must return samples of shape {shape} in {dtype}, as build and the "
            f"network say, got {got[0]} in {got[1]}"
        )


def _check_gradients(layer, weights, grads):
    """Mind what a layer's author forgot."""
    for path, weight, learnt in leaves(layer, weights):
        gradient = grads
        for key in path if learnt else ():
            gradient = gradient.get(key, {})
        missing = isinstance(gradient, dict)
        if learnt and (missing or np.shape(gradient) != np.shape(weight)):
            got = "none" if missing else f"one of shape {np.shape(gradient)}"
            raise ValueError(
                f"backward must return a gradient of shape {np.shape(weight)} for "
                f"weight {'.'.join(path)!r}, got {got}"
            )


class _naming:  # a class: a generator would cost more than a small layer
    """Put a layer's name, or the path to it, in front of what goes wrong in it."""

    __slots__ = ("layer", "name")

    kinds = AttributeError, TypeError, ValueError

    def __init__(self, name, layer):
        self.name, self.layer = name, layer

    def __enter__(self):
        pass

    def __exit__(self, _, error, traceback):
        if isinstance(error, self.kinds):
            # Subclasses, such as NumPy's, may not be made of a message alone.
            kind = next(kind for kind in self.kinds if isinstance(error, kind))
            inside = getattr(error, "_where", None)
            path, layer, words = inside or ("", repr(self.layer), error)
            where = f"{self.name}.{path}".rstrip("."), layer, words
            named = kind("layer {!r} ({}): {}".format(*where))
            named._where = where
            raise named from (error.__cause__ if inside else error)
