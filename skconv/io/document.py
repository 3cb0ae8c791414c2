"""A fitted estimator as a JSON document and back, checked, but for its arrays."""

import math
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn

from .._training.step import NEW_STATE
from .._utils.lookup import look_up, shorten
from .._utils.safetensors import KEY_LIMIT, Part
from .._utils.values import check_fields, decode, encode, make_object
from .._version import __version__
from ..callbacks.fitted import check_encoder, describe_fitted, parse_fitted
from ..estimators.parameters import DEFAULT_NETWORK
from ..estimators.tuning import frozen_names
from ..layers.bounds import Bounds
from ..layers.initializers import Blank
from ..layers.naming import name_layers
from ..models.network import Network
from .checks import ESTIMATORS
from .registry import encode_registered, find_class

# What came of `pretrained` is among the weights. A path is one of this machine.
_NOT_SAVED = ("pretrained",)

__all__ = ["build_blank_network", "describe_model", "parse_model"]


def describe_model(model: Any, fitted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of an estimator in a fitted state, as plain JSON.

    Parameters
    ----------
    model : estimator
    fitted : dict
        Its attributes.

    Raises
    ------
    ValueError
        If a parameter or a class label is not a plain value, or a layer's class is not
        registered.
    """
    _check_names(fitted["network_"].layers)
    return {
        "estimator": {
            "class": type(model).__name__,
            "params": {
                name: encode(value, f"parameter {name}", encode_registered)
                for name, value in model.get_params(deep=False).items()
                if name not in _NOT_SAVED
            },
        },
        "layers": [
            [name, encode_registered(layer, f"layer {name!r}")]
            for name, layer in fitted["network_"].layers
        ],
        "fitted": describe_fitted(fitted, fitted["validation_scores_"] is not None),
        "versions": {
            "skconv": __version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "python": platform.python_version(),
        },
    }


def parse_model(
    document: dict[str, Any], version: int, parts: Mapping[str, Part]
) -> tuple[Any, dict[str, Any], bool]:
    """Return an estimator, its fitted attributes, and whether it was validated.

    Parameters
    ----------
    document : dict
        Of `describe_model`; nothing of it is trusted.
    version : int
        Of the format.
    parts : dict of str to Part
        The arrays of the file.

    Returns
    -------
    model : estimator
        Not fitted yet.
    fitted : dict
        The network has no weights yet (see `Network.adopt`), and the history no curves.
    validated : bool

    Raises
    ------
    ValueError, TypeError, AttributeError
        If `describe_model` returns nothing like it. Layers check their arguments.
    """
    if version == 1:
        document = _upgrade_from_1(document)
    if version < 3:
        document = _upgrade_from_2(document)
    required = "estimator", "layers", "fitted"
    document = check_fields(document, "its model", required, {"versions": {}})
    model = _make_estimator(document["estimator"])
    weights = [part for name, part in parts.items() if "/" not in name]
    if len({part.dtype.name for part in weights}) != 1:
        raise ValueError("its weights must be of one dtype")
    dtype = weights[0].dtype.newbyteorder("=")
    fitted, validated = parse_fitted(document["fitted"], dtype.name)
    check_encoder(model, fitted["_encoder"])
    network = _make_network(
        document["layers"],
        fitted["input_shape_"],
        dtype,
        n_weights=sum(math.prod(part.shape) for part in weights),
        frozen=frozen_names(model),
    )
    needed = fitted["_encoder"].output_shape
    if network.output_shape != needed:
        raise ValueError(
            f"its last layer has outputs {network.output_shape}, but its classes "
            f"or targets need {needed if len(needed) > 1 else needed[0]}"
        )
    fitted["network_"] = network
    fitted.update(NEW_STATE)
    # Another stream than the one that was used, and the same at each loading.
    seed = [fitted["_split_seed"], fitted["_history"].steps]
    fitted["_rng"] = np.random.default_rng(seed)
    return model, fitted, validated


def _upgrade_from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of version 1, which had all keys at one level, as of today."""
    document = {**document}
    fitted = {"encoder": document.pop("coding", None)}
    names = "input_shape", "feature_names", "history", "validated", "split_seed"
    fitted |= {name: document.pop(name) for name in names if name in document}
    return {**document, "fitted": fitted}


def _upgrade_from_2(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of version 2 as of today, with the layers of its network.

    Parameters made another default network then, so that its layers become a list.
    """
    estimator, layers = document.get("estimator"), document.get("layers")
    given = estimator.get("params") if isinstance(estimator, dict) else None
    if estimator is None or not isinstance(given, dict) or not isinstance(layers, list):
        return document  # an error, later
    params = {name: given[name] for name in given if name not in DEFAULT_NETWORK}
    if params.get("layers") is None:
        params["layers"] = [{"tuple": entry} for entry in layers[:-1]]
    return {**document, "estimator": {**estimator, "params": params}}


def _make_estimator(described: Any) -> Any:
    described = check_fields(described, "its estimator", ("class", "params"), {})
    cls = look_up(ESTIMATORS, described["class"], "its estimator's class")
    given = described["params"]
    if isinstance(given, dict) and not given.keys().isdisjoint(_NOT_SAVED):
        raise ValueError(f"its estimator must not have the parameters {_NOT_SAVED}")
    model = make_object(cls, described["params"], find_class)
    model._validate_params()
    model._check_options()
    return model


def _make_network(
    described: Any,
    input_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    n_weights: int,
    frozen: tuple[str, ...],
) -> Network:
    """Return the network whose weights the file has."""
    if not isinstance(described, list) or not all(
        isinstance(entry, list) and len(entry) == 2 for entry in described
    ):
        raise ValueError("its layers must be pairs of a name and a layer")
    _check_names(described)
    layers = name_layers(
        [(name, decode(layer, find_class)) for name, layer in described]
    )
    return build_blank_network(layers, input_shape, dtype, n_weights, frozen)


def _check_names(layers: Any) -> None:
    """Check that the names of a network's layers are not too long for a file."""
    for name, _ in layers:
        if not isinstance(name, str) or len(name) > KEY_LIMIT:
            raise ValueError(
                f"the name of a layer must be a text of at most {KEY_LIMIT} "
                f"characters, got {shorten(name)}"
            )


def build_blank_network(
    layers: list[tuple[str, Any]],
    input_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    n_weights: int,
    frozen: tuple[str, ...] = (),
) -> Network:
    """Return a network without weights, if a file may have it.

    Raises
    ------
    ValueError
        If it has more than `n_weights`, or a sample would take too much, see `Bounds`.
    """
    rng = Blank(n_weights, Bounds(input_shape, n_weights))
    return Network.build(layers, input_shape, rng, dtype, frozen)
