"""SktimeClassifier passes sktime's own checks, and works in its pipelines."""

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
    pytest.importorskip("sktime", reason="the test needs sktime")
    from skconv.adapters import SktimeClassifier

    return SktimeClassifier


def test_sktime_checks_its_classifier(kind):
    from sktime.utils.estimator_checks import check_estimator

    results = check_estimator(kind, raise_exceptions=True, verbose=0)
    assert len(results) > 20 and set(results.values()) == {"PASSED"}


def test_sktime_panels_have_channels_first(kind):
    check_predictions(kind)


def test_parameters_of_a_classifier_of_sktime_reach_into_layers(kind):
    check_parameters(kind)


def test_default_of_a_classifier_of_sktime_is_the_recipe(kind):
    check_default(kind)


def test_sktime_pipes_a_transformer_before_a_network(kind):
    from sktime.transformations.panel.padder import PaddingTransformer

    _, panel, y = signals(1)
    pipeline = PaddingTransformer(pad_length=70) * kind(network())
    assert pipeline.fit(panel, y).predict(panel).shape == y.shape


def test_sktime_converts_nested_frames(kind):
    from sktime.datatypes import convert

    _, panel, y = signals()
    nested = convert(panel, "numpy3D", "nested_univ", "Panel")
    clf = kind(network()).fit(nested, y)
    assert (clf.predict(nested) == kind(network()).fit(panel, y).predict(panel)).all()
