"""Values as JSON and back: no pickles, no code.

Tuples, dicts, numbers that JSON lacks, and objects become objects with these keys:
``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``, ``{"float": "inf"}``,
``{"int": "<more than 64 bits>"}``, ``{"class": "Conv2D", "params": {...}}``.
"""

import math
from collections.abc import Callable, Collection
from types import NoneType
from typing import Any

import numpy as np

from .lookup import shorten

__all__ = [
    "check_bool",
    "check_fields",
    "check_integer",
    "decode",
    "encode",
    "encode_object",
    "make_object",
]

# How deep lists in lists, and layers in layers, may be nested.
_DEEPEST = 32

# The most characters of a text among parameters. (Labels and names of features may be
# longer.) Errors repeat it several times.
_LONGEST_TEXT = 2**14

# A random generator's state has integers of 128 bits.
_MOST_DIGITS = 40


# To JSON -----------------------------------------------------------------------------


def encode(value: Any, what: str, other: Callable[[Any, str], Any]) -> Any:
    """Return a value as JSON that keeps its type; arrays and ranges become lists.

    Parameters
    ----------
    value : object
    what : str
        Its name, for errors.
    other : callable ``(value, what) -> JSON``
        Encodes or refuses what is not None, a bool, a number, a str, or a list, tuple
        or dict of these.
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        value = value.tolist()
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return {"float": str(value)}
    if kind is int and not -(2**63) <= value < 2**64:
        text = str(value) if abs(value) < 10 ** (_MOST_DIGITS - 1) else None
        return other(value, what) if text is None else {"int": text}
    if kind is str and len(value) > _LONGEST_TEXT:
        raise ValueError(
            f"{what} must have at most {_LONGEST_TEXT} characters to be saved, got "
            f"{len(value)}"
        )
    if kind in (NoneType, bool, int, float, str):
        return value
    if kind in (list, tuple):
        items = [encode(item, f"{what}[{i}]", other) for i, item in enumerate(value)]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        return {
            "dict": [
                [
                    encode(key, f"a key of {what}", other),
                    encode(item, f"{what}[{key!r}]", other),
                ]
                for key, item in value.items()
            ]
        }
    return other(value, what)


def encode_object(
    value: Any, what: str, other: Callable[[Any, str], Any]
) -> dict[str, Any]:
    """Return an object as the name of its class and its parameters."""
    params = value.get_params(deep=False)
    return {
        "class": type(value).__name__,
        "params": {
            name: encode(item, f"{what}.{name}", other) for name, item in params.items()
        },
    }


# And back ----------------------------------------------------------------------------


def _no_class(name: Any) -> type:
    raise ValueError(f"it has an object of class {shorten(name)} where none may be")


def decode(
    value: Any, find_class: Callable[[Any], type] = _no_class, depth: int = 0
) -> Any:
    """Return the value that `encode` was given.

    Parameters
    ----------
    value : JSON
        Nothing of it is trusted.
    find_class : callable ``(name) -> type``
        Returns a class that may be used, or raises a ValueError.
    depth : int
        How deep the value is nested in others.

    Raises
    ------
    ValueError
        If `encode` returns nothing like it.
    """
    if depth > _DEEPEST:
        raise ValueError(f"its parameters are nested more than {_DEEPEST} deep")
    if isinstance(value, list):
        return [decode(item, find_class, depth + 1) for item in value]
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise ValueError(
            f"its parameters hold a text of {len(value)} characters, more than "
            f"{_LONGEST_TEXT}: {shorten(value)}"
        )
    if not isinstance(value, dict):
        return value
    if value.keys() == {"class", "params"}:
        return make_object(
            find_class(value["class"]), value["params"], find_class, depth
        )
    if len(value) == 1:
        (tag, inner), *_ = value.items()
        if tag in _DECODERS:
            return _DECODERS[tag](inner, find_class, depth)
    raise ValueError(f"its parameters hold an object with the keys {list(value)[:5]}")


def make_object(
    cls: type, params: Any, find_class: Callable[[Any], type], depth: int = 0
) -> Any:
    """Return an object of a class, made from encoded parameters."""
    if not isinstance(params, dict):
        raise ValueError(f"the params of {cls.__name__} must be an object")
    return cls(
        **{name: decode(item, find_class, depth + 1) for name, item in params.items()}
    )


def _decode_tuple(items, find_class, depth):
    if not isinstance(items, list):
        raise ValueError(f"a tuple must be given as a list, got {shorten(items)}")
    return tuple(decode(items, find_class, depth))


def _decode_dict(items, find_class, depth):
    if not isinstance(items, list) or not all(
        isinstance(item, list) and len(item) == 2 for item in items
    ):
        raise ValueError(f"a dict must be given as pairs, got {shorten(items)}")
    pairs = [[decode(each, find_class, depth + 1) for each in item] for item in items]
    if not all(isinstance(key, str | int | float | bool) for key, _ in pairs):
        raise ValueError("the keys of a dict must be text or numbers")
    return dict(pairs)


def _decode_float(text, find_class, depth):
    if text not in ("inf", "-inf", "nan"):
        raise ValueError(f"no float can be made of {shorten(text)}")
    return float(text)


def _decode_int(text, find_class, depth):
    if (
        not isinstance(text, str)
        or len(text) > _MOST_DIGITS
        or not text.removeprefix("-").isdecimal()
    ):
        raise ValueError(f"no int can be made of {shorten(text)}")
    return int(text)


_DECODERS = {
    "tuple": _decode_tuple,
    "dict": _decode_dict,
    "float": _decode_float,
    "int": _decode_int,
}


# Checks ------------------------------------------------------------------------------


def check_fields(
    value: Any, what: str, required: Collection[str], defaults: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields of an object, those that are missing as their defaults.

    So older files, which lack what came later, can be read.

    Raises
    ------
    ValueError
        If it is no object, lacks a required field or has an unknown one.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, got {shorten(value)}")
    missing = [name for name in required if name not in value]
    unknown = [name for name in value if name not in {*required, *defaults}]
    if missing or unknown:
        raise ValueError(
            f"{what} must have the keys {list(required)} and may have "
            f"{list(defaults)}, got {shorten(list(value))}: missing {missing}, unknown "
            f"{shorten(unknown)}"
        )
    return {**defaults, **value}


def check_integer(value: Any, name: str, minimum: int = 0) -> int:
    """Return a value if it is an integer of at least `minimum`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ValueError(
            f"its {name} must be an integer >= {minimum}, got {shorten(value)}"
        )
    return value


def check_bool(value: Any, name: str) -> bool:
    """Return a value if it is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"its {name} must be true or false, got {shorten(value)}")
    return value
