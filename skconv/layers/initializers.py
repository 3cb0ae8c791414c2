"""Initial weights of a layer, drawn by name."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy import special

from .._utils.lookup import look_up
from .typing import Array, Shape

__all__ = ["INITIALIZERS", "fill", "initialize"]


def _uniform(
    shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any], deviation: float
) -> Array:
    limit = dtype.type(math.sqrt(3) * deviation)
    return (2 * rng.random(shape, dtype=dtype) - 1) * limit


def _truncated_normal(
    shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any], deviation: float
) -> Array:
    """Draw from the normal distribution between -2 and 2, by its inverse."""
    beyond = special.ndtr(-2)
    z = special.ndtri(beyond + (1 - 2 * beyond) * rng.random(shape))
    return (z * (deviation / 0.87962566103423978)).astype(dtype)  # z's deviation


def _variance_scaling(
    scale: float,
    fan: str,
    distribution: Callable[..., Array],
    shape: Shape,
    rng: np.random.Generator,
    dtype: np.dtype[Any],
    groups: int,
) -> Array:
    """Draw with variance ``scale / fan``, fan in or the mean of fan in and out."""
    taps = math.prod(shape[:-2])  # 1 for a dense kernel
    fan_in, fan_out = taps * shape[-2], taps * shape[-1] // groups
    fans = {"in": fan_in, "average": (fan_in + fan_out) / 2}
    return distribution(shape, rng, dtype, math.sqrt(scale / fans[fan]))


def _orthogonal(
    shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any], groups: int
) -> Array:
    """Draw orthonormal columns, or rows where there are fewer of them."""
    rows, columns = math.prod(shape[:-1]), shape[-1] // groups
    size = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((groups, *size)))
    # QR alone prefers some signs: with these, no orthogonal matrix is more likely.
    q *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    if rows < columns:
        q = q.transpose(0, 2, 1)
    return q.transpose(1, 0, 2).reshape(shape).astype(dtype)


INITIALIZERS: dict[str, Callable[..., Array]] = {
    "zeros": lambda shape, rng, dtype, groups: np.zeros(shape, dtype),
    "glorot_normal": partial(_variance_scaling, 1, "average", _truncated_normal),
    "glorot_uniform": partial(_variance_scaling, 1, "average", _uniform),
    "he_normal": partial(_variance_scaling, 2, "in", _truncated_normal),
    "he_uniform": partial(_variance_scaling, 2, "in", _uniform),
    "lecun_normal": partial(_variance_scaling, 1, "in", _truncated_normal),
    "lecun_uniform": partial(_variance_scaling, 1, "in", _uniform),
    "torch_uniform": partial(_variance_scaling, 1 / 3, "in", _uniform),
    "orthogonal": _orthogonal,
}
"""Name -> ``(shape, rng, dtype, groups) -> ndarray``.

``glorot_...``
    Variance ``2 / (fan in + fan out)``: both signals and gradients keep their variance
    from layer to layer (Glorot & Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", 2010).
``he_...``
    Variance ``2 / fan in``: signals keep their variance although ReLU halves it (He et
    al., "Delving deep into rectifiers", 2015).
``lecun_...``
    Variance ``1 / fan in``: signals keep their variance (LeCun et al., "Efficient
    backprop", 1998).
``torch_uniform``
    Variance ``1 / (3 fan in)``, between ``-1 / sqrt(fan in)`` and ``1 / sqrt(fan in)``:
    what PyTorch's layers draw. Outputs begin small, and so no class is preferred.
``orthogonal``
    The kernel as a matrix ``(taps * channels, filters)`` has orthonormal columns, or
    rows if there are fewer, which keeps lengths and not only their mean (Saxe et al.,
    "Exact solutions to the nonlinear dynamics of learning", 2014).
``zeros``
    For units with different inputs: others would all learn the same.

``..._normal`` is cut off at two deviations and scaled up to the variance again, as in
Keras; ``..._uniform`` reaches ``sqrt(3 variance)``. A fan counts taps times channels
*of one group*, the inputs of a unit (Keras counts all filters in the fan out of grouped
convolutions, and all channels in the fan in of depthwise ones).
"""


def initialize(
    initializer: str,
    shape: Shape,
    rng: np.random.Generator,
    dtype: DTypeLike,
    *,
    groups: int = 1,
    argument: str = "kernel_initializer",
) -> Array:
    """Draw an array of weights.

    Parameters
    ----------
    initializer : str
        A name in `INITIALIZERS`.
    shape : tuple of int
        Of a kernel ``(..., fan_in, fan_out)``; leading sizes are taps.
    rng : numpy.random.Generator
    dtype : numpy.dtype or type
    groups : int, default=1
        Number of groups that ``fan_out`` is divided into; ``fan_in`` is that of one.
    argument : str, default="kernel_initializer"
        Name of `initializer` in errors.

    Returns
    -------
    weights : ndarray of shape `shape`

    Raises
    ------
    ValueError
        If there is no such initializer.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers.initializers import initialize
    >>> kernel = initialize("he_normal", (3, 3, 64, 32), np.random.default_rng(0), "f4")
    >>> round(float(kernel.var() * 3 * 3 * 64), 1)  # variance * fan in
    2.0
    """
    draw = look_up(INITIALIZERS, initializer, argument)
    if isinstance(rng, Blank):
        return rng.blank(shape, np.dtype(dtype))
    return draw(shape, rng, np.dtype(dtype), groups)


def fill(
    value: float, shape: Shape, rng: np.random.Generator | None, dtype: DTypeLike
) -> Array:
    """Return an array of weights that are all `value` at first; see `initialize`."""
    if isinstance(rng, Blank):
        return rng.blank(shape, np.dtype(dtype))
    return np.full(shape, value, dtype)


class Blank(np.random.Generator):
    """A generator with which weights have shapes, but no values and take no memory.

    Parameters
    ----------
    budget : float, default=inf
        Upper limit on the number of weights: a file may describe more than fit in
        memory.
    bounds : Bounds, optional
        Of the costs of the network that is built.
    """

    def __init__(self, budget: float = math.inf, bounds: Any = None) -> None:
        super().__init__(np.random.PCG64(0))
        self.budget = budget
        self.bounds = bounds

    def blank(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        """Return zeros that take no memory.

        Raises
        ------
        ValueError
            If `budget` is exceeded.
        """
        self.budget -= math.prod(shape)
        if self.budget < 0:
            raise ValueError("its layers have more weights than the file holds")
        return np.broadcast_to(dtype.type(0), shape)
