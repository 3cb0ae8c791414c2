"""Losses by name: how far outputs are from targets, and in which direction."""

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

from .. import ops

__all__ = ["Loss", "find_loss"]

Loss: TypeAlias = Callable[
    [NDArray[Any], NDArray[Any], NDArray[Any] | None], tuple[float, NDArray[Any]]
]
"""``(outputs, targets, sample_weight) -> (value, d_outputs)``."""


def find_loss(name: str, **options: float) -> Loss:
    """Return the loss that an encoder of targets names.

    Parameters
    ----------
    name : str
        Of an op, see `TargetEncoder.loss_name`.
    **options : float
        Further arguments of the op.

    Returns
    -------
    loss : callable ``(outputs, targets, sample_weight) -> (value, d_outputs)``
    """

    def loss(
        outputs: NDArray[Any], targets: NDArray[Any], sample_weight: NDArray[Any] | None
    ) -> tuple[float, NDArray[Any]]:
        # The op is looked up at each call: it may be replaced by a compiled twin.
        return getattr(ops, name)(outputs, targets, sample_weight, **options)

    return loss
