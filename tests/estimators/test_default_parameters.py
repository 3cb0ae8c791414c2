"""Parameters have the defaults that their docstrings state, and keep what they are given."""

import ast

import pytest
from docstrings import stated_defaults

from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)

ESTIMATORS = [ConvNetAutoencoder, ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter]


def documented_defaults(cls):
    """Return the defaults that a docstring states, of each parameter."""
    found = {}
    for names, text in stated_defaults(cls.__doc__):
        values = ast.literal_eval(text)
        values = values if len(names) > 1 else (values,)
        found |= dict(zip(names, values, strict=True))
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
