"""Denormal numbers slow arithmetic down: no op makes any, and none changes how others do."""

import os
import threading

import numpy as np
import pytest
from seeds import SEED
from threadpoolctl import threadpool_limits

from skconv import ops
from skconv._training.optimizers import OPTIMIZERS

TINY = np.finfo(np.float32).smallest_normal


def denormals(*arrays):
    return sum(int(((a != 0) & (np.abs(a) < TINY)).sum()) for a in arrays)


def denormal_product():
    """Above 0 unless this thread flushes denormals."""
    return float(np.multiply(*np.full((2, 1), 1e-20, np.float32))[0])


# Saturated outputs ----------------------------------------------------------------------


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_softmax_has_a_gradient_of_0(dtype):
    logits = np.array([[200, 0, 0], [0, 100, 2], [-90, 0, -110]], dtype)
    _, dlogits = ops.softmax_cross_entropy(logits, np.array([0, 1, 1]))
    if dtype == np.float32:  # float64 has numbers as small as exp(-200)
        np.testing.assert_array_equal(dlogits[0], 0)
        assert denormals(dlogits) == 0
    np.testing.assert_allclose(dlogits[0], 0, atol=1e-80)


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "poisson", "squared_error"])
def test_losses_hand_back_no_denormals(loss):
    outputs = np.linspace(-110, -80, 500, dtype=np.float32)[:, None]
    if loss == "squared_error":
        outputs = np.exp(outputs)
    value, gradient = getattr(ops, loss)(outputs, np.zeros_like(outputs))
    assert np.isfinite(value)
    assert denormals(gradient) == 0


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("name", ["logistic", "elu", "tanh"])
def test_activations_of_large_negative_numbers(name):
    z = np.linspace(-200, -80, 5000, dtype=np.float32)
    y = ops.activate(z, name)
    assert denormals(y) == 0
    exact = ops.activate(z.astype(float), name)
    np.testing.assert_allclose(y, exact, rtol=2e-6, atol=TINY)
    assert ops.activate(np.array([-200], np.float32), "logistic")[0] == 0


# Denormals as inputs --------------------------------------------------------------------


def everything(rng):
    """Results of all compiled ops, of numbers around the smallest."""
    scale = np.float32(1e-19)
    x, dy = rng.standard_normal((2, 8, 9, 9, 16), np.float32) * scale
    dust = np.float32(1e-40) * rng.standard_normal(x.shape).astype(np.float32)
    x = np.where(rng.random(x.shape) < 0.5, x, dust)
    kernel = rng.standard_normal((3, 3, 16, 16), np.float32) * scale
    depthwise = np.ascontiguousarray(kernel[:, :, :1])
    vector = rng.standard_normal(16, np.float32) * scale
    y = ops.conv2d(x, kernel, vector, vector, padding="same")
    slide = {"padding": "same", "activation": "elu"}
    moments = np.abs(rng.standard_normal((2, x.size), np.float32)) * TINY
    parameters = rng.standard_normal(x.size, np.float32)
    ops.adam_step(parameters, dust.ravel(), *moments, step=1, learning_rate=0.1)
    return [
        y,
        ops.conv2d_max_pool2d(x, kernel, padding="same"),
        *ops.conv2d_backward(dy, y, x, kernel, **slide),
        *ops.conv2d_backward(dy, y, x, depthwise, groups=16, **slide),
        ops.dense(x[:, 0, 0], kernel[0, 0]),
        ops.avg_pool2d(x, 3, stride=1),
        ops.activate(x, "tanh"),
        ops.activate_grad(dy, x, "logistic"),
        ops.add(dust, dust, "elu"),
        ops.grad_bias(x),
        ops.normalize(x, vector, vector, vector),
        *ops.channel_moments(x),
        moments,
    ]


@pytest.mark.usefixtures("each_set")
def test_compiled_ops_give_no_denormals_on_any_number_of_threads():
    with threadpool_limits(1):
        expected = everything(np.random.default_rng(SEED))
    assert denormals(*expected) == 0
    for threads in (2, 3, 7):
        with threadpool_limits(threads):
            for one, more in zip(
                expected, everything(np.random.default_rng(SEED)), strict=True
            ):
                np.testing.assert_array_equal(one, more)


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_moments_of_dead_weights_end_at_0(solver, rng):
    parameters = rng.standard_normal(100).astype(np.float32)
    optimizer = OPTIMIZERS[solver](parameters)
    if solver in ("adam", "muon"):  # what is no kernel is Adam's
        optimizer = OPTIMIZERS[solver](
            parameters, beta_2=0.9
        )  # or it takes 90,000 steps
    optimizer.step(parameters, rng.standard_normal(100).astype(np.float32), 0.1)
    for _ in range(1200):
        optimizer.step(parameters, np.zeros(100, np.float32), 0.1)
    assert not optimizer.moments.any()


# What the process sees --------------------------------------------------------------------


def run_ops():
    x = np.ones((64, 28, 28, 16), np.float32)
    y = ops.conv2d(x, np.ones((3, 3, 16, 16), np.float32), activation="tanh")
    ops.conv2d_backward(y, y, x, np.ones((3, 3, 16, 16), np.float32), activation="tanh")
    ops.softmax_cross_entropy(x[0, 0], np.zeros(28, int))
    with pytest.raises(ValueError):
        ops.compiled._kernels.max_pool(x, x, None, ops.pool_window((28, 28), 2))


@pytest.mark.usefixtures("each_set")
def test_ops_put_the_register_of_each_thread_back():
    with threadpool_limits(4):
        before = ops.compiled._kernels.control_registers()
        assert len(before) == 4
        run_ops()
        assert ops.compiled._kernels.control_registers() == before
    assert denormal_product() > 0


@pytest.mark.usefixtures("each_set")
def test_ops_in_a_thread_leave_its_arithmetic_unchanged():
    products = []

    def work():
        products.append(denormal_product())
        run_ops()
        products.append(denormal_product())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(products) == 6
    assert min(products) > 0
    assert denormal_product() > 0


@pytest.mark.skipif(
    not (ops.compiled and hasattr(os, "fork")), reason="no compiled ops, or no fork"
)
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_ops_after_a_fork_leave_arithmetic_unchanged():
    run_ops()
    child = os.fork()
    if child == 0:
        right = denormal_product() > 0
        run_ops()
        right &= denormal_product() > 0
        os._exit(0 if right else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert denormal_product() > 0
