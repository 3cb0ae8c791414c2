"""Optimizers: scikit-learn's steps, decay, continued states; and clipping."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from tolerances import assert_same

from skconv import ops
from skconv._training.optimizers import OPTIMIZERS, SGD, Adam, clip_by_norm

SIZE = 40_000  # more than a step takes at a time


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_steps_as_scikit_learns(momentum, nesterov, dtype, rng):
    theirs = rng.standard_normal(SIZE)
    ours = theirs.astype(dtype)
    reference = SGDOptimizer([theirs], 0.1, momentum=momentum, nesterov=nesterov)
    optimizer = SGD(ours, momentum=momentum, nesterov=nesterov)
    for _ in range(5):
        gradient = rng.standard_normal(SIZE).astype(dtype)
        optimizer.step(ours, gradient, 0.1)
        reference.update_params([theirs], [gradient.astype(float)])
    assert ours.dtype == optimizer.moments.dtype == dtype
    assert_same(ours, theirs, dtype)
    assert_same(optimizer.moments[0], reference.velocities[0], dtype)


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_steps_as_scikit_learns(dtype, rng):
    theirs = rng.standard_normal(SIZE)
    ours = theirs.astype(dtype)
    reference = AdamOptimizer([theirs], 0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-6)
    optimizer = Adam(ours, beta_1=0.8, beta_2=0.99, epsilon=1e-6)
    for _ in range(5):
        gradient = rng.standard_normal(SIZE).astype(dtype)
        optimizer.step(ours, gradient, 0.01)
        reference.update_params([theirs], [gradient.astype(float)])
    assert_same(ours, theirs, dtype, scale=5)


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_is_decoupled_from_the_gradient(name, rng):
    """Where the gradient is zero, only decay moves a parameter."""
    parameters = rng.standard_normal(4).astype(np.float32)
    decay = np.array([0, 0.1, 0.5, 1], np.float32)
    expected = parameters * (1 - 0.2 * decay) ** 3
    optimizer = OPTIMIZERS[name](parameters, decay=decay)
    for _ in range(3):
        optimizer.step(parameters, np.zeros(4, np.float32), 0.2)
    assert_same(parameters, expected)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_continued_state_gives_the_same_bits(name, rng):
    gradients = rng.standard_normal((6, 50), np.float32)
    start = rng.standard_normal(50, np.float32)
    whole, halves = start.copy(), start.copy()
    optimizer = OPTIMIZERS[name](whole)
    for gradient in gradients:
        optimizer.step(whole, gradient, 0.1)
    first = OPTIMIZERS[name](halves)
    for gradient in gradients[:3]:
        first.step(halves, gradient, 0.1)
    second = OPTIMIZERS[name](halves, state=first.state)
    for gradient in gradients[3:]:
        second.step(halves, gradient, 0.1)
    np.testing.assert_array_equal(whole, halves)
    assert second.state[0] == 6


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_numpys_floats_keep_float32(name, rng):
    """What comes from a grid is often NumPy's."""
    parameters = rng.standard_normal(5, np.float32)
    beta, momentum = {"beta_1": np.float64(0.9)}, {"momentum": np.float64(0.9)}
    rates = {"adam": beta, "sgd": momentum, "muon": {**beta, **momentum}}
    optimizer = OPTIMIZERS[name](parameters, **rates[name])
    optimizer.step(parameters, np.ones(5, np.float32), 0.1)
    assert parameters.dtype == optimizer.moments.dtype == np.float32


def test_a_state_of_another_optimizer_is_refused():
    parameters = np.zeros(3)
    words = r"state must hold moments of shape \(1, 3\) for SGD, got \(2, 3\)"
    with pytest.raises(ValueError, match=words):
        SGD(parameters, state=Adam(parameters).state)
    words = r"moments of shape \(2, 4\) for Adam, got \(2, 3\): it is another"
    with pytest.raises(ValueError, match=words):
        Adam(np.zeros(4), state=Adam(parameters).state)


def test_sgd_leaves_the_gradient_alone(rng):
    parameters, gradient, velocity = rng.standard_normal((3, 7))
    gradient.flags.writeable = False
    before = gradient.copy()
    ops.sgd_step(
        parameters, gradient, velocity, learning_rate=0.1, momentum=0.9, nesterov=True
    )
    np.testing.assert_array_equal(gradient, before)


# Clipping ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 100_003])
def test_clipping_scales_to_the_norm(size, dtype, rng):
    gradient = rng.standard_normal(size).astype(dtype)
    before = gradient.astype(float)
    norm = clip_by_norm(gradient, 0.5)
    assert isinstance(norm, float)
    assert_same(norm, np.linalg.norm(before), np.float64)
    assert_same(gradient, before * min(1, 0.5 / norm), dtype)
    assert np.linalg.norm(gradient.astype(float)) <= 0.5 * (1 + 1e-6)


def test_short_gradients_keep_their_bits(rng):
    gradient = rng.standard_normal(100, np.float32)
    before = gradient.copy()
    assert clip_by_norm(gradient, 1e3) < 1e3
    np.testing.assert_array_equal(gradient, before)
    assert clip_by_norm(np.zeros(3), 1.0) == 0
    assert clip_by_norm(np.empty(0), 1.0) == 0


def test_clipping_handles_squares_beyond_float32():
    gradient = np.array([3e30, 4e30], np.float32)
    assert_same(clip_by_norm(gradient, 1.0), 5e30, np.float32)
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)


def test_clipping_keeps_infinite_gradients_infinite():
    for value in (np.nan, np.inf):
        gradient = np.array([1.0, value])
        with np.errstate(invalid="ignore"):
            assert not np.isfinite(clip_by_norm(gradient, 1.0))
        assert not np.isfinite(gradient).all()


@pytest.mark.slow
def test_the_norm_does_not_depend_on_threads():
    code = (
        "import numpy as np; from skconv._training.optimizers import clip_by_norm;"
        "g = np.random.default_rng(0).standard_normal(300_001, np.float32);"
        "print(clip_by_norm(g, 1.0).hex(), g.tobytes().__hash__())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "PYTHONHASHSEED": "0",
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(answers) == 1
