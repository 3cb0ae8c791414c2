"""What the layers of a network cost: multiply-accumulates, and memory of training."""

import math
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..layers import Composite, Layer, chain
from ..layers.fusion import training_steps
from ..layers.marks import is_frozen, layer_names, mark
from ..layers.naming import name_layers
from ..layers.transposed import TransposedConvolution
from ..layers.typing import Array, Chain, Shape, Weights
from .network import Network
from .weights import build_blank

__all__ = ["Costs", "LayerCost", "cost_of_layers", "count_macs"]


class LayerCost(NamedTuple):
    """The cost of one layer; see `skconv.models.summary.LayerSummary`.

    `cache` is the number of bytes that forward stores for backward; for the parts of a
    composite layer it is 0, as the row of the whole includes them. `output_shape` and
    `macs` are None for parts of a layer that contains layers and is not a `Composite`.
    """

    name: str
    type: str
    output_shape: Shape | None
    parameters: int
    macs: int | None
    cache: int = 0


class Costs(NamedTuple):
    """The costs of a network.

    Attributes
    ----------
    layers : list of LayerCost
    forward : int
        Bytes of a minibatch and of what forward stores for backward.
    backward : int
        Additional bytes at the peak of backward.
    """

    layers: list[LayerCost]
    forward: int
    backward: int


def count_macs(layers: Any, input_shape: Shape) -> int:
    """Count the multiply-accumulates (MACs) that layers take to predict one sample.

    A MAC is a product of an input and a weight that is added to a sum: most of a
    network's time. Each weight with two axes or more takes part once for each
    pixel of the layer's output, in a transposed convolution of its input. Biases,
    activations, scaling and pooling are not counted; padding is, as if it were pixels.

    Parameters
    ----------
    layers : list of layers or of (str, Layer)
    input_shape : tuple of int
        Of one sample.

    Returns
    -------
    macs : int

    Examples
    --------
    >>> from skconv.layers import Conv2D, Dense
    >>> from skconv.models.costs import count_macs
    >>> count_macs([Conv2D(8, 3), Dense(10)], (28, 28, 1))  # 28 28 9 8 + 28 28 8 10
    119168
    """
    return sum(
        cost.macs or 0
        for cost in _layer_costs(name_layers(layers), tuple(input_shape))
        if "." not in cost.name
    )


def cost_of_layers(network: Network, batch_size: int) -> Costs:
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
    one, two = (_cache_sizes(network, n) for n in (1, 2))
    caches = {
        name: one[name] + (two[name] - one[name]) * (batch_size - 1) for name in one
    }
    rows = [
        row._replace(cache=caches.get(row.name, 0))
        for row in _layer_costs(
            network.layers, network.input_shape, frozen=network.frozen
        )
    ]
    forward, backward = _step_memory(network, batch_size, rows)
    return Costs(rows, forward, backward)


def _step_memory(
    network: Network, batch_size: int, rows: list[LayerCost]
) -> tuple[int, int]:
    """Return the bytes of forward, and those that backward adds at its peak."""
    of_layer = {row.name: row for row in rows}
    word = network.dtype.itemsize
    forward, peak = batch_size * word * math.prod(network.input_shape), 0
    shape, is_trained = network.input_shape, False
    for first, last, _ in training_steps(network.layers):
        name, layer = network.layers[first]
        own, out = network.shapes[first], network.shapes[last]
        parameters = of_layer[name].parameters
        forward += of_layer[network.layers[last][0]].cache
        # Nothing reads the gradient in the input of the first trained layer.
        dx = math.prod(shape) if is_trained else 0
        is_trained = is_trained or parameters > 0
        if is_trained:
            arrays = _arrays_of_backward(layer) * math.prod(out) + dx
            if last > first and (ops.in_use() == "numpy" or word != 4):
                arrays += 2 * math.prod(own)  # compiled ops have no such arrays
            peak = max(peak, forward + word * (batch_size * arrays + parameters))
        shape = out
    return forward, max(0, peak - forward)


def _arrays_of_backward(layer: Layer) -> int:
    """Return how many arrays of the output's size backward holds at a time.

    These are the gradients in it and in the activation's input; a derivative that is
    not taken from the output needs two more.
    """
    activation = ops.find_activation(getattr(layer, "activation", None))
    return 2 if activation.derivative_from == "output" else 4


def _cache_sizes(network: Network, n: int) -> dict[str, int]:
    """Return, by layer, the bytes that its forward stores and none before it does.

    Of layers that are trained in one step, they are those of the last.
    """
    rng = np.random.default_rng(0)
    x = np.zeros((n, *network.input_shape), network.dtype)
    owners = {id(root): root for root in map(_owner, (x, *_arrays(network.weights)))}
    sizes = dict.fromkeys(network.weights, 0)
    fixed, layers = network.n_fixed, network.layers[network.n_fixed :]
    if fixed:  # they store nothing
        x = network.predict(x, network.layers[fixed - 1][0])
    for first, last, step in training_steps(layers):
        x, cache = step.forward(network.weights[layers[first][0]], x, rng)
        name = layers[last][0]
        new = {id(root): root for root in map(_owner, _arrays(cache))}
        sizes[name] = sum(new[key].nbytes for key in new.keys() - owners.keys())
        owners.update(new)
    return sizes


def _owner(array: Array) -> Array:
    """Return the array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays(value: Any) -> Iterator[Array]:
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


def _layer_costs(
    layers: Chain, shape: Shape, prefix: str = "", frozen: Collection[str] = ()
) -> Iterator[LayerCost]:
    """Yield the cost of each layer of a chain, followed by those of its parts."""
    for name, layer in layers:
        path = prefix + name
        weights, out = build_blank(layer, shape)
        above = prefix.replace(".", "__")
        weights = mark({name: weights}, frozen, above, frozen=True)[name]
        inside = frozen
        if is_frozen(weights):
            inside = {*layer_names(layer.inner_layers(), f"{above}{name}__")}
        if isinstance(layer, Composite):
            parts = [
                cost
                for path_inside in layer.paths()
                for cost in _layer_costs(path_inside, shape, f"{path}.", inside)
            ]
            depth = path.count(".") + 1
            macs = sum(
                cost.macs or 0 for cost in parts if cost.name.count(".") == depth
            )
        else:
            parts = list(_unknown_parts(layer, weights, f"{path}."))
            pixels = shape if isinstance(layer, TransposedConvolution) else out
            macs = math.prod(pixels[:-1]) * sum(
                weight.size
                for _, weight, _ in chain.named_weights(layer, weights)
                if weight.ndim > 1
            )
        yield LayerCost(path, type(layer).__name__, out, _count(layer, weights), macs)
        yield from parts
        shape = out


def _unknown_parts(layer: Layer, weights: Weights, prefix: str) -> Iterator[LayerCost]:
    """Yield what is known of the parts of a layer whose paths are not."""
    for name, part in layer.inner_layers():
        path, inside = prefix + name, weights.get(name, {})
        yield LayerCost(path, type(part).__name__, None, _count(part, inside), None)
        yield from _unknown_parts(part, inside, f"{path}.")


def _count(layer: Layer, weights: Weights) -> int:
    """Return the number of trained weights, without state."""
    return sum(
        weight.size
        for _, weight, is_trained in chain.named_weights(layer, weights)
        if is_trained
    )
