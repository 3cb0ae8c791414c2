"""The parts of a training step besides layers and loss: a minibatch, and the update."""

import numpy as np

from ._arguments import floats, number, numbers
from ._types import Array, DType
from .dispatch import run
from .geometry import positive_int
from .reference.dtypes import flush_denormals
from .reference.training import sgd_step

__all__ = ["adam_step", "flush_denormals", "gather", "sgd_step"]


def gather(x: Array, rows: slice | Array, dtype: DType) -> Array:
    """Take rows of an array as a minibatch, in another dtype.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
        Of any numeric dtype; it may be a memory map.
    rows : slice or ndarray of int
        With values from 0 to n - 1.
    dtype : numpy.dtype
        Of floats.

    Returns
    -------
    batch : ndarray of shape (len(rows), ...)
        C-contiguous; it may be a part of x.

    Raises
    ------
    ValueError
        If `rows` are not indices of rows of x.
    TypeError
        If x is not an array of real numbers, or the dtype is not of floats.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> images = np.array([[0, 255], [51, 102], [153, 0]], np.uint8)
    >>> ops.gather(images, np.array([2, 0]), np.dtype("float32"))
    array([[153.,   0.],
           [  0., 255.]], dtype=float32)
    """
    x, dtype = numbers("x", x), np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"dtype must be of floats, got {dtype}; convert the result")
    if not x.ndim:
        raise ValueError("x must have rows, got a single number")
    return run("gather", (), x, rows, dtype)


def adam_step(
    parameters: Array,
    gradient: Array,
    moment_1: Array,
    moment_2: Array,
    *,
    step: int,
    learning_rate: float,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    decay: Array | None = None,
) -> None:
    """Take a step of Adam, in place on the parameters and both moments.

    Parameters
    ----------
    parameters, gradient, moment_1, moment_2 : ndarray of shape (p,)
        Three of them are updated and must not overlap; the gradient may.
    step : int
        1 for the first step.
    learning_rate : float
    beta_1, beta_2 : float
        The part of each moment that remains after a step.
    epsilon : float
    decay : ndarray of shape (p,), optional
        Decoupled weight decay: each parameter first shrinks by
        ``learning_rate * decay`` of itself.

    Raises
    ------
    ValueError
        If arrays differ in length, or those that are updated share memory or are
        read-only; or if a number is out of its range.
    TypeError
        If an array is none, or one that is updated is not of floats.

    Notes
    -----
    Kingma & Ba, "Adam: a method for stochastic optimization", 2015, in the order of
    the end of its section 2; the decay after Loshchilov & Hutter 2019.
    """
    gradient, decay = floats(("gradient", "decay?"), gradient, decay)
    step = min(positive_int(step, "step"), 2**62)  # a float's power takes no larger one
    learning_rate = number("learning_rate", learning_rate)
    beta_1, beta_2 = number("beta_1", beta_1, 1), number("beta_2", beta_2, 1)
    rate = learning_rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    rates = learning_rate, rate, beta_1, beta_2, number("epsilon", epsilon)
    arrays = parameters, moment_1, moment_2
    run("adam_step", (gradient, decay), arrays, rates, step)
