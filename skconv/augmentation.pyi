"""The recipes, with their types: what editors and mypy read."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

_Images: TypeAlias = NDArray[Any]
_Range: TypeAlias = tuple[float, float]
_Call: TypeAlias = Callable[[_Images, np.random.Generator], _Images]
_Entry: TypeAlias = _Call | Literal["passthrough"]
_Recipes: TypeAlias = _Call | Sequence[_Entry | tuple[str, _Entry]]

class _Recipe(BaseEstimator):
    def __call__(self, x: _Images, rng: np.random.Generator) -> _Images: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class GaussianNoise(_Recipe):
    std: float
    def __init__(self, std: float) -> None: ...

class RandomAffine(_Recipe):
    degrees: float
    max_shift: float | _Range
    scale: _Range
    shear: float
    fill: float
    def __init__(
        self,
        degrees: float = 0.0,
        *,
        max_shift: float | _Range = 0.0,
        scale: _Range = (1.0, 1.0),
        shear: float = 0.0,
        fill: float = 0.0,
    ) -> None: ...

class RandomErasing(_Recipe):
    probability: float
    area: _Range
    ratio: _Range
    fill: float
    def __init__(
        self,
        probability: float = 0.5,
        *,
        area: _Range = (0.02, 0.33),
        ratio: _Range = (0.3, 3.3),
        fill: float = 0.0,
    ) -> None: ...

class RandomFlip(_Recipe):
    horizontal: bool
    vertical: bool
    def __init__(self, horizontal: bool = True, vertical: bool = False) -> None: ...

class RandomRotation(_Recipe):
    degrees: float
    fill: float
    def __init__(self, degrees: float, fill: float = 0.0) -> None: ...

class RandomShift(_Recipe):
    max_shift: int | tuple[int, int]
    fill: float
    def __init__(self, max_shift: int | tuple[int, int], fill: float = 0.0) -> None: ...

def augment(
    x: _Images,
    recipes: _Recipes,
    rng: np.random.Generator,
) -> _Images: ...
def name_recipes(recipes: _Recipes) -> list[tuple[str, _Call]]: ...
