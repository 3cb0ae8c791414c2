"""Samples to train on or to validate with, as one value."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import as_numbers, check_finite
from .batches import chunk_size, gather, gather_exactly, predict_in_batches
from .encoder import TargetEncoder

__all__ = [
    "Samples",
    "check_sample_weight",
    "hold_out",
    "pixel_weight",
    "weight_of_samples",
]

_Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of X with their targets and weights.

    X is shared by all parts of it, and read batch by batch: it may be a memory map,
    and no more than a batch of it is ever copied.

    Attributes
    ----------
    X : array of shape (n_rows, ...)
        Of any numeric dtype.
    targets : ndarray of shape (n, ...), or what yields parts of it when indexed
        As the loss takes them, one for each sample.
    sample_weight : ndarray of shape (n,), (n, h, w) or None
        Of samples, or of their pixels.
    rows : ndarray of int of shape (n,) or None
        Where the samples are in X; None is all rows in their order.
    y : ndarray of shape (n, ...) or None
        The numbers that the targets were scaled from, for scores in their units.
    """

    X: _Array
    targets: Any
    sample_weight: _Array | None = None
    rows: NDArray[np.intp] | None = None
    y: _Array | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def batch(
        self, which: NDArray[np.intp], network: Any
    ) -> tuple[_Array, _Array, _Array | None]:
        """Return some samples as a network and its loss take them.

        Parameters
        ----------
        which : ndarray of int
            Their numbers, from 0 to ``len(self) - 1``.
        network : Network

        Returns
        -------
        x : ndarray of shape (len(which), *network.input_shape)
        targets : ndarray of shape (len(which), ...)
        sample_weight : ndarray of shape (len(which),) or None
        """
        weight = None if self.sample_weight is None else self.sample_weight[which]
        x = gather(self.X, self.rows_of(which), network)
        return x, self.targets[which], weight

    def rows_of(self, which: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where some samples, by their numbers, are in X."""
        return which if self.rows is None else self.rows[which]

    def part(self, which: NDArray[np.intp]) -> "Samples":
        """Return some samples, by their numbers, as `Samples` of the same X."""
        return Samples(
            self.X,
            self._part_of_targets(which),
            None if self.sample_weight is None else self.sample_weight[which],
            which if self.rows is None else self.rows[which],
            None if self.y is None else self.y[which],
        )

    def numbers(self) -> _Array:
        """Return what the targets were scaled from, or the targets."""
        read = getattr(self.targets, "read", lambda: self.targets)
        return read() if self.y is None else self.y

    def _part_of_targets(self, which: NDArray[np.intp]) -> Any:
        """Return some targets; those that are read when they are needed stay so."""
        part = getattr(self.targets, "part", self.targets.__getitem__)
        return part(which)

    def chunks(self, network: Any) -> Iterator[tuple[_Array, _Array | None]]:
        """Yield all samples as (x in float64, sample_weight), in their order."""
        order = np.arange(len(self))
        size = max(1, chunk_size(network) // 8)  # float64 takes more, and so do moments
        for start in range(0, len(order), size):
            which = order[start : start + size]
            weight = None
            if self.sample_weight is not None:
                weight = weight_of_samples(self.sample_weight[which])
            yield gather_exactly(self.X, self.rows_of(which), network), weight

    def some(self, count: int, network: Any) -> Iterator[_Array]:
        """Yield about `count` samples from all over X, as batches of one."""
        for i in range(0, len(self), math.ceil(len(self) / count)):
            yield gather(self.X, self.rows_of(np.array([i])), network)

    def predict(self, network: Any) -> NDArray[np.floating[Any]]:
        """Return the network's outputs, in the order of the samples."""
        return predict_in_batches(network, self.X, self.rows)


def check_sample_weight(
    sample_weight: ArrayLike | None,
    X: _Array,
    name: str = "sample_weight",
    pixels: tuple[int, ...] = (),
) -> NDArray[np.floating[Any]] | None:
    """Return weights as float64, or None where there are none.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), or (n, *pixels), or None
    X : ndarray of shape (n, ...)
    name : str, default="sample_weight"
    pixels : tuple of int, default=()
        Of targets that are images, their height and width: there may be a weight for
        each pixel, which is returned as float32.

    Raises
    ------
    ValueError, TypeError
        If they are not one number for each sample, or pixel, negative, not finite, or
        all zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(len(X), float(sample_weight))
    weight = as_numbers(sample_weight, name)
    by_pixel = bool(pixels) and weight.shape == (len(X), *pixels)
    if weight.shape != (len(X),) and not by_pixel:
        words = f", or for each pixel, {(len(X), *pixels)}" if pixels else ""
        raise ValueError(
            f"{name} must hold one number for each of the {len(X)} samples{words}, got "
            f"an array of shape {weight.shape}"
        )
    check_finite(weight, name)
    if weight.min() < 0:
        raise ValueError(f"{name} must be >= 0 for all samples, got {weight.min()}")
    if not weight.any():
        raise ValueError(
            f"{name} must be positive for at least one sample, got all zeros"
        )
    return weight.astype(np.float32 if by_pixel else np.float64)


def weight_of_samples(weight: _Array) -> _Array:
    """Return the weight of each sample: the mean of those of its pixels."""
    return weight.reshape(len(weight), -1).mean(axis=1)


def pixel_weight(weight: _Array, shape: tuple[int, ...]) -> _Array:
    """Return weights of samples or of pixels as those of pixels, (n, h, w).

    Parameters
    ----------
    weight : ndarray of shape (n,) or `shape`
    shape : tuple of int
        (n, h, w) or (n, length).
    """
    axes = (1,) * (len(shape) - weight.ndim)
    return np.broadcast_to(weight.reshape(*weight.shape, *axes), shape)


def hold_out(
    samples: Samples, encoder: TargetEncoder, fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split samples into those to train on and those to validate with.

    Samples of weight 0 are in neither part. Both parts have the classes in proportion,
    as far as their numbers allow; each class keeps a sample to train on.

    Parameters
    ----------
    samples : Samples
    encoder : TargetEncoder
        Returns the classes.
    fraction : float
        Size of the second part, which has at least one sample.
    seed : int

    Returns
    -------
    train, held_out : ndarray of int
        Numbers of samples in their order, see `Samples.part`.

    Raises
    ------
    ValueError
        If there is one sample only.
    """
    weight, rows = samples.sample_weight, samples.rows
    which = np.arange(len(samples))
    if rows is not None:  # one for each row: its repetitions go where it goes
        _, which = np.unique(rows, return_index=True)
        which.sort()
    if weight is not None:
        which = which[weight_of_samples(weight[which]) > 0]
    n = len(which)
    if n < 2:
        raise ValueError(
            "early_stopping=True needs a sample to train on and one to validate with, "
            f"got {n} sample with a weight. Fit more samples, pass X_val and y_val, or "
            "use early_stopping=False"
        )
    rng = np.random.default_rng(seed)
    wanted = min(max(1, math.ceil(fraction * n)), n - 1)
    classes = encoder.stratify(samples.part(which).targets)
    order = rng.permutation(n)
    if classes is None:
        chosen = order[:wanted]
    else:
        _, codes, sizes = np.unique(classes, return_inverse=True, return_counts=True)
        quotas = _share_out(wanted, sizes, rng)
        chosen = order[_rank(codes[order], sizes) < quotas[codes[order]]]
    held_out = np.zeros(n, bool)
    held_out[chosen] = True
    train, held_out = which[~held_out], which[held_out]
    if rows is None:
        return train, held_out
    is_held_out = np.isin(rows, rows[held_out])
    is_used = is_held_out | np.isin(rows, rows[train])
    return np.flatnonzero(is_used & ~is_held_out), np.flatnonzero(is_held_out)


def _share_out(
    wanted: int, sizes: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return how many samples of each class to hold out, given the classes' sizes.

    In proportion to the sizes, rounded by the largest remainders, drawn if they are
    equal.
    """
    spare = sizes - 1
    if not spare.any():
        warnings.warn(
            f"each of the {len(sizes)} classes has one sample only, and "
            f"early_stopping=True holds out {wanted} of them, whose classes are not "
            "trained. Fit more samples, or pass X_val and y_val",
            stacklevel=2,
        )
        spare = sizes
    wanted = min(wanted, int(spare.sum()))
    quotas = np.minimum(wanted * sizes / sizes.sum(), spare)
    shares = np.floor(quotas).astype(np.intp)
    while (missing := wanted - int(shares.sum())) > 0:
        remainders = np.where(shares < spare, quotas - shares, -np.inf)
        order = np.lexsort((rng.random(len(sizes)), -remainders))
        order = order[np.isfinite(remainders[order])]
        shares[order[:missing]] += 1
    return shares


def _rank(codes: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of each sample within its class, in the given order."""
    by_class = np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(codes), np.intp)
    rank[by_class] = np.arange(len(codes)) - np.repeat(starts, sizes)
    return rank
