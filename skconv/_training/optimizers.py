"""Optimizers: they keep moments, never weights."""

import math
from typing import ClassVar

import numpy as np

from .. import ops

__all__ = ["OPTIMIZERS", "SGD", "Adam", "clip_by_norm"]

# Gradients that are squared at a time: their float64 copies stay in cache.
_NORM_LENGTH = 2**14

_FLUSH_EVERY = 32  # steps


class _Optimizer:
    """A step counter and rows of moments; a subclass says what a step does to them."""

    n_moments: ClassVar[int]

    def __init__(self, like, decay, state):
        shape = self.n_moments, len(like)
        self.decay = decay
        self.steps, self.moments = state or (0, np.zeros(shape, like.dtype))
        if self.moments.shape != shape:
            raise ValueError(
                f"state must hold moments of shape {shape} for {type(self).__name__}, "
                f"got {self.moments.shape}: it is another optimizer's or network's"
            )

    @property
    def state(self):
        """What another optimizer needs to go on: (steps, moments)."""
        return self.steps, self.moments

    def step(self, parameters, gradient, learning_rate):
        """Update `parameters` in place."""
        self.steps += 1
        self._update(
            parameters,
            gradient,
            *self.moments,
            learning_rate=learning_rate,
            decay=self.decay,
        )


class Adam(_Optimizer):
    """Adam with decoupled weight decay (see `skconv.ops.adam_step`).

    Parameters
    ----------
    like : ndarray of shape (p,)
        Parameters: the moments get their length and dtype.
    beta_1, beta_2, epsilon : float
    decay : ndarray of shape (p,) or None
        How strongly each parameter decays.
    state : tuple, optional
        `state` of the optimizer to go on from; its moments are updated in place.

    Raises
    ------
    ValueError
        If `state` is of an optimizer of another kind or length.
    """

    n_moments = 2

    def __init__(
        self, like, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=None, state=None
    ):
        super().__init__(like, decay, state)
        # Python's floats take on the arrays' dtype; NumPy's would make them float64.
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon = float(epsilon)

    def _update(self, *arrays, **rates):
        ops.adam_step(
            *arrays,
            step=self.steps,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            **rates,
        )


class SGD(_Optimizer):
    """Gradient descent with momentum and decoupled decay (see `skconv.ops.sgd_step`).

    Parameters
    ----------
    like : ndarray of shape (p,)
        Parameters: the velocity gets their length and dtype.
    momentum : float, default=0.9
    nesterov : bool, default=True
    decay, state
        As in `Adam`.

    Raises
    ------
    ValueError
        If `state` is of an optimizer of another kind or length.
    """

    n_moments = 1

    def __init__(self, like, *, momentum=0.9, nesterov=True, decay=None, state=None):
        super().__init__(like, decay, state)
        self.momentum, self.nesterov = float(momentum), nesterov

    def _update(self, *arrays, **rates):
        ops.sgd_step(*arrays, momentum=self.momentum, nesterov=self.nesterov, **rates)
        # The velocity of a weight without a gradient shrinks; a search takes time.
        if self.steps % _FLUSH_EVERY == 0:
            ops.flush_denormals(self.moments)


OPTIMIZERS = {"adam": Adam, "sgd": SGD}
"""Solver -> its optimizer."""


def clip_by_norm(gradient, max_norm):
    """Scale a gradient in place so that its Euclidean norm is at most `max_norm`.

    Parameters
    ----------
    gradient : ndarray of shape (p,)
    max_norm : float

    Returns
    -------
    norm : float
        Before the scaling, summed in float64 and in one order whatever the number of
        threads.

    Notes
    -----
    Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural
    networks", 2013, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv._training.optimizers import clip_by_norm
    >>> gradient = np.array([3.0, 4.0])
    >>> clip_by_norm(gradient, 1.0)
    5.0
    >>> gradient
    array([0.6, 0.8])
    """
    total = 0.0
    for start in range(0, len(gradient), _NORM_LENGTH):
        part = gradient[start : start + _NORM_LENGTH]
        total += float(np.square(part, dtype=np.float64).sum())
    norm = math.sqrt(total)
    if norm > max_norm:
        gradient *= float(max_norm) / norm
    return norm
