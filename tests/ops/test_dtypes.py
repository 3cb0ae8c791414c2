"""Dtypes of results: the widest of the arrays that are multiplied with each other."""

import numpy as np
import pytest
from attacks.op_arguments import GOOD
from seeds import SEED

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")

# Op -> arrays that decide, of which each result has the widest dtype.
MULTIPLIED = {
    "add": "x y",
    "affine_transform": "x",
    "avg_pool2d": "x",
    "avg_pool2d_grad": "dy",
    "conv2d": "x kernel",
    "conv2d_grad_input": "dz kernel",
    "conv2d_grad_kernel": "dz x",
    "conv2d_max_pool2d": "x kernel",
    "conv2d_transpose": "x kernel",
    "dense": "x kernel",
    "dense_grad_input": "dz kernel",
    "dense_grad_kernel": "dz x",
    "global_avg_pool2d": "x",
    "global_avg_pool2d_grad": "dy",
    "global_max_pool2d_grad": "dy",
    "grad_bias": "dz",
    "layer_norm": "x",
    "max_pool2d_grad": "dy",
    "prelu": "z alpha",
    "upsample2d": "x",
    "upsample2d_grad": "dy",
}
CASES = [(op, name) for op, names in MULTIPLIED.items() for name in names.split()]


@pytest.mark.parametrize(("op", "name"), CASES)
def test_results_have_the_widest_dtype(op, name):
    arguments = GOOD[op](np.random.default_rng(SEED))
    for dtype in (np.float32, np.float64):
        arguments[name] = arguments[name].astype(dtype)
        assert getattr(ops, op)(**arguments).dtype == dtype


@pytest.mark.parametrize("interpolation", ops.INTERPOLATIONS)
@pytest.mark.parametrize("n", [0, 2])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_enlarged_images_have_their_dtype(dtype, n, interpolation):
    x = np.ones((n, 3, 4, 2), dtype)
    y = ops.upsample2d(x, (2, 3), interpolation=interpolation)
    assert (y.shape, y.dtype) == ((n, 6, 12, 2), dtype)
    dx = ops.upsample2d_grad(y, (2, 3), interpolation=interpolation)
    assert (dx.shape, dx.dtype) == (x.shape, dtype)


@pytest.mark.parametrize("activation", [None, *ops.ACTIVATIONS])
def test_add_activates_the_sum(activation, rng):
    x, y = rng.standard_normal((2, 5, 3))
    expected = ops.activate(x + y, activation)
    np.testing.assert_array_equal(ops.add(x, y, activation), expected)
    assert ops.add(x, y).dtype == x.dtype
