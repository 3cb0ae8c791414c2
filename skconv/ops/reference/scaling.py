"""Ops with weights that scale each value: layer normalization and PReLU."""

import numpy as np

from .._arguments import check_shape, floats
from .._types import Array

__all__ = [
    "layer_norm",
    "layer_norm_backward",
    "layer_norm_with_statistics",
    "prelu",
    "prelu_backward",
]


def layer_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    epsilon: float = 1e-3,
) -> Array:
    """Return values with mean 0 and variance 1 along `axis`, scaled and shifted.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
    gamma, beta : ndarray, optional
        Broadcast to a sample, ``x[0]``.
    axis : tuple of int, default=(-1,)
        The axes that mean and variance are taken along; not axis 0, the samples.
    epsilon : float, default=1e-3
        Added to the variance.

    Returns
    -------
    y : ndarray, like x
        ``(x - mean) / sqrt(variance + epsilon) * gamma + beta``; NaN where the
        variance leaves the range of the dtype.

    Notes
    -----
    Ba, Kiros & Hinton, "Layer normalization", 2016, equations 3 and 4; `epsilon` and
    its place as in Keras.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> ops.layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]]), epsilon=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    return layer_norm_with_statistics(x, gamma, beta, axis=axis, epsilon=epsilon)[0]


def layer_norm_with_statistics(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    epsilon: float = 1e-3,
) -> tuple[Array, Array, Array]:
    """Return what `layer_norm` does, and what its gradient needs.

    Parameters
    ----------
    x, gamma, beta, axis, epsilon
        As in `layer_norm`.

    Returns
    -------
    y : ndarray, like x
    normalized : ndarray, like x
        ``(x - mean) * inverse``.
    inverse : ndarray, like x, but of length 1 along `axis`
        ``1 / sqrt(variance + epsilon)``.
    """
    x, gamma, beta = floats(("x", "gamma?", "beta?"), x, gamma, beta)
    axis = _checked_axis(axis, x.ndim)
    _check_sample(x, gamma=gamma, beta=beta)
    centred = x - x.mean(axis, keepdims=True)
    variance = (centred * centred).mean(axis, keepdims=True)
    inverse = 1 / np.sqrt(variance + epsilon)
    # A variance out of range must not make all samples the same.
    inverse[inverse == 0] = np.nan
    normalized = centred * inverse
    y = normalized if gamma is None else normalized * gamma
    return (y if beta is None else y + beta), normalized, inverse


def layer_norm_backward(
    dy: Array,
    normalized: Array,
    inverse: Array,
    gamma: Array | None = None,
    *,
    axis: tuple[int, ...] = (-1,),
    need_dx: bool = True,
) -> tuple[Array | None, Array, Array]:
    """Return all gradients of `layer_norm`.

    Parameters
    ----------
    dy : ndarray, like x
    normalized, inverse : ndarray
        From `layer_norm_with_statistics`.
    gamma, axis
        The same as there.
    need_dx : bool, default=True
        Whether to compute `dx`.

    Returns
    -------
    dx : ndarray, like x, or None
        With ``d = dy * gamma`` and ``z`` the normalized values: ``inverse * (d -
        mean(d) - z * mean(d * z))``. A shift or a scaling of all values together does
        not change the output: the chain rule through mean and variance removes these
        two parts of ``d``. None unless `need_dx`.
    dgamma, dbeta : ndarray of shape (1, ...)
        ``dy * z`` and ``dy``, summed over all axes but `axis`, which are of length 1.
    """
    names = "dy", "normalized", "inverse", "gamma?"
    dy, normalized, inverse, gamma = floats(names, dy, normalized, inverse, gamma)
    axis = _checked_axis(axis, dy.ndim)
    check_shape("normalized", normalized, dy.shape, "dy")
    _check_sample(dy, gamma=gamma, inverse=inverse)
    others = tuple(set(range(dy.ndim)) - {a % dy.ndim for a in axis})
    dgamma = (dy * normalized).sum(others, keepdims=True)
    dbeta = dy.sum(others, keepdims=True)
    if not need_dx:
        return None, dgamma, dbeta
    d = dy if gamma is None else dy * gamma
    dx = d - d.mean(axis, keepdims=True)
    dx -= normalized * (d * normalized).mean(axis, keepdims=True)
    dx *= inverse
    return dx, dgamma, dbeta


def prelu(z: Array, alpha: Array) -> Array:
    """Return the parametric ReLU: ``z`` where it is above 0, else ``alpha * z``.

    Parameters
    ----------
    z : ndarray of shape (n, ...)
    alpha : ndarray
        Broadcast to a sample, ``z[0]``.

    Returns
    -------
    y : ndarray, like z

    Notes
    -----
    He, Zhang, Ren & Sun, "Delving deep into rectifiers", 2015, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> ops.prelu(np.array([[-2.0, 2.0], [-4.0, 4.0]]), np.array([0.25, 0.5]))
    array([[-0.5,  2. ],
           [-1. ,  4. ]])
    """
    z, alpha = floats(("z", "alpha"), z, alpha)
    _check_sample(z, alpha=alpha)
    return np.where(z > 0, z, alpha * z)


def prelu_backward(
    dy: Array, z: Array, alpha: Array, *, need_dz: bool = True
) -> tuple[Array | None, Array]:
    """Return both gradients of `prelu`, by equations 9 to 11 there.

    Parameters
    ----------
    dy : ndarray, like z
    z, alpha : ndarray
        The same as in `prelu`.
    need_dz : bool, default=True
        Whether to compute `dz`.

    Returns
    -------
    dz : ndarray, like z, or None
        ``dy`` where ``z`` is above 0, else ``alpha * dy``; None unless `need_dz`.
    dalpha : ndarray, like alpha
        ``dy * min(z, 0)``, summed over all values that share an alpha.
    """
    dy, z, alpha = floats(("dy", "z", "alpha"), dy, z, alpha)
    check_shape("dy", dy, z.shape, "z")
    _check_sample(z, alpha=alpha)
    dalpha = (dy * np.minimum(z, 0)).sum(0)
    shared = tuple(i for i, size in enumerate(alpha.shape) if size == 1)
    dz = np.where(z > 0, dy, alpha * dy) if need_dz else None
    return dz, dalpha.sum(shared, keepdims=True)


def _checked_axis(axis, ndim):
    """Return axes as a tuple, as NumPy takes them."""
    axes = set(range(1 - ndim, 0)) | set(range(1, ndim))
    fits = isinstance(axis, tuple | list) and all(map(_is_int, axis))
    if not fits or {*axis} - axes or len({a % ndim for a in axis}) < len(axis):
        raise ValueError(
            f"axis must be different axes of {ndim}, as a tuple of ints, without the "
            f"axis of samples, got {axis!r}"
        )
    return tuple(axis)


def _is_int(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_sample(x, **arrays):
    """Raise ValueError unless arrays can be broadcast to x."""
    for name, array in arrays.items():
        try:
            fits = array is None or np.broadcast_shapes(array.shape, x.shape) == x.shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{name} must be like a sample, or 1 long where values share it, got "
                f"an array of shape {array.shape} for {x.shape}"
            )
