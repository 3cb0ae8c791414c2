"""Signals with events, with the events' labels or positions."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

__all__ = ["EVENTS", "make_events"]

_Array = NDArray[Any]

# Event -> its course over time, which is about -1 to 1 where the event is.
EVENTS: dict[str, Callable[[_Array], _Array]] = {
    "burst": lambda time: np.cos(12 * time) * np.exp(-2 * time**2),
    "pulse": lambda time: np.exp(-4 * time**2),
    "step": lambda time: np.tanh(4 * time) * np.exp(-2 * time**2),
}


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "length": [Interval(Integral, 32, None, closed="left")],
        "n_channels": [Interval(Integral, 1, None, closed="left"), None],
        "noise": [Interval(Real, 0, None, closed="left")],
        "target": [StrOptions({"label", "position"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_events(
    n_samples: int = 100,
    *,
    length: int = 256,
    n_channels: int | None = None,
    noise: float = 0.2,
    target: str = "label",
    random_state: Any = None,
) -> tuple[NDArray[np.float32], _Array]:
    """Generate signals that have an event each: a burst, a pulse or a step.

    Place, duration and height of the event vary, and the signal drifts. A step goes up
    or down and returns slowly.

    Parameters
    ----------
    n_samples : int, default=100
    length : int, default=256
        Values of a signal, at least 32.
    n_channels : int, default=None
        None is one channel, without an axis of its own. In several channels the event
        has the same place and different heights.
    noise : float, default=0.2
        Standard deviation of the noise that is added to each value. Events have a
        height of 0.5 to 1.5 in at least one channel.
    target : {"label", "position"}, default="label"
        What y holds:

        - "label": "burst", "pulse" or "step", each for about a third of the signals;
        - "position": where the middle of the event is, from 0 to ``length - 1``.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same signals in every call.

    Returns
    -------
    X : ndarray of shape (n_samples, length) or (n_samples, length, n_channels)
        Of float32.
    y : ndarray of shape (n_samples,)

    See Also
    --------
    make_shapes : Images.

    Examples
    --------
    >>> from skconv.datasets import make_events
    >>> X, y = make_events(4, n_channels=2, random_state=0)
    >>> X.shape, y.tolist()
    ((4, 256, 2), ['burst', 'step', 'burst', 'pulse'])
    """
    rng = check_random_state(random_state)
    X = np.empty((n_samples, length, n_channels or 1), np.float32)
    labels, positions = [], []
    for signal in X:
        label, position = _fill(signal, noise, rng)
        labels.append(label)
        positions.append(position)
    y = np.array(labels if target == "label" else positions)
    return X if n_channels else X[..., 0], y


def _fill(
    signal: _Array, noise: float, rng: np.random.RandomState
) -> tuple[str, float]:
    """Write a signal; return the label and the position of its event."""
    length, channels = signal.shape
    label = str(rng.choice(list(EVENTS)))
    duration = rng.uniform(0.05, 0.12) * length
    position = rng.uniform(duration, length - 1 - duration)
    heights = rng.uniform(-1, 1, (channels,))
    heights *= rng.uniform(0.5, 1.5) / abs(heights).max()
    time = np.arange(length)
    event = EVENTS[label]((time - position) / duration)
    waves = 2 * np.pi * rng.uniform(0.5, 2, channels) * time[:, None] / length
    drift = 0.3 * np.sin(waves + rng.uniform(0, 2 * np.pi, channels))
    signal[:] = event[:, None] * heights + drift
    signal += noise * rng.standard_normal(signal.shape)
    return label, position
