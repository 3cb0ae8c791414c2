"""Blocks of code in the pages run, examples run, and pages show every public name."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from unittest.mock import patch

import pytest
from matplotlib import image

import skconv.inspection

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from examples.fashion_mnist import DEBIAN  # noqa: E402

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = {
    "digits.py": ("accuracy on 450 images it never saw: 0.9", "the same predictions"),
    "own_layer.py": ("<dy, J u> = ", "accuracy on images it never saw: 0.9"),
    "grid_search.py": ("best: {'conv1__kernel_size': ", "never saw: 0.9"),
    "pipeline.py": ("accuracy of 3 folds: 0.", "never saw: 0.9"),
    "persistence.py": ("trained on after loading: the same weights, to the bit",),
    "segmentation.py": ("mean IoU of 40 other images: 0.", "pixels that are wrong: "),
    "denoising.py": ("Gaussian filter    2", "R^2 of ConvNetRegressor: 0.9"),
    "stream.py": ("chunk  15: 0.", "most memory in use: ", "sum of the weights: "),
    "fashion_mnist.py": ("Epoch    1  loss ", "test accuracy 0."),
    "export.py": ("no code, the same probabilities", "onnxruntime agrees within 1e-05"),
    "serving.py": ("requests a second, median ", "wrong answers: 0\n"),
    "intervals.py": ('loss="quantile": ', 'loss="gaussian": 9'),
    "shapes.py": ("(1500, 32, 32, 3) (1500, 2)", "network: "),
    "signals.py": ("200 signals to train on, 242 to test, (427, 1) each", "skconv  "),
    "look_inside.py": ("conv2 (Conv2D)", "never saw: 0.9"),
    "transfer.py": ("With 10 of each, pretrained brings ",),
}
ARGUMENTS = {
    "digits.py": lambda folder: ["--output", str(folder)],
    "shapes.py": lambda folder: ["--output", str(folder)],
    "stream.py": lambda folder: ["--output", str(folder), "--images", "16000"],
    "signals.py": lambda folder: [
        *("--epochs", "2", "--seeds", "1", "--output", str(folder / "a.png"))
    ],
    "fashion_mnist.py": lambda folder: [
        *("--epochs", "1", "--samples", "1000", "--output", str(folder / "a.png"))
    ],
    "intervals.py": lambda folder: ["--output", str(folder / "a.png")],
    "look_inside.py": lambda folder: ["--output", str(folder)],
    "transfer.py": lambda folder: [
        *("--draws", "1", "--output", str(folder / "a.png"))
    ],
    "serving.py": lambda folder: ["--output", str(folder)],
}
PICTURES = {
    **dict.fromkeys(["digits.py", "fashion_mnist.py", "intervals.py"], 1),
    **dict.fromkeys(["serving.py", "signals.py", "transfer.py"], 1),
    "look_inside.py": 6,
    "shapes.py": 1,
    "stream.py": 1,
}
NEED = {
    "experiments.md": ["mlflow", "optuna", "tensorboard"],
    "export.py": ["onnx", "onnxruntime", "skl2onnx", "skops"],
    "intervals.md": ["mapie"],
    "saving.md": ["onnx", "onnxruntime", "skl2onnx", "skops"],
    "scaling.md": ["dask.dataframe", "distributed", "zarr"],
    "serving.py": ["gunicorn"],
    "signals.py": ["sktime"],
}


SLOW_PAGES = {
    "README",
    *("composites", "datasets", "displays", "from_keras", "from_mlp", "inputs"),
    *("install", "intervals"),
    *("layers", "models", "pictures", "saving", "scaling", "searching"),
}


# Pages with a block that needs a package which the extra `test` does not install.
EXTRA_PAGES = {"experiments"}


def page_id(page):
    return str(page.relative_to(ROOT))


def slow_pages():
    for page in PAGES:
        marks = [pytest.mark.slow] if page.stem in SLOW_PAGES else []
        marks += [pytest.mark.extras] if page.stem in EXTRA_PAGES else []
        yield pytest.param(page, marks=marks, id=page_id(page))


def list_examples():
    for name in EXAMPLES:
        # The extra `test` does not install sktime.
        marks = [pytest.mark.extras] if name == "signals.py" else []
        yield pytest.param(name, marks=marks)


def skip_without_its_packages(name):
    for package in NEED.get(name, []):
        pytest.importorskip(package, reason=f"{name} needs {package}")


@pytest.mark.parametrize("page", slow_pages())
def test_blocks_of_a_page_run(page, monkeypatch, tmp_path):
    skip_without_its_packages(page.name)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)
    namespace = {"__name__": page.stem}
    for block in blocks:
        with warnings.catch_warnings(), patch.dict(os.environ):
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # of others, as pytest
            warnings.filterwarnings(
                "error", category=DeprecationWarning, module="skconv"
            )
            exec(compile(block, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_of_a_page_have_targets(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        built = target.startswith("gallery/")  # docs/scripts/links.py checks these
        assert built or (page.parent / target).exists(), target


def test_readme_lists_every_layer():
    rows = re.findall(r"^\| layers .*", (ROOT / "README.md").read_text(), re.M)
    listed = re.findall(r"`(\w+)`", "".join(rows))
    bases = {"Composite", "Layer"}
    assert sorted(listed) == sorted(set(skconv.layers.__all__) - bases)


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


def run_example(name, arguments, folder):
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True, text=True, cwd=folder, env=os.environ | {"MPLBACKEND": "agg"},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list_examples())
def test_examples(name, tmp_path):
    if name == "fashion_mnist.py" and not DEBIAN.is_dir():
        pytest.skip(f"no Fashion-MNIST in {DEBIAN} (Debian's dataset-fashion-mnist)")
    skip_without_its_packages(name)
    arguments = ARGUMENTS.get(name, lambda folder: [])(tmp_path)
    run = run_example(name, arguments, tmp_path)
    assert run.returncode == 0, run.stderr
    for words in EXAMPLES[name]:
        assert words in run.stdout
    pictures = list(tmp_path.glob("*.png"))
    assert len(pictures) == PICTURES.get(name, 0)
    for picture in pictures:
        drawn = image.imread(picture)
        assert drawn.std() > 0.1, f"{picture} should show something"
    if name == "stream.py":
        peak, whole = map(int, re.findall(r"(\d+) MB", run.stdout))
        assert peak < whole / 2
        again = run_example(name, arguments, tmp_path)
        assert "chunks that were seen before: 32" in again.stdout
        assert again.stdout.splitlines()[-1] == run.stdout.splitlines()[-1]


def test_pages_show_every_public_name():
    text = "".join(
        path.read_text() for path in PAGES + list((ROOT / "examples").glob("*.py"))
    )
    names = [*skconv.__all__, *skconv.layers.__all__, *skconv.inspection.__all__]
    assert not [name for name in names if name.strip("_") not in text]
