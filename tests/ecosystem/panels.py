"""What the classifiers of aeon and of sktime have in common."""

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.datasets import make_events
from skconv.layers import Conv1D, GlobalMaxPool1D


def network():
    layers = [Conv1D(8, 9, activation="relu"), GlobalMaxPool1D()]
    return ConvNetClassifier(
        layers, learning_rate_init=0.01, max_iter=15, random_state=SEED
    )


def signals(channels=2):
    """Return signals, the same as a panel, and their labels."""
    X, y = make_events(
        150, length=64, n_channels=channels, noise=0.05, random_state=SEED
    )
    return X, np.moveaxis(X, -1, 1).astype(float), y


def check_predictions(kind):
    """Check that panels are predicted as the network itself predicts signals."""
    X, panel, y = signals()
    clf, plain = kind(network()).fit(panel, y), network().fit(X, y)
    assert (clf.predict(panel) == plain.predict(X)).all()
    np.testing.assert_allclose(
        clf.predict_proba(panel), plain.predict_proba(X), atol=1e-5
    )
    assert clf.score(panel, y) > 0.5
    assert clf.estimator_.input_shape_ == (64, 2)
    assert kind(network()).fit(panel[:, :1], y).estimator_.input_shape_ == (64, 1)
    with pytest.raises(
        Exception, match="features|holds signals|channels|univariate|[Ll]ength|metadata"
    ):
        clf.predict(panel[:, :, :50])


def check_parameters(kind):
    """Check that they reach into layers, and that a wrong estimator is named."""
    _, panel, y = signals(1)
    clf = kind(network(), random_state=SEED + 1)
    clf.set_params(estimator__conv1d_1__filters=4)
    assert clf.get_params()["estimator__conv1d_1__filters"] == 4
    clf.fit(panel, y)
    assert clf.estimator_.random_state == 1 and clf.estimator.random_state == 0
    with pytest.raises(TypeError, match="estimator must be a ConvNetClassifier"):
        kind("network").fit(panel, y)


def check_default(kind):
    """Check that None is the recipe for signals."""
    from skconv import zoo

    _, panel, y = signals(1)
    clf = kind(random_state=SEED).fit(panel[:12, :, :32], y[:12])
    assert clf.estimator is None
    expected = zoo.signal_classifier(n_samples=12).get_params()
    assert clf.estimator_.max_iter == expected["max_iter"]
