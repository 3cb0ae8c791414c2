"""Names that reach into parts: ``conv1__kernel_size`` in a grid, a repr, a clone."""

import inspect
from collections import Counter
from typing import ClassVar

from sklearn.base import BaseEstimator

from .lookup import did_you_mean

__all__ = [
    "NestedParamsMixin",
    "ParamsMixin",
    "active",
    "hint_to_call",
    "name_all",
    "name_parts",
]


class ParamsMixin(BaseEstimator):
    """Parameters that can be searched over; a misspelt name gets a suggestion."""

    def __new__(cls, *args, **params):
        if params:
            cls._check_names(params)
        return super().__new__(cls)

    @classmethod
    def _check_names(cls, params):
        known = inspect.signature(cls.__init__).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in params:
            if name not in known and not takes_any:
                raise TypeError(
                    f"{cls.__name__} has no parameter {name!r}"
                    f"{did_you_mean(name, known)}\n"
                    f"Parameters are: {[key for key in known if key != 'self']}"
                )

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


class NestedParamsMixin(ParamsMixin):
    """An object with arguments that are lists of parts, named or not.

    Of `layers`, each part's name is a parameter, ``conv1``, and the part's own are
    ``conv1__filters``. What is in other lists stands behind the argument's name:
    ``augment__randomflip_1__vertical``. A list in a list is gone through as well.
    """

    # Argument -> what each of its parts is called in errors.
    _parts: ClassVar[dict[str, str]] = {"layers": "layer"}

    def get_params(self, deep=True):
        """Return parameters by name, with ``deep`` those in lists of parts, too.

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

    def set_params(self, **params):
        """Set parameters by name; a part's name replaces that part.

        Works in the order that a grid needs: whole lists first, then whole parts, then
        the parameters inside of them. A list that was passed in keeps its parts; a
        parameter inside a part is set on that very part, as in a Pipeline.

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
            for argument in self._parts.keys() & params.keys():
                setattr(self, argument, params.pop(argument))
            for argument in self._lists():
                self._set_inside(argument, params)
            return super().set_params(**params)
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    def _set_inside(self, argument, params):
        """Take out of `params` what leads into a list, and set it."""
        parts, prefix = getattr(self, argument), _prefix(argument)
        inside = {key for key in params if key.startswith(prefix)}
        if not prefix:  # of what has no prefix, the object's own parameters are not
            known = dict(name_all(parts)).keys() - self._own(argument)
            inside = {key for key in inside if key.partition("__")[0] in known}
        paths = {key.removeprefix(prefix): params.pop(key) for key in sorted(inside)}
        try:
            setattr(self, argument, _set_within(parts, paths, self._parts[argument]))
        except _NoSuchPart as error:
            path, name, parts = error.args
            raise ValueError(
                f"Invalid parameter {prefix + path!r} for {type(self).__name__}"
                f"{did_you_mean(name, parts)}\n"
                f"Names in {argument} are: {list(parts)}"
            ) from None

    def _lists(self):
        """Arguments that are lists: nonsense is refused where it is used, not here."""
        return [
            argument
            for argument in self._parts
            if isinstance(getattr(self, argument, None), list | tuple)
        ]

    def _own(self, argument):
        """Return the names that go before those of parts."""
        return () if _prefix(argument) else super().get_params(deep=False).keys()


class _NoSuchPart(LookupError):
    """The arguments are the path to it, its name and the names that there are."""


def _prefix(argument):
    return "" if argument == "layers" else f"{argument}__"


def _look_inside(part):
    """Yield (path, value) for all that names lead to in a part, or a list of them."""
    if isinstance(part, list | tuple):
        for name, entry in name_all(part):
            yield name, entry
            for path, value in _look_inside(entry):
                yield f"{name}__{path}", value
    elif hasattr(part, "get_params") and not isinstance(part, type):
        yield from part.get_params(deep=True).items()


def _set_within(parts, params, kind, above=""):
    """Set what names lead to in a list of parts.

    Returns
    -------
    parts : list
        The very same, if no part was replaced. Otherwise with all names written out:
        none shall change with its neighbour.
    """
    by_name, inside = dict(name_all(parts)), {}
    for path, value in params.items():
        name, separator, rest = path.partition("__")
        if name not in by_name:
            raise _NoSuchPart(above + path, name, by_name)
        if separator:
            inside.setdefault(name, {})[rest] = value
        else:
            by_name[name] = value
    for name, below in inside.items():
        part, path = by_name[name], f"{above}{name}"
        if isinstance(part, list | tuple):
            by_name[name] = _set_within(part, below, kind, f"{path}__")
        elif hasattr(part, "set_params") and not isinstance(part, type):
            part.set_params(**below)
        else:
            raise ValueError(
                f"{kind} {name!r} is {part!r} and has no parameter to set as "
                f"'{path}__{next(iter(below))}'; in a grid, put it into a grid of its "
                "own"
            )
    if all(by_name[name] is part for name, part in name_all(parts)):
        return parts
    return [(name, by_name[name]) for name, _ in name_all(parts)]


def hint_to_call(value):
    """Say what to do about a class that is given in an object's place."""
    return f"; call it: {value.__name__}(...)" if isinstance(value, type) else ""


def name_parts(parts, what):
    """Give each part of a list a name, and have no two share one.

    Parameters
    ----------
    parts : list or tuple
    what : str
        What they are called in the error.

    Returns
    -------
    named : list of (str, object)
        Without those that are ``"passthrough"``.

    Raises
    ------
    ValueError
        If two share a name.
    """
    named = active(parts)
    for name, count in Counter(name for name, _ in named).items():
        if count > 1:
            raise ValueError(
                f"{what} must have distinct names, got {count} of {name!r}"
            )
    return named


def active(parts):
    """Name each part that is no ``"passthrough"``."""
    return [
        entry
        for entry in name_all(parts)
        if not (isinstance(entry[1], str) and entry[1] == "passthrough")
    ]


def name_all(parts):
    """Name each entry of a list as it comes, whatever it is.

    Yields
    ------
    name : str
        Its own, or its class and its place among those of its class; a list is a
        "sequential".
    part : object
    """
    ordinal = Counter()
    for entry in parts if isinstance(parts, list | tuple) else ():
        named = (
            isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
        )
        part = entry[1] if named else entry
        is_list = isinstance(part, list | tuple)
        kind = "sequential" if is_list else type(part).__name__.lower()
        ordinal[kind] += 1
        yield entry if named else (f"{kind}_{ordinal[kind]}", part)
