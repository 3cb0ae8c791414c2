"""The ops, with their types: what editors and mypy read."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Array: TypeAlias = NDArray[Any]
_Shape: TypeAlias = tuple[int, ...]
_Pair: TypeAlias = int | tuple[int, int]
_Padding: TypeAlias = (
    Literal["valid", "same"] | _Pair | tuple[tuple[int, int], tuple[int, int]]
)
_Activation: TypeAlias = str | None
_LossAndGradient: TypeAlias = tuple[float, _Array]

# Geometry

class Window(NamedTuple):
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    output: tuple[int, int]

def pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]: ...
def positive_int(value: Any, name: str) -> int: ...
def window(
    image_size: tuple[int, int],
    size: _Pair,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    size_name: str = "kernel_size",
) -> Window: ...
def pool_window(
    image_size: tuple[int, int],
    pool_size: _Pair,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> Window: ...

# Activations

class ActivationFunction(NamedTuple):
    apply: Callable[[_Array, _Array], _Array]
    gradient: Callable[[_Array, _Array], _Array]
    keeps: str

ACTIVATIONS: dict[str, ActivationFunction]

def find_activation(name: _Activation) -> ActivationFunction: ...
def activate(
    z: _Array, activation: _Activation, *, out: _Array | None = None
) -> _Array: ...
def activate_grad(dy: _Array, kept: _Array, activation: _Activation) -> _Array: ...

# Convolution

def conv2d(
    x: _Array,
    kernel: _Array,
    bias: _Array | None = None,
    scale: _Array | None = None,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    groups: int = 1,
    activation: _Activation = None,
) -> _Array: ...
def conv2d_grad_kernel(
    dz: _Array,
    x: _Array,
    kernel_shape: _Shape,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    groups: int = 1,
) -> _Array: ...
def conv2d_grad_input(
    dz: _Array,
    kernel: _Array,
    input_shape: _Shape,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    groups: int = 1,
) -> _Array: ...
def conv2d_backward(
    dy: _Array,
    kept: _Array,
    x: _Array,
    kernel: _Array,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    groups: int = 1,
    activation: _Activation = None,
    need_dx: bool = True,
) -> tuple[_Array | None, _Array, _Array]: ...
def conv_forward(
    A_prev: _Array,
    W: _Array,
    b: _Array,
    activation: Callable[[_Array], _Array] | _Activation = None,
    padding: _Padding = "same",
    stride: _Pair = (1, 1),
) -> _Array: ...
def conv_backward(
    dZ: _Array,
    A_prev: _Array,
    W: _Array,
    b: _Array,
    padding: _Padding = "same",
    stride: _Pair = (1, 1),
) -> tuple[_Array, _Array, _Array]: ...

# Dense layers

def dense(
    x: _Array,
    kernel: _Array,
    bias: _Array | None = None,
    *,
    activation: _Activation = None,
) -> _Array: ...
def dense_grad_kernel(dz: _Array, x: _Array) -> _Array: ...
def dense_grad_input(dz: _Array, kernel: _Array) -> _Array: ...
def dense_backward(
    dy: _Array,
    kept: _Array,
    x: _Array,
    kernel: _Array,
    *,
    activation: _Activation = None,
    need_dx: bool = True,
) -> tuple[_Array | None, _Array, _Array]: ...
def grad_bias(dz: _Array) -> _Array: ...

# Pooling

def max_pool2d(
    x: _Array,
    pool_size: _Pair = 2,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> _Array: ...
def max_pool2d_with_argmax(
    x: _Array,
    pool_size: _Pair = 2,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> tuple[_Array, _Array]: ...
def max_pool2d_grad(
    dy: _Array,
    argmax: _Array,
    input_shape: _Shape,
    pool_size: _Pair = 2,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> _Array: ...
def avg_pool2d(
    x: _Array,
    pool_size: _Pair = 2,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> _Array: ...
def avg_pool2d_grad(
    dy: _Array,
    input_shape: _Shape,
    pool_size: _Pair = 2,
    *,
    stride: _Pair | None = None,
    padding: _Padding = "valid",
) -> _Array: ...
def global_avg_pool2d(x: _Array) -> _Array: ...
def global_avg_pool2d_grad(dy: _Array, input_shape: _Shape) -> _Array: ...
def global_max_pool2d(x: _Array) -> _Array: ...
def global_max_pool2d_with_argmax(x: _Array) -> tuple[_Array, _Array]: ...
def global_max_pool2d_grad(
    dy: _Array, argmax: _Array, input_shape: _Shape
) -> _Array: ...

# Minibatches, losses and steps

def gather(
    x: _Array,
    rows: slice | _Array,
    dtype: np.dtype[Any],
    scale: float = 1,
) -> _Array: ...
def softmax_cross_entropy(
    logits: _Array,
    codes: _Array,
    weight: _Array | None = None,
    smoothing: float = 0.0,
) -> _LossAndGradient: ...
def sigmoid_cross_entropy(
    logits: _Array,
    targets: _Array,
    weight: _Array | None = None,
    smoothing: float = 0.0,
) -> _LossAndGradient: ...
def squared_error(
    outputs: _Array, targets: _Array, weight: _Array | None = None
) -> _LossAndGradient: ...
def huber(
    outputs: _Array,
    targets: _Array,
    weight: _Array | None = None,
    delta: float = 1.0,
) -> _LossAndGradient: ...
def poisson(
    outputs: _Array, targets: _Array, weight: _Array | None = None
) -> _LossAndGradient: ...
def adam_step(
    parameters: _Array,
    gradient: _Array,
    moment_1: _Array,
    moment_2: _Array,
    *,
    step: int,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    decay: _Array | None = None,
) -> None: ...
def sgd_step(
    parameters: _Array,
    gradient: _Array,
    velocity: _Array,
    *,
    learning_rate: float,
    momentum: float = 0.9,
    nesterov: bool = True,
    decay: _Array | None = None,
) -> None: ...

# Which twins run

compiled: ModuleType | None

def available() -> list[str]: ...
def in_use() -> str: ...
def use(name: str) -> None: ...
def batch_norm_backward(
    dy: _Array,
    kept: _Array,
    x: _Array,
    mean: _Array,
    inverse: _Array,
    scale: _Array,
    *,
    activation: _Activation | None = None,
    need_dx: bool = True,
) -> tuple[_Array | None, _Array, _Array]: ...
def channel_moments(
    x: _Array,
) -> tuple[_Array, _Array]: ...
def conv2d_max_pool2d(
    x: _Array,
    kernel: _Array,
    bias: _Array | None = None,
    scale: _Array | None = None,
    *,
    stride: _Pair = 1,
    padding: _Padding = "valid",
    dilation: _Pair = 1,
    groups: int = 1,
    activation: _Activation | None = None,
    pool_size: _Pair = 2,
    pool_stride: _Pair | None = None,
    pool_padding: _Padding = "valid",
) -> _Array: ...
def layer_norm(
    x: _Array,
    gamma: _Array | None = None,
    beta: _Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    epsilon: float = 0.001,
) -> _Array: ...
def layer_norm_backward(
    dy: _Array,
    normalized: _Array,
    inverse: _Array,
    gamma: _Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    need_dx: bool = True,
) -> tuple[_Array | None, _Array, _Array]: ...
def layer_norm_with_statistics(
    x: _Array,
    gamma: _Array | None = None,
    beta: _Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    epsilon: float = 0.001,
) -> tuple[_Array, _Array, _Array]: ...
def normalize(
    x: _Array,
    mean: _Array,
    scale: _Array,
    shift: _Array,
    *,
    activation: _Activation | None = None,
) -> _Array: ...
def prelu(
    z: _Array,
    alpha: _Array,
) -> _Array: ...
def prelu_backward(
    dy: _Array,
    z: _Array,
    alpha: _Array,
    *,
    need_dz: bool = True,
) -> tuple[_Array | None, _Array]: ...
