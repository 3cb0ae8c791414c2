"""What the first layers make of the samples, computed once for all epochs."""

import math
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from .._data.batches import predict_in_batches
from .._data.samples import Samples
from .._utils.floats import quiet
from .._utils.memory import available_memory

__all__ = ["LARGEST", "skip_front"]

LARGEST = 2**30
"""Bytes that the results may take, if they are no more than a quarter of those free."""


def skip_front(
    network: Any, samples: Samples, held_out: Samples | None
) -> tuple[Any, Samples, NDArray[Any] | None]:
    """Return what is left to train, and on what, after the layers that are fixed.

    The bits of training are the same: a sample's prediction does not depend on its
    batch, and a step computes these layers as prediction does.

    Parameters
    ----------
    network : Network
    samples : Samples
        To train on.
    held_out : Samples or None
        To validate with.

    Returns
    -------
    network : Network
        The layers after those, which share their values with the given network. If
        there are none, or their results are too large, that network itself.
    samples : Samples
        With these results as X.
    held_out : ndarray or None
        The results for `held_out`, if there is room.
    """
    count = network.n_fixed
    if not count:
        return network, samples, None
    size = math.prod(network.shapes[count - 1]) * network.dtype.itemsize
    room = min(LARGEST, available_memory() / 4) - size * len(samples)
    if room < 0:
        return network, samples, None
    last, seen = network.layers[count - 1][0], None
    with quiet():
        X = predict_in_batches(network, samples.X, samples.rows, last)
        may_split = held_out is not None and not network.fuses_front()
        if may_split and held_out and size * len(held_out) <= room:
            seen = predict_in_batches(network, held_out.X, held_out.rows, last)
    return network.after(count), replace(samples, X=X, rows=None), seen
