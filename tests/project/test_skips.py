"""--strict-skips turns skips that are not expected into failures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_expected():
    pytest.skip("BLAS decides")

@pytest.fixture
def package():
    return pytest.importorskip("no_such_package")

def test_fixture_that_skips(package):
    pass

@pytest.mark.skipif(True, reason="a condition that no longer holds")
def test_mark_that_skips():
    pass

@pytest.mark.xfail(strict=True)
def test_expected_failure():
    raise ValueError
"""
MODULE = "import pytest\npytest.importorskip('no_such_package')\n"


@pytest.mark.slow
@pytest.mark.parametrize("strict", [True, False])
def test_unexpected_skips_fail_with_strict_skips(strict, tmp_path):
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text(MODULE)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--continue-on-collection-errors"),
            *("-p", "no:cacheprovider", "--rootdir", str(tmp_path)),
            *(["--strict-skips"] if strict else []),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    if strict:
        assert run.returncode == 1, run.stdout
        assert "1 skipped, 1 xfailed, 3 errors" in run.stdout
        assert "unexpected skip: could not import 'no_such_package'" in run.stdout
        assert "unexpected skip: a condition that no longer holds. Inst" in run.stdout
    else:
        assert run.returncode == 0, run.stdout
        assert "4 skipped, 1 xfailed" in run.stdout


def environment():
    inherited = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}
    return inherited | {"PYTHONPATH": str(ROOT)}
