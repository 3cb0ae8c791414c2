"""The machine itself: NumPy's float32 matrix product, as near to its peak as we get."""

import numpy as np
from protocol import serve

SIDE = 2048


def peak(task):
    a = np.ones((SIDE, SIDE), np.float32)
    product = np.empty_like(a)
    description = {"what": f"NumPy {np.__version__}", "gigaflop": 2e-9 * SIDE**3}
    return description, {"product": lambda: np.matmul(a, a, out=product)}


if __name__ == "__main__":
    serve({"peak": peak})
