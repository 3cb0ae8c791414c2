"""Comparisons: within a tolerance, for each dtype of the computation, and to the bit."""

import numpy as np

RTOL = {np.dtype("float32"): 2e-5, np.dtype("float64"): 1e-12}


def assert_same(actual, expected, dtype=None, scale=1.0, terms=()):
    """Compare relative to the largest number: sums of many terms err by their size.

    `scale` is the number of roundings in a row before the comparison. `terms` are those
    of a sum that may cancel, so that it is much smaller than its error.
    """
    tolerance = RTOL[np.dtype(dtype or np.asarray(actual).dtype)] * scale
    largest = max(*(np.max(np.abs(a), initial=0) for a in (expected, terms)), 1e-30)
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * largest)


def same_bits(a, b):
    """Return whether two estimators have the same parameters, to the bit."""
    return np.array_equal(a.network_.parameters, b.network_.parameters)
