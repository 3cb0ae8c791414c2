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
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Normalization,
    PReLU,
    Rescaling,
    Reshape,
    chain,
)
from ..layers.checks import same_configuration
from ..layers.initializers import Blank
from ..layers.naming import name_layers
from ..models.network import Network
from ..ops import positive_int
from .tuning import check_learns, frozen_names

__all__ = [
    "build_network",
    "build_unfitted",
    "check_unchanged",
    "list_layers",
    "output_layer",
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
    """Return whether an estimator's layers take signals, not images."""
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
        filters: Any = params.filters if params._output_ndim == 1 else 1
        is_list = isinstance(filters, list | tuple | range)
        return bool(len(filters) if is_list else np.size(filters))
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


def output_layer(ndim: int, n_outputs: int) -> Layer:
    """Return the layer that an estimator adds to those of its network.

    Parameters
    ----------
    ndim : int
        Axes of the output for one sample: 1, of signals 2, of images 3.
    n_outputs : int
        Of the sample, or of each of its pixels.
    """
    # A fit that begins with small outputs does not first unlearn those of chance:
    # docs/developing/defaults.md shows what that brings.
    small: dict[str, Any] = {"kernel_initializer": "torch_uniform"}
    if ndim == 1:
        return Dense(n_outputs, **small)
    return (Conv1D if ndim == 2 else Conv2D)(n_outputs, 1, **small)


def build_network(
    params: Any,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    rng: np.random.Generator | int,
    *,
    n_classes: int = 0,
) -> Network:
    """Return the network of an estimator's parameters, with its output layer.

    Parameters
    ----------
    params : estimator
    input_shape : (h, w, c) or (length, channels)
    output_shape : (n_outputs,), (length, n_outputs) or (h, w, n_outputs)
        Of one sample. A size that is unknown is 0; of the output layer's units there is
        then one.
    rng : numpy.random.Generator or int
    n_classes : int, default=0
        Number of classes, which another library's output layer may have as units.
    """
    *size, n_outputs = output_shape
    sizes = {n_outputs, n_classes}
    hidden = _hidden_layers(params, input_shape, sizes, len(output_shape))
    layers = [(name, clone(layer, safe=False)) for name, layer in hidden]
    if size:
        check_ends_in_image(params, layers, input_shape, tuple(size))
    names = ["output", "output_", *(f"output_{i + 2}" for i in range(len(layers)))]
    name = next(name for name in names if name not in dict(layers))
    layers.append((name, output_layer(len(output_shape), n_outputs or 1)))
    network = Network.build(
        layers, input_shape, rng, params.dtype, frozen_names(params)
    )
    check_learns(params, network)
    return network


def check_ends_in_image(
    params: Any, layers: Any, input_shape: tuple[int, ...], size: tuple[int, ...]
) -> None:
    """Check that hidden layers end in images of a size.

    Parameters
    ----------
    params : estimator
    layers : list of (str, Layer)
    input_shape : (h, w, c) or (length, channels)
    size : (h, w) or (l,)
        0 for sizes that are unknown.

    Raises
    ------
    ValueError
        If they do not; the message has both sizes.
    """
    _, shapes = chain.build(layers, input_shape, Blank(), np.dtype("f4"))
    shape = shapes[-1] if shapes else input_shape
    *found, _ = shape
    unknown = len(found) == len(size) and 0 in size
    if unknown or tuple(found) == size:
        return
    form = "images (h, w, c)" if len(size) == 2 else "signals (length, channels)"
    what, where = params._target_words
    words = f"end in {form} of the size of {what}, {' x '.join(map(str, size))}"
    layer = f"layer {layers[-1][0]!r}, the last," if layers else "a network of no layer"
    raise ValueError(
        f"the layers of {type(params).__name__} must {words}, but {layer} returns "
        f"{shape} for samples of shape {input_shape}. {where}"
    )


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
    size = (0,) * (params._output_ndim - 1)
    return build_network(params, shape, (*size, known), 0)


def check_unchanged(
    params: Any, network: Network, input_shape: tuple[int, ...], n_classes: int
) -> None:
    """Check that an estimator's parameters describe its fitted network.

    Parameters
    ----------
    params : estimator
    network : Network
    input_shape : (h, w, c) or (length, channels)
        As the parameter `input_shape` says now.
    n_classes : int

    Raises
    ------
    ValueError
        If they do not; the message names what has changed.
    """
    *axes, n_outputs = network.output_shape
    sizes = {n_outputs, n_classes}
    for name, now, before in [
        (
            "layers",
            _hidden_layers(params, network.input_shape, sizes, len(axes) + 1),
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
    numbers, ndim = _numbers(params), params._output_ndim
    if params.input_shape is not None:
        shape = check_shape(params.input_shape)
        return params._default_layers(shape, ndim, numbers)
    if isinstance(numbers["filters"], str) and numbers["filters"] == "auto":
        numbers["filters"] = (32, 64)  # as of images up to 32 x 32
    # No layer's parameters depend on the size of an image that is large enough.
    return params._default_layers(_LARGE, ndim, numbers)


def _numbers(params: Any) -> dict[str, Any]:
    return {name: getattr(params, name) for name in params._network_numbers}


def _hidden_layers(
    params: Any,
    input_shape: tuple[int, ...],
    output_sizes: Collection[int],
    output_ndim: int,
) -> list[tuple[str, Layer]]:
    """Return the named hidden layers, listed or of the default network."""
    if params.layers is None:
        return params._default_layers(input_shape, output_ndim, _numbers(params))
    for name, default in params._network_numbers.items():
        value = getattr(params, name)
        if not np.array_equal(value, default):
            raise ValueError(
                f"{name}={value!r} describes the default network, but layers lists "
                "another: give one or the other (a listed layer's own parameters "
                f"are called <its name>__{name} or the like)"
            )
    named = name_layers(params.layers, taken=params.get_params(deep=False))
    _warn_of_output_layer(params, named, output_sizes, output_ndim)
    return named


def _warn_of_output_layer(
    params: Any,
    named: list[tuple[str, Layer]],
    output_sizes: Collection[int],
    output_ndim: int,
) -> None:
    """Warn if a list ends with an output layer, as it does in other libraries."""
    ends = [entry for entry in named if not isinstance(entry[1], Activation)]
    name, last = ends[-1] if ends else named[-1]
    units = getattr(last, "units", None)
    if isinstance(last, Conv1D | Conv2D) and np.all(np.equal(last.kernel_size, 1)):
        units = last.filters  # of an output layer that makes images
    is_output = (
        isinstance(last, Dense if output_ndim == 1 else Conv1D | Conv2D)
        and any(units == size for size in output_sizes)
        and last.activation in _OUTPUT_ACTIVATIONS
    )
    if is_output:
        warnings.warn(
            f"{type(params).__name__} adds its own output layer after those in layers: "
            f"leave out layer {name!r}, {last!r}, if it is meant as the output layer, "
            "and what follows it",
            stacklevel=2,
        )
