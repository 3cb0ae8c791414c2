"""From an estimator's parameters to the layers of its network."""

import warnings
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from sklearn.base import clone

from .._data.inputs import check_shape
from .._utils.params import drop_passthrough, name_components
from ..layers import (
    Activation,
    Composite,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Normalization,
    PReLU,
    Rescaling,
    Reshape,
)
from ..layers.checks import same_configuration
from ..layers.naming import name_layers
from ..models.default import default_layers
from ..models.network import Network
from ..ops import positive_int
from .parameters import DEFAULT_NETWORK
from .tuning import check_learns, frozen_names

__all__ = [
    "build_network",
    "build_unfitted",
    "check_unchanged",
    "list_layers",
    "sees_pixels",
    "takes_signals",
]

# Activations of an output layer in other libraries, which lists are copied from.
_OUTPUT_ACTIVATIONS = (None, "identity", "linear", "softmax", "sigmoid", "logistic")
# Layers that treat each value alone, or each channel.
_BLIND = (Activation, Dropout, Normalization, PReLU, Rescaling)
# An image so large that no pool of the default network is clipped to it.
_LARGE = (2**20, 2**20, 1)


def takes_signals(params: Any) -> bool:
    """Return whether an estimator's layers take signals (l, c), not images."""
    nested = params.get_params(deep=True).items()
    return any(
        isinstance(value, Layer) and value.ndim == 1
        for name, value in nested
        if not name.startswith("pretrained__")
    )


def sees_pixels(params: Any) -> bool:
    """Return whether a network depends on which values of a sample are neighbours.

    A network of dense layers, even after layers that treat each value alone, does not.
    """
    if params.layers is None:
        filters = params.filters
        is_list = isinstance(filters, list | tuple | range)
        return len(filters) > 0 if is_list else np.size(filters) > 0
    return bool(_looks_at_pixels(drop_passthrough(params.layers)))


def _looks_at_pixels(layers: Iterable[tuple[str, Any]]) -> bool | None:
    """Return what the first layer says that is not blind; None if there is none."""
    for _, layer in layers:
        sees: bool | None = True
        if isinstance(layer, Composite):
            paths = [_looks_at_pixels(path) for path in layer.paths()]
            sees = True if any(paths) else None if None in paths else False
        elif isinstance(layer, Dense | Flatten | Reshape):
            sees = False
        elif isinstance(layer, _BLIND) and layer.ndim is None:
            sees = None
        if sees is not None:
            return sees
    return None


def build_network(
    params: Any,
    input_shape: tuple[int, ...],
    n_outputs: int,
    rng: np.random.Generator | int,
    *,
    n_classes: int = 0,
) -> Network:
    """Return the network of an estimator's parameters, with its output layer.

    Parameters
    ----------
    params : estimator
    input_shape : (h, w, c) or (l, c)
    n_outputs : int
        Units of the output layer; 0 if their number is unknown, and then it has one.
    rng : numpy.random.Generator or int
    n_classes : int, default=0
        Number of classes, which another library's output layer may have as units.
    """
    hidden = _hidden_layers(params, input_shape, {n_outputs, n_classes})
    layers = [(name, clone(layer, safe=False)) for name, layer in hidden]
    name = "output"
    while name in dict(layers):
        name += "_"
    layers.append((name, Dense(n_outputs or 1)))
    frozen = frozen_names(params)
    network = Network.build(layers, input_shape, rng, params.dtype, frozen)
    check_learns(params, network)
    return network


def build_unfitted(params: Any, n_outputs: int | None) -> Network:
    """Return the network that `fit` would build, with its initial weights.

    Parameters
    ----------
    params : estimator
    n_outputs : int or None
        None if it is unknown.

    Raises
    ------
    ValueError
        If the parameter `input_shape` is None, or a layer does not fit.
    """
    if params.input_shape is None:
        raise ValueError(
            f"this {type(params).__name__} is not fitted and input_shape is None, so "
            "the shapes of its layers are unknown: pass input_shape=(h, w, c) to it, "
            "or fit it first"
        )
    known = 0 if n_outputs is None else positive_int(n_outputs, "n_outputs")
    shape = check_shape(params.input_shape, signals=takes_signals(params))
    return build_network(params, shape, known, 0)


def check_unchanged(
    params: Any, network: Network, input_shape: tuple[int, ...], n_classes: int
) -> None:
    """Check that an estimator's parameters describe its fitted network.

    Parameters
    ----------
    params : estimator
    network : Network
    input_shape : (h, w, c) or (l, c)
        As the parameter `input_shape` says now.
    n_classes : int

    Raises
    ------
    ValueError
        If they do not; the message names what has changed.
    """
    sizes = {network.output_shape[0], n_classes}
    for name, now, before in [
        (
            "layers",
            _hidden_layers(params, network.input_shape, sizes),
            network.layers[:-1],
        ),
        ("dtype", params.dtype, network.dtype.name),
        ("input_shape", input_shape, network.input_shape),
    ]:
        if not same_configuration(now, before):
            raise ValueError(
                f"{name} must be the same as in the last fit to continue it, {before}, "
                f"got {now}. Use warm_start=False and fit to start again"
            )


def list_layers(params: Any) -> list[tuple[str, Any]]:
    """Return an estimator's layers before a fit, named and not checked."""
    if params.layers is not None:
        return list(name_components(params.layers))
    numbers = _numbers(params)
    if params.input_shape is not None:
        return default_layers(check_shape(params.input_shape), **numbers)
    if isinstance(numbers["filters"], str):
        numbers["filters"] = (32, 64)  # as of images up to 32 x 32
    # No layer's parameters depend on the size of an image that is large enough.
    return default_layers(_LARGE, **numbers)


def _numbers(params: Any) -> dict[str, Any]:
    return {name: getattr(params, name) for name in DEFAULT_NETWORK}


def _hidden_layers(
    params: Any, input_shape: tuple[int, ...], output_sizes: Collection[int]
) -> list[tuple[str, Layer]]:
    """Return the named hidden layers, listed or of the default network."""
    if params.layers is None:
        return default_layers(input_shape, **_numbers(params))
    for name, default in DEFAULT_NETWORK.items():
        value = getattr(params, name)
        if not np.array_equal(value, default):
            raise ValueError(
                f"{name}={value!r} describes the default network, but layers lists "
                "another: give one or the other (a listed layer's own parameters "
                f"are called <its name>__{name} or the like)"
            )
    named = name_layers(params.layers, taken=params.get_params(deep=False))
    _warn_of_output_layer(params, named, output_sizes)
    return named


def _warn_of_output_layer(
    params: Any, named: list[tuple[str, Layer]], output_sizes: Collection[int]
) -> None:
    """Warn if a list ends with an output layer, as it does in other libraries."""
    ends = [entry for entry in named if not isinstance(entry[1], Activation)]
    name, last = ends[-1] if ends else named[-1]
    is_output = (
        isinstance(last, Dense)
        and any(last.units == size for size in output_sizes)
        and last.activation in _OUTPUT_ACTIVATIONS
    )
    if is_output:
        warnings.warn(
            f"{type(params).__name__} adds its own output layer after those in layers: "
            f"leave out layer {name!r}, {last!r}, if it is meant as the output layer, "
            "and what follows it",
            stacklevel=2,
        )
