"""Arguments of layers: each is stored unchanged, and its default is documented."""

import inspect
import re

import pytest
from docstrings import stated_defaults

from skconv import layers as L

KINDS = [getattr(L, name) for name in L.__all__]
KINDS = [kind for kind in KINDS if kind._get_param_names()]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def documented(kind):
    """Return the defaults in a docstring, also of those that are "as in" another."""
    doc, found = inspect.getdoc(kind).replace("\\\n", ""), {}
    for names, as_in in re.findall(r"\n([\w, ]+)\n .*[Aa]s in `(\w+)`", doc):
        others = documented(getattr(L, as_in))
        found |= {name: others[name] for name in names.split(", ") if name in others}
    for names, value in stated_defaults(kind.__doc__):
        found |= dict.fromkeys(names, value)
    return found


@each_kind
def test_defaults_are_those_of_the_docstring(kind):
    parameters = inspect.signature(kind).parameters.values()
    required = [each.name for each in parameters if each.default is each.empty]
    layer = kind(**dict.fromkeys(required, 3))
    defaults = {name: eval(value) for name, value in documented(kind).items()}
    assert layer.get_params(deep=False) == {**defaults, **dict.fromkeys(required, 3)}


@each_kind
def test_arguments_are_stored_unchanged(kind):
    names = inspect.signature(kind).parameters
    given = {name: object() for name in names}
    layer = kind(**given)
    assert vars(layer) == given
