"""First kernels from the patches of the training data."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, ConvNetRegressor, ops
from skconv.layers import BatchNorm, Conv1D, Conv2D, Dense, Flatten, Residual, whitening
from skconv.layers.whitening import _eigenvectors, _rotate, whiten

X, Y = load_digits(return_X_y=True)
X, Y = X.reshape(-1, 8, 8, 1), Y
SIZES = [1, 2, 3, 9, 27, 80]


def adapted(layer, x, weight=None, dtype=np.float64):
    weights, _ = layer.build(x.shape[1:], np.random.default_rng(SEED), np.dtype(dtype))
    half = len(x) // 2
    parts = [slice(0, half), slice(half, None)]
    layer.adapt(
        weights,
        lambda: [(x[p], None if weight is None else weight[p]) for p in parts],
    )
    return weights


@pytest.mark.parametrize("size", SIZES)
def test_eigenvectors_are_lapacks(size, rng):
    factors = rng.standard_normal((size, size)) * np.logspace(0, -3, size)
    matrix = factors @ factors.T
    values, vectors = _eigenvectors(matrix)
    expected = np.linalg.eigvalsh(matrix)[::-1]
    np.testing.assert_allclose(values, expected, atol=1e-12 * expected[0])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), atol=1e-12)
    np.testing.assert_allclose(
        vectors * values @ vectors.T, matrix, atol=1e-12 * expected[0]
    )


def test_eigenvectors_are_found_in_few_sweeps(rng, monkeypatch):
    """The rotations are those that make what they turn to 0."""
    monkeypatch.setattr(whitening, "_SWEEPS", 8)
    factors = rng.standard_normal((9, 9))
    matrix = factors @ factors.T
    values, vectors = _eigenvectors(matrix)
    turned = vectors.T @ matrix @ vectors
    np.testing.assert_allclose(turned, np.diag(values), atol=1e-12 * values[0])
    largest = np.abs(vectors).argmax(axis=0)
    assert (vectors[largest, range(9)] > 0).all()


def test_one_rotation_turns_a_pair_of_columns():
    for a in ([[2.0, 1], [1, 2]], [[1.0, -3], [-3, 4]], [[5.0, 0], [0, 5]]):
        a, vectors = np.array(a), np.eye(2)
        before = a.copy()
        _rotate(a, vectors, np.array([0]), np.array([1]))
        assert abs(a[0, 1]) < 1e-15
        np.testing.assert_allclose(vectors @ a @ vectors.T, before, atol=1e-14)


def test_eigenvectors_of_diagonal_and_equal_values():
    for matrix in (
        np.diag([1.0, 3.0, 2.0]),
        np.eye(4),
        np.zeros((3, 3)),
        np.ones((5, 5)),
    ):
        values, vectors = _eigenvectors(matrix)
        assert (np.diff(values) <= 1e-12).all()
        np.testing.assert_allclose(vectors * values @ vectors.T, matrix, atol=1e-12)


def test_eigenvectors_after_one_sweep_are_orthonormal(rng, monkeypatch):
    """There is a limit, so that no matrix takes for ever."""
    monkeypatch.setattr(whitening, "_SWEEPS", 1)
    factors = rng.standard_normal((20, 20))
    values, vectors = _eigenvectors(factors @ factors.T)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-12)
    assert values.sum() == pytest.approx(np.square(factors).sum())


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_have_mean_zero_and_variance_one(channels, stride, rng):
    x = rng.standard_normal((50, 9, 10, channels)) * 5 + 100
    x[:, 1:] += 3 * x[:, :-1]  # correlated
    layer = Conv2D(
        60, 2, stride=stride, padding="valid", kernel_initializer="whitening"
    )
    y = layer.predict(adapted(layer, x), x).reshape(-1, 60)
    n = 4 * channels
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    covariance = np.cov(y[:, : 2 * n : 2], rowvar=False, bias=True)
    np.testing.assert_allclose(covariance, np.eye(n), atol=0.06)
    np.testing.assert_allclose(y[:, 1 : 2 * n : 2], -y[:, : 2 * n : 2], atol=1e-9)
    np.testing.assert_allclose(y[:, 2 * n :].var(axis=0), 1, atol=0.06)


def test_few_filters_are_the_largest_components():
    layer = Conv2D(4, 3, kernel_initializer="whitening")
    kernel = adapted(layer, X)["kernel"].reshape(9, 4)
    windows = np.lib.stride_tricks.sliding_window_view(X[..., 0], (3, 3), axis=(1, 2))
    values, vectors = np.linalg.eigh(np.cov(windows.reshape(-1, 9), rowvar=False))
    for i, column in ((0, -1), (2, -2)):
        unit = kernel[:, i] / np.linalg.norm(kernel[:, i])
        assert abs(unit @ vectors[:, column]) > 1 - 1e-9
        np.testing.assert_array_equal(kernel[:, i + 1], -kernel[:, i])
    assert abs(np.linalg.norm(kernel[:, 0]) ** -2 / values[-1] - 1) < 0.01


def test_sample_weights_are_repetitions():
    weight = np.arange(len(X)) % 3
    layer = Conv2D(18, 3, kernel_initializer="whitening")
    ours = adapted(layer, X, weight.astype(float))
    theirs = adapted(layer, np.repeat(X, weight, axis=0))
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e-3, 1e20, 1e300])
def test_scale_of_the_data_does_not_matter(scale):
    layer = Conv2D(20, 3, kernel_initializer="whitening")
    plain, scaled = adapted(layer, X), adapted(layer, X * scale)
    np.testing.assert_allclose(
        scaled["kernel"] * scale, plain["kernel"], rtol=1e-5, atol=1e-9
    )


def test_signals_and_dilation(rng):
    x = rng.standard_normal((40, 30, 2)).cumsum(axis=1)
    layer = Conv1D(12, 3, dilation=2, padding="valid", kernel_initializer="whitening")
    y = layer.predict(adapted(layer, x), x).reshape(-1, 12)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    covariance = np.cov(y[:, ::2], rowvar=False, bias=True)
    assert np.abs(covariance - np.diag(np.diagonal(covariance))).max() < 1e-6


@pytest.mark.parametrize("x", [np.ones((5, 8, 8, 1)), np.ones((5, 2, 2, 1)), X[:0]])
def test_data_without_patches_leave_the_random_kernel(x):
    layer = Conv2D(20, 3, kernel_initializer="whitening")
    drawn = layer.build(x.shape[1:], np.random.default_rng(SEED), np.dtype(float))[0]
    weights = adapted(layer, x)
    for name, array in drawn.items():
        np.testing.assert_array_equal(weights[name], array)


@pytest.mark.parametrize("kind", [ConvNetClassifier, ConvNetRegressor])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_network_trains_from_whitening_kernels(kind, dtype):
    layers = [
        Residual([Conv2D(20, 3, kernel_initializer="whitening", use_bias=False),
                  BatchNorm(activation="relu"), Conv2D(1, 1)]),
        Flatten(), Dense(16, "relu"),
    ]  # fmt: skip
    model = kind(layers, max_iter=6, random_state=SEED, dtype=dtype).fit(X / 16, Y)
    assert model.score(X / 16, Y) > 0.4
    parts = kind(layers, max_iter=3, random_state=SEED, dtype=dtype, warm_start=True)
    parts.fit(X / 16, Y).fit(X / 16, Y)
    np.testing.assert_array_equal(model.network_.values, parts.network_.values)


@pytest.mark.skipif("avx512" not in ops.available(), reason="compares instruction sets")
def test_instruction_sets_give_the_same_kernel():
    before, kernels = ops.in_use(), []
    layer = Conv2D(20, 3, kernel_initializer="whitening")
    for name in ("avx512", "avx2"):
        ops.use(name)
        kernels.append(adapted(layer, X, dtype=np.float32)["kernel"])
    ops.use(before)
    np.testing.assert_array_equal(*kernels)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Conv2D(8, 3), Conv2D(64, 7, kernel_initializer="whitening")], "392 inputs"),
        ([Conv2D(8, 3), Conv2D(8, 3, groups=2, kernel_initializer="whitening")],
         "2 groups and 36 inputs"),
        ([Flatten(), Dense(8, kernel_initializer="whitening")], "must be one of"),
    ],
)  # fmt: skip
def test_layers_that_cannot_whiten_are_refused(layers, words):
    with pytest.raises(ValueError, match=words):
        ConvNetClassifier(layers).fit(X, Y)


def test_kernels_of_256_inputs_and_without_bias_whiten():
    options = {"use_bias": False, "kernel_initializer": "whitening"}
    weights = adapted(Conv2D(4, (2, 8), **options), X[:50])
    assert weights.keys() == {"kernel"}
    rng = np.random.default_rng(SEED)
    Conv2D(4, 16, **options).build((16, 16, 1), rng, X.dtype)
    with pytest.raises(ValueError, match="272 inputs of a filter; use 'he_normal'"):
        Conv2D(4, (16, 17), **options).build((17, 17, 1), rng, X.dtype)


def test_whitening_of_no_samples_returns_no_bias():
    kernel = np.ones((3, 3, 1, 4))
    assert whiten(kernel, lambda: iter(()), (1, 1), (1, 1)) is None


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e-40), ("float64", 1e-310)])
def test_kernels_beyond_the_dtype_are_refused(dtype, size):
    layers = [Conv2D(8, 3, kernel_initializer="whitening"), Flatten(), Dense(4)]
    clf = ConvNetClassifier(layers, dtype=dtype)
    words = f"'conv2d_1'.* needs kernels beyond {dtype}, as .* begin with Normalization"
    with pytest.raises(ValueError, match=words), np.errstate(under="ignore"):
        clf.fit(X / X.max() * size, Y)


@pytest.mark.parametrize("layer", [Conv1D, Conv2D])
def test_misspelt_name_is_corrected(layer):
    shape = (8,) * (2 if layer is Conv1D else 3)
    with pytest.raises(ValueError, match="got 'Whitening'; did you mean 'whitening'"):
        layer(4, kernel_initializer="Whitening").build(
            shape, np.random.default_rng(SEED), np.dtype(float)
        )
