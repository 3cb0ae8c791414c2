"""Losses by name: how far outputs are from targets, and in which direction."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .._data.encoder import TargetEncoder
from .._data.samples import pixel_weight

__all__ = ["Loss", "find_loss", "loss_of", "with_class_factors"]

Loss: TypeAlias = Callable[
    [NDArray[Any], NDArray[Any], NDArray[Any] | None], tuple[float, NDArray[Any]]
]
"""``(outputs, targets, sample_weight) -> (value, d_outputs)``."""


def loss_of(encoder: TargetEncoder, **options: Any) -> Loss:
    """Return the loss of the targets of an encoder.

    Parameters
    ----------
    encoder : TargetEncoder
    **options : float
        Further arguments of the op, besides `TargetEncoder.loss_options`.
    """
    loss = find_loss(encoder.loss_name, **encoder.loss_options, **options)
    return _by_column(loss, encoder.column_sizes) if encoder.column_sizes else loss


def _by_column(loss: Loss, sizes: Sequence[int]) -> Loss:
    """Return the sum of a loss over several class columns.

    Targets are classes, (n, n_columns), or the probabilities of all columns' classes,
    (n, n_outputs). Outputs of the columns are side by side, as many as `sizes` says.
    """
    ends = np.cumsum(sizes)[:-1]

    def total(
        outputs: NDArray[Any], targets: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> tuple[float, NDArray[Any]]:
        are_classes = targets.dtype.kind in "iu"
        places = range(1, len(sizes)) if are_classes else ends
        parts = [
            loss(
                np.ascontiguousarray(logits),
                np.ascontiguousarray(each[:, 0] if are_classes else each),
                sample_weight,
            )
            for logits, each in zip(
                np.split(outputs, ends, axis=1),
                np.split(targets, places, axis=1),
                strict=True,
            )
        ]
        values, gradients = zip(*parts, strict=True)
        return float(sum(values)), np.concatenate(gradients, axis=1)

    return total


def find_loss(name: str, **options: Any) -> Loss:
    """Return the loss that an encoder of targets names.

    Parameters
    ----------
    name : str
        Of an op, see `TargetEncoder.loss_name`.
    **options
        Further arguments of the op.

    Returns
    -------
    loss : callable ``(outputs, targets, sample_weight) -> (value, d_outputs)``
        Of outputs that are images it is the mean over samples and pixels: each pixel is
        a sample to the op.
    """

    def loss(
        outputs: NDArray[Any], targets: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> tuple[float, NDArray[Any]]:
        # The op is looked up at each call: it may be replaced by a compiled twin.
        op = getattr(ops, name)
        if outputs.ndim < 3:
            return op(outputs, targets, sample_weight, **options)
        *pixels, k = outputs.shape
        has_channels = targets.ndim == outputs.ndim
        weight = None
        if sample_weight is not None:
            weight = pixel_weight(sample_weight, tuple(pixels)).ravel()
        value, doutputs = op(
            outputs.reshape(-1, k),
            targets.reshape((-1, k) if has_channels else -1),
            weight,
            **options,
        )
        return value, doutputs.reshape(outputs.shape)

    return loss


def with_class_factors(loss: Loss, factors: NDArray[Any]) -> Loss:
    """Return the loss of masks in which the pixels of each class have a factor.

    Parameters
    ----------
    loss : callable
        Of codes (n, h, w), or of probabilities (n, h, w, n_classes).
    factors : ndarray of shape (n_classes,)
    """

    def weighted(
        outputs: NDArray[Any], targets: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> tuple[float, NDArray[Any]]:
        of_class = factors.astype(outputs.dtype)
        if targets.ndim == outputs.ndim:
            return loss(outputs, targets * of_class, sample_weight)
        weight = of_class[targets]
        if sample_weight is not None:
            weight *= pixel_weight(sample_weight, weight.shape)
        return loss(outputs, targets, weight)

    return weighted
