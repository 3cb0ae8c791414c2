"""Names of layers in a list."""

from collections.abc import Collection
from typing import Any

from .._utils.params import distinct_components, hint_to_call
from .typing import Chain

__all__ = ["name_layers"]

# `Layer` has these; a layer may be of another class that has them, too.
_VERBS = "build", "predict", "forward", "backward", "inner_layers"


def name_layers(layers: Any, taken: Collection[str] = ()) -> Chain:
    """Give each layer a name.

    Parameters
    ----------
    layers : sequence of layers and ``(name, layer)``
        An unnamed layer gets the name of its class and a number for each class:
        ``conv2d_1``, ``conv2d_2``.
    taken : collection of str, default=()
        Names that must not be used.

    Returns
    -------
    named : list of (str, layer)
        Without those that are ``"passthrough"``.

    Raises
    ------
    TypeError
        If an entry is not a layer.
    ValueError
        If the list is empty or two layers share a name.
    """
    if not isinstance(layers, list | tuple):
        raise TypeError(
            "layers must be a list of layers or of (name, layer), "
            f"got {type(layers).__name__}: {layers!r}"
        )
    named = distinct_components(layers, "layers")
    if not named:
        raise ValueError(
            f"layers must hold at least one layer that is not 'passthrough', got "
            f"{layers!r}; an estimator's layers=None builds the default network"
        )
    for name, layer in named:
        _check_layer(layer, layers)
        if name in taken:
            raise ValueError(
                f"a layer may not be called {name!r}, as a parameter is; rename it"
            )
        if not name.isidentifier() or "__" in name:
            raise ValueError(
                "a layer's name must be an identifier without '__' (which leads to "
                f"its parameters), got {name!r}"
            )
    return named


def _check_layer(layer: Any, layers: Any) -> None:
    if isinstance(layer, type) or not all(hasattr(layer, verb) for verb in _VERBS):
        hint = hint_to_call(layer)
        if isinstance(layer, int):
            hint = f"; for the default network's numbers, filters={layers!r}"
        raise TypeError(
            "each of layers must be a layer (of a subclass of skconv.layers.Layer) "
            f"or a tuple (name, layer), got {layer!r}{hint}"
        )
