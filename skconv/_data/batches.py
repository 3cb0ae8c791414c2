"""From whatever X is to what a network reads, a batch at a time."""

import math

import numpy as np

from .. import ops

__all__ = ["gather", "in_batches", "predict_in_batches"]

# What the layers of one batch may fill in prediction.
_BATCH_BYTES = 2**24


def gather(X, rows, network):
    """Take rows of X as a batch for the network.

    Parameters
    ----------
    X : array of shape (n, ...)
        Of any numeric dtype; it may be a memory map.
    rows : slice or ndarray of int
    network : Network

    Returns
    -------
    x : ndarray of shape (len(rows), *network.input_shape), of the network's dtype
        Read-only, as it may be a part of X.

    Raises
    ------
    ValueError
        If a value of X is too large for the network's dtype.
    """
    with np.errstate(over="ignore"):
        batch = ops.gather(X, rows, network.dtype)
    may_overflow = X.dtype.kind == "f" and not np.can_cast(X.dtype, network.dtype)
    if may_overflow and not np.isfinite(batch).all():
        raise ValueError(
            f"X has values too large for {network.dtype}, the network's dtype: scale "
            "X, or use dtype='float64'"
        )
    batch = batch.reshape(len(batch), *network.input_shape)
    batch.flags.writeable = False
    return batch


def in_batches(network, X, rows, weight):
    """Go over rows of X in memory that does not grow with it.

    Parameters
    ----------
    network : Network
    X : array of shape (n, ...)
    rows : ndarray of int
    weight : ndarray of shape (n,) or None
        What each sample counts for.

    Yields
    ------
    x : ndarray of shape (some, *network.input_shape)
    weight : ndarray of shape (some,) or None
    """
    size = _batch_size(network)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield gather(X, part, network), None if weight is None else weight[part]


def _batch_size(network):
    largest = max(map(math.prod, [network.input_shape, *network.shapes]))
    return max(1, _BATCH_BYTES // (largest * network.dtype.itemsize))


def predict_in_batches(network, X, rows=None, upto=None):
    """Compute the network's outputs in memory that does not grow with X.

    Parameters
    ----------
    network : Network
    X : array of shape (n, ...)
    rows : ndarray of int, optional
        Which rows of X; all by default.
    upto : str, optional
        Name of the layer whose output is wanted; the last by default.

    Returns
    -------
    outputs : ndarray of shape (n, *network.output_shape), or of the layer's
    """
    size = _batch_size(network)
    n = len(X) if rows is None else len(rows)
    shape = network.output_shape
    if upto is not None:
        shape = network.shapes[list(dict(network.layers)).index(upto)]
    outputs = np.empty((n, *shape), network.dtype)
    for start in range(0, n, size):
        part = slice(start, start + size)
        here = part if rows is None else rows[part]
        outputs[part] = network.predict(gather(X, here, network), upto)
    return outputs
