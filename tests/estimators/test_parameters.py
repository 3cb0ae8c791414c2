"""Parameters are written out in both estimators, and agree."""

import inspect

import pytest

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.estimators.parameters import DEFAULT_NETWORK

ESTIMATORS = [ConvNetClassifier, ConvNetRegressor]


def test_shared_parameters_are_the_same_in_both_signatures():
    classifier, regressor = (inspect.signature(each).parameters for each in ESTIMATORS)
    assert {*classifier} - {*regressor} == {
        "class_weight",
        "focal_gamma",
        "label_smoothing",
    }
    assert {*regressor} - {*classifier} == {"loss", "quantile"}
    # A regressor's is "auto", for the losses that need it.
    for name in {*classifier} & {*regressor} - {"early_stopping"}:
        assert str(classifier[name]) == str(regressor[name])
    for name, default in DEFAULT_NETWORK.items():
        assert classifier[name].default == default


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_each_parameter_has_a_constraint_a_description_and_an_attribute(estimator):
    names = set(inspect.signature(estimator).parameters)
    assert names == estimator._parameter_constraints.keys()
    for name in names:
        assert f"\n{name} : " in estimator.__doc__
    assert vars(estimator()).keys() == names
