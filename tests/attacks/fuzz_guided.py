"""The process of the attack `fuzz`: it counts what is reached of the package's readers."""

import sys
from pathlib import Path

import atheris

READERS = ("_utils", "callbacks", "io", "layers", "models", "_data", "estimators")

if __name__ == "__main__":
    with atheris.instrument_imports(include=[f"skconv.{name}" for name in READERS]):
        from . import fuzz

    n, seed, folder = sys.argv[1:]
    fuzz.guided(atheris, int(n), int(seed), Path(folder))
