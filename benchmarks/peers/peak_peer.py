"""The machine itself: the multiply-adds that a loop of nothing else can do.

The loop is C (peak.c). Without a compiler it is NumPy's matrix product, which is close.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from protocol import serve

SIDE = 2048
ROUNDS = 10_000_000
OPTIONS = ["-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC"]


def peak(task):
    try:
        return loop(task.threads)
    except (OSError, subprocess.CalledProcessError):
        return product()


def loop(threads):
    source = Path(__file__).with_name("peak.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "peak.so"
        subprocess.run(
            ["cc", *OPTIONS, source, "-o", library], check=True, capture_output=True
        )
        compiled = ctypes.CDLL(str(library))
    compiled.flops.restype = ctypes.c_double
    compiled.multiply_add.restype = ctypes.c_float
    rounds = ctypes.c_long(ROUNDS)
    gigaflop = 1e-9 * threads * compiled.flops(rounds)
    description = {"what": "a loop of multiply-adds", "gigaflop": gigaflop}
    return description, {"run": lambda: compiled.multiply_add(rounds, threads)}


def product():
    a = np.ones((SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    description = {
        "what": f"NumPy's product of {SIDE} x {SIDE} matrices",
        "gigaflop": 2e-9 * SIDE**3,
    }
    return description, {"run": lambda: float(np.matmul(a, a, out=out)[0, 0])}


if __name__ == "__main__":
    serve({"peak": peak})
