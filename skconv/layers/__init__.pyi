"""The layers, with their types: what editors and mypy read."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_Array: TypeAlias = NDArray[Any]
_Weights: TypeAlias = dict[str, Any]  # of arrays; nested in layers that hold layers
_Shape: TypeAlias = tuple[int, ...]
_Pair: TypeAlias = int | tuple[int, int]
_Padding: TypeAlias = (
    Literal["valid", "same"] | _Pair | tuple[tuple[int, int], tuple[int, int]]
)
_Padding1D: TypeAlias = Literal["valid", "same", "causal"] | int | tuple[int, int]

class Layer(BaseEstimator):
    state: ClassVar[tuple[str, ...]]
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
    def adapt(
        self,
        weights: _Weights,
        batches: Callable[[], Iterator[tuple[_Array, _Array | None]]],
    ) -> None: ...
    def inner_layers(self) -> list[tuple[str, Layer]]: ...
    def input_gradient(self, weights: _Weights, x: _Array, dy: _Array) -> _Array: ...
    def multiply_adds(self, input_shape: _Shape, output_shape: _Shape) -> int: ...
    def penalty(self, weights: _Weights) -> tuple[float, _Weights]: ...
    def fuse(
        self, before: Layer, weights_before: _Weights, weights: _Weights
    ) -> tuple[Layer, _Weights] | None: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class Activation(Layer):
    activation: str | None
    def __init__(
        self,
        activation: str | None,
    ) -> None: ...

class AvgPool1D(Layer):
    pool_size: int
    stride: int | None
    padding: _Padding1D
    def __init__(
        self,
        pool_size: int = 2,
        *,
        stride: int | None = None,
        padding: _Padding1D = "valid",
    ) -> None: ...

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

class BatchNorm(Layer):
    momentum: float
    epsilon: float
    center: bool
    scale: bool
    activation: str | None
    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 0.001,
        *,
        center: bool = True,
        scale: bool = True,
        activation: str | None = None,
    ) -> None: ...

class Branches(Layer):
    layers: Sequence[Any]
    def __init__(
        self,
        layers: Sequence[Any],
    ) -> None: ...

class Conv1D(Layer):
    filters: int
    kernel_size: int
    stride: int
    padding: _Padding1D
    dilation: int
    groups: int
    activation: str | None
    use_bias: bool
    kernel_initializer: str
    kernel_l1: float
    kernel_l2: float
    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        padding: _Padding1D = "same",
        dilation: int = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
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
    kernel_l1: float
    kernel_l2: float
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
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
    ) -> None: ...

class Dense(Layer):
    units: int
    activation: str | None
    use_bias: bool
    kernel_initializer: str
    kernel_l1: float
    kernel_l2: float
    def __init__(
        self,
        units: int,
        activation: str | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        kernel_l1: float = 0.0,
        kernel_l2: float = 0.0,
    ) -> None: ...

class DepthwiseConv2D(Layer):
    kernel_size: _Pair
    stride: _Pair
    padding: _Padding
    dilation: _Pair
    depth_multiplier: int
    activation: str | None
    use_bias: bool
    depthwise_initializer: str
    def __init__(
        self,
        kernel_size: _Pair = 3,
        *,
        stride: _Pair = 1,
        padding: _Padding = "same",
        dilation: _Pair = 1,
        depth_multiplier: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: str = "glorot_uniform",
    ) -> None: ...

class Dropout(Layer):
    rate: float
    def __init__(
        self,
        rate: float,
    ) -> None: ...

class Flatten(Layer): ...
class GlobalAvgPool1D(Layer): ...
class GlobalAvgPool2D(Layer): ...
class GlobalMaxPool1D(Layer): ...
class GlobalMaxPool2D(Layer): ...

class LayerNorm(Layer):
    axis: int | tuple[int, ...]
    epsilon: float
    center: bool
    scale: bool
    def __init__(
        self,
        axis: int | tuple[int, ...] = -1,
        *,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
    ) -> None: ...

class MaxPool1D(Layer):
    pool_size: int
    stride: int | None
    padding: _Padding1D
    def __init__(
        self,
        pool_size: int = 2,
        *,
        stride: int | None = None,
        padding: _Padding1D = "valid",
    ) -> None: ...

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

class Normalization(Layer): ...

class PReLU(Layer):
    shared_axes: int | tuple[int, ...] | None
    initial_alpha: float
    def __init__(
        self,
        shared_axes: int | tuple[int, ...] | None = None,
        *,
        initial_alpha: float = 0.25,
    ) -> None: ...

class Rescaling(Layer):
    scale: float
    offset: float
    def __init__(
        self,
        scale: float,
        offset: float = 0.0,
    ) -> None: ...

class SeparableConv2D(Layer):
    filters: int
    kernel_size: _Pair
    stride: _Pair
    padding: _Padding
    dilation: _Pair
    depth_multiplier: int
    activation: str | None
    use_bias: bool
    depthwise_initializer: str
    pointwise_initializer: str
    def __init__(
        self,
        filters: int,
        kernel_size: _Pair = 3,
        *,
        stride: _Pair = 1,
        padding: _Padding = "same",
        dilation: _Pair = 1,
        depth_multiplier: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        depthwise_initializer: str = "glorot_uniform",
        pointwise_initializer: str = "glorot_uniform",
    ) -> None: ...

class Sequential(Layer):
    layers: Sequence[Any]
    def __init__(
        self,
        layers: Sequence[Any],
    ) -> None: ...

class SpatialDropout1D(Dropout): ...
class SpatialDropout2D(Dropout): ...

class Residual(Sequential):
    layers: Sequence[Any]
    shortcut: Any
    activation: str | None
    def __init__(
        self,
        layers: Sequence[Any],
        shortcut: Any = None,
        *,
        activation: str | None = None,
    ) -> None: ...

__all__ = [
    "Activation",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Normalization",
    "PReLU",
    "Rescaling",
    "Residual",
    "SeparableConv2D",
    "Sequential",
    "SpatialDropout1D",
    "SpatialDropout2D",
]
