"""Tables of names, and errors that suggest the name that was meant."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

__all__ = ["did_you_mean", "look_up", "shorten"]

# Names are shorter. The time to find the nearest grows with the square of the length.
_LONGEST_NAME = 100

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
        f"{argument} must be one of {', '.join(map(repr, table))}, got {shorten(name)}"
        + did_you_mean(name, table)
    )


def did_you_mean(name: Any, names: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest of `names`, or ``""``.

    Names that are spelled nearly alike come first, then those that it begins or
    abbreviates ("acc", "mse"), then those that it adds to ("f1_score").
    """
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        return ""
    name, names = name.lower().strip(), sorted(names, key=len)
    close = (
        difflib.get_close_matches(name, names, n=1, cutoff=0.8)
        or [each for each in names if name and each.startswith(name)]
        or [each for each in names if name and name in _initials(each)]
        or [each for each in names[::-1] if len(each) > 1 and name.startswith(each)]
        or difflib.get_close_matches(name, names, n=1)
    )
    return f"; did you mean {close[0]!r}?" if close else ""


def _initials(name: str) -> list[str]:
    """Return the initials of a name's words, also without the first of them."""
    words = [word for word in name.split("_") if word]
    initials = "".join(word[0] for word in words)
    return [initials, initials[1:]] if len(words) > 2 else []


def shorten(value: Any, length: int = 100) -> str:
    """Return the repr of a value, cut to about `length` characters."""
    text = repr(value[:length] if isinstance(value, str) else value)
    if len(text) <= length + 2 and not (isinstance(value, str) and len(value) > length):
        return text
    return f"{text[: length - 3]}..."
