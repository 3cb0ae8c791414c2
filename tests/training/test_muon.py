"""Muon: orthogonal steps for kernels, Adam for the rest."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.datasets import load_digits
from tolerances import assert_same

from skconv import ConvNetClassifier, ConvNetRegressor, Network, ops
from skconv._training.optimizers import Adam, Muon
from skconv._training.orthogonal import orthogonalize
from skconv.layers import BatchNorm, Conv1D, Conv2D, Dense, DepthwiseConv2D, Flatten

X, Y = load_digits(return_X_y=True)
X, Y = X[:200].reshape(-1, 8, 8, 1) / 16, Y[:200]
SHAPES = [(9, 32), (96, 16), (16, 96), (5, 5), (3, 2)]


def newton_schulz(x):
    """The iteration as its paper has it, in float64."""
    x = np.asarray(x, float)
    x = x / np.linalg.norm(x)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if is_tall else x


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_matrix_is_that_of_newton_and_schulz(shape, dtype, rng):
    u, _, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    matrix = (u * np.linspace(0.1, 1, len(v)) @ v).astype(dtype)
    found = orthogonalize(matrix)
    assert found.dtype == dtype
    assert_same(found, newton_schulz(matrix), dtype)
    singular = np.linalg.svd(found, compute_uv=False)
    assert 0.65 < singular.min() <= singular.max() < 1.25


@pytest.mark.parametrize("shape", SHAPES)
def test_nearly_singular_matrix_has_no_large_values(shape, rng):
    u, s, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    matrix = (u * np.logspace(0, -9, len(s)) @ v).astype(np.float32)
    for scale in (1e-30, 1, 1e30):
        found = orthogonalize(matrix * np.float32(scale))
        assert np.linalg.norm(found, 2) < 1.25
        np.testing.assert_allclose(found, newton_schulz(matrix), atol=2e-3)


def test_matrix_of_zeros_stays_and_of_nan_is_not_hidden():
    zeros = np.zeros((4, 3), np.float32)
    assert not orthogonalize(zeros).any()
    assert np.isfinite(orthogonalize(zeros + np.float32(1e-45))).all()
    assert np.isnan(orthogonalize(zeros * np.nan)).all()


@pytest.mark.skipif("avx512" not in ops.available(), reason="compares instruction sets")
def test_instruction_sets_give_the_same_bits(rng):
    matrix, before, found = (
        rng.standard_normal((96, 40)).astype(np.float32), ops.in_use(), [],
    )  # fmt: skip
    for name in ("avx512", "avx2"):
        ops.use(name)
        found.append(orthogonalize(matrix))
    ops.use(before)
    np.testing.assert_array_equal(*found)


def test_matrices_of_a_network_are_hidden_kernels():
    layers = [
        ("conv", Conv2D(4, 3)), ("norm", BatchNorm()),
        ("depthwise", DepthwiseConv2D(3)), ("flatten", Flatten()),
        ("dense", Dense(5)), ("one", Dense(1)), ("out", Dense(3)),
    ]  # fmt: skip
    network = Network.build(layers, (4, 4, 2), 0)
    found = network.matrices()
    assert [shape for _, shape in found] == [(18, 4), (64, 5)]
    for (part, shape), name in zip(found, ["conv", "dense"], strict=True):
        kernel = network.weights[name]["kernel"].reshape(shape)
        np.testing.assert_array_equal(network.parameters[part].reshape(shape), kernel)


@pytest.mark.parametrize("nesterov", [False, True])
def test_muon_steps_as_its_paper_and_as_adam(nesterov, rng):
    start = rng.standard_normal(60).astype(np.float32)
    ours, kernel, adams = start.copy(), start[7:49].astype(float).reshape(7, 6), start
    decay = np.where(np.arange(60) % 2, 0.1, 0).astype(np.float32)
    muon = Muon(
        ours, matrices=[(slice(7, 49), (7, 6))], momentum=0.8, nesterov=nesterov,
        decay=decay,
    )  # fmt: skip
    adams = start.copy()
    adam, velocity = Adam(adams, decay=decay), np.zeros((7, 6))
    for _ in range(4):
        gradient = rng.standard_normal(60).astype(np.float32)
        muon.step(ours, gradient, 0.01)
        adam.step(adams, gradient, 0.01)
        here = gradient[7:49].reshape(7, 6)
        velocity = 0.8 * velocity + here
        move = newton_schulz(here + 0.8 * velocity if nesterov else velocity)
        kernel = kernel * (1 - 0.01 * decay[7:49].reshape(7, 6))
        kernel -= 0.01 * 0.2 * np.sqrt(7) * move
    assert_same(ours[7:49], kernel.ravel(), scale=5)
    np.testing.assert_array_equal(ours[:7], adams[:7])
    np.testing.assert_array_equal(ours[49:], adams[49:])


@pytest.mark.parametrize("kind", [ConvNetClassifier, ConvNetRegressor])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parts_of_a_fit_are_the_whole(kind, dtype):
    layers = [Conv2D(4), BatchNorm(activation="relu"), Flatten(), Dense(8, "relu")]
    params = {
        "layers": layers, "solver": "muon", "learning_rate_init": 0.01, "dtype": dtype,
        "random_state": SEED, "batch_size": 32,
    }  # fmt: skip
    whole = kind(**params, max_iter=16).fit(X, Y)
    parts = kind(**params, max_iter=8, warm_start=True).fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(whole.network_.values, parts.network_.values)
    assert whole.score(X, Y) > 0.5


@pytest.mark.parametrize("layers", [[Flatten()], [Conv1D(3, 4), Flatten()]])
def test_networks_of_few_matrices_are_trained(layers):
    signals = X[:40].reshape(40, 64, 1)
    clf = ConvNetClassifier(layers, solver="muon", max_iter=2, random_state=SEED)
    assert np.isfinite(clf.fit(signals, Y[:40]).loss_)
