"""What the tests share."""

import random

import numpy as np
import pytest
from seeds import SEED

from skconv import ops

# Commands that need packages of their own; the search for doctests would import them.
collect_ignore = ["attacks/fuzz_guided.py", "mutants/python.py"]


def seed_global_generators():
    """Seed what draws without a seed of its own, such as a fit with random_state=None."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002


seed_global_generators()  # for modules that draw when they are imported


def pytest_report_header():
    return f"SKCONV_TESTS_SEED: {SEED}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Let the report of a test that fails say with which seed it does."""
    report = yield
    if report.failed:
        report.sections.append(("Seed", f"SKCONV_TESTS_SEED={SEED}"))
    return report


@pytest.fixture(autouse=True)
def global_generators():
    seed_global_generators()


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


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
        X / 16, y, train_size=400, test_size=200, stratify=y, random_state=SEED
    )
