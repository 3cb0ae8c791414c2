"""Errors of functions of one number: a short run of ``python -m tests.attacks floats``."""

import numpy as np
import pytest
from attacks import floats
from attacks.float_functions import Function, Limits, double

from skconv import ops

F32 = np.float32
INFINITY, NAN = float("inf"), float("nan")


@pytest.mark.slow
def test_errors_are_within_their_limits(capsys):
    """Every 65,537th number, and those around zeros, ones, infinities and NaN."""
    floats.main(2**16, seed=1)
    assert "finished" in capsys.readouterr().out


# Function -> its values at 0, infinity and -infinity.
LIMITS = {
    "relu": (0, INFINITY, 0),
    "leaky_relu": (0, INFINITY, -INFINITY),
    "elu": (0, INFINITY, -1),
    "gelu": (0, INFINITY, 0),
    "tanh": (0, 1, -1),
    "logistic": (0.5, 1, 0),
}


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [F32, np.float64])
@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.filterwarnings("error")
def test_activations_of_infinities(name, dtype):
    z = np.array([0, INFINITY, -INFINITY, NAN], dtype)
    np.testing.assert_array_equal(ops.activate(z, name), [*LIMITS[name], NAN])


@pytest.mark.parametrize("dtype", [F32, np.float64])
@pytest.mark.filterwarnings("error")
def test_derivative_of_gelu_far_from_zero(dtype):
    z = np.array([INFINITY, 1e30, -1e30, -INFINITY, NAN], dtype)
    dz = ops.activate_grad(np.ones_like(z), z, "gelu")
    np.testing.assert_array_equal(dz, [1, 1, 0, 0, NAN])


@pytest.mark.usefixtures("each_ops")
def test_derivative_of_tanh_keeps_its_digits_near_one():
    y = np.array([1 - 2.0**-24, 1 - 2.0**-20], F32)
    dz = ops.activate_grad(np.ones_like(y), y, "tanh")
    np.testing.assert_allclose(dz, 1 - y.astype(float) ** 2, rtol=2e-7)


@pytest.mark.usefixtures("each_set")
def test_activations_of_denormal_numbers_are_0():
    """ReLU of one below 0 was this one itself."""
    z = np.tile(np.array([-1e-40, 1e-40], F32), 20)
    for name in ("relu", "leaky_relu", "elu", "tanh"):
        np.testing.assert_array_equal(ops.activate(z, name), np.zeros_like(z))


# The attack itself -------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2**16, 2**10])
def test_inputs_are_from_all_of_them(n):
    x = np.concatenate([*floats.inputs(n, 0)])
    assert np.isnan(x).any()
    assert {0, 1, np.inf, -np.inf} <= {*x.tolist()}
    exponents = x.view(np.uint32) >> 23
    assert len(np.unique(exponents)) == 512


def test_inputs_are_all_of_them():
    """At the first and the last."""
    chunks = floats.inputs(2**32, 0)
    next(chunks)
    for first in (0, floats.CHUNK):
        bits = next(chunks).view(np.uint32)
        np.testing.assert_array_equal(bits, np.arange(first, first + floats.CHUNK))


ERRORS = {
    "one unit": (1 + 2.0**-23, 1, 1),
    "half of one": (1, 1 + 2.0**-24, 0.5),
    "the unit of the exact result": (2, 2 - 2.0**-23, 1),
    "infinite as well": (INFINITY, 2.0**128, 0),
    "infinite in place of the largest number": (INFINITY, 2.0**128 - 2.0**104, 1),
    "no number": (NAN, 1, INFINITY),
    "a number": (1, NAN, INFINITY),
    "no number as well": (NAN, NAN, 0),
    "flushed": (0, 1e-40, 0),
    "a wrong denormal number": (2.0**-140, 2.0**-149, 511),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_in_units_in_the_last_place(case):
    y, exact, expected = ERRORS[case]
    assert floats.ulps(np.array([y], F32), np.array([exact], float)) == [expected]


def test_largest_error_is_found_on_each_instruction_set():
    limits = Limits(0.75, 0.75, 0.75)
    wrong = Function(lambda x: np.nextafter(x, F32(9)), double(np.array), limits, 1, 2)
    found = floats.attack(wrong, 2**12, 0)
    assert {*found} == {*ops.available()}
    for name, (error, at) in found.items():
        assert error == 1
        assert 1 <= at <= 2
        assert error > wrong.limit(name)
