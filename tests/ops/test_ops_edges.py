"""Inputs at the edges: no samples, integers, outliers, large images, shapes that differ."""

import numpy as np
import pytest
from tolerances import assert_same

from skconv import Network, layers, ops
from skconv.ops.reference.pooling import argmax_dtype

pytestmark = pytest.mark.usefixtures("each_ops")
F32 = np.float32


# No samples -------------------------------------------------------------------------------

EMPTY = np.zeros((0, 6, 6, 4), F32)
KERNEL, VECTOR = np.ones((3, 3, 4, 5), F32), np.ones(4, F32)
OF_NOTHING = {
    "conv2d": (lambda: ops.conv2d(EMPTY, KERNEL), (0, 4, 4, 5)),
    "conv2d_max_pool2d": (lambda: ops.conv2d_max_pool2d(EMPTY, KERNEL), (0, 2, 2, 5)),
    "max_pool2d": (lambda: ops.max_pool2d(EMPTY), (0, 3, 3, 4)),
    "argmax": (lambda: ops.max_pool2d_with_argmax(EMPTY)[1], (0, 3, 3, 4)),
    "avg_pool2d": (lambda: ops.avg_pool2d(EMPTY), (0, 3, 3, 4)),
    "global_avg_pool2d": (lambda: ops.global_avg_pool2d(EMPTY), (0, 4)),
    "global_max_pool2d": (lambda: ops.global_max_pool2d(EMPTY), (0, 4)),
    "global argmax": (lambda: ops.global_max_pool2d_with_argmax(EMPTY)[1], (0, 4)),
    "dense": (lambda: ops.dense(EMPTY[:, 0, 0], KERNEL[0, 0]), (0, 5)),
    "normalize": (lambda: ops.normalize(EMPTY, VECTOR, VECTOR, VECTOR), EMPTY.shape),
    "activate": (lambda: ops.activate(EMPTY, "softmax"), EMPTY.shape),
    "affine_transform": (
        lambda: ops.affine_transform(EMPTY, np.zeros((0, 2, 2)), np.zeros((0, 2))),
        EMPTY.shape,
    ),
    "gather": (
        lambda: ops.gather(VECTOR[:, None], np.zeros(0, int), np.dtype(F32)),
        (0, 1),
    ),
    "avg_pool2d_grad": (
        lambda: ops.avg_pool2d_grad(EMPTY[:, :3, :3], EMPTY.shape),
        EMPTY.shape,
    ),
    "grad_bias": (lambda: ops.grad_bias(EMPTY), (4,)),
}


@pytest.mark.parametrize("case", OF_NOTHING)
def test_ops_of_no_samples_give_none(case):
    op, shape = OF_NOTHING[case]
    assert op().shape == shape


def test_batch_norm_backward_of_no_samples_is_0():
    vectors = [VECTOR] * 3
    dx, *gradients = ops.batch_norm_backward(EMPTY, EMPTY, EMPTY, *vectors)
    assert dx.shape == EMPTY.shape
    assert not np.any(gradients)


def test_moments_and_losses_of_no_samples_are_refused():
    with pytest.raises(ValueError, match="moments need at least one value"):
        ops.channel_moments(EMPTY)
    targets = {"softmax_cross_entropy": np.zeros(0, int)}
    for loss in (
        *("softmax_cross_entropy", "sigmoid_cross_entropy", "huber", "poisson"),
        *("absolute_error", "quantile", "gaussian"),
    ):
        with pytest.raises(ValueError, match="a loss takes at least one sample"):
            getattr(ops, loss)(EMPTY[:, 0, 0], targets.get(loss, EMPTY[:, 0, 0]))


def test_network_predicts_nothing_of_no_samples():
    net = [
        *(layers.Conv2D(4), layers.BatchNorm(), layers.Activation("relu")),
        *(layers.MaxPool2D(2), layers.Flatten(), layers.Dense(3, "gelu")),
    ]
    network = Network.build(net, (6, 6, 4), 0)
    assert network.predict(EMPTY).shape == (0, 3)


# Numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 5, 16, 17])
@pytest.mark.parametrize("dtype", [F32, np.float64])
@pytest.mark.parametrize("offset", [0, 1e4])
def test_moments_of_channels_with_an_outlier_are_accurate(channels, dtype, offset, rng):
    x = rng.standard_normal((64, 32, 32, channels)) + offset
    x[0, 0, 0] = 1e4 + offset
    x = x.astype(dtype)
    rows = x.reshape(-1, channels).astype(float)
    mean, variance = ops.channel_moments(x)
    spread = rows[1:].std()
    roundings = 1 + offset  # of the mean itself, in its last digit
    assert np.abs(mean - rows.mean(0)).max() < 1e-6 * spread * roundings
    np.testing.assert_allclose(variance, rows.var(0), rtol=1e-4)


@pytest.mark.parametrize("dtype", [F32, np.float64])
@pytest.mark.parametrize("channels", [1, 16])
def test_gradient_of_a_pool_of_infinities_stays_on_the_image(channels, dtype):
    x = np.full((1, 4, 4, channels), -np.inf, dtype)
    slide = {"pool_size": 3, "stride": 2, "padding": 1}
    y, argmax = ops.max_pool2d_with_argmax(x, **slide)
    assert np.isneginf(y).all()
    assert argmax[0, :, :, 0].tolist() == [[4, 3], [1, 0]]  # the first on the image
    dx = ops.max_pool2d_grad(np.ones(y.shape, dtype), argmax, x.shape, **slide)
    assert dx.sum() == 4 * channels


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_pools_of_integers(dtype, rng):
    x = rng.integers(0, 2 if dtype is bool else 200, (2, 5, 5, 3)).astype(dtype)
    slide = {"pool_size": 3, "stride": 2, "padding": "same"}
    y, argmax = ops.max_pool2d_with_argmax(x, **slide)
    expected, expected_argmax = ops.max_pool2d_with_argmax(x.astype(float), **slide)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, expected_argmax)
    np.testing.assert_array_equal(ops.max_pool2d(x, **slide), expected)
    assert_same(ops.avg_pool2d(x, **slide), ops.avg_pool2d(x.astype(float), **slide))
    for ours, theirs in zip(
        ops.channel_moments(x), ops.channel_moments(x.astype(float)), strict=True
    ):
        assert_same(ours, theirs)


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activations_of_integers_are_those_of_floats(name):
    z = np.arange(-3, 4)[:, None]
    np.testing.assert_array_equal(
        ops.activate(z, name), ops.activate(z.astype(float), name)
    )


@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        ((1, 1), "u1"),
        ((16, 16), "u1"),
        ((1, 257), "u2"),
        ((257, 1), "u2"),
        ((2, 256), "u2"),
        ((256, 256), "u2"),
        ((257, 256), "u4"),
    ],
)
def test_tap_numbers_have_the_smallest_dtype(size, dtype):
    assert argmax_dtype(ops.pool_window(size, size)) == dtype


# Sizes ------------------------------------------------------------------------------------


def test_large_images_that_fit_in_memory_are_convolved(rng):
    image = rng.standard_normal((1, 1024, 1024, 3), F32)
    kernel = rng.standard_normal((7, 7, 3, 128), F32)
    y = ops.conv2d(image, kernel, stride=4)
    assert_same(y[:, -1, -1], ops.conv2d(image[:, -7 - 1 :, -7 - 1 :], kernel)[:, 0, 0])
    signal = rng.standard_normal((1, 1, 960_000, 1), F32)
    kernel = rng.standard_normal((1, 80, 1, 128), F32)
    y = ops.conv2d(signal, kernel, stride=(1, 16))
    assert y.shape == (1, 1, 59_996, 128)
    assert_same(y[:, :, -1], ops.conv2d(signal[:, :, -80:], kernel)[:, :, 0])
    dx = ops.conv2d_grad_input(y, kernel, signal.shape, stride=(1, 16))
    assert dx.shape == signal.shape


@pytest.mark.slow
def test_large_images_that_fit_in_memory_are_pooled():
    x = np.zeros((1, 1024, 1024, 64), F32)
    x[0, 1023, 1023] = 1
    y, argmax = ops.max_pool2d_with_argmax(x)
    assert y.sum() == 64
    assert ops.max_pool2d_grad(y, argmax, x.shape)[0, 1023, 1023].sum() == 64


# Arrays that differ from those of training --------------------------------------------------


def test_argmax_of_another_dtype_or_order_is_taken(rng):
    x = rng.standard_normal((3, 6, 6, 4), F32)
    y, argmax = ops.max_pool2d_with_argmax(x)
    expected = ops.max_pool2d_grad(y, argmax, x.shape)
    for other in (
        *(argmax.astype(np.int64), argmax.astype(np.uint16), argmax.astype(">u2")),
        *(np.asfortranarray(argmax), argmax[::-1].copy()[::-1]),
    ):
        np.testing.assert_array_equal(ops.max_pool2d_grad(y, other, x.shape), expected)


def test_decay_of_another_dtype_or_order_is_taken(rng):
    start = rng.standard_normal((4, 100), F32) ** 2
    decay = rng.random(100, F32)
    rates = {"step": 2, "learning_rate": 0.1}
    expected = start.copy()
    ops.adam_step(*expected, decay=decay, **rates)
    for other in (np.repeat(decay, 2)[::2], decay.astype(float), decay.astype(">f4")):
        arrays = start.copy()
        ops.adam_step(*arrays, decay=other, **rates)
        assert_same(arrays, expected)


X, DY = np.ones((1, 6, 6, 1), F32), np.ones((1, 3, 3, 1), F32)
LOGITS, CODES = np.ones((2, 3), F32), np.array([0, 1])
REFUSED = {
    "avg_pool2d_grad": lambda: ops.avg_pool2d_grad(DY[:, :2], X.shape, 2),
    "max_pool2d_grad": lambda: ops.max_pool2d_grad(
        DY[:, :2], np.zeros((1, 2, 3, 1), np.uint8), X.shape, 2
    ),
    "argmax of another shape": lambda: ops.max_pool2d_grad(
        DY, np.zeros((1, 3, 3, 2), np.uint8), X.shape, 2
    ),
    "global_avg_pool2d_grad": lambda: ops.global_avg_pool2d_grad(DY[0, 0], X.shape),
    "max_pool2d of a flat array": lambda: ops.max_pool2d(LOGITS),
    "fractions as codes": lambda: ops.softmax_cross_entropy(LOGITS, CODES + 0.9),
    "a code of -1": lambda: ops.softmax_cross_entropy(LOGITS, CODES - 1),
    "a code of k": lambda: ops.softmax_cross_entropy(LOGITS, CODES + 2),
    "a column of codes": lambda: ops.softmax_cross_entropy(LOGITS, CODES[:, None]),
    "bools as codes": lambda: ops.softmax_cross_entropy(LOGITS, CODES > 0),
    "probabilities of 2 classes": lambda: ops.softmax_cross_entropy(
        LOGITS, np.ones((2, 2), F32)
    ),
    "a short sample_weight": lambda: ops.softmax_cross_entropy(
        LOGITS, CODES, np.ones(1, F32)
    ),
    "dense of another width": lambda: ops.dense(LOGITS, np.ones((4, 2), F32)),
    "dense of images": lambda: ops.dense(X, np.ones((1, 2), F32)),
    "a bias of 1": lambda: ops.dense(LOGITS, np.ones((3, 2), F32), np.ones(1, F32)),
    "a mean of 1": lambda: ops.normalize(
        LOGITS, np.ones(1, F32), *np.ones((2, 3), F32)
    ),
    "a saved of 1": lambda: ops.activate_grad(LOGITS, np.ones((1, 3), F32), "relu"),
    "rows of -1": lambda: ops.gather(LOGITS, np.array([-1]), np.dtype(F32)),
    "an unknown activation": lambda: ops.conv2d(X, X, activation=["relu"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_ops_refuse_what_their_definitions_refuse(case):
    with pytest.raises(ValueError):
        REFUSED[case]()
