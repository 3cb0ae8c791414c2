"""Every block of Python in the pages runs; every example runs; every name is shown."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from matplotlib import image

import skconv

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from examples.fashion_mnist import DEBIAN  # noqa: E402

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = {
    "digits.py": ("accuracy on 450 images it never saw: 0.9", "the same predictions"),
    "own_layer.py": ("<dy, J u> = ", "accuracy on images it never saw: 0.9"),
    "grid_search.py": ("best: {'conv1__kernel_size': ", "never saw: 0.9"),
    "pipeline.py": ("accuracy of 3 folds: 0.", "never saw: 0.9"),
    "persistence.py": ("trained on after loading: the same weights, to the bit",),
    "fashion_mnist.py": ("Epoch    1  loss ", "test accuracy 0."),
}
ARGUMENTS = {
    "digits.py": lambda folder: ["--output", str(folder)],
    "fashion_mnist.py": lambda folder: [
        *("--epochs", "1", "--samples", "1000", "--output", str(folder / "a.png"))
    ],
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    namespace = {"__name__": page.stem}
    for block in blocks:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # of others, as pytest
            warnings.filterwarnings(
                "error", category=DeprecationWarning, module="skconv"
            )
            exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        built = target.startswith("gallery/")  # docs/links.py looks at those
        assert built or (page.parent / target).exists(), target


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name, tmp_path):
    if name == "fashion_mnist.py" and not DEBIAN.is_dir():
        pytest.skip(f"no Fashion-MNIST in {DEBIAN} (Debian's dataset-fashion-mnist)")
    arguments = ARGUMENTS.get(name, lambda folder: [])(tmp_path)
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"MPLBACKEND": "agg"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for words in EXAMPLES[name]:
        assert words in run.stdout
    if name == "digits.py":
        picture = image.imread(tmp_path / "digits.png")
        assert picture.std() > 0.1, "the picture should show something"


def test_every_public_name_is_shown_to_users():
    text = "".join(
        path.read_text() for path in PAGES + list((ROOT / "examples").glob("*.py"))
    )
    names = [*skconv.__all__, *skconv.layers.__all__]
    assert not [name for name in names if name.strip("_") not in text]
