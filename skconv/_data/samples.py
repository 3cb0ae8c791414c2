"""Samples to train on or to validate with, as one value."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight

from .batches import chunk_size, gather, gather_exactly, predict_in_batches
from .encoder import TargetEncoder

__all__ = ["Samples", "check_sample_weight", "hold_out", "weigh"]

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
    targets : ndarray of shape (n, ...)
        As the loss takes them, one for each sample.
    sample_weight : ndarray of shape (n,) or None
    rows : ndarray of int of shape (n,) or None
        Where the samples are in X; None is all rows in their order.
    """

    X: _Array
    targets: _Array
    sample_weight: _Array | None = None
    rows: NDArray[np.intp] | None = None

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
        rows = which if self.rows is None else self.rows[which]
        weight = None if self.sample_weight is None else self.sample_weight[which]
        return gather(self.X, rows, network), self.targets[which], weight

    def part(self, which: NDArray[np.intp]) -> "Samples":
        """Return some samples, by their numbers, as `Samples` of the same X."""
        return Samples(
            self.X,
            self.targets[which],
            None if self.sample_weight is None else self.sample_weight[which],
            which if self.rows is None else self.rows[which],
        )

    def chunks(self, network: Any) -> Iterator[tuple[_Array, _Array | None]]:
        """Yield all samples as (x in float64, sample_weight), in the order of X."""
        order = self._order()
        size = max(1, chunk_size(network) // 8)  # float64 takes more, and so do moments
        for start in range(0, len(order), size):
            which = order[start : start + size]
            rows = which if self.rows is None else self.rows[which]
            weight = None if self.sample_weight is None else self.sample_weight[which]
            yield gather_exactly(self.X, rows, network), weight

    def some(self, count: int, network: Any) -> Iterator[_Array]:
        """Yield about `count` samples from all over X, as batches of one."""
        order = self._order()
        for i in order[:: math.ceil(len(order) / count)]:
            yield self.batch(np.array([i]), network)[0]

    def _order(self) -> NDArray[np.intp]:
        """Return the numbers of the samples in the order that X has them."""
        return np.arange(len(self)) if self.rows is None else np.argsort(self.rows)

    def predict(self, network: Any) -> NDArray[np.floating[Any]]:
        """Return the network's outputs, in the order of the samples."""
        return predict_in_batches(network, self.X, self.rows)


def check_sample_weight(
    sample_weight: ArrayLike | None,
    X: _Array,
    name: str = "sample_weight",
) -> NDArray[np.float64] | None:
    """Return weights as float64, or None where there are none.

    Raises
    ------
    ValueError
        If they are not one for each sample, negative, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    if not np.asarray(sample_weight).any():
        raise ValueError(
            f"{name} must be positive for at least one sample, got all zeros"
        )
    return _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


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
    if not weight.any() or not np.isfinite(weight).all():
        raise ValueError(
            f"sample_weight must lie in the range of {dtype}, got values up to "
            f"{np.max(given):g}; scale it to about 1"
        )
    return replace(samples, sample_weight=weight)


def hold_out(
    samples: Samples, encoder: TargetEncoder, fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split samples into those to train on and those to validate with.

    Samples of weight 0 are in neither part.

    Parameters
    ----------
    samples : Samples
    encoder : TargetEncoder
        Returns the classes that both parts must have.
    fraction : float
        Size of the second part.
    seed : int

    Returns
    -------
    train, held_out : ndarray of int
        Numbers of samples, see `Samples.part`.

    Raises
    ------
    ValueError
        If there are too few.
    """
    # Here, since importing it takes as long as all the rest.
    from sklearn.model_selection import train_test_split

    weight = samples.sample_weight
    which = np.arange(len(samples)) if weight is None else np.flatnonzero(weight)
    classes = encoder.stratify(samples.targets[which])
    try:
        train, held_out = train_test_split(
            which, test_size=fraction, stratify=classes, random_state=seed
        )
        if len(held_out) < 2:
            raise ValueError("the held-out samples are too few to validate with")
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True could not set aside validation_fraction={fraction} "
            f"of {len(which)} samples"
            f"{'' if classes is None else ', stratified by class'}: {error}. Fit more "
            "samples, change validation_fraction, pass X_val and y_val, or use "
            "early_stopping=False"
        ) from None
    return train, held_out
