"""Pooling, dense, activations, losses and Adam against their formulas."""

import numpy as np
import oracles
import pytest
from configurations import POOLS
from scipy import optimize, special
from tolerances import assert_same

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")


def loops(x, pool_size, slide):
    win = ops.pool_window(x.shape[1:3], pool_size, **slide)
    return {"pool_size": win.size, "stride": win.stride, "padding": win.padding}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("case", POOLS)
def test_max_pool(case, ties, dtype, rng):
    shape, pool_size, slide = POOLS[case]
    x = rng.permutation(np.prod(shape)).reshape(shape).astype(dtype) - 20
    if ties:
        x = x // 7 % 3
    win = ops.pool_window(shape[1:3], pool_size, **slide)
    dy = rng.standard_normal((shape[0], *win.output, shape[3])).astype(dtype)
    expected, dx = oracles.max_pool2d(x, dy, **loops(x, pool_size, slide))

    y, argmax = ops.max_pool2d_with_argmax(x, pool_size, **slide)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(ops.max_pool2d(x, pool_size, **slide), expected)
    assert_same(ops.max_pool2d_grad(dy, argmax, shape, pool_size, **slide), dx, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", POOLS)
def test_avg_pool(case, dtype, rng):
    shape, pool_size, slide = POOLS[case]
    x = rng.standard_normal(shape).astype(dtype)
    win = ops.pool_window(shape[1:3], pool_size, **slide)
    dy = rng.standard_normal((shape[0], *win.output, shape[3])).astype(dtype)
    y, dx = oracles.avg_pool2d(x, dy, **loops(x, pool_size, slide))
    assert_same(ops.avg_pool2d(x, pool_size, **slide), y, dtype)
    assert_same(ops.avg_pool2d_grad(dy, shape, pool_size, **slide), dx, dtype)


def test_global_pools_are_pools_as_large_as_the_image(rng):
    x = rng.permutation(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(float)
    dy = rng.standard_normal((2, 5))
    y, argmax = ops.global_max_pool2d_with_argmax(x)
    window_max, window_argmax = ops.max_pool2d_with_argmax(x, (3, 4))
    np.testing.assert_array_equal(y, window_max[:, 0, 0])
    np.testing.assert_array_equal(ops.global_max_pool2d(x), y)
    assert_same(
        ops.global_max_pool2d_grad(dy, argmax, x.shape),
        ops.max_pool2d_grad(dy[:, None, None], window_argmax, x.shape, (3, 4)),
    )
    assert_same(ops.global_avg_pool2d(x), ops.avg_pool2d(x, (3, 4))[:, 0, 0])
    assert_same(
        ops.global_avg_pool2d_grad(dy, x.shape),
        ops.avg_pool2d_grad(dy[:, None, None], x.shape, (3, 4)),
    )


def test_pool_windows_of_padding_alone_are_refused():
    with pytest.raises(ValueError, match="padding must be less than pool_size"):
        ops.max_pool2d(np.zeros((1, 4, 4, 1)), 2, padding=2)
    with pytest.raises(ValueError, match="pool_size 5x5 does not fit its input 4x4"):
        ops.max_pool2d(np.zeros((1, 4, 4, 1)), 5)


def test_ops_leave_their_inputs_unchanged(rng):
    x = rng.standard_normal((2, 4, 4, 3))
    dy = rng.standard_normal((2, 2, 2, 3))
    logits = rng.standard_normal((2, 3))
    inputs = [x, dy, logits]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    _, argmax = ops.max_pool2d_with_argmax(x)
    ops.max_pool2d_grad(dy, argmax, x.shape)
    ops.avg_pool2d_grad(dy, x.shape)
    ops.dense(logits, np.eye(3), logits[0], activation="relu")
    ops.softmax_cross_entropy(logits, np.array([0, 2]), logits[:, 0])
    ops.sigmoid_cross_entropy(logits, np.eye(2, 3), logits[:, 0])
    for name in ops.ACTIVATIONS:
        ops.activate_grad(x, ops.activate(x, name), name)
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_dense_is_a_matrix_product(rng):
    x, kernel, bias = (rng.standard_normal(s) for s in [(4, 3), (3, 5), 5])
    dz = rng.standard_normal((4, 5))
    assert_same(ops.dense(x, kernel, bias), np.einsum("ni,ij->nj", x, kernel) + bias)
    assert_same(ops.dense_grad_kernel(dz, x), np.einsum("ni,nj->ij", x, dz))
    assert_same(ops.dense_grad_input(dz, kernel), np.einsum("nj,ij->ni", dz, kernel))
    assert_same(ops.grad_bias(dz), np.einsum("nj->j", dz))


# Activations ---------------------------------------------------------------------------

FORMULAS = {
    "identity": lambda z: z,
    "linear": lambda z: z,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * (1 + special.erf(z / np.sqrt(2))) / 2,
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activation_is_its_formula(name, dtype):
    z = np.linspace(-6, 6, 60, dtype=dtype).reshape(5, 12)
    expected = FORMULAS[name](z.astype(np.float64))
    y = ops.activate(z, name)
    assert y.dtype == dtype
    assert y is not z
    assert_same(y, expected, dtype)
    assert ops.activate(z, name, out=z) is z
    np.testing.assert_array_equal(z, y)


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activation_gradient_is_its_derivative(name, rng):
    z = rng.uniform(-3, 3, (4, 6))
    dy = rng.standard_normal(z.shape)
    y = ops.activate(z, name)
    saved = y if ops.ACTIVATIONS[name].derivative_from == "output" else z
    step = 1e-6
    numeric = np.zeros_like(z)
    for index in np.ndindex(z.shape):
        ahead, below = z.copy(), z.copy()
        ahead[index] += step
        below[index] -= step
        change = ops.activate(ahead, name) - ops.activate(below, name)
        numeric[index] = (dy * change).sum() / (2 * step)
    gradient = ops.activate_grad(dy, saved, name)
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activations_survive_large_numbers(name):
    z = np.array([[-1e4, -100, 0, 100, 1e4]], np.float32)
    with np.errstate(over="raise", invalid="raise"):
        y = ops.activate(z, name)
        saved = y if ops.ACTIVATIONS[name].derivative_from == "output" else z
        gradient = ops.activate_grad(np.ones_like(z), saved, name)
    assert np.isfinite(y).all()
    assert np.isfinite(gradient).all()


def test_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match="activation must be one of 'identity'.*did you mean 'relu'"
    ):
        ops.activate(np.zeros(1), "rellu")
    with pytest.raises(ValueError, match="activation must be one of .* got 3"):
        ops.activate(np.zeros(1), 3)


# Losses and Adam -----------------------------------------------------------------------


def losses(k):
    codes = np.array([0, 1, 1, 0]) if k == 1 else np.array([0, 2, 1, 1])
    if k == 3:
        return ops.softmax_cross_entropy, codes
    return ops.sigmoid_cross_entropy, np.eye(3)[codes] if k == 2 else codes[:, None]


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_gradient_is_its_derivative(k, weighted, rng):
    loss, targets = losses(k)
    logits = rng.standard_normal((4, targets.shape[1] if k < 3 else 3))
    sample_weight = rng.uniform(0, 2, 4) if weighted else None
    _, gradient = loss(logits, targets, sample_weight)
    numeric = optimize.approx_fprime(
        logits.ravel(),
        lambda z: loss(z.reshape(logits.shape), targets, sample_weight)[0],
        1e-7,
    )
    np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-6)


def test_cross_entropies_are_likelihoods(rng):
    logits, codes = rng.standard_normal((4, 3)), np.array([0, 2, 1, 1])
    probability = special.softmax(logits, axis=1)[np.arange(4), codes]
    loss, _ = ops.softmax_cross_entropy(logits, codes)
    assert_same(loss, -np.log(probability).mean(), np.float64)
    targets = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
    p = special.expit(logits)
    likelihood = np.where(targets, p, 1 - p).prod(axis=1)
    loss, _ = ops.sigmoid_cross_entropy(logits, targets)
    assert_same(loss, -np.log(likelihood).mean(), np.float64)


@pytest.mark.parametrize("smoothing", [0, 0.3])
def test_cross_entropy_is_linear_in_the_probabilities(smoothing, rng):
    logits, codes, others = rng.standard_normal((4, 3)), [0, 2, 1, 1], [1, 2, 0, 2]
    mixed = 0.3 * np.eye(3)[codes] + 0.7 * np.eye(3)[others]
    loss, dlogits = ops.softmax_cross_entropy(logits, mixed, smoothing=smoothing)
    first, second = (
        ops.softmax_cross_entropy(logits, np.array(each), smoothing=smoothing)
        for each in (codes, others)
    )
    assert_same(loss, 0.3 * first[0] + 0.7 * second[0], np.float64)
    assert_same(dlogits, 0.3 * first[1] + 0.7 * second[1], np.float64)


def test_gradient_of_probabilities_of_any_sum_is_its_derivative(rng):
    logits, targets = rng.standard_normal((2, 3)), rng.random((2, 3))
    _, gradient = ops.softmax_cross_entropy(logits, targets, None, 0.1)
    numeric = optimize.approx_fprime(
        logits.ravel(),
        lambda z: ops.softmax_cross_entropy(z.reshape(2, 3), targets, None, 0.1)[0],
        1e-7,
    )
    np.testing.assert_allclose(gradient.ravel(), numeric, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_losses_do_not_overflow(k):
    loss, targets = losses(k)
    logits = np.full((4, targets.shape[1] if k < 3 else 3), -1e5, np.float32)
    logits[::2] *= -1
    with np.errstate(over="raise", invalid="raise"):
        value, gradient = loss(logits, targets)
    assert np.isfinite(value)
    assert gradient.dtype == np.float32


def test_sample_weight_of_two_is_a_sample_twice(rng):
    logits, codes = rng.standard_normal((3, 3)), np.array([0, 2, 1])
    weighted, d_weighted = ops.softmax_cross_entropy(
        logits, codes, np.array([1.0, 2, 0])
    )
    twice = [0, 1, 1]
    repeated, d_repeated = ops.softmax_cross_entropy(logits[twice], codes[twice])
    assert_same(weighted, repeated, np.float64)
    assert_same(d_weighted[1], 2 * d_repeated[1])
    assert not d_weighted[2].any()


@pytest.mark.parametrize("decay", [None, np.array([0.1, 0.0, 0.5])])
def test_adam_step_is_its_papers_algorithm(decay, rng):
    parameters = rng.standard_normal(3)
    expected = parameters.copy()
    moments = np.zeros((2, 3))
    m, v = np.zeros(3), np.zeros(3)
    for step in range(1, 6):
        g = rng.standard_normal(3)
        ops.adam_step(
            parameters,
            g,
            *moments,
            step=step,
            learning_rate=0.1,
            epsilon=1e-8,
            decay=decay,
        )
        expected -= 0 if decay is None else 0.1 * decay * expected
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        m_hat, v_hat = m / (1 - 0.9**step), v / (1 - 0.999**step)
        expected -= 0.1 * m_hat / (np.sqrt(v_hat) + 1e-8 / np.sqrt(1 - 0.999**step))
    assert_same(parameters, expected, scale=100)
