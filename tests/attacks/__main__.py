"""Attack the package at length; the tests run a short form of each attack.

    python -m tests.attacks files --n 50000

Each attack is a module with a function ``main(n, seed)``. If all went well, its last line
says "finished", and the exit status is 0.
"""

import argparse
import importlib
import signal
import sys

# Name of a module -> n by default.
ATTACKS = {
    "bounds": 10**8,  # results
    "calls": 10**9,  # every k-th call
    "clients": 20_000,
    "files": 50_000,
    "fits": 1_000,
    "floats": 2**32,
    "fuzz": 10_000_000,
    "geometries": 1_000_000,
    "interruptions": 5_000,
    "kept": 1_000,
    "kills": 200,
    "load": 600,  # seconds
    "seeds": 100,
    "threads": 2_000,
    "twins": 50_000,
    "winograd": 1_000,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--n", type=int, help="how many attempts")
    parser.add_argument("--seed", type=int, default=0)
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else None
    arguments = parser.parse_args(own)  # what follows -- is the attack's
    # Ended from outside, an attack clears away its files and its processes.
    for name in "SIGTERM", "SIGHUP":
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    module = importlib.import_module(f"{__package__}.{arguments.attack}")
    module.main(arguments.n or ATTACKS[arguments.attack], arguments.seed)


if __name__ == "__main__":
    main()
