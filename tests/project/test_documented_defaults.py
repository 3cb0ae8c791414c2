"""What a docstring calls the default of a parameter is its default."""

import ast
import importlib
import inspect

import pytest
from docstrings import stated_defaults

PUBLIC = [
    "skconv",
    *(
        "skconv.augmentation",
        "skconv.callbacks",
        "skconv.datasets",
        "skconv.inspection",
    ),
    *("skconv.io", "skconv.layers", "skconv.models", "skconv.ops", "skconv.zoo"),
]


def public_callables():
    """Return the public functions, classes and methods, each once, and their names."""
    found = {}
    for module in map(importlib.import_module, PUBLIC):
        for name in getattr(module, "__all__", dir(module)):
            thing = getattr(module, name)
            if inspect.isclass(thing) and thing.__module__.startswith("skconv"):
                found[thing] = thing.__qualname__
                for method, value in inspect.getmembers(thing, inspect.isroutine):
                    if not method.startswith("_"):
                        function = getattr(value, "__func__", value)
                        found.setdefault(function, f"{thing.__qualname__}.{method}")
            elif inspect.isfunction(thing):
                found.setdefault(thing, name)
    return {
        thing: name
        for thing, name in found.items()
        if getattr(thing, "__module__", "").startswith("skconv")
    }


def documented(docstring):
    """Yield the names and defaults of the parameters of a docstring."""
    for names, text in stated_defaults(docstring):
        try:
            value = ast.literal_eval(text.strip("`"))
        except (SyntaxError, ValueError):  # a name: not compared
            continue
        several = len(names) > 1 and isinstance(value, tuple)  # one for each
        yield from zip(names, value if several else [value] * len(names), strict=True)


CASES = [
    pytest.param(thing, name, value, id=f"{where}-{name}")
    for thing, where in public_callables().items()
    for name, value in documented(thing.__doc__)
]


@pytest.mark.parametrize(("thing", "name", "value"), CASES)
def test_default_is_that_of_the_docstring(thing, name, value):
    parameter = inspect.signature(thing).parameters[name]
    assert parameter.default == value
    assert isinstance(parameter.default, bool) == isinstance(value, bool)


def test_defaults_of_all_parts_are_found():
    parts = {each.values[0].__module__.split(".")[1] for each in CASES}
    assert len(CASES) > 400
    assert parts >= {"inspection", "layers", "estimators", "io", "ops", "zoo"}
