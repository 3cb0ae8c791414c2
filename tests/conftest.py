"""What the tests share."""

import numpy as np
import pytest

from skconv import ops


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=ops.available())
def each_ops(request):
    """Run with the NumPy ops, and with every instruction set that the machine has."""
    before = ops.in_use()
    ops.use(request.param)
    yield request.param
    ops.use(before)


@pytest.fixture(scope="session")
def digits():
    """A few hundred of scikit-learn's digits: (train, test, train labels, test labels)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, y = load_digits(return_X_y=True)
    return train_test_split(
        X / 16, y, train_size=400, test_size=200, stratify=y, random_state=0
    )
