"""Tables of names, and errors that suggest the name that was meant."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

__all__ = ["did_you_mean", "look_up"]

Value = TypeVar("Value")


def look_up(table: Mapping[Any, Value], name: Any, argument: str) -> Value:
    """Return ``table[name]``.

    Raises
    ------
    ValueError
        If there is no such name; it says `argument`, the names and the nearest one.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise ValueError(
        f"{argument} must be one of {', '.join(map(repr, table))}, got {name!r}"
        + did_you_mean(name, table)
    )


def did_you_mean(name: Any, names: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of `names`, or ``""``."""
    close = difflib.get_close_matches(str(name).lower(), list(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
