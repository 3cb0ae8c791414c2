"""X as a network reads it, a batch at a time."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .lazy import LazyArray, read_rows

__all__ = ["chunk_size", "gather", "gather_exactly", "predict_in_batches"]

# Bytes that the largest array of one batch may take in prediction.
_BATCH_BYTES = 2**24


def gather(X: NDArray[Any], rows: Any, network: Any) -> NDArray[np.floating[Any]]:
    """Return rows of X as a batch for the network.

    Parameters
    ----------
    X : array of shape (n, ...)
        Of any numeric dtype; it may be a memory map or a `LazyArray`.
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
    if isinstance(X, LazyArray):
        X, rows = read_rows(X, rows), slice(None)
    if not _may_overflow(X, network):
        return _as_samples(ops.gather(X, rows, network.dtype), network)
    with np.errstate(over="ignore"):
        batch = ops.gather(X, rows, network.dtype)
    _check_finite(batch)
    return _as_samples(batch, network)


def gather_exactly(
    X: NDArray[Any], rows: NDArray[np.intp], network: Any
) -> NDArray[np.float64]:
    """Return rows of X as `gather` does, but in float64, for layers that adapt."""
    batch = read_rows(X, rows).astype(np.float64)
    if _may_overflow(X, network):
        with np.errstate(over="ignore"):
            _check_finite(batch.astype(network.dtype))
    return _as_samples(batch, network)


def _may_overflow(X: NDArray[Any], network: Any) -> bool:
    return X.dtype.kind == "f" and not np.can_cast(X.dtype, network.dtype)


def _check_finite(batch: NDArray[Any]) -> None:
    if not np.isfinite(batch).all():
        raise ValueError(
            f"X has values too large for {batch.dtype}, the network's dtype: scale "
            "X, or use dtype='float64'"
        )


def _as_samples(batch: NDArray[Any], network: Any) -> NDArray[Any]:
    batch = batch.reshape(len(batch), *network.input_shape)
    batch.flags.writeable = False
    return batch


def chunk_size(network: Any) -> int:
    """Return how many samples to predict at a time, so that memory stays small."""
    largest = max(map(math.prod, [network.input_shape, *network.shapes]))
    return max(1, _BATCH_BYTES // (largest * network.dtype.itemsize))


def predict_in_batches(
    network: Any,
    X: NDArray[Any],
    rows: NDArray[np.intp] | None = None,
    upto: str | None = None,
    predict: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    shape: tuple[int, ...] | None = None,
) -> NDArray[np.floating[Any]]:
    """Compute the network's outputs in memory that does not grow with X.

    Parameters
    ----------
    network : Network
    X : array of shape (n, ...)
    rows : ndarray of int, optional
        Which rows of X; all by default.
    upto : str, optional
        Name of the layer whose output is returned; the last by default.
    predict : callable ``(x) -> outputs``, optional
        Default: the network's method.
    shape : tuple of int, optional
        Of what `predict` returns for a sample; that of the layer by default.

    Returns
    -------
    outputs : ndarray of shape (n, *network.output_shape), or of the layer's
    """
    size = chunk_size(network)
    predict = predict or partial(network.predict, upto=upto)
    n = len(X) if rows is None else len(rows)
    shape = shape or network.output_shape
    if upto is not None:
        shape = network.shapes[list(dict(network.layers)).index(upto)]
    outputs = np.empty((n, *shape), network.dtype)
    for start in range(0, n, size):
        part = slice(start, start + size)
        here = part if rows is None else rows[part]
        outputs[part] = predict(gather(X, here, network))
    return outputs
