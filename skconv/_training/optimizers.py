"""Optimizers, which hold moments and never weights."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .orthogonal import orthogonalize

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Muon",
    "Optimizer",
    "clip_by_norm",
    "make_optimizer",
]

_Array = NDArray[Any]

# Gradients that are squared at a time: their float64 copies stay in cache.
_NORM_LENGTH = 2**14

_FLUSH_EVERY = 32  # steps

# With this root mean square of a Muon step, learning rates are as for Adam.
_MUON_SIZE = 0.2


Parts = Sequence[tuple[slice, float]]


class Optimizer:
    """A step counter and rows of moments; a subclass defines a step, `_update`.

    Attributes
    ----------
    n_moments : int
        How many moments there are of each parameter.
    parts : sequence of (slice, float)
        Parts of the parameters, and what the learning rate is multiplied by there.
    """

    n_moments: ClassVar[int]

    def __init__(
        self,
        like: _Array,
        decay: _Array | None,
        state: tuple[int, _Array] | None,
        parts: Parts | None = None,
    ) -> None:
        shape = self.n_moments, len(like)
        self.decay = decay
        self.parts = [(slice(0, len(like)), 1.0)] if parts is None else parts
        self.steps, self.moments = state or (0, np.zeros(shape, like.dtype))
        if self.moments.shape != shape:
            raise ValueError(
                f"state must hold moments of shape {shape} for {type(self).__name__}, "
                f"got {self.moments.shape}: it is another optimizer's or network's"
            )

    @property
    def state(self) -> tuple[int, _Array]:
        """Steps and moments, with which another optimizer can continue."""
        return self.steps, self.moments

    def step(self, parameters: _Array, gradient: _Array, learning_rate: float) -> None:
        """Update `parameters` in place."""
        self.steps += 1
        arrays = parameters, gradient, *self.moments
        for part, multiplier in self.parts:
            self._update(part, arrays, learning_rate * multiplier)

    def _update(
        self, part: slice, arrays: Sequence[_Array], learning_rate: float
    ) -> None:
        """Update a part of the parameters; `arrays` are those, gradient and moments."""
        raise NotImplementedError

    def _cut(
        self, part: slice, arrays: Sequence[_Array]
    ) -> tuple[list[_Array], _Array | None]:
        """Return a part of arrays, and of the decay."""
        decay = None if self.decay is None else self.decay[part]
        return [array[part] for array in arrays], decay


class Adam(Optimizer):
    """Adam with decoupled weight decay (see `skconv.ops.adam_step`).

    Parameters
    ----------
    like : ndarray of shape (p,)
        Parameters, whose length and dtype the moments get.
    beta_1, beta_2, epsilon : float
    decay : ndarray of shape (p,) or None
        Strength of each parameter's decay.
    state : tuple, optional
        `state` of the optimizer to continue; its moments are updated in place.
    parts : sequence of (slice, float), optional
        See `Optimizer`; by default one of all parameters, with 1.0.

    Raises
    ------
    ValueError
        If `state` belongs to an optimizer of another class or length.
    """

    n_moments = 2

    def __init__(
        self,
        like: _Array,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        decay: _Array | None = None,
        state: tuple[int, _Array] | None = None,
        parts: Parts | None = None,
    ) -> None:
        super().__init__(like, decay, state, parts)
        # A Python float takes the arrays' dtype; NumPy's would make them float64.
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)
        self.epsilon = float(epsilon)

    def _update(
        self, part: slice, arrays: Sequence[_Array], learning_rate: float
    ) -> None:
        own, decay = self._cut(part, arrays)
        ops.adam_step(
            *own,
            learning_rate=learning_rate,
            step=self.steps,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            decay=decay,
        )


class SGD(Optimizer):
    """Gradient descent with momentum and decoupled decay (see `skconv.ops.sgd_step`).

    Parameters
    ----------
    like : ndarray of shape (p,)
        Parameters, whose length and dtype the velocity gets.
    momentum : float, default=0.9
    nesterov : bool, default=True
    decay, state, parts
        As in `Adam`.

    Raises
    ------
    ValueError
        If `state` belongs to an optimizer of another class or length.
    """

    n_moments = 1

    def __init__(
        self,
        like: _Array,
        *,
        momentum: float = 0.9,
        nesterov: bool = True,
        decay: _Array | None = None,
        state: tuple[int, _Array] | None = None,
        parts: Parts | None = None,
    ) -> None:
        super().__init__(like, decay, state, parts)
        self.momentum, self.nesterov = float(momentum), nesterov

    def _update(
        self, part: slice, arrays: Sequence[_Array], learning_rate: float
    ) -> None:
        own, decay = self._cut(part, arrays)
        ops.sgd_step(
            *own,
            learning_rate=learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            decay=decay,
        )
        # The velocity of a weight without a gradient shrinks; a search takes time.
        if self.steps % _FLUSH_EVERY == 0:
            ops.flush_denormals(own[-1])


class Muon(Adam):
    """Momentum whose steps are made orthogonal for kernels; Adam for all else.

    Parameters
    ----------
    like : ndarray of shape (p,)
        As in `Adam`.
    matrices : sequence of (slice, (rows, columns)), default=()
        Where kernels are among the parameters, and their shapes as matrices; see
        `Network.matrices`. All others are updated by Adam.
    momentum : float, default=0.9
    nesterov : bool, default=True
    beta_1, beta_2, epsilon, decay, state, parts
        As in `Adam`.

    Notes
    -----
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. A
    gradient changes a kernel mostly in a few directions, as some singular values are
    much larger than others. An orthogonal step changes it in all directions alike.

    A step is scaled to a root mean square of 0.2, a typical one of Adam's (Liu et al.,
    "Muon is scalable for LLM training", 2025), so that one learning rate serves both.
    The first moment of a kernel is its velocity; the second is not used.
    """

    def __init__(
        self,
        like: _Array,
        *,
        matrices: Sequence[tuple[slice, tuple[int, int]]] = (),
        momentum: float = 0.9,
        nesterov: bool = True,
        **arguments: Any,
    ) -> None:
        super().__init__(like, **arguments)
        self.momentum, self.nesterov = float(momentum), nesterov
        # Part by part: where kernels are in it, and where all else is.
        self.inside = [
            [each for each in matrices if part.start <= each[0].start < part.stop]
            for part, _ in self.parts
        ]
        self.others = [
            list(_gaps([each for each, _ in inside], part))
            for inside, (part, _) in zip(self.inside, self.parts, strict=True)
        ]

    def step(self, parameters: _Array, gradient: _Array, learning_rate: float) -> None:
        self.steps += 1
        arrays = parameters, gradient, *self.moments
        plan = zip(self.parts, self.inside, self.others, strict=True)
        for (_, multiplier), matrices, others in plan:
            rate = learning_rate * multiplier
            for part in others:
                self._update(part, arrays, rate)
            for part, shape in matrices:
                self._update_matrix(part, shape, arrays, rate)

    def _update_matrix(
        self,
        part: slice,
        shape: tuple[int, int],
        arrays: Sequence[_Array],
        learning_rate: float,
    ) -> None:
        (w, gradient, velocity, _), decay = self._cut(part, arrays)
        velocity *= self.momentum
        velocity += gradient
        move = velocity
        if self.nesterov:
            move = self.momentum * velocity
            move += gradient
        if decay is not None:
            w *= 1 - learning_rate * decay
        size = learning_rate * _MUON_SIZE * math.sqrt(max(shape))
        w -= orthogonalize(move.reshape(shape), size).ravel()
        if self.steps % _FLUSH_EVERY == 0:
            ops.flush_denormals(velocity)


def _gaps(parts: list[slice], whole: slice) -> Iterator[slice]:
    """Yield what lies between parts of a slice, which are in order."""
    ends = [whole.start, *(part.stop for part in parts)]
    starts = [*(part.start for part in parts), whole.stop]
    for start, stop in zip(ends, starts, strict=True):
        if start < stop:
            yield slice(start, stop)


OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "sgd": SGD, "muon": Muon}
"""Solver -> its optimizer."""

# Solver -> its optimizer's arguments and the parameters that they come from.
_OF_ADAM = {"beta_1": "beta_1", "beta_2": "beta_2", "epsilon": "epsilon"}
_OF_SGD = {"momentum": "momentum", "nesterov": "nesterovs_momentum"}
_ARGUMENTS = {"adam": _OF_ADAM, "sgd": _OF_SGD, "muon": {**_OF_ADAM, **_OF_SGD}}


def make_optimizer(
    params: Any, network: Any, state: tuple[int, _Array] | None = None
) -> Optimizer:
    """Return the optimizer of a network that an estimator's parameters ask for.

    Parameters
    ----------
    params : estimator
    network : Network
    state : (int, ndarray), optional
        `state` of the optimizer to continue.
    """
    arguments = {
        name: getattr(params, p) for name, p in _ARGUMENTS[params.solver].items()
    }
    if params.solver == "muon":
        arguments["matrices"] = network.matrices()
    if params.learning_rate_multipliers:
        arguments["parts"] = network.parts(params.learning_rate_multipliers)
    decay = network.decayed(params.alpha) if params.alpha else None
    return OPTIMIZERS[params.solver](
        network.parameters, decay=decay, state=state, **arguments
    )


def clip_by_norm(gradient: _Array, max_norm: float) -> float:
    """Scale a gradient in place so that its Euclidean norm is at most `max_norm`.

    Parameters
    ----------
    gradient : ndarray of shape (p,)
    max_norm : float

    Returns
    -------
    norm : float
        Before the scaling, summed in float64 and in an order that does not depend on
        the number of threads.

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
