"""Parameters as plain JSON, and back: no pickles, no code."""

import math
from types import NoneType

import numpy as np

from .registry import find_class, find_entry

__all__ = ["decode", "decode_object", "encode", "encode_object"]

# How deep lists in lists, and layers in layers, may go.
_DEEPEST = 32


def encode(value, what):
    """Return a parameter's value as what JSON can say without losing its type.

    Tuples, dicts, infinities and registered objects, which JSON does not have, are
    objects with telling keys: ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``,
    ``{"float": "inf"}``, ``{"class": "Conv2D", "params": {...}}``.

    Parameters
    ----------
    value : object
    what : str
        Its name, for errors.

    Raises
    ------
    ValueError
        If it is something else: a function, an array, an object that is not registered.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return {"float": str(value)}
    if kind in (NoneType, bool, int, float, str):
        return value
    if kind in (list, tuple):
        items = [encode(item, f"{what}[{i}]") for i, item in enumerate(value)]
        return items if kind is list else {"tuple": items}
    if kind is dict:
        return {
            "dict": [
                [encode(key, f"a key of {what}"), encode(item, f"{what}[{key!r}]")]
                for key, item in value.items()
            ]
        }
    if hasattr(value, "get_params") and not isinstance(value, type):
        return encode_object(value, what)
    raise ValueError(
        f"{what} must be made of None, bool, numbers, str, lists, tuples, dicts and "
        f"registered layers to be saved, got {value!r}. Save with joblib, or set it "
        "to something else before (predictions do not depend on what steers training)"
    )


def encode_object(value, what):
    """Return a registered object as its class's name and parameters."""
    if find_entry(type(value)) is None:
        raise ValueError(
            f"{what} is {value!r}, whose class is not registered: call "
            f"skconv.register_layer({type(value).__name__}) before the model is saved, "
            "and before it is loaded"
        )
    params = value.get_params(deep=False)
    return {
        "class": type(value).__name__,
        "params": {
            name: encode(item, f"{what}.{name}") for name, item in params.items()
        },
    }


def decode(value, depth=0):
    """Return what `encode` was given.

    Raises
    ------
    ValueError
        If it is nothing that `encode` gives, or names a class that is not registered.
    """
    if depth > _DEEPEST:
        raise ValueError(f"its parameters are nested more than {_DEEPEST} deep")
    if isinstance(value, list):
        return [decode(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"class", "params"}:
        return decode_object(value, depth)
    if len(value) == 1 and (decoder := _DECODERS.get(next(iter(value)))):
        return decoder(next(iter(value.values())), depth)
    raise ValueError(f"its parameters hold an object with the keys {list(value)[:5]}")


def decode_object(value, depth=0):
    """Return an object of a registered class."""
    if not isinstance(value, dict) or value.keys() != {"class", "params"}:
        raise ValueError(f"an object needs a class and params, got {_short(value)}")
    return make(find_class(value["class"]), value["params"], depth)


def make(cls, params, depth=0):
    """Return an object of a class, made of encoded parameters."""
    if not isinstance(params, dict):
        raise ValueError(f"the params of {cls.__name__} must be an object")
    return cls(**{name: decode(item, depth + 1) for name, item in params.items()})


def _decode_tuple(items, depth):
    if not isinstance(items, list):
        raise ValueError(f"a tuple must be given as a list, got {_short(items)}")
    return tuple(decode(items, depth))


def _decode_dict(items, depth):
    if not isinstance(items, list) or not all(
        isinstance(item, list) and len(item) == 2 for item in items
    ):
        raise ValueError(f"a dict must be given as pairs, got {_short(items)}")
    pairs = [(decode(key, depth + 1), decode(item, depth + 1)) for key, item in items]
    if not all(isinstance(key, str | int | float | bool) for key, _ in pairs):
        raise ValueError("the keys of a dict must be text or numbers")
    return dict(pairs)


def _decode_float(text, depth):
    if text not in ("inf", "-inf", "nan"):
        raise ValueError(f"no float can be made of {_short(text)}")
    return float(text)


_DECODERS = {"tuple": _decode_tuple, "dict": _decode_dict, "float": _decode_float}


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
