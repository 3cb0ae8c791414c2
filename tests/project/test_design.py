"""The rooms of the package, and which room may import which."""

import ast
from pathlib import Path

import pytest

import skconv

ROOT = Path(skconv.__file__).parent

# Room -> what is in it, and the rooms it may import besides itself. The page on the
# design shows this table.
ROOMS = {
    "_version.py": ("the version", ()),
    "exercises": (
        "functions to write, checked against plain loops, as a command",
        (),
    ),
    "_utils": (
        "names of parameters, suggestions for misspelt names, files that are replaced "
        "in one step, arrays and JSON in a file, free memory, exponentials",
        (),
    ),
    "ops": (
        "arithmetic: checks of arguments, the reference in NumPy, the compiled twins",
        ("_utils", "_version.py"),
    ),
    "layers": (
        "layers, their initializers, composites, what is fused, limits of networks in "
        "files",
        ("_utils", "_version.py", "ops"),
    ),
    "models": (
        "the network, the default ones, costs, summary, diagrams, weights by "
        "order, warnings of scale",
        ("_utils", "_version.py", "ops", "layers"),
    ),
    "augmentation": ("transforms of minibatches", ("_utils", "ops")),
    "_data": (
        "what users bring: inputs, encoders of targets, samples, batches",
        ("_utils", "ops"),
    ),
    "_training": (
        "the loop, optimizers, schedules, losses, validation, Ctrl-C, warnings",
        ("_utils", "ops", "augmentation", "_data"),
    ),
    "datasets": (
        "generated images and signals, images of folders",
        ("_utils", "_data"),
    ),
    "callbacks": (
        "scikit-learn's callbacks, checkpoints, the state of a fit",
        ("_utils", "_version.py", "ops", "layers", "_data", "_training"),
    ),
    "estimators": (
        "the estimators, their parameters, the fit that is adopted whole",
        (
            *("_utils", "_version.py", "ops", "layers", "models", "augmentation"),
            *("_data", "_training", "callbacks"),
        ),
    ),
    "zoo": (
        "networks and estimators that are known to work",
        ("ops", "layers", "models", "augmentation", "estimators"),
    ),
    "adapters": (
        "classifiers of aeon and sktime",
        ("layers", "estimators", "zoo"),
    ),
    "inspection": (
        "displays and saliency",
        ("_utils", "ops", "layers", "models", "_data", "estimators"),
    ),
    "_explain": (
        "a network's own numbers as one page: `skconv.explain`",
        (
            *("_utils", "_version.py", "ops", "layers", "models", "_data"),
            *("estimators", "inspection"),
        ),
    ),
    "io": (
        "model files, skops, ONNX, torch, the registry of classes",
        (
            *("_utils", "_version.py", "ops", "layers", "models", "augmentation"),
            *("_data", "_training", "callbacks", "estimators"),
        ),
    ),
}
KNOW_SCIKIT_LEARN = {
    *("_utils", "layers", "models", "_data", "_training"),
    *("datasets", "callbacks", "estimators", "exercises", "adapters", "inspection"),
    "io",
}
ALLOWED_IN_LAYERS = {
    "sklearn.get_config",  # how much a repr prints
    "sklearn.utils.metadata_routing.UNUSED",
}


def imports():
    """Yield (file, room, imported module), relative imports made absolute."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).parts
        package = ["skconv", *parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                stem = ".".join([*base, *filter(None, [node.module])])
                names = [f"{stem}.{alias.name}" for alias in node.names]
            else:
                continue
            yield from ((path, parts[0], name) for name in names)


def test_table_of_rooms_lists_the_first_level():
    entries = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    assert entries - {"__init__.py", "py.typed"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_rooms_it_may_know(room):
    allowed = {name.removesuffix(".py") for name in (room, *ROOMS[room][1])}
    rooms = {name.removesuffix(".py") for name in ROOMS}
    for path, where, name in imports():
        if where == room and name.startswith("skconv."):
            target = name.split(".")[1]
            assert target in allowed or target not in rooms, f"{path} imports {name}"


def test_rooms_import_only_rooms_above_them():
    seen = set()
    for room, (_, known) in ROOMS.items():
        assert seen.issuperset(known), room
        seen.add(room)


def test_only_some_rooms_import_scikit_learn():
    for path, room, name in imports():
        if name.startswith("sklearn"):
            assert room in KNOW_SCIKIT_LEARN, f"{path} imports {name}"
            if room == "layers":
                assert name in ALLOWED_IN_LAYERS, f"{path} imports {name}"


def test_layers_call_ops_by_attribute():
    """A compiled twin that replaces an op is then used by all of them."""
    shape_arithmetic = {"pair", "positive_int", "window"}
    for path, room, name in imports():
        if room not in ("ops", "__init__.py") and name.startswith("skconv.ops."):
            assert name.rpartition(".")[2] in {*shape_arithmetic, "show_versions"}, (
                f"{path} imports {name}"
            )
