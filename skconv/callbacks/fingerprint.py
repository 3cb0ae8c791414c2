"""What identifies a fit: its parameters, its data and where it started."""

import datetime
import hashlib
import itertools
import json
import reprlib
from typing import Any

import numpy as np

from .._data.image_encoder import ScaledImages
from .._utils.safetensors import KEY_LIMIT
from .._utils.values import encode, encode_object
from .fitted import describe_encoder

__all__ = [
    "Fingerprint",
    "diff_fingerprints",
    "digest_of_encoder",
    "encode_parameters",
    "file_name",
    "fingerprint",
]

Fingerprint = dict[str, Any]

# Parameters that change no bit of a fit. What comes of `pretrained` is compared: a file
# may move.
_IMMATERIAL = {"verbose", "transform_layer", "tta", "pretrained"}
_HASHED_BYTES = 2**24
# What an error says at most: parameters that differ, and characters of each value.
_MOST_NAMED = 8
_LONGEST = 100


def fingerprint(draft: Any, train: Any, held_out: Any, *, resumed: bool) -> Fingerprint:
    """Return what identifies a fit, as plain JSON.

    Parameters
    ----------
    draft : estimator
        With its network built.
    train : samples with X, rows, targets and sample_weight
    held_out : the same to validate with, or None
    resumed : bool
        Whether it trains further from an earlier fit.
    """
    drawn = not resumed and draft.random_state is None  # then each fit differs
    rng = json.dumps(draft._rng.bit_generator.state).encode()
    start = draft.network_.values, np.frombuffer(rng, np.uint8)
    network_dtype = draft.network_.dtype
    of_others = {} if resumed else _digest_of_pretrained(draft)
    return {
        **of_others,
        "estimator": type(draft).__name__,
        "parameters": encode_parameters(draft),
        "encoder": digest_of_encoder(draft._encoder),
        "data": _digest_of_samples(train, network_dtype),
        "validation": (
            None if held_out is None else _digest_of_samples(held_out, network_dtype)
        ),
        "input_shape": list(draft.input_shape_),
        "epochs_before": len(draft._history.loss_curve),
        "start": None if drawn else _digest_of_arrays(*start),
    }


def _digest_of_pretrained(draft: Any) -> dict[str, Any]:
    """Return a digest of the weights that came from another network, if any did."""
    names = tuple(f"{name}__" for name in draft.pretrained_layers_)
    arrays = [
        array
        for name, array in draft.network_.arrays.items()
        if f"{name}.".replace(".", "__").startswith(names)
    ]
    return {"pretrained": _digest_of_arrays(*arrays)} if arrays else {}


def file_name(of: Fingerprint) -> str:
    """Return the name of the file of a fit in a folder."""
    return f"{of['estimator']}-{_digest_of_json(of)[:16]}.ckpt"


def diff_fingerprints(
    estimator: Any, here: Fingerprint, there: Fingerprint
) -> list[str]:
    """Return in words how this fit, `here`, differs from a checkpoint's, `there`.

    A parameter that an older checkpoint lacks had its default, see `estimator`.
    """
    ours = here["parameters"]
    theirs = {**encode_parameters(type(estimator)()), **there["parameters"]}
    names = [n for n in sorted({*ours, *theirs}) if ours.get(n) != theirs.get(n)]
    found = [
        f"{_brief(name)}: this fit {mine}, checkpoint {other}"
        for name in names[:_MOST_NAMED]
        for mine, other in [_different(ours.get(name), theirs.get(name))]
    ]
    if len(names) > _MOST_NAMED:
        found.append(f"parameters that are not named here: {len(names) - _MOST_NAMED}")
    for name in ("estimator", "input_shape", "epochs_before"):
        if here[name] != there[name]:
            words = "shape of a sample" if name == "input_shape" else name
            found.append(
                f"{words.replace('_', ' ')}: this fit {here[name]}, checkpoint "
                f"{_brief(str(there[name]))}"
            )
    if any(here[name] != there[name] for name in ("encoder", "data")):
        found.append("other X, y or sample_weight")
    if here["validation"] != there["validation"]:
        found.append(
            "other X_val, y_val or sample_weight_val, or validation samples that an "
            "older version set aside"
        )
    if here.get("pretrained") != there.get("pretrained"):
        found.append("other weights of pretrained")
    starts = {here["start"], there["start"]} - {None}  # None: not to be compared
    if not found and len(starts) > 1:
        found.append("other initial weights or another random_state")
    return found


def _brief(text: str) -> str:
    """Return a text for an error: a file's may be long, or control a terminal."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _different(ours: Any, theirs: Any) -> tuple[str, str]:
    """Return two values as text, or both from about the place where they differ."""
    mine, other = _brief(reprlib.repr(ours)), _brief(reprlib.repr(theirs))
    if mine != other:
        return mine, other
    whole = repr(ours), repr(theirs)
    pairs = zip(*whole, strict=False)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
    start = max(len([*same]) - 20, 0)
    lead = "..." if start else ""
    mine, other = (lead + _brief(text[start:]) for text in whole)
    return mine, other


def encode_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters on which the result of a fit depends, as plain JSON."""
    params = estimator.get_params(deep=False)
    params["early_stopping"] = estimator._stops_early()
    return {
        name: _without_types(encode(value, name, _by_name))
        for name, value in params.items()
        if name not in _IMMATERIAL
    }


def _by_name(value: Any, what: str) -> Any:
    """Encode what is compared only, and never decoded."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return encode_object(value, what, _by_name)
    if isinstance(value, np.ndarray):
        plain = value.astype(str) if value.dtype.kind in "mM" else value
        return encode(plain.tolist(), what, _by_name)
    if isinstance(value, np.generic | datetime.date | datetime.timedelta):
        return str(value)
    kinds: tuple[Any, ...] = dict, list, tuple, int, float, str
    for kind in kinds:
        if type(value) is not kind and isinstance(value, kind):
            return encode(kind(value), what, _by_name)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return type(value).__qualname__


def _without_types(encoded: Any) -> Any:
    """Return tuples as lists and dicts by text: such fits are the same."""
    if isinstance(encoded, list):
        return [_without_types(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    if encoded.keys() == {"tuple"}:
        return _without_types(encoded["tuple"])
    if encoded.keys() == {"dict"}:
        by_text = {str(key): _without_types(item) for key, item in encoded["dict"]}
        # 1 and "1" are different keys; and a reader takes no long ones.
        fits = max(map(len, by_text), default=0) <= KEY_LIMIT
        if fits and len(by_text) == len(encoded["dict"]):
            return by_text
        return _without_types(encoded["dict"])
    return {key: _without_types(item) for key, item in encoded.items()}


def _digest_of_json(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_encoder(encoder: Any) -> str:
    """Return a digest of an encoder without its scale, which follows from the data."""
    described = describe_encoder(encoder)
    return _digest_of_json(
        {k: v for k, v in described.items() if k not in ("center", "scale")}
    )


def _digest_of_samples(samples: Any, dtype: np.dtype[Any]) -> str:
    targets = samples.targets
    if isinstance(targets, ScaledImages):
        whole = targets.y, targets.rows
        return _digest_of_arrays(samples.X, samples.rows, *whole, samples.sample_weight)
    if samples.y is not None:  # not scaled
        with np.errstate(over="ignore"):
            targets = samples.y.astype(dtype)
        in_range = np.isfinite(targets) & ((targets != 0) == (samples.y != 0))
        targets = targets if in_range.all() else samples.y
    return _digest_of_arrays(samples.X, samples.rows, targets, samples.sample_weight)


def _digest_of_arrays(*arrays: Any) -> str:
    """Return a digest of arrays' values and dtypes; some of them may be None."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if array is None:
            digest.update(b"none")
            continue
        digest.update(f"{len(array)} {array.dtype.str} ".encode())
        rows = max(1, _HASHED_BYTES // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            digest.update(np.ravel(array[start : start + rows]).view(np.uint8).data)
    return digest.hexdigest()
