"""Run the tests with other seeds, one after the other; a later call continues.

    python -m tests.attacks seeds --n 100
    python -m tests.attacks seeds --n 100 -- tests/layers -k norm

A seed moves all that tests draw: see tests/seeds.py. What is left out draws nothing: the
tests of pages, names and rooms, and those that are slow or need other packages. The
outcome of each seed is a line of build/seeds.jsonl; seeds that are there are not run again
with the same tests.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOG = ROOT / "build" / "seeds.jsonl"
DRAWING = [
    *("tests", "--ignore=tests/project", "--ignore=tests/exercises", "-m"),
    "not slow and not extras and not browser and not ecosystem",
]
COUNT = re.compile(r"(\d+) (passed|failed|errors?)")
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


def run(seed, tests):
    """Run tests with a seed; return the outcome as it is logged."""
    start = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--tb=no",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, *tests],
        cwd=ROOT,
        env={**os.environ, "SKCONV_TESTS_SEED": str(seed)},
        capture_output=True,
        text=True,
    )
    counts = {name: int(n) for n, name in COUNT.findall(done.stdout.splitlines()[-1])}
    assert counts, done.stdout[-2000:] + done.stderr[-2000:]
    return {
        "seed": seed,
        "tests": tests,
        "passed": counts.get("passed", 0),
        "failed": FAILED.findall(done.stdout),
        "seconds": round(time.monotonic() - start),
    }


def outcomes():
    """Return what is logged, by the seed and the tests."""
    lines = LOG.read_text().splitlines() if LOG.exists() else []
    found = [json.loads(line) for line in lines]
    return {(each["seed"], *each["tests"]): each for each in found}


def attack(seeds, tests):
    """Run tests with seeds, but for those that are logged; return the outcomes."""
    found = []
    for seed in seeds:
        outcome = outcomes().get((seed, *tests))
        if outcome is None:
            outcome = run(seed, tests)
            LOG.parent.mkdir(exist_ok=True)
            with LOG.open("a") as file:
                file.write(json.dumps(outcome) + "\n")
            print(f"seed {seed}: {outcome['passed']} passed", *outcome["failed"], flush=True)  # fmt: skip
        found.append(outcome)
    return found


def main(n, seed):
    """Run the tests with `n` seeds, the first one more than `seed`."""
    tests = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else DRAWING
    found = attack(range(seed + 1, seed + n + 1), tests)
    failed = sorted({name for each in found for name in each["failed"]})
    assert not failed, "\n".join(failed)
    print(
        f"finished, {len(found)} seeds in {sum(each['seconds'] for each in found)} s; "
        f"{min(each['passed'] for each in found)} tests each passed with all"
    )
