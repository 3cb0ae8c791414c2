"""AeonClassifier passes aeon's own checks, and works in its pipelines."""

import pytest
from panels import (
    check_default,
    check_parameters,
    check_predictions,
    network,
    signals,
)


@pytest.fixture
def kind():
    pytest.importorskip("aeon", reason="the test needs aeon")
    from skconv.adapters import AeonClassifier

    return AeonClassifier


def test_aeon_checks_its_classifier(kind):
    from aeon.testing.estimator_checking import check_estimator

    results = check_estimator(kind, raise_exceptions=True)
    assert len(results) > 20
    assert all(
        "PASSED" in str(each) or "SKIP" in str(each) for each in results.values()
    )


def test_aeon_panels_have_channels_first(kind):
    check_predictions(kind)


def test_parameters_of_a_classifier_of_aeon_reach_into_layers(kind):
    check_parameters(kind)


def test_default_of_a_classifier_of_aeon_is_the_recipe(kind):
    check_default(kind)


def test_aeon_classifiers_are_cross_validated(kind):
    from sklearn.model_selection import cross_val_score

    _, panel, y = signals(1)
    assert cross_val_score(kind(network()), panel, y, cv=2).mean() > 0.4


def test_aeon_pipes_a_transformer_before_a_network(kind):
    from aeon.pipeline import make_pipeline
    from aeon.transformations.collection import Normalizer

    _, panel, y = signals()
    assert (
        make_pipeline(Normalizer(), kind(network())).fit(panel, y).score(panel, y) > 0.4
    )
