"""A source tree whose ops were not compiled says so once."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import skconv
from skconv.ops._source_tree import warn_if_not_built

PACKAGE = Path(skconv.__file__).parent
FIT_IN_WORKERS = """
import numpy as np, skconv
from sklearn.model_selection import GridSearchCV
X, y = np.random.default_rng(0).random((12, 4, 4)), np.arange(12) % 2
clf = skconv.ConvNetClassifier(filters=(2,), max_iter=1)
GridSearchCV(clf, {"kernel_size": [1, 3]}, cv=2, n_jobs=2).fit(X, y)
print(skconv.ops.in_use())
"""


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory):
    """Copy the package without its compiled ops."""
    root = tmp_path_factory.mktemp("tree")
    # Where the package is installed as editable, its own finder, an object, would find what
    # the tree lacks. Python's own finders are classes.
    (root / "sitecustomize.py").write_text(
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if isinstance(f, type)]"
    )
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, root / "skconv", ignore=ignored)
    if not (root / "skconv" / "ops" / "src").exists():
        (root / "skconv" / "ops" / "src").mkdir()
        (root / "skconv" / "ops" / "src" / "CMakeLists.txt").touch()
    return root


def run(code, root, **environment):
    environment = {**os.environ, "PYTHONPATH": str(root), **environment}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.slow
def test_source_tree_says_once_how_to_build_its_ops(source_tree):
    done = run(FIT_IN_WORKERS, source_tree, SKCONV_OPS="")
    assert done.stdout.strip() == "numpy"
    assert done.stderr.count("in which the compiled ops were not built") == 1
    assert f"pip install -e {source_tree}" in done.stderr
    assert "set SKCONV_OPS=numpy" in done.stderr


@pytest.mark.slow
def test_source_tree_is_silent_if_the_ops_were_chosen(source_tree):
    done = run("import skconv", source_tree, SKCONV_OPS="numpy")
    assert "not built" not in done.stderr


def test_installed_package_is_silent(tmp_path):
    (tmp_path / "skconv" / "ops").mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_not_built(None, tmp_path / "skconv" / "ops")
