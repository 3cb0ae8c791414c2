"""Everything that is claimed in numbers: ``python -m benchmarks``."""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import sklearn
from threadpoolctl import threadpool_info

import skconv

from . import accuracy, imports, options, plot, scaling, serving, steps, whole
from .peers.nets import BASIC, NETS, ZOO
from .processes import PEERS

ENVIRONMENTS = ["torch", "tensorflow", "jax"]


def main():
    if sys.argv[1:2] == ["plot"]:
        plot.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="python -m benchmarks plot FILE OUT draws what --save FILE has kept.",
    )
    parser.add_argument(
        "which",
        nargs="*",
        choices=[*runs(None), []],
        help="what to run; everything by default",
    )
    for name in ENVIRONMENTS:
        parser.add_argument(
            f"--{name}-python", metavar="PATH", help=f"a Python that has {name}"
        )
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], help="steps; others: the last"
    )
    parser.add_argument(
        "--nets",
        nargs="+",
        choices=NETS,
        metavar="NET",
        help="of steps: " + ", ".join(NETS),
    )
    parser.add_argument("--zoo", action="store_true", help="steps of skconv.zoo's nets")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=PEERS,
        metavar="PEER",
        help="of steps: " + ", ".join(map(repr, PEERS)),
    )
    parser.add_argument(
        "--busy",
        action="store_true",
        help="steps: count the processor's seconds, for a machine that others use; "
        "with --threads 1, since those of several threads would add up",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=accuracy.FASHION,
        metavar="NETWORK",
        help="of fashion: " + ", ".join(accuracy.FASHION),
    )
    parser.add_argument("--seeds", type=int, default=2, help="of fashion")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=3, help="of fit")
    parser.add_argument("--samples", type=int, help="fit only the first so many")
    parser.add_argument("--data", help="folder of Fashion-MNIST's gzip IDX files")
    parser.add_argument("--save", type=Path, help="a file for all figures, in JSON")
    arguments = parser.parse_args()
    if arguments.busy and arguments.threads != [1]:
        parser.error("--busy needs --threads 1")

    results = {"machine": machine(), "command": command(arguments)}
    print("\n".join([*results["machine"], results["command"]]), flush=True)
    chosen = runs(arguments)
    for which in arguments.which or chosen:
        results[which] = chosen[which]()
        if arguments.save:  # after each: what was measured is kept, whatever comes
            arguments.save.write_text(json.dumps(results, indent=1) + "\n")


def runs(arguments):
    pythons = {"ours": sys.executable}
    for name in ENVIRONMENTS:
        if path := getattr(arguments, f"{name}_python", None):
            pythons[name] = path
    return {
        "import": imports.run,
        "steps": lambda: steps.run(
            pythons,
            threads=arguments.threads,
            nets=arguments.nets or list(ZOO if arguments.zoo else BASIC),
            peers=arguments.peers or list(PEERS),
            rounds=arguments.rounds,
            clock="processor" if arguments.busy else "seconds",
        ),
        "fit": lambda: whole.fit(
            pythons,
            threads=arguments.threads[-1],
            data=arguments.data,
            samples=arguments.samples,
            epochs=arguments.epochs,
        ),
        "predict": lambda: whole.predict(
            pythons,
            threads=arguments.threads[-1],
            data=arguments.data,
            rounds=arguments.rounds,
        ),
        "search": lambda: whole.search(pythons, data=arguments.data),
        "options": lambda: options.run(arguments.rounds),
        "scaling": scaling.run,
        "memory": scaling.memory,
        "serving": serving.run,
        "digits": accuracy.digits,
        "fashion": lambda: accuracy.fashion(
            arguments.data, arguments.seeds, arguments.networks
        ),
    }


def machine():
    """Return lines on what the figures were measured with."""
    pools = [
        f"{p['internal_api']} {p.get('architecture', '')}".strip()
        for p in threadpool_info()
    ]
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {cpu()}, {os.cpu_count()} cores",
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, skconv {skconv.__version__}, "
        f"{skconv.ops.in_use()} ops",
        "Thread pools here: " + ", ".join(pools),
        *load(),
    ]


def load():
    """Return a line on how busy the machine is; threads that spin suffer the most."""
    if not hasattr(os, "getloadavg"):
        return []
    return [f"Load average of the last minute, before: {os.getloadavg()[0]:.2f}"]


def command(arguments):
    """Return the command line, with PATH for whatever lies on this machine only."""
    values = vars(arguments).items()
    paths = {
        str(value)
        for name, value in values
        if value and (name.endswith("_python") or name in ("data", "save"))
    }
    line = " ".join(["python -m benchmarks", *sys.argv[1:]])
    for path in sorted(paths, key=len, reverse=True):  # one may begin with another
        line = line.replace(path, "PATH")
    return line


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
