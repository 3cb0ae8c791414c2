"""Names that reach into layers: ``conv1__kernel_size`` in a grid, a repr, a clone."""

import inspect
from collections import Counter

from sklearn.base import BaseEstimator

from ..lookup import did_you_mean

__all__ = ["HoldsLayers", "Searchable", "name_all", "name_layers"]

# What `Layer`, which knows this module, has.
_VERBS = "build", "predict", "forward", "backward", "inner_layers"


class Searchable(BaseEstimator):
    """Parameters that can be searched over; a misspelt name gets a suggestion."""

    def __new__(cls, *args, **params):
        known = inspect.signature(cls.__init__).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in params:
            if name not in known and not takes_any:
                raise TypeError(
                    f"{cls.__name__} has no parameter {name!r}"
                    f"{did_you_mean(name, known)}\n"
                    f"Parameters are: {[key for key in known if key != 'self']}"
                )
        return super().__new__(cls)

    def set_params(self, **params):
        """Set parameters by name; ``<name>__<parameter>`` reaches into an object.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        valid = self.get_params(deep=True)
        for name in params:
            if name.partition("__")[0] not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for {type(self).__name__}"
                    f"{did_you_mean(name, valid)}\n"
                    f"Valid parameters are: {sorted(valid)}"
                )
        return super().set_params(**params)


class HoldsLayers(Searchable):
    """An object whose argument `layers` is a list of layers, named or not."""

    def get_params(self, deep=True):
        """Return parameters by name, with ``deep`` those of the layers too.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add each layer under its name and the layer's parameters under
            ``<name>__<parameter>``.

        Returns
        -------
        params : dict
        """
        params = super().get_params(deep=False)
        for name, layer in self._layers_by_name() if deep else ():
            params[name] = layer
            if hasattr(layer, "get_params") and not isinstance(layer, type):
                inner = layer.get_params(deep=True)
                params.update((f"{name}__{key}", value) for key, value in inner.items())
        return params

    def set_params(self, **params):
        """Set parameters by name; a layer's name replaces that layer.

        Works in the order that a grid needs: `layers` first, then whole layers, then
        the parameters inside of them. A list that was passed in keeps its layers; a
        parameter inside a layer is set on that very layer, as in a Pipeline.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        before = self.layers
        try:
            self.layers = params.pop("layers", before)
            swaps = {
                name: params.pop(name)
                for name, _ in self._layers_by_name()
                if name in params
            }
            if swaps:
                # All names are written out: none shall change with its neighbour.
                self.layers = [
                    (name, swaps.get(name, layer))
                    for name, layer in name_all(self.layers)
                ]
            by_name = dict(self._layers_by_name())
            for key in params:
                name = key.partition("__")[0]
                if "__" in key and by_name.get(name) == "passthrough":
                    raise ValueError(
                        f"layer {name!r} is 'passthrough' and has no parameter to set "
                        f"as {key!r}; in a grid, put it into a grid of its own"
                    )
            return super().set_params(**params)
        except Exception:
            self.layers = before
            raise

    def _layers_by_name(self):
        """Name layers as far as they go: fit refuses nonsense, get_params does not.

        A parameter of this object goes before a layer of its name.
        """
        own = super().get_params(deep=False)
        return [
            (name, layer) for name, layer in name_all(self.layers) if name not in own
        ]


def name_layers(layers, taken=()):
    """Give each layer a name.

    Parameters
    ----------
    layers : sequence of layers and ``(name, layer)``
        An unnamed layer is called by its class and its place among those of its
        class: ``conv2d_1``, ``conv2d_2``.
    taken : collection of str, default=()
        Names that mean something else.

    Returns
    -------
    named : list of (str, layer)
        Without those that are ``"passthrough"``.

    Raises
    ------
    TypeError
        If an entry is no layer.
    ValueError
        If the list is empty or two layers share a name.
    """
    if not isinstance(layers, list | tuple):
        raise TypeError(
            "layers must be a list of layers or of (name, layer), "
            f"got {type(layers).__name__}: {layers!r}"
        )
    named = [entry for entry in name_all(layers) if entry[1] != "passthrough"]
    if not named:
        raise ValueError(
            f"layers must hold at least one layer that is no 'passthrough', got "
            f"{layers!r}; layers=None builds the default network"
        )
    for name, layer in named:
        if isinstance(layer, type) or not all(hasattr(layer, verb) for verb in _VERBS):
            hint = ""
            if isinstance(layer, type):
                hint = f"; call it: {layer.__name__}(...)"
            elif isinstance(layer, int):
                hint = f"; for the default network's numbers, filters={layers!r}"
            raise TypeError(
                "each of layers must be a layer (of a subclass of skconv.layers.Layer) "
                f"or a tuple (name, layer), got {layer!r}{hint}"
            )
        if name in taken:
            raise ValueError(
                f"a layer may not be called {name!r}, as a parameter is; rename it"
            )
        if not name.isidentifier() or "__" in name:
            raise ValueError(
                "a layer's name must be an identifier without '__' (which leads to "
                f"its parameters), got {name!r}"
            )
    for name, count in Counter(name for name, _ in named).items():
        if count > 1:
            raise ValueError(
                f"layers must have distinct names, got {count} of {name!r}"
            )
    return named


def name_all(layers):
    """Name each entry of a list as it comes, whatever it is.

    Yields
    ------
    name : str
        Its own, or its class and its place among those of its class.
    layer : object
    """
    ordinal = Counter()
    for entry in layers if isinstance(layers, list | tuple) else ():
        named = (
            isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
        )
        layer = entry[1] if named else entry
        kind = type(layer).__name__.lower()
        ordinal[kind] += 1
        yield entry if named else (f"{kind}_{ordinal[kind]}", layer)
