"""What NumPy says of numbers that leave a dtype's range."""

import numpy as np

__all__ = ["quiet"]


def quiet() -> np.errstate:
    """Return a context without NumPy's warnings of values that become infinite or NaN.

    Networks run in it, layers of the user's own too. The code that looks at outputs,
    loss or weights then raises an error or gives a warning, which say more.
    """
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
