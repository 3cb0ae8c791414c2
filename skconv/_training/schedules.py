"""Schedules: the learning rate of each step."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any

from .._utils.lookup import did_you_mean

__all__ = ["SCHEDULES", "check_schedule", "learning_rate_at", "plan_learning_rate"]

# The part of one cycle that climbs; its first and last rate as parts of the largest.
_CLIMB, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25e4


def _half_cosine(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2


def _one_cycle(step: int, progress: float, power_t: float) -> float:
    if progress < _CLIMB:
        return _half_cosine(_FIRST, 1.0, progress / _CLIMB)
    return _half_cosine(1.0, _LAST, (progress - _CLIMB) / (1 - _CLIMB))


SCHEDULES: dict[str, Callable[[int, float, float], float]] = {
    "constant": lambda step, progress, power_t: 1.0,
    "invscaling": lambda step, progress, power_t: float(step) ** -power_t,
    "adaptive": lambda step, progress, power_t: 1.0,
    "cosine": lambda step, progress, power_t: _half_cosine(1.0, 0.0, progress),
    "one_cycle": _one_cycle,
}
"""Name -> ``(step, progress, power_t) -> factor`` of the initial learning rate, where
``step`` counts from 1 and ``progress`` is the part of all steps that is done. The
training loop knows the divisor of "adaptive", which depends on the losses."""


def check_schedule(schedule: Any) -> None:
    """Check that `schedule` is a callable or one of `SCHEDULES`.

    Raises
    ------
    ValueError
        If it is not; the message lists the names and suggests the nearest one.
    """
    if callable(schedule) or (isinstance(schedule, str) and schedule in SCHEDULES):
        return
    is_number = isinstance(schedule, Real) and not isinstance(schedule, bool)
    hint = (
        f"; for a constant rate, learning_rate_init={schedule!r}"
        if is_number
        else did_you_mean(schedule, SCHEDULES)
    )
    raise ValueError(
        f"learning_rate must be one of {', '.join(map(repr, SCHEDULES))} or a callable "
        f"of the step, got {schedule!r}{hint}"
    )


def plan_learning_rate(params: Any, total_steps: int) -> Callable[..., float]:
    """Return the schedule, ``(step, adaptive_factor=...) -> learning rate``.

    Parameters
    ----------
    params : estimator
    total_steps : int
        Number of steps, including those of earlier calls.
    """
    warmup = params.warmup_steps
    if not isinstance(warmup, Integral):
        warmup = round(warmup * total_steps)
    return partial(
        learning_rate_at,
        params.learning_rate,
        learning_rate_init=float(params.learning_rate_init),
        total_steps=total_steps,
        warmup_steps=warmup,
        power_t=params.power_t,
    )


def learning_rate_at(
    schedule: str | Callable[[int], float],
    step: int,
    *,
    learning_rate_init: float,
    total_steps: int,
    warmup_steps: int = 0,
    power_t: float = 0.5,
    adaptive_factor: float = 1.0,
) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    schedule : str or callable ``(step) -> learning rate``
        A name of `SCHEDULES`:

        - "constant": `learning_rate_init`;
        - "invscaling": ``learning_rate_init / (t + 1) ** power_t``, where ``t`` counts
          the steps before this one (scikit-learn's counts samples, and it waits for
          the end of an epoch);
        - "adaptive": `learning_rate_init`, divided by the loop when losses stall;
        - "cosine": half a cosine from `learning_rate_init` down to zero, which would
          be the rate of the step after the last;
        - "one_cycle": half a cosine from a 25th up to `learning_rate_init` in 30 % of
          the steps, and another one down to a 250,000th.

        A callable's rate is taken unchanged.
    step : int
        1 for the first step. After `total_steps`, schedules that depend on it keep the
        last step's rate.
    learning_rate_init : float
        The largest rate of all schedules but a callable.
    total_steps : int
        Number of steps, including those of the warm-up.
    warmup_steps : int, default=0
        Over these first steps the rate grows in proportion to the step. A schedule by
        name starts after them; a callable is called for each step, and what it returns
        is scaled.
    power_t : float, default=0.5
    adaptive_factor : float, default=1.0
        Factor by which the loop has slowed training down so far.

    Returns
    -------
    learning_rate : float

    Raises
    ------
    ValueError
        If a callable returns anything but a finite number >= 0. Names are not checked
        here, at each step: see `check_schedule`.

    Notes
    -----
    Cosine: Loshchilov & Hutter, "SGDR", 2017, without restarts. One cycle: Smith &
    Topin, "Super-convergence", 2018, with PyTorch's numbers. Warm-up: Goyal et al.,
    "Accurate, large minibatch SGD", 2017.

    Examples
    --------
    >>> from skconv._training.schedules import learning_rate_at
    >>> for step in 1, 2, 3, 7, 11:
    ...     rate = learning_rate_at(
    ...         "cosine", step, learning_rate_init=1, total_steps=10, warmup_steps=2
    ...     )
    ...     print(f"{rate:.3f}")
    0.500
    1.000
    1.000
    0.500
    0.038
    """
    ramp = min(1.0, step / warmup_steps) if warmup_steps else 1.0
    if callable(schedule):
        return ramp * adaptive_factor * _ask(schedule, step)
    total = max(1, total_steps - warmup_steps)
    after = max(1, step - warmup_steps)
    progress = (min(after, total) - 1) / total
    factor = SCHEDULES[schedule](after, progress, power_t)
    return float(ramp * adaptive_factor * learning_rate_init * factor)


def _ask(schedule: Callable[[int], float], step: int) -> float:
    try:
        rate = schedule(step)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"learning_rate must be a function of the step, a number, but "
            f"{schedule!r} raised, for step {step}: {error}"
        ) from error
    if not isinstance(rate, Real) or not (math.isfinite(rate) and rate >= 0):
        raise ValueError(
            "learning_rate, a callable, must return a finite number >= 0, got "
            f"{rate!r} for step {step}"
        )
    return float(rate)
