"""Types of what layers take and return."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from numpy.typing import NDArray

if TYPE_CHECKING:
    from .layer import Layer

__all__ = [
    "Array",
    "Batches",
    "Chain",
    "Margins",
    "Margins1D",
    "Padding",
    "Padding1D",
    "Pair",
    "Shape",
    "Weights",
]

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
# Name -> array; of a layer that contains layers, name -> weights of that layer.
Weights: TypeAlias = dict[str, Any]
# Layers that follow each other, each with its name.
Chain: TypeAlias = "list[tuple[str, Layer]]"
# Each call returns (x, sample_weight or None) of all the training data, in pieces.
Batches: TypeAlias = Callable[[], Iterable[tuple[Array, Array | None]]]
Pair: TypeAlias = int | tuple[int, int]
Margins: TypeAlias = Pair | tuple[tuple[int, int], tuple[int, int]]
Margins1D: TypeAlias = int | tuple[int, int]
Padding: TypeAlias = Literal["valid", "same"] | Margins
Padding1D: TypeAlias = Literal["valid", "same", "causal"] | int | tuple[int, int]
