"""First weights of a layer, drawn by name."""

import math

import numpy as np
from scipy import special

from .._utils.lookup import look_up

__all__ = ["INITIALIZERS", "fill", "initialize"]


def _uniform(shape, rng, dtype, deviation):
    limit = dtype.type(math.sqrt(3) * deviation)
    return (2 * rng.random(shape, dtype=dtype) - 1) * limit


def _truncated_normal(shape, rng, dtype, deviation):
    """Draw from the normal distribution between -2 and 2, by its inverse."""
    beyond = special.ndtr(-2)
    z = special.ndtri(beyond + (1 - 2 * beyond) * rng.random(shape))
    return (z * (deviation / 0.87962566103423978)).astype(dtype)  # that of z


def _variance_scaling(scale, fan, distribution):
    """Draw with variance ``scale / fan``, fan in, out or the mean of both."""

    def draw(shape, rng, dtype, groups):
        taps = math.prod(shape[:-2])  # 1 for a dense kernel
        fans = {"in": taps * shape[-2], "out": taps * shape[-1] // groups}
        fans["average"] = (fans["in"] + fans["out"]) / 2
        return distribution(shape, rng, dtype, math.sqrt(scale / fans[fan]))

    return draw


def _orthogonal(shape, rng, dtype, groups):
    """Draw orthonormal columns, or rows where there are fewer of them."""
    rows, columns = math.prod(shape[:-1]), shape[-1] // groups
    size = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((groups, *size)))
    # QR alone prefers some signs: with these, all orthogonal matrices are as likely.
    q *= np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    if rows < columns:
        q = q.transpose(0, 2, 1)
    return q.transpose(1, 0, 2).reshape(shape).astype(dtype)


INITIALIZERS = {
    "zeros": lambda shape, rng, dtype, groups: np.zeros(shape, dtype),
    "glorot_normal": _variance_scaling(1, "average", _truncated_normal),
    "glorot_uniform": _variance_scaling(1, "average", _uniform),
    "he_normal": _variance_scaling(2, "in", _truncated_normal),
    "he_uniform": _variance_scaling(2, "in", _uniform),
    "lecun_normal": _variance_scaling(1, "in", _truncated_normal),
    "lecun_uniform": _variance_scaling(1, "in", _uniform),
    "orthogonal": _orthogonal,
}
"""Name -> ``(shape, rng, dtype, groups) -> ndarray``.

``glorot_...``
    Variance ``2 / (fan in + fan out)``: signals and gradients alike keep their variance
    from layer to layer (Glorot & Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", 2010).
``he_...``
    Variance ``2 / fan in``: signals keep theirs although ReLU takes half of it away (He
    et al., "Delving deep into rectifiers", 2015).
``lecun_...``
    Variance ``1 / fan in``: signals alone (LeCun et al., "Efficient backprop", 1998).
``orthogonal``
    The kernel as a matrix ``(taps * channels, filters)`` has orthonormal columns, or
    rows where these are fewer, which keeps lengths and not only their mean (Saxe et
    al., "Exact solutions to the nonlinear dynamics of learning", 2014).
``zeros``
    For units that see different things: others would all learn the same.

``..._normal`` is cut off at two deviations and scaled up to the variance again, as in
Keras; ``..._uniform`` goes up to ``sqrt(3 variance)``. A fan counts taps times channels
*of one group*, what a unit sees (Keras counts all filters in the fan out of grouped
convolutions, and all channels in the fan in of depthwise ones).
"""


def initialize(
    initializer, shape, rng, dtype, *, groups=1, argument="kernel_initializer"
):
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
        Into how many groups, that do not see each other, ``fan_out`` falls;
        ``fan_in`` is that of one.
    argument : str, default="kernel_initializer"
        What an error calls `initializer`.

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
    if blank := getattr(rng, "blank", None):  # who asks for shapes alone
        return blank(shape, np.dtype(dtype))
    return draw(shape, rng, np.dtype(dtype), groups)


def fill(value, shape, rng, dtype):
    """Return an array of weights that are all `value` at first; see `initialize`."""
    if blank := getattr(rng, "blank", None):
        return blank(shape, np.dtype(dtype))
    return np.full(shape, value, dtype)


class Blank(np.random.Generator):
    """A generator for who wants the shapes of weights alone (see `initialize`).

    Parameters
    ----------
    budget : float, default=inf
        How many weights there may be: a file may ask for more than fit in memory.
    """

    def __init__(self, budget=math.inf):
        super().__init__(np.random.PCG64(0))
        self.budget = budget

    def blank(self, shape, dtype):
        """Return zeros that take no memory."""
        self.budget -= math.prod(shape)
        if self.budget < 0:
            raise ValueError("its layers have more weights than the file holds")
        return np.broadcast_to(dtype.type(0), shape)
