"""The ops of batch normalisation: formulas, bits, bounds and refusals."""

import tracemalloc

import numpy as np
import oracles
import pytest
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ops

# Few channels and many, whole vectors and parts; rows for one block and for many shares.
SHAPES = [
    (2, 1), (5, 3), (7, 1, 1, 64), (3, 4, 5, 16), (2, 3, 3, 17), (40, 9, 9, 10),
    (64, 28, 28, 3), (4001, 1), (3000, 70), (9, 7, 7, 300), (6, 2500), (3, 20_001),
]  # fmt: skip


each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(shape, rng, dtype=np.float32):
    """An input far from 0, and all else that the ops take."""
    c = shape[-1]
    x = (rng.standard_normal(shape) * rng.uniform(0.1, 3, c) + 20).astype(dtype)
    gamma, beta = rng.standard_normal((2, c)).astype(dtype)
    return x, gamma, beta


def batch_norm(x, gamma, beta, dy, activation=None, epsilon=1e-3, on=None):
    """Forward and backward, as the layer calls them."""
    on = on or ops
    mean, variance = on.channel_moments(x)
    inverse = 1 / np.sqrt(variance + epsilon)
    arrays = x, mean, inverse * gamma
    derivative_from = ops.find_activation(activation).derivative_from
    y = on.normalize(*arrays, beta, activation=activation)
    saved = y if derivative_from == "output" else on.normalize(*arrays, beta)
    grads = on.batch_norm_backward(
        dy, saved, x, mean, inverse, inverse * gamma, activation=activation
    )
    return y, *grads


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("each_ops")
def test_batch_norm_ops_equal_loops_of_the_formulas(dtype, rng):
    for shape in ((2, 1), (7, 3), (12, 5)):
        x, gamma, beta = draw(shape, rng, dtype)
        dy = rng.standard_normal(shape).astype(dtype)
        expected = oracles.batch_norm(
            *(a.astype(np.float64) for a in (x, gamma, beta)), 1e-3, dy
        )
        actual = batch_norm(x, gamma, beta, dy)
        terms = (), dy * gamma / np.sqrt(x.var(axis=0) + 1e-3), (), ()
        for ours, theirs, each in zip(actual, expected, terms, strict=True):
            assert ours.dtype == dtype
            # The mean takes 4 bits of x.
            assert_same(ours, theirs, dtype, scale=30, terms=each)


@each_shape
@pytest.mark.usefixtures("each_ops")
def test_channel_moments_are_accurate_far_from_zero(shape, rng):
    x, _, _ = draw(shape, rng)
    mean, variance = ops.channel_moments(x)
    rows = x.reshape(-1, shape[-1]).astype(np.float64)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=2e-6)
    np.testing.assert_allclose(
        variance, rows.var(axis=0), rtol=2e-3 if len(rows) < 10 else 1e-4
    )


@each_shape
@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu", "softmax"])
@pytest.mark.usefixtures("each_ops")
def test_batch_norm_ops_equal_the_reference(shape, activation, rng):
    x, gamma, beta = draw(shape, rng)
    dy = rng.standard_normal(shape, np.float32)
    mean, variance = ops.channel_moments(x.astype(np.float64))
    inverse = 1 / np.sqrt(variance + 1e-3)
    vectors = mean, inverse * gamma, beta
    as_32 = [vector.astype(np.float32) for vector in vectors]
    y = ops.normalize(x, *as_32, activation=activation)
    double = [a.astype(np.float64) for a in (x, *as_32)]
    assert_same(y, ops.normalize(*double, activation=activation), np.float32)

    saved = y if activation != "gelu" else ops.normalize(x, *as_32)
    arrays = [dy, saved, x, as_32[0], inverse.astype(np.float32), as_32[1]]
    double = [a.astype(np.float64) for a in arrays]
    actual = ops.batch_norm_backward(*arrays, activation=activation)
    expected = ops.batch_norm_backward(*double, activation=activation)
    terms = dy * as_32[1], (), ()
    for ours, theirs, each in zip(actual, expected, terms, strict=True):
        assert ours.dtype == np.float32
        assert_same(ours, theirs, np.float32, scale=2, terms=each)
    none, *rest = ops.batch_norm_backward(*arrays, activation=activation, need_dx=False)
    assert none is None
    for ours, theirs in zip(rest, actual[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@each_shape
@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu", "tanh", "gelu"])
@pytest.mark.usefixtures("each_ops")
def test_batch_norm_backward_without_saved_computes_it_again(shape, activation, rng):
    x, gamma, beta = draw(shape, rng)
    x.reshape(-1, shape[-1])[0] = np.inf  # y is inf, -inf or NaN
    mean, inverse = np.full_like(gamma, 20), np.full_like(gamma, 0.7)
    gamma[::2], beta[::2] = 0, 0  # y is 0 or NaN
    vectors, dy = (mean, inverse * gamma), rng.standard_normal(shape, np.float32)
    of_output = ops.find_activation(activation).derivative_from == "output"
    chosen = {"activation": activation}
    with np.errstate(invalid="ignore"):
        saved = ops.normalize(x, *vectors, beta, **chosen if of_output else {})
        arrays = x, mean, inverse, inverse * gamma
        expected = ops.batch_norm_backward(dy, saved, *arrays, **chosen)
        actual = ops.batch_norm_backward(dy, None, *arrays, beta, **chosen)
    for ours, theirs in zip(actual, expected, strict=True):
        if activation in (None, "relu"):
            np.testing.assert_array_equal(ours, theirs)
        else:  # y is computed by the definition, which rounds in another way
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@each_shape
@pytest.mark.usefixtures("each_ops")
def test_normalize_of_a_sample_does_not_depend_on_its_batch(shape, rng):
    x, gamma, beta = draw(shape, rng)
    vectors = x.reshape(-1, shape[-1]).mean(axis=0), gamma, beta
    for activation in ("relu", "tanh", "elu"):
        y = ops.normalize(x, *vectors, activation=activation)
        for part in (slice(0, 1), slice(1, 2), slice(len(x) // 2, None)):
            here = ops.normalize(x[part], *vectors, activation=activation)
            np.testing.assert_array_equal(here, y[part])


@pytest.mark.usefixtures("each_ops")
def test_batch_norm_does_not_depend_on_threads(rng):
    if ops.in_use() == "numpy":
        pytest.skip("BLAS decides")
    for shape in ((64, 28, 28, 16), (3000, 70), (64, 14, 14, 3)):
        x, gamma, beta = draw(shape, rng)
        dy = rng.standard_normal(shape, np.float32)
        results = []
        for threads in (1, 2, 3, 7):
            with threadpool_limits(threads):
                results.append(batch_norm(x, gamma, beta, dy, "relu"))
        for result in results[1:]:
            for ours, one in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(ours, one)


@pytest.mark.usefixtures("each_ops")
def test_compiled_batch_norm_copies_nothing_and_stays_in_bounds(rng, monkeypatch):
    if ops.in_use() == "numpy":
        pytest.skip("NumPy makes arrays on the way")
    x, gamma, beta = draw((32, 28, 28, 16), rng)
    tracemalloc.start()
    batch_norm(x, gamma, beta, x, "relu")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * x.nbytes * 1.01
    new, buffers = ops.compiled._new, []

    def guarded(shape, dtype=np.float32):
        size = int(np.prod(shape))
        buffers.append(new(size + 32, dtype))
        buffers[-1][:] = 1234.5
        return buffers[-1][16 : 16 + size].reshape(shape)

    monkeypatch.setattr(ops.compiled, "_new", guarded)
    for shape in SHAPES:
        x, gamma, beta = draw(shape, rng)
        batch_norm(x, gamma, beta, x, "relu")
    for buffer in buffers:
        assert (buffer[:16] == 1234.5).all()
        assert (buffer[-16:] == 1234.5).all()


@pytest.mark.usefixtures("each_ops")
def test_nan_stays_in_its_channel(rng):
    x, gamma, beta = draw((40, 6), rng)
    x[3, 2] = np.nan
    for result in batch_norm(x, gamma, beta, np.ones_like(x), "relu"):
        is_nan = np.isnan(result).reshape(-1, 6).any(axis=0)
        assert not is_nan[[0, 1, 3, 4, 5]].any()
    assert np.isnan(ops.channel_moments(x)).any(axis=0).tolist() == [0, 0, 1, 0, 0, 0]


@pytest.mark.skipif(ops.compiled is None, reason="the compiled ops were not built")
def test_kernels_refuse_arrays_that_do_not_fit():
    kernels = ops.compiled._kernels
    x, c, y = (
        np.ones((4, 3), np.float32),
        np.ones(3, np.float32),
        np.ones((4, 3), np.float32),
    )
    kernels.normalize(x, c, c, c, y, 1)
    for wrong, words in [
        ((x[:0], c, c, c, y[:0], 1), "x must not be empty"),
        ((x, c[:2], c, c, y, 1), "vectors must have x's columns"),
        ((x, c, c, c, y[:3], 1), "y must have x's shape"),
        ((x, c, c, c, y, 99), "activation must be"),
    ]:
        with pytest.raises(ValueError, match=words):
            kernels.normalize(*wrong)
    for wrong, words in [
        ((x, None, x, c, c, None, c.copy(), c[:2].copy(), 0), "vectors must have"),
        ((x, None, x, c, c[:2], None, c.copy(), c.copy(), 0), "vectors must have"),
        ((x, None, x, c, c, c[:2], c.copy(), c.copy(), 1), "vectors must have"),
        ((x, None, x, c, c, None, c.copy(), c.copy(), 1), "the identity takes None"),
        ((x, x, x, c, c, c, c.copy(), c.copy(), 1), "must be ReLU, and y None"),
        ((x, None, x, c, c, c, c.copy(), c.copy(), 2), "must be ReLU, and y None"),
        ((x[:2], None, x, c, c, None, c.copy(), c.copy(), 0), "must have x's shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            kernels.channel_products(*wrong)
