"""What the layers of a network cost: multiply-adds, and the memory of training."""

import copy
import math
from typing import NamedTuple

import numpy as np

from .. import ops
from ..layers import chain

__all__ = ["Costs", "LayerCost", "cost_of_layers"]


class LayerCost(NamedTuple):
    """What one layer costs; see `skconv.models.summary.LayerSummary`.

    `kept` are the bytes that forward keeps for backward; of the parts of a composite
    layer they are 0, for they are the whole's.
    """

    name: str
    type: str
    output_shape: tuple
    parameters: int
    multiply_adds: int
    kept: int


class Costs(NamedTuple):
    """What a network costs.

    Attributes
    ----------
    layers : list of LayerCost
    kept : int
        Bytes of a minibatch and what forward keeps of it.
    passing : int
        Bytes more at backward's peak.
    """

    layers: list
    kept: int
    passing: int


def cost_of_layers(network, batch_size):
    """Add up what the layers of a network cost.

    Parameters
    ----------
    network : Network
    batch_size : int
        Of the minibatches of training.

    Returns
    -------
    costs : Costs
    """
    network = network.copy()  # forward may move running statistics
    one, two = (_kept_by_forward(network, n) for n in (1, 2))
    kept = [a + (b - a) * (batch_size - 1) for a, b in zip(one, two, strict=True)]
    sample = batch_size * network.dtype.itemsize
    rows, peak, on_the_way = [], 0, sample * math.prod(network.input_shape)
    shape = network.input_shape
    trains = False
    for (name, layer), out, here in zip(
        network.layers, network.shapes, kept, strict=True
    ):
        weights = network.weights[name]
        row = LayerCost(
            name,
            type(layer).__name__,
            out,
            _count(layer, weights),
            int(layer.multiply_adds(shape, out)),
            here,
        )
        rows += [row, *_parts(name, layer, weights, shape, network.dtype)]
        on_the_way += here
        dx = math.prod(shape) if trains else 0  # of the first nobody asks for it
        trains = trains or row.parameters > 0
        if trains:
            going_back = sample * (_arrays_back(layer) * math.prod(out) + dx)
            gradients = network.dtype.itemsize * row.parameters
            peak = max(peak, on_the_way + going_back + gradients)
        shape = out
    return Costs(rows, on_the_way, max(0, peak - on_the_way))


def _arrays_back(layer):
    """Count the arrays like the output that backward holds at a time.

    These are the gradients in it and in what came before the activation; a derivative
    that is not told from the output takes two more on its way.
    """
    activation = ops.find_activation(getattr(layer, "activation", None))
    return 2 if activation.derivative_from == "output" else 4


def _kept_by_forward(network, n):
    """Bytes of the arrays that each layer's forward keeps and none before it does."""
    rng = np.random.default_rng(0)
    x = np.zeros((n, *network.input_shape), network.dtype)
    owners = {id(root): root for root in map(_owner, (x, *_arrays(network.weights)))}
    kept = []
    for name, layer in network.layers:
        x, cache = layer.forward(network.weights[name], x, rng)
        new = {id(root): root for root in map(_owner, _arrays(cache))}
        kept.append(sum(new[key].nbytes for key in new.keys() - owners.keys()))
        owners.update(new)
    return kept


def _owner(array):
    """Return the array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays(value):
    """Yield the arrays in a cache or in weights, however they are nested."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _arrays(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _arrays(item)
    elif hasattr(value, "__dict__"):
        yield from _arrays(vars(value))


def _count(layer, weights):
    """Count the weights that training learns, and none of the layer's state."""
    return sum(
        weight.size for _, weight, learnt in chain.leaves(layer, weights) if learnt
    )


def _parts(prefix, layer, weights, shape, dtype):
    """Cost the layers inside of a composite one.

    Only the whole knows which part sees what: it is watched at a prediction.
    """
    if not layer.inner_layers():
        return []
    shapes, whole = {}, copy.deepcopy(layer)
    watched = whole.inner_layers()
    for name, part in watched:
        # A type of its own, so that a layer that fuses others does not know it.
        part.__class__ = _watched(type(part), shapes, name)
    whole.inner_layers = lambda: watched  # or it might make some of them anew
    whole.predict(weights, np.zeros((1, *shape), dtype))
    rows = []
    for name, part in layer.inner_layers():
        path, inside = f"{prefix}.{name}", weights.get(name, {})
        before, after = shapes.get(name, (None, None))
        adds = None if before is None else int(part.multiply_adds(before, after))
        rows += [
            LayerCost(path, type(part).__name__, after, _count(part, inside), adds, 0),
            *([] if before is None else _parts(path, part, inside, before, dtype)),
        ]
    return rows


def _watched(kind, shapes, name):
    """Return a type of layer that notes the shapes that it sees in prediction."""

    def predict(self, weights, x):
        y = kind.predict(self, weights, x)
        shapes[name] = x.shape[1:], y.shape[1:]
        return y

    return type(kind.__name__, (kind,), {"predict": predict})
