"""The rooms of docs/design.md, and who may know whom."""

import ast
from pathlib import Path

import skconv

ROOT = Path(skconv.__file__).parent

# From the bottom up: a module may import from earlier lines only (and its own line).
FLOORS = [
    ["lookup", "version", "reporting", "descriptions", "callback_shim"],
    ["files", "checkpoints"],
    ["ops", "resampling"],
    ["initializers"],
    ["layers"],
    [
        "network",
        "optimizers",
        "schedules",
        "losses",
        "augmentation",
        "architectures",
        "zoo",
    ],
    ["batches"],
    [
        "training",
        "images",
        "labels",
        "targets",
        "parameters",
        "samples",
        "validation",
        "features",
        "callbacks",
        "planning",
        "weights",
        "resuming",
    ],
    ["costs", "saliency"],
    ["summary", "diagrams"],
    ["base"],
    ["about"],
    ["estimators"],
    ["displays"],
    ["registry"],
    ["persistence", "exchange"],
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
KNOW_SCIKIT_LEARN = {
    "layers",
    "images",
    "labels",
    "targets",
    "parameters",
    "samples",
    "validation",
    "features",
    "callbacks",
    "weights",
    "diagrams",
    "base",
    "estimators",
    "displays",
    "persistence",
    "exchange",
}
WHAT_LAYERS_KNOW = {
    "sklearn.get_config",  # how much is to be printed
    "sklearn.base.BaseEstimator",
    "sklearn.utils.metadata_routing.UNUSED",
}


def imports():
    """Yield (file, room, imported module), relative imports made absolute."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
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


def test_imports_run_downward():
    seen = 0
    for path, room, name in imports():
        package, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if package == "skconv" and target in FLOOR and room != "__init__":
            seen += 1
            assert FLOOR[target] <= FLOOR[room], f"{path} imports {name}"
    assert seen > 30


def test_only_the_doors_know_scikit_learn():
    for path, room, name in imports():
        if name.startswith("sklearn"):
            assert room in KNOW_SCIKIT_LEARN, f"{path} imports {name}"
            if room == "layers":
                assert name in WHAT_LAYERS_KNOW, f"{path} imports {name}"


def test_layers_call_ops_by_attribute():
    """A twin laid over an op is then seen by all of them."""
    shape_arithmetic = {"pair", "positive_int", "window"}
    for path, room, name in imports():
        if room not in ("ops", "__init__") and name.startswith("skconv.ops."):
            assert name.rpartition(".")[2] in shape_arithmetic, f"{path} imports {name}"
