"""First weights of a layer, drawn by name."""

import math

import numpy as np

from .lookup import look_up

__all__ = ["INITIALIZERS", "initialize"]


def _variance_scaling(scale, fan, distribution):
    """Draw with variance ``scale / fan``, fan in, out or the mean of both."""

    def draw(shape, rng, dtype):
        taps = math.prod(shape[:-2])  # 1 for a dense kernel
        fans = {"in": taps * shape[-2], "out": taps * shape[-1]}
        fans["average"] = (fans["in"] + fans["out"]) / 2
        deviation = math.sqrt(scale / fans[fan])
        if distribution == "normal":
            return rng.standard_normal(shape, dtype=dtype) * dtype.type(deviation)
        limit = dtype.type(math.sqrt(3) * deviation)
        return (2 * rng.random(shape, dtype=dtype) - 1) * limit

    return draw


INITIALIZERS = {
    "zeros": lambda shape, rng, dtype: np.zeros(shape, dtype),
    "glorot_normal": _variance_scaling(1, "average", "normal"),
    "glorot_uniform": _variance_scaling(1, "average", "uniform"),
    "he_normal": _variance_scaling(2, "in", "normal"),
    "he_uniform": _variance_scaling(2, "in", "uniform"),
    "lecun_normal": _variance_scaling(1, "in", "normal"),
    "lecun_uniform": _variance_scaling(1, "in", "uniform"),
}
"""Name -> ``(shape, rng, dtype) -> ndarray``. Glorot & Bengio 2010 keep the variance of
signals and gradients alike across layers; He et al. 2015 allow for the half that a ReLU
takes away; LeCun et al. 1998 look at the signal alone."""


def initialize(initializer, shape, rng, dtype):
    """Draw an array of weights.

    Parameters
    ----------
    initializer : str
        A name in `INITIALIZERS`.
    shape : tuple of int
        Of a kernel ``(..., fan_in, fan_out)``; leading sizes are taps.
    rng : numpy.random.Generator
    dtype : numpy.dtype or type

    Returns
    -------
    weights : ndarray of shape `shape`

    Raises
    ------
    ValueError
        If there is no such initializer.
    """
    draw = look_up(INITIALIZERS, initializer, "kernel_initializer")
    if blank := getattr(rng, "blank", None):  # who asks for shapes alone
        return blank(shape, np.dtype(dtype))
    return draw(shape, rng, np.dtype(dtype))
