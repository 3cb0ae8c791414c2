"""Everything that is claimed in numbers: ``python -m benchmarks``."""

import argparse
import os
import platform
from datetime import UTC, datetime

import numpy as np
import sklearn
from threadpoolctl import threadpool_info

import skconv

from . import accuracy, imports, steps


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "which",
        nargs="*",
        choices=["steps", "digits", "fashion", "import", []],
        help="what to run; everything by default",
    )
    parser.add_argument(
        "--torch-python", help="a Python that has torch, to compare with"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", help="folder of Fashion-MNIST's gzip IDX files")
    arguments = parser.parse_args()

    print_machine()
    runs = {
        "import": imports.run,
        "steps": lambda: steps.run(arguments.torch_python, arguments.threads),
        "digits": accuracy.digits,
        "fashion": lambda: accuracy.fashion(arguments.data),
    }
    for which in arguments.which or runs:
        runs[which]()


def print_machine():
    pools = [
        f"{p['internal_api']} {p.get('architecture', '')}" for p in threadpool_info()
    ]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {cpu()}, {os.cpu_count()} cores")
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, skconv {skconv.__version__}, NumPy ops"
    )
    print("BLAS:", ", ".join(pools), flush=True)


def cpu():
    try:
        with open("/proc/cpuinfo") as file:
            return next(
                line.split(":")[1].strip() for line in file if "model name" in line
            )
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    main()
