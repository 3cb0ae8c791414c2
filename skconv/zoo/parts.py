"""What several networks share."""

from typing import Any

from ..ops import positive_int

__all__ = ["BEFORE_NORM", "each_int"]

# The normalisation that follows adds a bias.
BEFORE_NORM: dict[str, Any] = {"use_bias": False, "kernel_initializer": "he_normal"}


def each_int(values: Any, name: str) -> list[int]:
    """Return a list of positive ints, one or more.

    Raises
    ------
    ValueError
        If it is none; the message begins with `name`.
    """
    given = list(values) if hasattr(values, "__iter__") else []
    if not given:
        raise ValueError(f"{name} must be one int or more in a list, got {values!r}")
    return [positive_int(value, f"each of {name}") for value in given]
