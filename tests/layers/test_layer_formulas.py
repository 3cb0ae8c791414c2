"""Layers against the loops of their formulas, forward and all gradients."""

import numpy as np
import oracles
import pytest
from tolerances import assert_same

from skconv import ops
from skconv.layers import Conv1D, DepthwiseConv2D, LayerNorm, PReLU, SeparableConv2D

pytestmark = pytest.mark.usefixtures("each_ops")
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])

IMAGES = {
    "same": ((2, 5, 6, 3), {}),
    "two kernels a channel": ((2, 5, 5, 3), {"depth_multiplier": 2}),
    "one channel": ((2, 4, 5, 1), {"depth_multiplier": 3}),
    "17 channels": ((1, 4, 4, 17), {"kernel_size": 2, "padding": "valid"}),
    "stride": ((2, 7, 6, 2), {"kernel_size": (3, 2), "stride": (2, 3)}),
    "dilation": ((2, 7, 8, 2), {"dilation": (2, 1), "padding": 1}),
    "sides": ((2, 4, 4, 5), {"kernel_size": 4, "padding": ((0, 3), (2, 1))}),
}


def run(layer, x, dtype, rng):
    """Return weights, dy, and what the layer makes of them: y, dx and gradients."""
    weights, _ = layer.build(x.shape[1:], rng, np.dtype(dtype))
    for name, weight in weights.items():
        weights[name] = rng.standard_normal(weight.shape).astype(dtype)
    y, cache = layer.forward(weights, x, rng)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx, grads = layer.backward(weights, cache, dy)
    return weights, dy, y, dx, grads


def slide(layer, x):
    win = ops.window(
        x.shape[1:3],
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    return win.stride, win.dilation, win.padding


@each_dtype
@pytest.mark.parametrize("case", IMAGES)
def test_depthwise_convolution_equals_loops(case, dtype, rng):
    shape, arguments = IMAGES[case]
    x = rng.standard_normal(shape).astype(dtype)
    layer = DepthwiseConv2D(**arguments)
    weights, dy, y, dx, grads = run(layer, x, dtype, rng)
    loop = slide(layer, x)
    kernel, bias = weights["kernel"], weights["bias"]
    assert_same(y, oracles.depthwise_conv2d(x, kernel, bias, *loop), dtype)
    expected_dx, dkernel = oracles.depthwise_conv2d_gradients(dy, x, kernel, *loop)
    assert_same(dx, expected_dx, dtype)
    assert_same(grads["kernel"], dkernel, dtype)
    assert_same(grads["bias"], dy.sum(axis=(0, 1, 2), dtype=float), dtype)


@each_dtype
@pytest.mark.parametrize("case", IMAGES)
def test_separable_convolution_equals_loops(case, dtype, rng):
    shape, arguments = IMAGES[case]
    x = rng.standard_normal(shape).astype(dtype)
    layer = SeparableConv2D(4, **arguments)
    weights, dy, y, dx, grads = run(layer, x, dtype, rng)
    loop = slide(layer, x)
    depthwise, pointwise = weights["depthwise_kernel"], weights["pointwise_kernel"]
    mixture = pointwise[0, 0].astype(float)
    between = oracles.depthwise_conv2d(x, depthwise, 0, *loop)
    assert_same(y, between @ mixture + weights["bias"], dtype, scale=2)
    dbetween = dy @ mixture.T
    expected_dx, ddepthwise = oracles.depthwise_conv2d_gradients(
        dbetween, x, depthwise, *loop
    )
    assert_same(dx, expected_dx, dtype, scale=2)
    assert_same(grads["depthwise_kernel"], ddepthwise, dtype, scale=2)
    dpointwise = np.einsum("npqc,npqf->cf", between, dy)
    assert_same(grads["pointwise_kernel"][0, 0], dpointwise, dtype, scale=2)
    assert_same(grads["bias"], dy.sum(axis=(0, 1, 2), dtype=float), dtype)


SIGNALS = {
    "same": ({"kernel_size": 4}, (1, 2)),
    "valid": ({"padding": "valid"}, (0, 0)),
    "causal": ({"kernel_size": 3, "dilation": 2, "padding": "causal"}, (4, 0)),
    "causal, stride": ({"kernel_size": 2, "stride": 3, "padding": "causal"}, (1, 0)),
    "an int": ({"kernel_size": 2, "padding": 2}, (2, 2)),
    "sides": ({"stride": 2, "padding": (0, 3)}, (0, 3)),
}


@each_dtype
@pytest.mark.parametrize("case", SIGNALS)
def test_conv1d_equals_loops(case, dtype, rng):
    arguments, padding = SIGNALS[case]
    layer = Conv1D(4, **arguments)
    x = rng.standard_normal((2, 9, 3)).astype(dtype)
    weights, dy, y, dx, grads = run(layer, x, dtype, rng)
    loop = layer.stride, layer.dilation, padding
    wide = {name: weight.astype(float) for name, weight in weights.items()}
    expected = oracles.conv1d(x, wide["kernel"], wide["bias"], *loop)
    assert_same(y, expected, dtype)
    # Linear in each argument: a gradient is the response to each unit, times dy.
    dkernel = [
        np.vdot(dy, oracles.conv1d(x, unit.reshape(wide["kernel"].shape), 0, *loop))
        for unit in np.eye(wide["kernel"].size)
    ]
    assert_same(grads["kernel"].ravel(), dkernel, dtype)
    one = [
        np.vdot(dy[1], oracles.conv1d(unit.reshape(1, 9, 3), wide["kernel"], 0, *loop))
        for unit in np.eye(27)
    ]
    assert_same(dx[1].ravel(), one, dtype)
    assert_same(grads["bias"], dy.sum(axis=(0, 1), dtype=float), dtype)


@each_dtype
@pytest.mark.parametrize("axis", [-1, (1, 2, 3), (1, 3), 2])
def test_layer_norm_equals_loops(axis, dtype, rng):
    x = rng.normal(3, 2, (2, 3, 4, 5)).astype(dtype)
    weights, dy, y, dx, grads = run(LayerNorm(axis), x, dtype, rng)
    axes = sorted(a % 4 for a in np.atleast_1d(axis))
    others = [a for a in range(4) if a not in axes]

    def rows(array):  # values that belong together, as a row
        last = np.moveaxis(array, axes, range(-len(axes), 0))
        return last.reshape(
            np.prod([x.shape[a] for a in others], dtype=int), -1
        ).astype(float)

    gamma, beta = weights["gamma"].astype(float), weights["beta"].astype(float)
    expected = oracles.layer_norm(rows(x), gamma, beta, 1e-3, rows(dy))
    actual = rows(y), rows(dx), grads["gamma"], grads["beta"]
    for a, b in zip(actual, expected, strict=True):
        assert_same(a, b, dtype, scale=4)


@each_dtype
@pytest.mark.parametrize("shared", [None, (1, 2), 3, (1, 2, 3)])
def test_prelu_equals_loops(shared, dtype, rng):
    x = rng.standard_normal((2, 3, 4, 5)).astype(dtype)
    weights, dy, y, dx, grads = run(PReLU(shared), x, dtype, rng)
    axes = () if shared is None else tuple(np.atleast_1d(shared))
    kept = [1 if a in axes else x.shape[a] for a in (1, 2, 3)]
    alpha = np.broadcast_to(weights["alpha"].reshape(kept), x.shape[1:])
    rows = [array.reshape(2, -1).astype(float) for array in (x, dy)]
    value, dz, dalpha = oracles.prelu(rows[0], alpha.ravel().astype(float), rows[1])
    assert_same(y.reshape(2, -1), value, dtype)
    assert_same(dx.reshape(2, -1), dz, dtype)
    by_place = dalpha.reshape(x.shape[1:])
    total = by_place.sum(tuple(a - 1 for a in axes))
    assert_same(grads["alpha"], total.ravel(), dtype, scale=2)
