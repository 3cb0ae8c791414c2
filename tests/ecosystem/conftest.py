"""What the tests of other packages share."""

import pytest
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor


def pytest_collection_modifyitems(items):
    here = __file__.rpartition("conftest")[0]
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.ecosystem)
            # Of other packages: what they deprecate is not ours to mend.
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture
def small(digits):
    """400 digits as rows, their labels, 200 more and theirs."""
    X, X_test, y, y_test = digits
    return X, y, X_test, y_test


@pytest.fixture
def clf():
    return ConvNetClassifier(
        filters=(8,),
        hidden_layer_sizes=(16,),
        max_iter=8,
        batch_size=32,
        learning_rate_init=0.005,
        random_state=SEED,
    )


@pytest.fixture
def reg():
    return ConvNetRegressor(
        filters=(8,),
        hidden_layer_sizes=(16,),
        max_iter=8,
        batch_size=32,
        learning_rate_init=0.005,
        random_state=SEED,
    )
