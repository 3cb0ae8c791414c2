"""Weights to begin with: those of a fitted network, or of a model file."""

import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from .._utils import documents
from .._utils.files import as_path
from ..callbacks.fitted import CURVES, describe_encoder
from ..layers.ranges import check_values
from ..layers.typing import Chain
from ..layers.upgrade import names_in_version
from ..models.network import Network

__all__ = ["check_pretrained", "take_pretrained"]

_KINDS = (
    "pretrained must be the path of a model file, a fitted network (`network_` of an "
    "estimator) or a fitted estimator of skconv in a FrozenEstimator, got "
)
# Layers that errors list.
_MOST_NAMED = 20


class _Source(NamedTuple):
    """What another network has.

    Attributes
    ----------
    groups : dict of str to dict of str to ndarray
        The arrays of each layer that has some, by its dotted name.
    output : str or None
        The name of its output layer, where that may serve.
    words : str
        What it is, for errors.
    """

    groups: dict[str, dict[str, NDArray[Any]]]
    output: str | None
    words: str


def check_pretrained(value: Any) -> None:
    """Check that the parameter `pretrained` is of a type that has weights.

    Raises
    ------
    TypeError
        If not.
    ValueError
        If it is an estimator that is not fitted.
    """
    value = _unwrap(value)
    if value is None or isinstance(value, str | os.PathLike | Network):
        return
    if isinstance(value, type) or not hasattr(value, "_build_network"):
        found = value.__name__ if isinstance(value, type) else type(value).__name__
        inside = [each for each in _INSIDE if hasattr(value, each)]
        hint = f": use `{inside[0]}` of it" if inside else ""
        raise TypeError(f"{_KINDS}{found}{hint}")
    if not hasattr(value, "network_"):
        raise ValueError(
            f"pretrained is a {type(value).__name__} that is not fitted. Fit it first. "
            "If it was: `clone`, as a search calls it, makes estimators unfitted; pass "
            "sklearn.frozen.FrozenEstimator(est), est.network_ or the path of a model "
            "file instead of est"
        )


# Where other estimators of scikit-learn have theirs.
_INSIDE = ("best_estimator_", "estimator_", "estimators_", "named_steps")


def _unwrap(value: Any) -> Any:
    return value.estimator if isinstance(value, FrozenEstimator) else value


def take_pretrained(draft: Any) -> list[str]:
    """Give a draft's new network the weights of `pretrained` that fit.

    A layer gets the weights of the one of its name, if names and shapes of all of them
    agree, its state included. The output layer gets them if the classes are the same.

    Returns
    -------
    names : list of str
        Of the layers that got them, those inside of others as ``block1__conv1``. If a
        layer got all of its weights, those inside of it are not named.

    Raises
    ------
    ValueError, TypeError, OSError
        If nothing fits, or there are no such weights.

    Warns
    -----
    UserWarning
        Of layers of the same name whose weights are of other shapes.
    """
    if draft.pretrained is None:
        return []
    check_pretrained(draft.pretrained)
    network = draft.network_
    source = _find_source(_unwrap(draft.pretrained), network, draft._encoder)
    output, ours = network.layers[-1][0], _group(network.arrays)
    taken, others = [], {}
    for name, arrays in ours.items():
        theirs = source.groups.get(name)
        if theirs is None or (name == output and source.output != output):
            continue
        if _shapes(arrays) == _shapes(theirs):
            taken.append(name)
        else:
            others[name] = f"{_shapes(theirs)} there, {_shapes(arrays)} here"
    if not taken:
        raise ValueError(_explain(source, ours, others))
    if others:
        _warn_of_shapes(source, others)
    with np.errstate(over="ignore"):
        for name in taken:
            for key, array in ours[name].items():
                array[...] = source.groups[name][key]
    try:
        check_values(network)
    except ValueError as error:
        raise ValueError(f"pretrained: of {source.words}, {error}") from None
    names = list(_shorten_names(network.layers, {*taken}, {*ours}))
    if draft.verbose:
        print(f"Weights of {source.words} for {', '.join(names)}; others are new")
    return names


def _find_source(value: Any, network: Network, encoder: Any) -> _Source:
    if isinstance(value, str | os.PathLike):
        return _read_source(as_path(value), network, encoder)
    if isinstance(value, Network):  # whose classes are not known
        return _Source(_group(value.arrays), None, f"{value!r}")
    described = vars(value)  # whole, even if another thread refits it now
    there = described["network_"]
    here = _describe(encoder)
    is_same = bool(here) and here == _describe(described["_encoder"])
    output = there.layers[-1][0] if is_same else None
    return _Source(_group(there.arrays), output, f"a fitted {type(value).__name__}")


def _read_source(path: str, network: Network, encoder: Any) -> _Source:
    """Return the weights of a model file. Its classes need not be registered."""
    try:
        with documents.reading(path, "model") as reader:
            arrays = reader.empty(reader.parts)
            reader.read_into(arrays)
            version = reader.version
            output = _find_output(reader.document, encoder)
    except OSError as error:
        words = f"pretrained, the path of a model file: {error.strerror or error}. "
        words += "Remove the cause, or set pretrained to a file of save_model"
        raise type(error)(error.errno, words, path) from error
    except ValueError as error:
        raise ValueError(f"pretrained must be the path of a model file: {error}") from (
            error
        )
    for curve in CURVES:
        arrays.pop(curve, None)
    for name, old in zip(
        network.arrays, names_in_version(network, version), strict=True
    ):
        if name != old and old in arrays:  # the square of what it is today
            with np.errstate(invalid="ignore"):  # a check follows
                arrays[name] = np.sqrt(arrays.pop(old))
    return _Source(_group(arrays), output, f"the model file {path!r}")


def _find_output(document: Any, encoder: Any) -> str | None:
    """Return the name of a file's output layer, if it has an encoder's classes."""
    fitted, here = document.get("fitted"), _describe(encoder)
    if not here or not isinstance(fitted, dict) or fitted.get("encoder") != here:
        return None  # also of version 1 of the format, which has it elsewhere
    return str(document["layers"][-1][0])


def _describe(encoder: Any) -> dict[str, Any]:
    """Return the classes of an encoder as a file has them; empty if it has none."""
    if not len(encoder.classes):
        return {}  # the scale of numbers is learned again
    try:
        return describe_encoder(encoder)
    except ValueError:  # classes that JSON lacks
        return {"classes": encoder.classes.tolist()}


def _group(arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    """Return arrays by layer."""
    groups: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in arrays.items():
        path, _, key = name.rpartition(".")
        groups.setdefault(path, {})[key] = array
    return groups


def _shapes(arrays: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    return {key: arrays[key].shape for key in sorted(arrays)}


def _shorten_names(
    layers: Chain, taken: set[str], all_: set[str], prefix: str = ""
) -> Iterator[str]:
    """Yield the names of layers of which all weights were taken, the outermost ones."""
    for name, layer in layers:
        path = prefix + name
        own = {each for each in all_ if each == path or each.startswith(f"{path}.")}
        if own and own <= taken:
            yield path.replace(".", "__")
        elif own:
            yield from _shorten_names(layer.inner_layers(), taken, all_, f"{path}.")


def _explain(source: _Source, ours: Any, others: Mapping[str, str]) -> str:
    """Return why nothing fits, in words."""
    there, here = (
        _list({name: _shapes(arrays) for name, arrays in groups.items()})
        for groups in (source.groups, ours)
    )
    close = f". Of the same names: {_list(others)}" if others else ""
    return (
        f"pretrained has no weights that fit: {source.words} has the layers {there}, "
        f"and this network {here}{close}. A layer gets the weights of the one of its "
        "name, if their shapes agree, and the output layer those of the same classes: "
        "name layers alike in layers, as in layers=[('conv1', Conv2D(...)), ...]"
    )


def _list(described: Mapping[str, Any]) -> str:
    names = [f"{name} {each}" for name, each in described.items()]
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _warn_of_shapes(source: _Source, others: Mapping[str, str]) -> None:
    warnings.warn(
        f"pretrained: these layers begin with new weights, as those of the same name "
        f"in {source.words} have other shapes: {_list(others)}. If that is meant, give "
        "them other names",
        stacklevel=2,
    )
