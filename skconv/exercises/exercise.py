"""What an exercise consists of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Case", "Exercise", "Fault", "tenths"]


@dataclass(frozen=True)
class Case:
    """Arguments of a call, and words for them.

    Attributes
    ----------
    words : str
        For messages: "2 images 5 × 5 with 1 channel, kernel 3 × 3".
    arguments : dict
    sizes : dict of str to int
        What a sum may wrongly be divided or multiplied by, in words.
    judge : callable or None
        In place of a comparison: from what was returned to status and words.
    """

    words: str
    arguments: dict[str, Any]
    sizes: dict[str, int] = field(default_factory=dict)
    judge: Callable[[Any], tuple[str, str]] | None = None


@dataclass(frozen=True)
class Fault:
    """A common mistake, and what a function with it returns.

    Attributes
    ----------
    hint : str
        What is wrong and what to do; a sentence without a full stop.
    function : callable
        With the exercise's arguments, for each of its cases.
    """

    hint: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """A function to write.

    Attributes
    ----------
    name : str
    summary : str
    function : callable
        What it should do: the loops.
    returns : tuple of str
        Names of what it returns, in order.
    cases : callable ``() -> list of Case``
    faults : tuple of Fault
    uses : tuple of str
        Earlier exercises that it calls.
    seconds : float
        How much more time it may take than the time limit, for the slowest machine.
    """

    name: str
    summary: str
    function: Callable[..., Any]
    returns: tuple[str, ...]
    cases: Callable[[], list[Case]]
    faults: tuple[Fault, ...]
    uses: tuple[str, ...] = ()
    seconds: float = 0.0

    def outputs(self, function: Callable[..., Any], case: Case) -> dict[str, Any]:
        """Return what a function returns for a case, by the names of `returns`."""
        value = function(**case.arguments)
        values = value if len(self.returns) > 1 else (value,)
        return dict(zip(self.returns, values, strict=True))


def tenths(rng: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    """Draw numbers with one digit after the point, which people can check."""
    return rng.integers(-9, 10, shape) / 10
