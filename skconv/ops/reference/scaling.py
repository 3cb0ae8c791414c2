"""Ops with weights that scale each value: layer normalization and PReLU."""

import numpy as np

__all__ = [
    "layer_norm",
    "layer_norm_backward",
    "layer_norm_with_statistics",
    "prelu",
    "prelu_backward",
]


def layer_norm(x, gamma=None, beta=None, *, axis=(-1,), epsilon=1e-3):
    """Give values that belong together mean 0 and variance 1, then scale and shift.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
    gamma, beta : ndarray, optional
        Go with a sample, ``x[0]``, by broadcasting.
    axis : tuple of int, default=(-1,)
        Along which values belong together; not along the samples, axis 0.
    epsilon : float, default=1e-3
        Added to the variance.

    Returns
    -------
    y : ndarray, like x
        ``(x - mean) / sqrt(variance + epsilon) * gamma + beta``.

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


def layer_norm_with_statistics(x, gamma=None, beta=None, *, axis=(-1,), epsilon=1e-3):
    """As `layer_norm`, and what its gradient needs.

    Returns
    -------
    y : ndarray, like x
    normalized : ndarray, like x
        ``(x - mean) * inverse``.
    inverse : ndarray, like x, but of length 1 along `axis`
        ``1 / sqrt(variance + epsilon)``.
    """
    centred = x - x.mean(axis, keepdims=True)
    variance = (centred * centred).mean(axis, keepdims=True)
    inverse = 1 / np.sqrt(variance + epsilon)
    normalized = centred * inverse
    y = normalized if gamma is None else normalized * gamma
    return (y if beta is None else y + beta), normalized, inverse


def layer_norm_backward(
    dy, normalized, inverse, gamma=None, *, axis=(-1,), need_dx=True
):
    """All gradients of `layer_norm`.

    Parameters
    ----------
    dy : ndarray, like x
    normalized, inverse : ndarray
        From `layer_norm_with_statistics`.
    gamma, axis
        As they were there.
    need_dx : bool, default=True

    Returns
    -------
    dx : ndarray, like x, or None
        With ``d = dy * gamma`` and ``z`` the normalized values: ``inverse * (d -
        mean(d) - z * mean(d * z))``. Of what moves ``d`` asks for, neither a shift nor
        a scaling of all values together would be seen: the chain rule through mean
        and variance takes these two away.
    dgamma, dbeta : ndarray of shape (1, ...)
        ``dy * z`` and ``dy``, summed over all axes but `axis`, which are of length 1.
    """
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


def prelu(z, alpha):
    """Parametric ReLU: ``z`` where it is above 0, else ``alpha * z``.

    Parameters
    ----------
    z : ndarray of shape (n, ...)
    alpha : ndarray
        Goes with a sample, ``z[0]``, by broadcasting.

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
    return np.where(z > 0, z, alpha * z)


def prelu_backward(dy, z, alpha, *, need_dz=True):
    """Both gradients of `prelu`, equations 9 to 11 there.

    Parameters
    ----------
    dy : ndarray, like z
    z, alpha : ndarray
        As they were in `prelu`.
    need_dz : bool, default=True

    Returns
    -------
    dz : ndarray, like z, or None
        ``dy`` where ``z`` is above 0, else ``alpha * dy``.
    dalpha : ndarray, like alpha
        ``dy * min(z, 0)``, summed over all values that an alpha is for.
    """
    dalpha = (dy * np.minimum(z, 0)).sum(0)
    shared = tuple(i for i, size in enumerate(alpha.shape) if size == 1)
    dz = np.where(z > 0, dy, alpha * dy) if need_dz else None
    return dz, dalpha.sum(shared, keepdims=True)
