"""What NumPy says of numbers that leave a dtype's range."""

import numpy as np

__all__ = ["quiet"]


def quiet() -> np.errstate:
    """Return a context without NumPy's warnings of values that become infinite or NaN.

    For running networks, of layers of the user's own too: who looks at the outputs, the
    loss or the weights has an error or a warning that says more.
    """
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
