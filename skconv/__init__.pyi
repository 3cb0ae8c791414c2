"""The estimators and the network, with their types: what editors and mypy read.

At run time the estimators' parameters are merged from two signatures, which no type
checker can see, so the public names are declared here once more; tests/test_types.py
holds these files against the package.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
)

from . import layers as layers
from . import ops as ops
from . import zoo as zoo
from .layers import Layer

__version__: str

_Array: TypeAlias = NDArray[Any]
_Floats: TypeAlias = NDArray[np.floating[Any]]
_Named: TypeAlias = tuple[str, Layer | Literal["passthrough"]]
_Layers: TypeAlias = Sequence[Layer | Literal["passthrough"] | _Named]
_Pair: TypeAlias = int | tuple[int, int]
_Shape: TypeAlias = tuple[int, int] | tuple[int, int, int]
_Recipe: TypeAlias = Callable[[_Array, np.random.Generator], _Array]
_Entry: TypeAlias = _Recipe | Literal["passthrough"]
_Recipes: TypeAlias = _Recipe | Sequence[_Entry | tuple[str, _Entry]]
_Schedule: TypeAlias = (
    Literal["constant", "invscaling", "adaptive", "cosine", "one_cycle"]
    | Callable[[int], float]
)
_Scoring: TypeAlias = str | Callable[[Any, Any, Any], float]

class Network:
    layers: list[tuple[str, Layer]]
    input_shape: tuple[int, ...]
    shapes: list[tuple[int, ...]]
    values: _Floats
    parameters: _Floats
    state: _Floats
    weights: dict[str, Any]
    arrays: dict[str, _Floats]
    def __init__(
        self,
        layers: list[tuple[str, Layer]],
        input_shape: tuple[int, ...],
        shapes: list[tuple[int, ...]],
        layout: dict[str, Any],
        n_parameters: int,
        values: _Floats,
    ) -> None: ...
    @classmethod
    def build(
        cls,
        layers: Sequence[Layer | tuple[str, Layer]],
        input_shape: tuple[int, ...],
        rng: np.random.Generator | int,
        dtype: DTypeLike = "float32",
    ) -> Network: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[np.floating[Any]]: ...
    def decayed(self, strength: float) -> _Floats: ...
    def copy(self) -> Network: ...
    def adapt(
        self, batches: Callable[[], Iterator[tuple[_Array, _Array | None]]]
    ) -> None: ...
    def predict(self, x: _Array, upto: str | None = None) -> _Floats: ...
    def loss_and_gradient(
        self,
        x: _Array,
        targets: _Array,
        weight: _Array | None,
        loss: Callable[[_Floats, _Array, _Array | None], tuple[float, _Floats]],
        rng: np.random.Generator,
    ) -> tuple[float, _Floats]: ...

class _BaseConvNet(TransformerMixin, BaseEstimator):
    network_: Network
    input_shape_: tuple[int, int, int]
    n_features_in_: int
    n_iter_: int
    loss_curve_: list[float]
    loss_: float
    best_loss_: float | None
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self: ...
    def predict(self, X: ArrayLike) -> _Array: ...
    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float: ...
    def transform(self, X: ArrayLike, layer: str | None = None) -> _Floats: ...
    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> _Array: ...
    def summary(
        self, *, batch_size: int | None = None, n_outputs: int | None = None
    ) -> Any: ...
    def get_weights(self) -> list[_Floats]: ...
    def set_weights(self, weights: Sequence[ArrayLike]) -> Self: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class ConvNetClassifier(ClassifierMixin, _BaseConvNet):
    classes_: _Array
    def __init__(
        self,
        layers: _Layers | None = None,
        *,
        input_shape: _Shape | None = None,
        filters: Sequence[int] = (32, 64),
        kernel_size: _Pair = 3,
        stride: _Pair = 1,
        pool_size: _Pair = 2,
        hidden_layer_sizes: Sequence[int] = (128,),
        activation: str = "relu",
        solver: Literal["adam", "sgd"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: _Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        warmup_steps: float = 0,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: _Scoring | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        clip_norm: float | None = None,
        augment: _Recipes | None = None,
        transform_layer: str | None = None,
        dtype: Literal["float32", "float64"] = "float32",
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        label_smoothing: float = 0.0,
    ) -> None: ...
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self: ...
    def decision_function(self, X: ArrayLike) -> _Floats: ...
    def predict_proba(self, X: ArrayLike) -> _Floats: ...
    def predict_log_proba(self, X: ArrayLike) -> _Floats: ...

class ConvNetRegressor(RegressorMixin, _BaseConvNet):
    def __init__(
        self,
        layers: _Layers | None = None,
        *,
        input_shape: _Shape | None = None,
        filters: Sequence[int] = (32, 64),
        kernel_size: _Pair = 3,
        stride: _Pair = 1,
        pool_size: _Pair = 2,
        hidden_layer_sizes: Sequence[int] = (128,),
        activation: str = "relu",
        solver: Literal["adam", "sgd"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: _Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        warmup_steps: float = 0,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: _Scoring | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        clip_norm: float | None = None,
        augment: _Recipes | None = None,
        transform_layer: str | None = None,
        dtype: Literal["float32", "float64"] = "float32",
        loss: Literal["squared_error", "huber", "poisson"] = "squared_error",
    ) -> None: ...
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self: ...

def show_versions() -> None: ...

_Model: TypeAlias = ConvNetClassifier | ConvNetRegressor
_Path: TypeAlias = str | PathLike[str]
_Class = TypeVar("_Class", bound=type)

def save_model(model: _Model, path: _Path) -> None: ...
def load_model(path: _Path) -> _Model: ...
def register_layer(
    cls: _Class, *, onnx: Callable[..., str] | None = None
) -> _Class: ...
def trusted_types() -> list[str]: ...
def to_torch(model: _Model, keys: Iterable[str] | None = None) -> dict[str, _Array]: ...
def from_torch(model: _Model, state: Mapping[str, ArrayLike]) -> _Model: ...
def to_onnx(model: BaseEstimator, *, image: bool = False) -> Any: ...
def register_with_skl2onnx() -> None: ...

__all__ = [
    "ConvNetClassifier",
    "ConvNetRegressor",
    "Network",
    "__version__",
    "from_torch",
    "layers",
    "load_model",
    "ops",
    "register_layer",
    "register_with_skl2onnx",
    "save_model",
    "show_versions",
    "to_onnx",
    "to_torch",
    "trusted_types",
    "zoo",
]
