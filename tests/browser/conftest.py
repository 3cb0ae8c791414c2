"""The kernels as WebAssembly, and Node to call them."""

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browser.chromium import Chromium, find_program

from skconv import ops

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "scripts"))


@pytest.fixture(scope="session")
def wasm():
    """The path of the module, built from the package's sources."""
    try:
        importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("WebAssembly needs a compiler: pip install ziglang")
    from wasm import build_wasm

    return build_wasm()


@pytest.fixture(scope="session")
def node():
    """Return a function that runs a script of this folder, and returns what it prints."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("the tests of JavaScript need Node")

    def run(script, *arguments):
        command = [program, str(Path(__file__).parent / script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert not done.returncode, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    return run


@pytest.fixture
def generic_ops():
    """Compute with the generic kernels, which the module has."""
    if "generic" not in ops.available():
        pytest.skip("the compiled ops were not built")
    before = ops.in_use()
    ops.use("generic")
    yield
    ops.use(before)


@pytest.fixture(scope="session")
def browser():
    """A running Chromium."""
    program = find_program()
    if program is None:
        pytest.skip("the tests of pages need Chromium")
    running = Chromium(program)
    yield running
    running.close()


@pytest.fixture(scope="session")
def site():
    """The folder of the site, which must have been built."""
    folder = ROOT / "docs" / "_build"
    if not (folder / "learning" / "playground.html").exists():
        pytest.skip("the site was not built: python -m sphinx docs docs/_build")
    return folder


@pytest.fixture
def opened(browser, site):
    """Return a function that opens a page of the site from its file."""
    pages = []

    def open_page(name, **look):
        page = browser.page(**look)
        pages.append(page)
        page.go((site / "learning" / f"{name}.html").as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
