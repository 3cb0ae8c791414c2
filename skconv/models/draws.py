"""Predictions of a network whose dropout stays on: each draw is one thinned network."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..layers import Dropout, chain
from ..layers.typing import Array, Chain, Weights
from .network import Network

__all__ = ["has_dropout", "predict_draws"]


def has_dropout(layers: Chain) -> bool:
    """Return whether a layer, or one inside of it, drops values in training."""
    return any(
        has_dropout(layer.inner_layers())
        or (isinstance(layer, Dropout) and layer.rate > 0)
        for _, layer in layers
    )


def predict_draws(network: Network, seeds: Sequence[Sequence[int]], x: Array) -> Array:
    """Compute a network's outputs once for each seed, with dropout on.

    All samples of a draw have the same masks: a draw is one network, and its output for
    a sample does not depend on other samples. Layers before the first dropout are
    computed once.

    Parameters
    ----------
    network : Network
    seeds : list of list of int
        One for each draw.
    x : ndarray of shape (n, *input_shape)

    Returns
    -------
    outputs : ndarray of shape (n, n_draws, *output_shape)
    """
    layers = network.layers
    drops = [has_dropout([entry]) for entry in layers]
    first = drops.index(True) if True in drops else len(layers)
    x = chain.predict(layers[:first], network.weights, x)
    draws = []
    for seed in seeds:
        weights = _with_seeds(layers, network.weights, seed, itertools.count(1))
        draws.append(chain.predict(layers[first:], weights, x))
    return np.stack(draws, axis=1)


def _with_seeds(
    layers: Chain, weights: Weights, seed: Sequence[int], numbers: Iterator[int]
) -> Weights:
    """Return weights in which each dropout has a seed, see `Dropout.predict`."""
    seeded: dict[str, Any] = {}
    for name, layer in layers:
        inner = layer.inner_layers()
        seeded[name] = weights[name]
        if inner:
            below = _with_seeds(inner, weights[name], seed, numbers)
            seeded[name] = {**weights[name], **below}
        elif isinstance(layer, Dropout):
            seeded[name] = {"seed": [*seed, next(numbers)]}
    return seeded
