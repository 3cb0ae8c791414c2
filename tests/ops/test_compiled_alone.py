"""Compiled ops compute what they have a kernel for: no definition steps in, unseen."""

import numpy as np
import pytest
from attacks.op_arguments import GOOD
from seeds import SEED

from skconv import ops
from skconv.ops import dispatch

TWINS = [*ops.compiled.__all__, *ops.compiled_upsampling.__all__]
DRAWS = 12
WITHOUT_KERNEL = None, "identity", "linear", "gelu", "softmax"


def has_kernel(op, arguments):
    arrays = [each for each in arguments.values() if isinstance(each, np.ndarray)]
    if not all(each.size for each in arrays) or arguments.get("gamma"):
        return False
    if op in ("activate", "activate_grad"):
        return arguments["activation"] not in WITHOUT_KERNEL
    if op == "conv2d_max_pool2d_backward":
        return arguments["groups"] == 1
    if op == "gather":
        return arguments["x"].dtype != np.float16
    return True


class NoDefinitions:
    """What stands in the place of the definitions, and has none."""


@pytest.mark.parametrize("op", TWINS)
def test_compiled_op_needs_no_definition(op, each_set, monkeypatch):
    monkeypatch.setattr(dispatch, "reference", NoDefinitions())
    count = 0
    for draw in range(DRAWS):
        arguments = GOOD[op](np.random.default_rng([SEED, draw]))
        if "pool_size" in arguments and "activation" in arguments:
            arguments["activation"] = "relu"  # others may not be pooled
        if op == "gather":
            arguments |= {"rows": np.arange(len(arguments["x"])), "dtype": "f4"}
        if has_kernel(op, arguments):
            getattr(ops, op)(**arguments)
            count += 1
    assert count


@pytest.mark.parametrize(
    ("activation", "pool", "along"),
    [
        ("relu", {"pool_size": 2}, True),
        (None, {"pool_size": (1, 3)}, True),
        ("gelu", {"pool_size": 2}, False),
        ("relu", {"pool_size": 1}, False),
        ("relu", {"pool_size": 2, "stride": 1}, False),
        ("relu", {"pool_size": 2, "padding": 1}, False),
        ("relu", {"pool_size": 16}, True),
        ("relu", {"pool_size": 17}, False),  # more taps than a byte counts
    ],
)
def test_convolution_pools_along(activation, pool, along):
    win = ops.pool_window((40, 40), **pool)
    assert ops.compiled._pools_along(activation, win) is along


def test_windows_of_more_taps_than_a_byte_counts_are_compiled(
    each_set, monkeypatch, rng
):
    monkeypatch.setattr(dispatch, "reference", NoDefinitions())
    x, pool = rng.random((2, 20, 20, 3), np.float32), {"pool_size": 17}
    y, argmax = ops.max_pool2d_with_argmax(x, **pool)
    assert argmax.dtype == np.uint16
    assert ops.max_pool2d_grad(y, argmax, x.shape, **pool).max() == y.max()
    kernel = np.ones((1, 1, 3, 2), np.float32)
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, **pool)
    ops.conv2d_max_pool2d_backward(y, y, argmax, x, kernel, **pool)


@pytest.mark.parametrize("copy", [np.asfortranarray, lambda a: a[::-1].copy()[::-1]])
def test_numbers_of_taps_in_any_order_are_taken(copy, each_set, monkeypatch, rng):
    x = rng.random((3, 6, 6, 4), np.float32)
    y, argmax = ops.max_pool2d_with_argmax(x)
    expected = ops.max_pool2d_grad(y, argmax, x.shape)
    monkeypatch.setattr(dispatch, "reference", NoDefinitions())
    dx = ops.max_pool2d_grad(y, copy(argmax), x.shape)
    np.testing.assert_array_equal(dx, expected)
