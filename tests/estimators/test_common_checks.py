"""scikit-learn's own checks, none excused."""

import pytest
from seeds import SEED
from sklearn.utils.estimator_checks import parametrize_with_checks

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Conv2D, Dense, Dropout, GlobalAvgPool2D, Normalization

# The checks feed rows of 1, 2, 3, 5, 10, 20 or 30 features, and say nothing of images.
pytestmark = pytest.mark.filterwarnings(
    "ignore:X has .* features, which make no square"
)


def small_network(estimator):
    layers = [
        Normalization(0.5),
        ("conv1", Conv2D(16, 3, activation="relu")),
        ("conv2", Conv2D(16, (1, 3), stride=2, activation="gelu")),
        Dropout(0.1),
        GlobalAvgPool2D(),
        Dense(16, "relu"),
    ]
    return estimator(layers, learning_rate_init=0.01, random_state=SEED)


def one_batch(estimator):
    """Return the default network, with all samples in one batch, in float64."""
    return estimator(
        batch_size=10**9,
        shuffle=False,
        dtype="float64",
        random_state=SEED,
        max_iter=100,
    )


@pytest.mark.slow
@parametrize_with_checks(
    [small_network(ConvNetClassifier), small_network(ConvNetRegressor)]
)
def test_small_networks_pass_the_common_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([ConvNetClassifier(), ConvNetRegressor()])
def test_default_networks_pass_the_common_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:batch_size=1000000000 is larger")
@parametrize_with_checks([one_batch(ConvNetClassifier), one_batch(ConvNetRegressor)])
def test_fits_of_one_batch_pass_the_common_checks(estimator, check):
    check(estimator)
