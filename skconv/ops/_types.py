"""Types that the ops' signatures share."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = int | Sequence[int]
Padding: TypeAlias = (
    Literal["valid", "same", "causal"] | int | Sequence[int] | Sequence[Sequence[int]]
)
Activation: TypeAlias = str | None
LossAndGradient: TypeAlias = tuple[float, Array]
DType: TypeAlias = np.dtype[Any]
