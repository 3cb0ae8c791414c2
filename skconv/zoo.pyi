"""The networks, with their types: what editors and mypy read."""

from collections.abc import Sequence
from typing import TypeAlias

from .layers import Layer

_Layers: TypeAlias = list[tuple[str, Layer]]

def lenet5() -> _Layers: ...
def keras_mnist(rate: float = 0.5) -> _Layers: ...
def all_cnn(width: int = 96) -> _Layers: ...
def resnet(
    filters: Sequence[int] = (32, 64, 128),
    blocks: int = 1,
    pool_size: int | tuple[int, int] = 2,
) -> _Layers: ...
def compact(filters: Sequence[int] = (32, 64, 64, 128, 128)) -> _Layers: ...
def signal_fcn(
    filters: Sequence[int] = (128, 256, 128),
    kernel_sizes: Sequence[int] = (8, 5, 3),
) -> _Layers: ...

__all__ = [
    "all_cnn",
    "compact",
    "keras_mnist",
    "lenet5",
    "resnet",
    "signal_fcn",
]
