"""How training treats a layer: what its weights are marked with, and its name."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from .._utils.lookup import did_you_mean
from .typing import Chain, Weights

__all__ = [
    "LayerWeights",
    "check_names",
    "is_adapted",
    "is_frozen",
    "layer_names",
    "mark",
]


class LayerWeights(dict[str, Any]):
    """The weights of a layer, which say how training treats it.

    So what is true of one layer of many reaches it wherever it is: composites pass the
    weights of the layers inside of them on.

    Attributes
    ----------
    frozen : bool
        Whether training leaves the layer alone: it acts as in prediction, and its
        weights are state.
    adapted : bool
        Whether the weights have seen data, so that the layer does not adapt to others.
    """

    frozen: bool = False
    adapted: bool = False


def is_frozen(weights: Weights) -> bool:
    """Return whether training leaves the layer of these weights alone."""
    return getattr(weights, "frozen", False)


def is_adapted(weights: Weights) -> bool:
    """Return whether the layer of these weights does not adapt to the data."""
    return getattr(weights, "adapted", False)


def mark(
    weights: Weights, names: Collection[str], prefix: str = "", **marks: bool
) -> Weights:
    """Return weights, those of some layers with marks.

    Parameters
    ----------
    weights : dict of str to dict
        Of a chain of layers; the arrays are not copied.
    names : collection of str
        Of layers, those inside of others as ``block1__conv1``. A layer's mark is that
        of all layers inside of it.
    prefix : str
        In front of the names of these layers.
    **marks : bool
        Attributes of `LayerWeights`.
    """
    marked = LayerWeights()
    vars(marked).update(vars(weights) if isinstance(weights, LayerWeights) else {})
    for key, value in weights.items():
        if not isinstance(value, dict):
            marked[key] = value
            continue
        is_meant = prefix + key in names
        inside = _all_below(value, f"{prefix}{key}__") if is_meant else names
        marked[key] = mark(value, inside, f"{prefix}{key}__", **marks)
        if is_meant:
            vars(marked[key]).update(marks)
    return marked


def _all_below(weights: Weights, prefix: str) -> Collection[str]:
    """Return the names of the layers that a layer's weights are nested by."""
    return {prefix + key for key, value in weights.items() if isinstance(value, dict)}


def layer_names(layers: Chain, prefix: str = "") -> Iterator[str]:
    """Yield the names of layers, each followed by those inside: ``block1__conv1``."""
    for name, layer in layers:
        yield prefix + name
        yield from layer_names(layer.inner_layers(), f"{prefix}{name}__")


def check_names(layers: Chain, names: Iterable[str], argument: str) -> None:
    """Check that an argument names layers that there are.

    Raises
    ------
    ValueError
        If not; the message says which there are.
    """
    known = list(layer_names(layers))
    for name in names:
        if name not in known:
            above = name.rpartition("__")[0]
            inside = [each for each in known if each.rpartition("__")[0] == above]
            there = [each for each, _ in layers] if above not in known else inside
            raise ValueError(
                f"{argument} must name layers of the network, of {there} (one that is "
                f"inside of another as in 'block1__conv1'), got {name!r}"
                f"{did_you_mean(name, known)}"
            )
