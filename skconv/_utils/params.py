"""Parameters of components: ``conv1__kernel_size`` in a grid, a repr, a clone."""

import inspect
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator, clone

from .lookup import did_you_mean

__all__ = [
    "NestedParamsMixin",
    "ParamsMixin",
    "distinct_components",
    "drop_passthrough",
    "hint_to_call",
    "name_components",
]


class ParamsMixin(BaseEstimator):
    """Parameters that can be searched over; a misspelt name gets a suggestion."""

    def __new__(cls, *args: Any, **params: Any) -> Self:
        if params:
            cls._check_names(params)
        if args and cls.__init__ is object.__init__:  # which would ignore them
            raise TypeError(
                f"{cls.__name__} takes no arguments, got {', '.join(map(repr, args))}"
            )
        return super().__new__(cls)

    @classmethod
    def _check_names(cls, params: Collection[str]) -> None:
        known: Mapping[str, inspect.Parameter] = {}
        if cls.__init__ is not object.__init__:  # whose signature takes anything
            known = inspect.signature(cls.__init__).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in params:
            if name not in known and not takes_any:
                raise TypeError(
                    f"{cls.__name__} has no parameter {name!r}"
                    f"{did_you_mean(name, known)}\n"
                    f"Parameters are: {[key for key in known if key != 'self']}"
                )

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; ``<name>__<parameter>`` is one of an object.

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


class NestedParamsMixin(ParamsMixin):
    """An object with arguments that are lists of components, named or not.

    For `layers`, each component's name is a parameter, ``conv1``, and the component's
    parameters are ``conv1__filters``. Those of other lists follow the argument's name:
    ``augment__randomflip_1__vertical``. A list in a list is a component, too.
    """

    # Argument -> what errors call a component of it.
    _components: ClassVar[dict[str, str]] = {"layers": "layer"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters by name, with ``deep`` those of components, too.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        params : dict
        """
        params = super().get_params(deep)
        for argument in self._lists() if deep else ():
            inside = _look_inside(params[argument])
            own = self._own(argument)
            for path, value in inside:
                if path.partition("__")[0] not in own:
                    params[_prefix(argument) + path] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; a component's name replaces that component.

        The order is the one that a grid needs: first lists, then components, then
        their parameters. A list that was passed in keeps its components; a parameter
        of a component is set on that very object, as in a Pipeline. Only if one object
        is in several places, as in ``[Conv2D(4)] * 3``, each place gets a copy of its
        own first, as `clone` does: a name is of one place.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        before = vars(self).copy()
        try:
            for argument in self._components.keys() & params.keys():
                setattr(self, argument, params.pop(argument))
            if any("__" in name for name in params) and self._shares_components():
                for argument in self._components:
                    components = clone(getattr(self, argument), safe=False)
                    setattr(self, argument, components)
            for argument in self._lists():
                self._set_inside(argument, params)
            return super().set_params(**params)
        except Exception:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _shares_components(self) -> bool:
        """Return whether an object is a component in several places."""
        values = self.get_params(deep=True).values()
        parts = [id(value) for value in values if _has_params(value)]
        return len(parts) > len(set(parts))

    def _set_inside(self, argument: str, params: dict[str, Any]) -> None:
        """Set the parameters that are in a list, and remove them from `params`."""
        parts, prefix = getattr(self, argument), _prefix(argument)
        inside = {key for key in params if key.startswith(prefix)}
        if not prefix:  # then the object's own parameters have precedence
            known = dict(name_components(parts)).keys() - self._own(argument)
            inside = {key for key in inside if key.partition("__")[0] in known}
        paths = {key.removeprefix(prefix): params.pop(key) for key in sorted(inside)}
        try:
            setattr(
                self, argument, _set_within(parts, paths, self._components[argument])
            )
        except _NoSuchComponent as error:
            path, name, names = error.args
            raise ValueError(
                f"Invalid parameter {prefix + path!r} for {type(self).__name__}"
                f"{did_you_mean(name, names)}\n"
                f"Names in {argument} are: {list(names)}"
            ) from None

    def _lists(self) -> list[str]:
        """Return the arguments that are lists. Others are refused at their use."""
        return [
            argument
            for argument in self._components
            if isinstance(getattr(self, argument, None), list | tuple)
        ]

    def _own(self, argument: str) -> Collection[str]:
        """Return the names that have precedence over those of components."""
        return () if _prefix(argument) else super().get_params(deep=False).keys()


class _NoSuchComponent(LookupError):
    """The arguments are the path to it, its name, and the existing names."""


def _prefix(argument: str) -> str:
    return "" if argument == "layers" else f"{argument}__"


def _look_inside(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of all parameters of a component, or of a list of them."""
    if isinstance(part, list | tuple):
        for name, entry in name_components(part):
            yield name, entry
            for path, value in _look_inside(entry):
                yield f"{name}__{path}", value
    elif _has_params(part):
        yield from part.get_params(deep=True).items()


def _has_params(part: Any) -> bool:
    return hasattr(part, "get_params") and not isinstance(part, type)


def _set_within(
    components: Sequence[Any], params: dict[str, Any], kind: str, above: str = ""
) -> Sequence[Any]:
    """Set components, and parameters of components, in a list.

    Returns
    -------
    components : list
        The same list if no component was replaced. Otherwise a list with all names
        written out, so that a name does not change with its neighbours.
    """
    by_name = dict(name_components(components))
    inside: dict[str, dict[str, Any]] = {}
    for path, value in params.items():
        name, separator, rest = path.partition("__")
        if name not in by_name:
            raise _NoSuchComponent(above + path, name, by_name)
        if separator:
            inside.setdefault(name, {})[rest] = value
        else:
            by_name[name] = value
    for name, below in inside.items():
        part, path = by_name[name], f"{above}{name}"
        if isinstance(part, list | tuple):
            by_name[name] = _set_within(part, below, kind, f"{path}__")
        elif _has_params(part):
            part.set_params(**below)
        else:
            raise ValueError(
                f"{kind} {name!r} is {part!r} and has no parameter to set as "
                f"'{path}__{next(iter(below))}'; in a search, put it into a separate "
                "grid"
            )
    if all(by_name[name] is part for name, part in name_components(components)):
        return components
    return [(name, by_name[name]) for name, _ in name_components(components)]


def hint_to_call(value: Any) -> str:
    """Return the end of an error about a class that was passed instead of an object."""
    return f"; call it: {value.__name__}(...)" if isinstance(value, type) else ""


def distinct_components(components: Any, what: str) -> list[tuple[str, Any]]:
    """Return the named components of a list, and check that no two share a name.

    Parameters
    ----------
    components : list or tuple
    what : str
        Their name in the error.

    Returns
    -------
    named : list of (str, object)
        Without those that are ``"passthrough"``.

    Raises
    ------
    ValueError
        If two share a name.
    """
    named = drop_passthrough(components)
    for name, count in Counter(name for name, _ in named).items():
        if count > 1:
            raise ValueError(
                f"{what} must have distinct names, got {count} of {name!r}"
            )
    return named


def drop_passthrough(components: Any) -> list[tuple[str, Any]]:
    """Return the named components of a list that are not ``"passthrough"``."""
    return [
        entry
        for entry in name_components(components)
        if not (isinstance(entry[1], str) and entry[1] == "passthrough")
    ]


def name_components(components: Any) -> Iterator[tuple[str, Any]]:
    """Yield each entry of a list with a name. Entries are not checked.

    Yields
    ------
    name : str
        The given one, or the lower-case name of its class and its number among those
        of its class; a list is a "sequential".
    component : object
    """
    ordinal: Counter[str] = Counter()
    for entry in components if isinstance(components, list | tuple) else ():
        named = (
            isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
        )
        part = entry[1] if named else entry
        is_list = isinstance(part, list | tuple)
        kind = "sequential" if is_list else type(part).__name__.lower()
        ordinal[kind] += 1
        yield entry if named else (f"{kind}_{ordinal[kind]}", part)
