"""Measure every figure that the pages give: ``python -m benchmarks``."""

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
from skconv import ops

from . import (
    ablation,
    accuracy,
    against,
    augmentation,
    convolutions,
    coverage,
    depthwise,
    images,
    imbalance,
    imports,
    options,
    plot,
    raw,
    recipes,
    scaling,
    serving,
    signals,
    steps,
    transfer,
    whole,
)
from .peers.nets import BASIC, NETS, ZOO
from .processes import PEERS

ENVIRONMENTS = ["torch", "tensorflow", "jax", "aeon"]


def main():
    if sys.argv[1:2] == ["plot"]:
        plot.main(sys.argv[2:])
        return
    arguments = parse()
    choose_ops(arguments.ops)

    results = {"machine": machine(), "command": command(arguments)}
    print("\n".join([*results["machine"], results["command"]]), flush=True)
    chosen = runs(arguments)
    for which in arguments.which or [name for name in chosen if name != "against"]:
        results[which] = chosen[which]()
        if arguments.save:  # after each: a later failure loses nothing
            arguments.save.write_text(json.dumps(results, indent=1, default=str) + "\n")


def parse():
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="python -m benchmarks plot FILE OUT draws the figures of --save FILE.",
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
        "--threads",
        type=int,
        nargs="+",
        default=[1, 2],
        help="of steps and convolutions; other benchmarks use the last",
    )
    parser.add_argument(
        "--nets",
        nargs="+",
        choices=NETS,
        metavar="NET",
        help="of steps and against: " + ", ".join(NETS),
    )
    parser.add_argument(
        "--before",
        metavar="FOLDER",
        help="of against: another checkout, with ops built",
    )
    parser.add_argument("--zoo", action="store_true", help="steps: skconv.zoo's nets")
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
        help="steps, convolutions: processor time, for a machine with other users; "
        "with --threads 1, since the time of several threads adds up",
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=accuracy.FASHION,
        metavar="NETWORK",
        help="of fashion: " + ", ".join(accuracy.FASHION),
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=2,
        help="of fashion; of ablation, coverage and imbalance at least 3",
    )
    parser.add_argument(
        "--bars",
        nargs="+",
        choices=raw.BARS,
        metavar="BAR",
        help="of raw: " + ", ".join(raw.BARS),
    )
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=recipes.TABLES,
        metavar="TABLE",
        help="of recipes: " + ", ".join(recipes.TABLES),
    )
    for name, choices in [("sets", signals.SETS), ("models", signals.MODELS)]:
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            metavar=name[:-1].upper(),
            help="of signals: " + ", ".join(choices),
        )
    parser.add_argument(
        "--results",
        type=Path,
        help="of signals: a file that is continued, a line for each figure",
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=3, help="of fit and race")
    parser.add_argument("--samples", type=int, help="fit, race: the number of images")
    parser.add_argument("--data", help="folder of Fashion-MNIST's gzip IDX files")
    parser.add_argument("--save", type=Path, help="a file for all figures, in JSON")
    parser.add_argument(
        "--ops",
        choices=ops.available(),
        help="ops of skconv; 'numpy' is used only if it is asked for",
    )
    arguments = parser.parse_args()
    if arguments.busy and arguments.threads != [1]:
        parser.error("--busy needs --threads 1")
    return arguments


def choose_ops(name):
    """Use the ops of this name here and in children; refuse NumPy's by default."""
    if name is not None:
        ops.use(name)
    elif ops.in_use() == "numpy":
        raise SystemExit(
            f"skconv in {Path(skconv.__file__).parent} runs on NumPy ops, which are "
            f"several times slower: {why_numpy()}, or pass --ops numpy to measure them."
        )
    os.environ["SKCONV_OPS"] = ops.in_use()  # read by children


def why_numpy():
    if ops.compiled:
        return "the environment has SKCONV_OPS=numpy. Unset it"
    return "its compiled ops were not built. Build them with pip install -e ."


def runs(arguments):
    """Return the benchmarks by name, each a function without arguments."""
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
        "against": lambda: against.run(
            sys.executable,
            arguments.before,
            arguments.nets or list(BASIC),
            arguments.rounds,
        ),
        "fit": lambda: whole.fit(
            pythons,
            threads=arguments.threads[-1],
            data=arguments.data,
            samples=arguments.samples,
            epochs=arguments.epochs,
        ),
        "race": lambda: whole.race(
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
        "convolutions": lambda: convolutions.run(
            arguments.threads, arguments.rounds, arguments.busy
        ),
        "depthwise": lambda: depthwise.run(
            pythons, threads=arguments.threads[-1], rounds=arguments.rounds
        ),
        "augmentation": lambda: augmentation.run(arguments.rounds),
        "options": lambda: options.run(arguments.rounds),
        "scaling": scaling.run,
        "memory": scaling.memory,
        "serving": serving.run,
        "digits": accuracy.digits,
        "ablation": lambda: ablation.run(max(3, arguments.seeds)),
        "coverage": lambda: coverage.run(max(3, arguments.seeds)),
        "images": images.run,
        "imbalance": lambda: imbalance.run(max(3, arguments.seeds)),
        "transfer": lambda: transfer.run(arguments.data),
        "recipes": lambda: recipes.run(arguments.tables),
        "raw": lambda: raw.run(arguments.bars),
        "signals": lambda: signals.run(
            pythons.get("aeon"), arguments.sets, arguments.models, arguments.results
        ),
        "fashion": lambda: accuracy.fashion(
            arguments.data, arguments.seeds, arguments.networks
        ),
    }


def machine():
    """Return lines on the machine and the versions that were measured."""
    pools = [
        f"{p['internal_api']} {p.get('architecture', '')}".strip()
        for p in threadpool_info()
    ]
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {cpu()}, {os.cpu_count()} cores",
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}, skconv {skconv.__version__}, "
        f"{ops.in_use()} ops",
        "Thread pools here: " + ", ".join(pools),
        *load(),
    ]


def load():
    """Return a line on how busy the machine is: spinning threads suffer the most."""
    if not hasattr(os, "getloadavg"):
        return []
    return [f"Load average of the last minute, before: {os.getloadavg()[0]:.2f}"]


def command(arguments):
    """Return the command line, with PATH for paths of this machine."""
    values = vars(arguments).items()
    paths = {
        str(value)
        for name, value in values
        if value and (name.endswith("_python") or name in ("data", "save", "results"))
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
