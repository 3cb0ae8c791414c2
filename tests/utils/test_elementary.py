"""Exponentials and logarithms: NumPy's, in the dtype of their argument."""

import numpy as np
import pytest

from skconv._utils.elementary import exp, log, power


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_are_numpys_in_the_dtype_of_x(dtype):
    x = np.array([0.0, 0.5, 1, 2, 30], dtype)
    rtol = 4 * np.finfo(dtype).eps
    out = np.empty_like(x)
    assert exp(x, out) is not None
    np.testing.assert_allclose(out, np.exp(x), rtol=rtol)
    with np.errstate(divide="ignore"):
        expected = np.log(x)
    for found, known in [
        (exp(-x), np.exp(-x)),
        (log(x), expected),
        (power(x, 0.3), x ** dtype(0.3)),
        (power(x, 2), x**2),
    ]:
        assert found.dtype == dtype
        np.testing.assert_allclose(found, known, rtol=8 * rtol)
