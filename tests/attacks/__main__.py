"""Attack the package at length; the tests run a short form of each attack.

    python -m tests.attacks files --n 50000

Each attack is a module with a function ``main(n, seed)``. If all went well, its last line
says "finished", and the exit status is 0.
"""

import argparse
import signal
import sys

from . import (
    clients,
    files,
    fits,
    interruptions,
    kept,
    kills,
    load,
    geometries,
    calls,
    clients,
    files,
    fuzz,
    bounds,
    clients,
    files,
    floats,
    interruptions,
    kept,
    kills,
    threads,
    twins,
    winograd,
)
from . import clients, files, fuzz, interruptions, kept, kills, threads, twins, winograd

# Name -> module, n by default.
ATTACKS = {
    "calls": (calls, 10**9),  # every k
    "clients": (clients, 20_000),
    "files": (files, 50_000),
    "fits": (fits, 1_000),
    "geometries": (geometries, 1_000_000),
    "fuzz": (fuzz, 10_000_000),

# Name -> module, n by default.
ATTACKS = {
    "bounds": (bounds, 10**8),
    "clients": (clients, 20_000),
    "files": (files, 50_000),
    "floats": (floats, 2**32),
    "interruptions": (interruptions, 5_000),
    "kept": (kept, 1_000),
    "kills": (kills, 200),
    "load": (load, 600),  # seconds
    "threads": (threads, 2_000),
    "twins": (twins, 50_000),
    "winograd": (winograd, 1_000),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--n", type=int, help="how many attempts")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # Ended from outside, an attack clears away its files and its processes.
    for name in "SIGTERM", "SIGHUP":
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    module, n = ATTACKS[arguments.attack]
    module.main(arguments.n or n, arguments.seed)


if __name__ == "__main__":
    main()
