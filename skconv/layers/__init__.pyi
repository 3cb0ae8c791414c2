"""The layers, with their types: what editors and mypy read."""

from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_Array: TypeAlias = NDArray[Any]
_Weights: TypeAlias = dict[str, _Array]
_Shape: TypeAlias = tuple[int, ...]
_Pair: TypeAlias = int | tuple[int, int]
_Padding: TypeAlias = (
    Literal["valid", "same"] | _Pair | tuple[tuple[int, int], tuple[int, int]]
)

class Layer(BaseEstimator):
    def build(
        self,
        input_shape: _Shape,
        rng: np.random.Generator,
        dtype: np.dtype[Any],
    ) -> tuple[_Weights, _Shape]: ...
    def predict(self, weights: _Weights, x: _Array) -> _Array: ...
    def forward(
        self, weights: _Weights, x: _Array, rng: np.random.Generator
    ) -> tuple[_Array, Any]: ...
    def backward(
        self, weights: _Weights, cache: Any, dy: _Array, need_dx: bool = True
    ) -> tuple[_Array | None, _Weights]: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class Activation(Layer):
    activation: str
    def __init__(self, activation: str) -> None: ...

class AvgPool2D(Layer):
    pool_size: _Pair
    stride: _Pair | None
    padding: _Padding
    def __init__(
        self,
        pool_size: _Pair = 2,
        *,
        stride: _Pair | None = None,
        padding: _Padding = "valid",
    ) -> None: ...

class Conv2D(Layer):
    filters: int
    kernel_size: _Pair
    stride: _Pair
    padding: _Padding
    dilation: _Pair
    groups: int
    activation: str | None
    use_bias: bool
    kernel_initializer: str
    def __init__(
        self,
        filters: int,
        kernel_size: _Pair = 3,
        *,
        stride: _Pair = 1,
        padding: _Padding = "same",
        dilation: _Pair = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
    ) -> None: ...

class Dense(Layer):
    units: int
    activation: str | None
    use_bias: bool
    kernel_initializer: str
    def __init__(
        self,
        units: int,
        activation: str | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
    ) -> None: ...

class Dropout(Layer):
    rate: float
    def __init__(self, rate: float) -> None: ...

class Flatten(Layer): ...
class GlobalAvgPool2D(Layer): ...
class GlobalMaxPool2D(Layer): ...

class MaxPool2D(Layer):
    pool_size: _Pair
    stride: _Pair | None
    padding: _Padding
    def __init__(
        self,
        pool_size: _Pair = 2,
        *,
        stride: _Pair | None = None,
        padding: _Padding = "valid",
    ) -> None: ...

__all__ = [
    "Activation",
    "AvgPool2D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "Layer",
    "MaxPool2D",
]
