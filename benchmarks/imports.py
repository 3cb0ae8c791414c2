"""The time that importing skconv adds to importing scikit-learn."""

import statistics
import subprocess
import sys

CODE = (
    "import time, sklearn; start = time.perf_counter(); import skconv;"
    "print(time.perf_counter() - start)"
)


def run(rounds=11):
    """Print the median milliseconds, each import in a fresh process."""
    times = [
        float(subprocess.check_output([sys.executable, "-c", CODE]))
        for _ in range(rounds)
    ]
    median, least, most = (1e3 * f(times) for f in (statistics.median, min, max))
    print(
        f"\nimport skconv after import sklearn: {median:.1f} ms "
        f"(median of {rounds}, {least:.1f} to {most:.1f})"
    )
