"""Samples as often as their weights say, in an order of their contents.

Minibatches are drawn from that order. So a fit depends on which samples there are, not
on where they lie in X, and a sample of weight 3 is the same as three equal samples.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lazy import read_rows
from .samples import Samples

__all__ = ["as_counts", "repeat_by_weight", "sort_by_content", "weigh"]

_Array = NDArray[Any]

# Whole numbers are counts, unless an epoch became longer than by this factor.
_MOST = 10
# Columns of X that samples are sorted by at most, before hashes of all.
_COLUMNS = 32
# Bytes of X that are read at a time.
_CHUNK_BYTES = 2**19


def repeat_by_weight(samples: Samples) -> Samples:
    """Return samples as often as their weights say, if these are counts.

    Weights that are all whole numbers, with a sum of at most ten times their number,
    are counts. Others multiply the loss, as those of pixels do.
    """
    counts = as_counts(samples.sample_weight)
    if counts is None:
        return samples
    which = np.repeat(np.arange(len(samples)), counts)
    return replace(samples.part(which), sample_weight=None)


def as_counts(sample_weight: _Array | None) -> NDArray[np.intp] | None:
    """Return how often each sample is there, or None if weights do not say it."""
    if sample_weight is None or sample_weight.ndim > 1:
        return None
    most = _MOST * len(sample_weight)
    if sample_weight.max() > most or sample_weight.sum() > most:
        return None
    counts = sample_weight.astype(np.intp)
    return counts if (sample_weight == counts).all() else None


def weigh(
    samples: Samples,
    factors: _Array | None,
    dtype: np.dtype[Any],
    *,
    normalize: bool,
) -> Samples:
    """Return samples with the weights that they have in the training loss.

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


def sort_by_content(samples: Samples) -> Samples:
    """Return samples in an order that follows from their contents.

    They are sorted by the values of some columns of X, so that X on another scale has
    the same order; those in which these are equal by hashes of all they have.
    """
    columns = _some_columns(samples.X)
    rows = samples.rows_of(np.arange(len(samples)))
    keys = [
        lambda which: [columns[rows[which], 0]],  # is often enough
        lambda which: [*columns[rows[which], 1:].T],
        lambda which: _hashes(samples, which),
    ]
    return samples.part(_sort(len(samples), keys))


def _sort(n: int, keys: list[Callable[[_Array], list[_Array]]]) -> NDArray[np.intp]:
    """Return the order of n samples by keys, of which each decides where others tie.

    Parameters
    ----------
    n : int
    keys : list of callable ``(which) -> list of ndarray``
        Return keys of some samples, those that count more before the others.
    """
    order = np.arange(n)
    ties = np.arange(n) > 0  # with the one before
    for keys_of in keys:
        tied = np.flatnonzero(ties | np.append(ties[1:], False))
        if not len(tied):
            break
        runs = np.cumsum(~ties)[tied]
        found = [runs, *keys_of(order[tied])]
        by_key = np.lexsort(found[::-1])
        order[tied] = order[tied][by_key]
        ties[tied[1:]] = True
        for key in found:
            ties[tied[1:]] &= key[by_key[1:]] == key[by_key[:-1]]
    return order


def _some_columns(X: _Array) -> _Array:
    """Return the values of some columns of X, (n, k)."""
    size = math.prod(X.shape[1:])
    some = np.unique(np.random.default_rng(0).integers(size, size=_COLUMNS))
    np.random.default_rng(1).shuffle(some)
    columns = np.empty(
        (len(X), len(some)), X.dtype if X.dtype.itemsize < 4 else np.float32
    )
    with np.errstate(over="ignore"):  # the network's check says it
        for part in _parts(np.arange(len(X)), size):
            columns[part] = read_rows(X, part).reshape(len(part), size)[:, some]
    return columns


def _hashes(samples: Samples, which: _Array) -> list[_Array]:
    """Return hashes of what some samples have: X, targets, and weights."""
    found = [_hash_rows(samples.X, samples.rows_of(which))]
    for array in (samples.targets, samples.sample_weight):
        if isinstance(array, np.ndarray):
            found.append(_hash_rows(array, which))
    return found


def _hash_rows(a: _Array, rows: _Array) -> NDArray[np.uint64]:
    """Return a number for some rows, the same for equal values of any dtype.

    It is the sum of the values' bits, as float64, times fixed random odd numbers,
    modulo 2**64: a multilinear hash (Dietzfelbinger, 1996).
    """
    size = math.prod(a.shape[1:])
    factors = np.random.default_rng(0).integers(2**63, size=size, dtype=np.uint64)
    factors = 2 * factors + 1
    hashes = np.empty(len(rows), np.uint64)
    for part in _parts(np.arange(len(rows)), size):
        # Adding zero makes -0.0 and 0.0, which are equal, the same bits.
        values = read_rows(a, rows[part]).astype(np.float64) + 0.0
        hashes[part] = values.reshape(len(part), size).view(np.uint64) @ factors
    return hashes


def _parts(rows: _Array, size: int) -> Iterator[_Array]:
    """Yield parts of some rows of a size, so that not all of them are read at once."""
    step = max(1, _CHUNK_BYTES // (8 * size))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
