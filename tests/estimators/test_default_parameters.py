"""Parameters have the defaults that their docstrings state, and keep what they are given."""

import ast
import inspect
import re

import pytest

from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)

ESTIMATORS = [ConvNetAutoencoder, ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter]


def documented_defaults(cls):
    """Return the defaults that a docstring states, of each parameter."""
    text = inspect.cleandoc(cls.__doc__)
    text = text[text.index("Parameters\n---") : text.index("Attributes\n---")]
    found = {}
    for names, description in re.findall(
        r"(?m)^(\w[\w, ]*) : (.*(?:\n.*default=.*)?)", text
    ):
        if "default=" in description:
            values = ast.literal_eval(description.partition("default=")[2])
            several = names.split(", ")
            values = values if len(several) > 1 else (values,)
            found |= dict(zip(several, values, strict=True))
    return found


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_defaults_are_those_of_the_docstring(cls):
    stated = documented_defaults(cls)
    params = cls().get_params(deep=False)
    assert len(stated) > 0.9 * len(params)
    assert {name: params[name] for name in stated} == stated


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_remain_the_given_objects(cls):
    names = cls._get_param_names()
    given = {name: object() for name in names if name not in ("layers", "augment")}
    assert {name: getattr(cls(**given), name) for name in given} == given
