"""Samples as often as their weights say, in an order of their contents.

Minibatches are drawn from that order. So a fit depends on which samples there are, not
on where they lie in X, and a sample of weight 3 is the same as three equal samples.
"""

import math
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from .lazy import read_rows
from .samples import Samples, weight_of_samples

__all__ = ["are_counts", "repeat", "sort", "weigh"]

_Array = NDArray[Any]

# Whole numbers are counts, unless an epoch became longer than by this factor.
_MOST = 10
# Columns of X that samples are sorted by, before hashes of all.
_COLUMNS = 32
# Bytes of X that are read at a time.
_CHUNK_BYTES = 2**21


def repeat(samples: Samples) -> Samples:
    """Return samples as often as their weights say, if these are counts.

    Weights that are all whole numbers, with a sum of at most ten times their number,
    are counts. Others multiply the loss, as those of pixels do.
    """
    weight = samples.sample_weight
    if not are_counts(weight):
        return samples
    counts = weight.astype(np.intp)
    which = np.repeat(np.arange(len(samples)), counts)
    return replace(samples.part(which), sample_weight=None)


def are_counts(sample_weight: _Array | None) -> TypeGuard[_Array]:
    """Return whether weights say how often a sample is there."""
    if sample_weight is None or sample_weight.ndim > 1:
        return False
    most = _MOST * len(sample_weight)
    if sample_weight.max() > most or sample_weight.sum() > most:
        return False
    return bool((sample_weight == np.floor(sample_weight)).all())


def weigh(
    samples: Samples,
    factors: _Array | None,
    dtype: np.dtype[Any],
    *,
    normalize: bool,
) -> Samples:
    """Return samples as often, or with the weights, that the training loss has them.

    Parameters
    ----------
    samples : Samples
    factors : ndarray of shape (n,) or None
        Numbers to multiply the weights by.
    dtype : numpy.dtype
        Of the weights in the result.
    normalize : bool
        Whether to scale the weights to a mean of 1.

    Raises
    ------
    ValueError
        If weights leave the range of `dtype`.
    """
    weight = samples.sample_weight
    if factors is not None:
        if weight is None:
            weight = np.ones(len(samples))
        elif normalize:
            weight = weight / weight.max()  # so that no product overflows
        weight = weight * factors
    if weight is None:
        return samples
    samples = replace(samples, sample_weight=weight)
    if are_counts(weight):
        return repeat(samples)
    given = weight
    if normalize:
        weight = weight / weight.max()  # first, as the sum of large ones overflows
        weight *= np.count_nonzero(weight) / weight.sum()
    with np.errstate(over="ignore"):
        weight = weight.astype(dtype)
    # The square of a gradient, which weights multiply, must be a number as well.
    largest = 1e-4 * np.sqrt(np.finfo(dtype).max)
    if not 1 / largest <= weight.max() <= largest or not np.isfinite(weight).all():
        raise ValueError(
            f"sample_weight must lie in the range of {dtype} also when it is squared, "
            f"got values up to {np.max(given):g}; scale it to about 1"
        )
    return replace(samples, sample_weight=weight)


def sort(samples: Samples) -> Samples:
    """Return samples in an order that follows from their contents.

    They are sorted by the values of some columns of X, so that X on another scale has
    the same order; those in which these are equal by hashes of all values.
    """
    X, targets = samples.X, samples.targets
    columns, hashes = _summarize(X)
    if samples.rows is not None:
        columns, hashes = columns[samples.rows], hashes[samples.rows]
    keys = [hashes, *columns.T[::-1]]  # the last one counts most
    order = np.lexsort(keys)
    ordered = hashes[order]
    if (ordered[1:] == ordered[:-1]).any():  # so are repetitions
        weight, last = samples.sample_weight, []
        if weight is not None:
            last.append(weight_of_samples(weight))
        if isinstance(targets, np.ndarray):
            last.append(_summarize(targets)[1])
        order = np.lexsort([*last, *keys])
    return samples.part(order)


def _summarize(a: _Array) -> tuple[_Array, NDArray[np.uint64]]:
    """Return some columns of the rows of an array, and a hash of each row.

    Equal values of any dtype have the same hash. It is the sum of their bits, as
    float32, times fixed random odd numbers, modulo 2**64: a multilinear hash
    (Dietzfelbinger, 1996).
    """
    size = math.prod(a.shape[1:])
    rng = np.random.default_rng(0)
    factors = rng.integers(2**63, size=size, dtype=np.uint64) * 2 + 1
    some = rng.permutation(size)[:_COLUMNS]
    small = a.dtype if a.dtype.itemsize < 4 else np.float32
    columns = np.empty((len(a), len(some)), small)
    hashes = np.empty(len(a), np.uint64)
    step = max(1, _CHUNK_BYTES // (8 * size))
    with np.errstate(over="ignore"):  # of float64; the network's check says it
        for start in range(0, len(a), step):
            part = np.arange(start, min(start + step, len(a)))
            # Adding zero makes -0.0 and 0.0, which are equal, the same bits.
            values = read_rows(a, part).astype(np.float32) + np.float32(0)
            values = values.reshape(len(part), size)
            columns[part] = values[:, some]
            hashes[part] = values.view(np.uint32) @ factors
    return columns, hashes
