"""Optimizers: they keep moments, never weights."""

import numpy as np

from . import ops

__all__ = ["Adam"]


class Adam:
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
    """

    def __init__(
        self, like, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=None, state=None
    ):
        # Python's floats take on the arrays' dtype; NumPy's would make them float64.
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon = float(epsilon)
        self.decay = decay
        self.steps, self.moments = state or (0, np.zeros((2, len(like)), like.dtype))

    @property
    def state(self):
        """What another optimizer needs to go on: (steps, moments)."""
        return self.steps, self.moments

    def step(self, parameters, gradient, learning_rate):
        """Update `parameters` in place."""
        self.steps += 1
        ops.adam_step(
            parameters,
            gradient,
            *self.moments,
            step=self.steps,
            learning_rate=learning_rate,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            decay=self.decay,
        )
