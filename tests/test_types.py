"""The .pyi files, which editors and mypy read, say what the package says."""

import __future__

import inspect
from pathlib import Path
from types import ModuleType

import pytest

import skconv
from skconv import augmentation, layers, ops, zoo

ROOT = Path(skconv.__file__).parent
MODULES = [skconv, augmentation, layers, ops, zoo]
SPECIAL = {"__init__", "__call__"}


def declared(module):
    """Run the module's .pyi as if it were Python: its bodies are all ``...``."""
    path = Path(module.__file__).with_suffix(".pyi")
    # Without it, annotations would be evaluated, some before the class they name.
    flags = __future__.annotations.compiler_flag
    names = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(path.read_text(), str(path), "exec", flags), names)
    return names


def public(names):
    """Return the names that a module, or what declares it, has users import."""
    if "__all__" in names:
        return set(names["__all__"])
    return {
        name
        for name in {*names, *names.get("__annotations__", ())}
        if not name.startswith("_") and not isinstance(names.get(name), ModuleType)
        if getattr(names.get(name), "__module__", "skconv").startswith("skconv")
    }


def parameters(function):
    signature = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in signature]


def own_functions(cls):
    """Yield the public methods that the package defines, by name.

    What stands in for a later scikit-learn's is as little declared as that one's.
    """
    for base in cls.__mro__:
        package, _, module = base.__module__.partition(".")
        if package == "skconv" and module != "callback_shim":
            for name, value in vars(base).items():
                written = inspect.isfunction(value) or isinstance(value, classmethod)
                if written and (name[0] != "_" or name in SPECIAL):
                    yield name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_stubs_declare_every_public_name_and_no_other(module):
    names = declared(module)
    assert public(names) - {"compiled"} == public(vars(module))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_stubs_have_the_signatures_of_the_package(module):
    names, seen = declared(module), 0
    for name in public(vars(module)):
        here, there = names.get(name), getattr(module, name)
        pairs = [(name, here, there)] if inspect.isfunction(there) else []
        if inspect.isclass(there) and not issubclass(there, tuple):
            for method in sorted(set(own_functions(there))):
                assert hasattr(here, method), f"{name}.{method} is not declared"
                pair = getattr(here, method), getattr(there, method)
                pairs.append((f"{name}.{method}", *pair))
        for path, *functions in pairs:
            assert parameters(functions[0]) == parameters(functions[1]), path
        seen += len(pairs)
    assert seen >= 6


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "py.typed").exists()
