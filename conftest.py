"""The doctests that pytest collects, and the skips that CI accepts."""

import os
import re

# The processes of `pytest -n` share the cores: OpenMP's threads would spin while they
# wait for one that has no core. It reads this when loaded; tests may ask for more.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    threads = max(1, (os.cpu_count() or 1) // int(workers))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))

import pytest

from skconv import ops

# The doctests of these modules need the compiled ops.
collect_ignore = (
    []
    if ops.compiled
    else ["skconv/ops/compiled.py", "skconv/ops/compiled_upsampling.py"]
)
# The packages of these modules are no part of the tests.
collect_ignore += ["skconv/adapters/aeon.py", "skconv/adapters/sktime.py"]

# They have no doctests, and as modules of one name they would be taken for each other.
collect_ignore_glob = ["*/conftest.py"]

# With --strict-skips, which .ci/run passes, a skip for any other reason is a failure: a
# package that CI lost, or a condition that no longer holds. Regular expressions.
EXPECTED_SKIPS = (
    # Cases of a table of tests that have no answer.
    "BLAS decides",
    "BaggingClassifier itself takes flat X only",
    "NumPy makes arrays on the way",
    "the layer normalises by its minibatch",
    # scikit-learn's check of array API inputs, off by default.
    "SCIPY_ARRAY_API is not set",
    # What some processors lack.
    "the processor has no AVX-512",
    # Data that no package index has.
    "no Fashion-MNIST in ",
    # Parts of scikit-learn, Python or the system that the oldest supported lack.
    "new in scikit-learn 1.9",
)


def pytest_addoption(parser):
    """Add --strict-skips."""
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help="fail on skips, except for the reasons in EXPECTED_SKIPS of conftest.py",
    )


def fail_unexpected_skip(report, config):
    """Turn the report of a skip into that of a failure, unless the skip is expected."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    _, _, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if config.getoption("--strict-skips") and not is_expected(reason):
        report.outcome = "failed"
        report.longrepr = (
            f"unexpected skip: {reason}. Install what the test needs, or add the "
            "reason to EXPECTED_SKIPS in conftest.py"
        )


def is_expected(reason):
    """Return whether a reason is one of EXPECTED_SKIPS."""
    return any(re.match(expected, reason) for expected in EXPECTED_SKIPS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Check the skip of a test."""
    report = yield
    fail_unexpected_skip(report, item.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Check the skip of a module."""
    report = yield
    fail_unexpected_skip(report, collector.config)
    return report
