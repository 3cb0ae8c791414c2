"""Run the tests against mutants: the package with one small fault at a time.

    pip install mutmut==3.8.1
    python -m tests.mutants training
    python -m tests.mutants kernels

Prints each mutant that the tests did not notice, and how many they did. Faults are made
in a copy, in ``build/mutants``; a run that was interrupted continues there. It needs
Linux, and for the kernels a compiler, CMake and nanobind.
"""

import argparse
import sys
import tomllib
from collections import Counter
from pathlib import Path

SURVIVORS = Path(__file__).with_name("survivors.toml")

OPS = [
    *("arguments", "ops", "ops_convolution", "ops_edges", "normalization_ops"),
    *("upsampling_ops", "compiled", "compiled_refusals", "dtypes", "rare_arguments"),
    *("argument_names", "compiled_alone", "compiled_kept", "defaults", "denormals"),
    *("about", "limits", "scaling_ops", "source_tree", "steps"),
]
OPS = [f"tests/ops/test_{name}.py" for name in OPS]
# Losses, steps, and ops that one layer is made of.
USES = ["training/test_losses", "training/test_focal", "training/test_interval_losses"]
USES += ["training/test_optimizers", "layers/test_layer_formulas"]
USES = [f"tests/{name}.py" for name in USES]
# Fits that are shown, tested, interrupted and resumed.
FITS = ["callbacks/test_callbacks", "callbacks/test_checkpoint_resume"]
FITS += ["inspection/test_learning_rate_display", "io/test_formats"]
FITS += ["models/test_default", "models/test_diagrams", "models/test_summary"]
FITS += ["training/test_front", "training/test_training"]
FITS += ["training/test_validation", "training/test_validation_errors"]
FITS = [f"tests/{name}.py" for name in FITS]
KERNELS = [
    *("compiled", "compiled_kept", "compiled_thin", "compiled_upsampling"),
    *("compiled_winograd", "denormals", "normalization_ops", "ops_edges"),
]
KERNELS = [f"tests/ops/test_{name}.py" for name in KERNELS]
# Name -> files of skconv/, the tests that run beside the doctests of these files.
ROOMS = {
    "ops": (["ops/*.py"], [*OPS, *USES]),
    "reference": (["ops/reference/*.py"], [*OPS, *USES]),
    "layers": (["layers/*.py"], ["tests/layers", "tests/models"]),
    "training": (["_training/*.py"], ["tests/training"]),
    "data": (["_data/*.py"], ["tests/data", "tests/training"]),
    "augmentation": (
        ["augmentation/*.py"],
        ["tests/augmentation", "tests/estimators/test_tta.py"],
    ),
    "models": (["models/*.py"], ["tests/models"]),
    "io": (["io/*.py"], ["tests/io", "tests/models/test_weights.py"]),
    "utils": (["_utils/*.py"], ["tests/utils", "tests/io", "tests/callbacks"]),
    "callbacks": (["callbacks/*.py"], ["tests/callbacks"]),
    "estimators": (["estimators/*.py"], ["tests/estimators", *FITS]),
    "datasets": (["datasets/*.py"], ["tests/datasets"]),
    "zoo": (["zoo/*.py"], ["tests/zoo"]),
    "inspection": (["inspection/*.py"], ["tests/inspection"]),
    "adapters": (["adapters/*.py"], ["tests/adapters"]),
    "explain": (["_explain/*.py"], ["tests/explain"]),
    "exercises": (["exercises/*.py"], ["tests/exercises"]),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rooms", choices=[*ROOMS, "kernels"], nargs="+")
    parser.add_argument(
        "--only",
        default=[""],
        nargs="+",
        help="mutants with one of these in their names; of kernels, names of headers",
    )
    parser.add_argument(
        "--seconds", type=float, default=20, help="of tests for each mutant"
    )
    parser.add_argument("--tests", nargs="+", help="that run; by default the room's")
    parser.add_argument(
        "--marks", default="not slow and not extras", help="of tests, as pytest's -m"
    )
    parser.add_argument(
        "--few", type=int, help="tests of a function that differ in parameters only"
    )
    parser.add_argument("--folder", default="build/mutants")
    parser.add_argument(
        "--count", action="store_true", help="count the mutants, and run none"
    )
    arguments = parser.parse_args()
    if arguments.count:
        return count(arguments.rooms)
    options = arguments.only, arguments.seconds, arguments.folder, arguments.few
    marks = ["-m", arguments.marks]
    if arguments.rooms == ["kernels"]:
        from . import kernels

        results, changes = kernels.main(
            [*marks, *(arguments.tests or KERNELS)], *options
        )
    else:
        from . import python

        files, tests = (
            list(
                dict.fromkeys(
                    each for room in arguments.rooms for each in ROOMS[room][i]
                )
            )
            for i in range(2)
        )
        doctests = [f"skconv/{Path(each).parent}" for each in files]
        name = "-".join(arguments.rooms)
        tests = [*marks, *(arguments.tests or [*tests, *doctests])]
        results, changes = python.main(name, files, tests, *options)
    unexplained = report(results, changes)
    return 1 if unexplained else 0


def count(rooms):
    """Print how many mutants each file has, and each room."""
    for room in rooms:
        if room == "kernels":
            from . import kernels

            found = kernels.count(Path.cwd())
        else:
            from . import python

            found = python.count(Path.cwd(), python.paths_of(ROOMS[room][0]))
        for name, n in found.items():
            print(f"{n:6} {name}")
        print(f"{sum(found.values()):6} in {room}")


def report(results, changes):
    """Print what the tests did not notice, and figures; return what has no reason."""
    known = {
        change for each in tomllib.loads(SURVIVORS.read_text())["survivors"]
        for change in each["changes"]
    }  # fmt: skip
    unnoticed = {
        changes[mutant]: note or verdict
        for mutant, (verdict, note) in results.items()
        if verdict in ("survived", "not reached")
    }
    unexplained = sorted(unnoticed.keys() - known)
    for change in unexplained:
        print(f"{change}\n    ({unnoticed[change]})")
    counts = Counter(verdict for verdict, _ in results.values())
    noticed = counts["killed"] + counts["timeout"]
    print(
        f"{len(results)} mutants: {noticed} killed ({counts['timeout']} by a timeout), "
        f"{counts['survived']} survived, {counts['not reached']} not reached by a test; "
        f"{len(unexplained)} without a reason in {SURVIVORS.name}"
    )
    return unexplained


if __name__ == "__main__":
    sys.exit(main())
