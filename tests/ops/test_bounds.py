"""Bounds of rounding errors: a short run of ``python -m tests.attacks bounds``."""

import numpy as np
import pytest
from attacks import bounds, winograd_bound
from attacks.rounding import NUMBERS, flushed, gamma
from attacks.sums import SUMS, Linear
from threadpoolctl import threadpool_limits

from skconv import ops

# Bounds that some input comes near: what all of its roundings go one way for.
REACHED = "conv2d", "depthwise", "thin", "winograd_bias", "dense", "transposed", "pools"


@pytest.fixture(autouse=True)
def rules():
    """The attack chooses algorithms, and instruction sets."""
    before = ops.in_use()
    with threadpool_limits(1):
        yield
    bounds.use_rules()
    ops.use(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUMS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_errors_are_within_their_bounds(name, rng):
    largest = 0.0
    for kind, numbers in NUMBERS.items():
        for _ in range(2):
            _, parts = bounds.attack(SUMS[name], numbers, rng, name, kind)
            largest = max(largest, *parts.values())
    assert largest > (0.3 if name in REACHED else 0)


@pytest.mark.slow
def test_outputs_are_counted(capsys):
    bounds.main(10**6, 1)
    *_, last = capsys.readouterr().out.splitlines()
    assert int(last.split()[1]) >= 10**6
    assert "none beyond" in last


# The attack itself -------------------------------------------------------------------------


def lossy(x, kernel):
    """A product whose results have ten digits fewer, where they are of float32."""
    y = x @ kernel
    return ((y.astype(np.float16).astype(y.dtype) if y.itemsize == 4 else y),)


def test_error_beyond_its_bound_is_found(rng):
    x, kernel = rng.random((2, 8, 8), np.float32)

    def make(rng, numbers):
        return Linear(lossy, [x, kernel], (8,))

    with pytest.raises(AssertionError):
        bounds.attack(make, NUMBERS["normal"], rng)


def test_length_of_a_sum_is_in_its_bound(rng):
    """Sums of 2,000 terms err by 2,000 roundings, and not by the half of them."""
    x = np.ones((1, 2000), np.float32)
    kernel = NUMBERS["one_way"](rng, (2000, 4), True)
    for length, is_within in (2000, True), (1000, False):
        problem = Linear(lambda x, k: (ops.dense(x, k),), [x, kernel], (length,))
        (y,), (bound,) = problem.call(*problem.arrays), problem.bounds(problem.arrays)
        (exact,) = problem.exact(problem.arrays)
        assert (bounds.part_of(y, exact, bound) <= 1) == is_within


def test_numbers_that_are_flushed():
    x = np.array([1, -1e-40, 2.0**-126, 0], np.float32)
    np.testing.assert_array_equal(flushed(x), np.float32([1, 0, 2.0**-126, 0]))


@pytest.mark.parametrize("size", [(3, 3), (1, 2), (1, 3), (1, 4), (1, 5), (1, 9)])
def test_magnitude_of_winograd_is_above_that_of_the_sum(size, rng):
    """Its matrices are those of a convolution, where none of its numbers is negative."""
    x = np.abs(rng.standard_normal((2, 9, 11, 3)))
    kernel = np.abs(rng.standard_normal((*size, 3, 4)))
    sums = ops.conv2d(x, kernel)
    found = winograd_bound.forward(x, kernel, (0, 0), sums.shape[1:3]) / gamma(1)
    assert found.shape == sums.shape
    assert (found > sums).all()
    assert (found < 3000 * sums.max()).all()
