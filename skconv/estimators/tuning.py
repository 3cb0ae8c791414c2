"""What training changes of a network: frozen layers, and rates by layer."""

import math
import warnings
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any

import numpy as np

from ..layers.chain import leaves
from ..layers.marks import check_names, is_frozen
from ..models.network import Network

__all__ = [
    "check_learns",
    "check_tuning",
    "drawn_and_frozen",
    "frozen_names",
    "warn_if_random",
]


def frozen_names(params: Any) -> tuple[str, ...]:
    """Return the names of an estimator's frozen layers.

    Raises
    ------
    TypeError
        If they are not names.
    """
    frozen = params.frozen
    if frozen is None:
        return ()
    names = [frozen] if isinstance(frozen, str) else frozen
    is_list = isinstance(names, list | tuple | np.ndarray)
    if not is_list or not all(isinstance(name, str) for name in names):
        raise TypeError(
            "frozen must be the name of a layer, a list of them or None, got "
            f"{frozen!r}"
        )
    return tuple(map(str, names))


def check_tuning(params: Any) -> None:
    """Check the types of `frozen` and `learning_rate_multipliers`.

    Raises
    ------
    TypeError, ValueError
        If one of them does not fit.
    """
    frozen_names(params)
    multipliers = params.learning_rate_multipliers
    if multipliers is None:
        return
    if not isinstance(multipliers, Mapping):
        raise TypeError(
            "learning_rate_multipliers must be a dict of layers' names to numbers, as "
            f"in {{'conv1': 0.1}}, or None, got {multipliers!r}"
        )
    for name, value in multipliers.items():
        if not isinstance(name, str):
            raise TypeError(
                "learning_rate_multipliers must have names of layers as keys, got "
                f"{name!r}"
            )
        is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
        if not is_number or not (value > 0 and math.isfinite(value)):
            hint = f"; frozen=[{name!r}] leaves a layer alone" if value == 0 else ""
            raise ValueError(
                "learning_rate_multipliers must be finite numbers > 0, got "
                f"{value!r} for {name!r}{hint}"
            )


def check_learns(params: Any, network: Network) -> None:
    """Check that an estimator names layers of its network, and some that learn.

    Raises
    ------
    ValueError
        If not.
    """
    names = params.learning_rate_multipliers or {}
    check_names(network.layers, names, "learning_rate_multipliers")
    if network.frozen and not network.parameters.size:
        raise ValueError(
            f"frozen must leave a layer that learns, got {list(network.frozen)}, which "
            f"are all that have weights: leave out {network.layers[-1][0]!r}, the "
            "output layer"
        )


def drawn_and_frozen(network: Network, taken: Collection[str]) -> dict[str, Any]:
    """Return copies of the kernels of frozen layers that came from nowhere.

    Parameters
    ----------
    network : Network
        New.
    taken : collection of str
        Names of layers whose weights came from another network.
    """
    prefixes = tuple(f"{name}__" for name in taken)
    return {
        f"{path}.{key}": array.copy()
        for path, layer, own in leaves(network.layers, network.weights)
        if is_frozen(own) and not f"{path}__".replace(".", "__").startswith(prefixes)
        for key, array in own.items()
        if key not in layer.state and array.ndim > 1
    }


def warn_if_random(network: Network, drawn: Mapping[str, Any]) -> None:
    """Warn of frozen layers that have their random initial weights.

    Parameters
    ----------
    network : Network
        Adapted to the data, from which some layers take their weights.
    drawn : dict of str to ndarray
        Of `drawn_and_frozen`.
    """
    found = {
        name.rpartition(".")[0]
        for name, array in drawn.items()
        if np.array_equal(network.arrays[name], array)
    }
    if found:
        warnings.warn(
            f"the frozen layers {sorted(found)} have random weights, which nothing "
            "will change: none came from pretrained. (A model that was loaded from a "
            "file has no pretrained: set it again before fit.) To train them, leave "
            "them out of frozen",
            stacklevel=2,
        )
