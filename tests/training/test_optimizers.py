"""Optimizers: scikit-learn's steps, decay, continued states; and clipping."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from tolerances import assert_same

from skconv import ConvNetClassifier, Network, ops
from skconv._training.optimizers import (
    OPTIMIZERS,
    SGD,
    Adam,
    Muon,
    _gaps,
    clip_by_norm,
    make_optimizer,
)
from skconv.layers import Dense

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


def steps_of(make, start, gradients, rate=0.01, **arguments):
    """Return the parameters after some steps."""
    parameters = start.copy()
    optimizer = make(parameters, **arguments)
    for gradient in gradients:
        optimizer.step(parameters, gradient, rate)
    return parameters


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rate_of_a_part_is_multiplied(name, rng):
    make = OPTIMIZERS[name]
    start, *gradients = rng.standard_normal((4, 30), np.float32)
    decay = rng.random(30, np.float32)
    parts = [(slice(0, 6), 0.5), (slice(6, 24), 3.0), (slice(24, 30), 1.0)]
    kernels = [(slice(6, 12), (2, 3)), (slice(24, 30), (3, 2))]
    options = {"matrices": kernels} if name == "muon" else {}
    found = steps_of(make, start, gradients, parts=parts, decay=decay, **options)
    for part, multiplier in parts:
        rate = 0.01 * multiplier
        alone = steps_of(make, start, gradients, rate, decay=decay, **options)
        np.testing.assert_array_equal(found[part], alone[part])


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("adam", {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
        ("sgd", {"momentum": 0.9, "nesterov": True}),
        ("muon", {"momentum": 0.9, "nesterov": True, "epsilon": 1e-8}),
    ],
)
def test_defaults_are_those_of_the_docstrings(name, defaults, rng):
    start, *gradients = rng.standard_normal((4, 12), np.float32)
    options = {"matrices": [(slice(0, 6), (2, 3))]} if name == "muon" else {}
    make = OPTIMIZERS[name]
    found = steps_of(make, start, gradients, **options)
    said = steps_of(make, start, gradients, **options, **defaults)
    np.testing.assert_array_equal(found, said)


@pytest.mark.parametrize("name", ["sgd", "muon"])
def test_velocities_that_became_tiny_are_flushed_now_and_then(name):
    parameters, gradient = np.ones(4), np.zeros(4)
    options = {"matrices": [(slice(0, 4), (2, 2))]} if name == "muon" else {}
    optimizer = OPTIMIZERS[name](parameters, momentum=1.0, **options)
    tiny = np.finfo(float).smallest_subnormal
    optimizer.moments[0] = tiny
    for _ in range(31):
        optimizer.step(parameters, gradient, 0.0)
    assert (optimizer.moments[0] == tiny).all()
    parameters[:] = tiny
    optimizer.step(parameters, gradient, 0.0)
    assert (optimizer.moments[0] == 0).all()
    assert (parameters > 0).all()


def test_gaps_are_what_lies_between():
    parts = [slice(2, 4), slice(6, 8), slice(8, 9)]
    assert [*_gaps(parts, slice(2, 9))] == [slice(4, 6)]
    assert [*_gaps(parts, slice(0, 11))] == [slice(0, 2), slice(4, 6), slice(9, 11)]
    assert [*_gaps([], slice(3, 5))] == [slice(3, 5)]


@pytest.mark.parametrize(
    ("solver", "kind", "options"),
    [
        ("adam", Adam, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-6}),
        ("sgd", SGD, {"momentum": 0.7, "nesterov": False}),
        ("muon", Muon, {"momentum": 0.7, "nesterov": False, "beta_1": 0.8}),
    ],
)
def test_optimizer_of_an_estimator_has_its_parameters(solver, kind, options):
    network = Network.build([("a", Dense(3)), ("b", Dense(2))], (4,), 0)
    params = {
        p.replace("nesterov", "nesterovs_momentum"): v for p, v in options.items()
    }
    clf = ConvNetClassifier(solver=solver, alpha=0.1, **params)
    optimizer = make_optimizer(clf, network)
    assert type(optimizer) is kind
    assert {name: getattr(optimizer, name) for name in options} == options
    assert optimizer.parts == [(slice(0, 23), 1.0)]
    np.testing.assert_array_equal(optimizer.decay, network.decayed(0.1))
    assert optimizer.moments.shape == (kind.n_moments, 23)
    if kind is Muon:
        assert [optimizer.inside[0][0][0]] == [network.matrices()[0][0]]

    clf.set_params(alpha=0, learning_rate_multipliers={"b": 0.5})
    again = make_optimizer(clf, network, optimizer.state)
    assert again.decay is None
    assert again.parts == network.parts({"b": 0.5}) != optimizer.parts
    assert again.moments is optimizer.moments


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
