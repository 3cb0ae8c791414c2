"""Saliency functions, against differences and known results."""

import numpy as np
import pytest
from seeds import SEED
from tolerances import assert_same

from skconv import Network
from skconv.inspection import (
    grad_cam,
    input_gradient,
    occlusion,
    output_gradient,
    smooth_gradient,
)
from skconv.layers import Activation, Conv2D, Dense, Dropout, GlobalAvgPool2D, MaxPool2D

LAYERS = [
    ("conv", Conv2D(6, activation="tanh")),
    ("pool", MaxPool2D(2)),
    ("drop", Dropout(0.5)),
    ("conv2", Conv2D(4, activation="gelu")),
    ("dense", Dense(7, "elu")),
    ("output", Dense(3)),
]


@pytest.fixture
def network():
    return Network.build(LAYERS, (6, 8, 2), 0, "float64")


@pytest.fixture
def x(rng):
    return rng.permutation(3 * 96).reshape(3, 6, 8, 2) / 288


def difference(f, at, step=1e-5):
    """Central differences of a sum of scores in each value of `at`."""
    gradient = np.empty(at.shape)
    for i in np.ndindex(at.shape):
        moved = [at.copy(), at.copy()]
        moved[0][i] += step
        moved[1][i] -= step
        gradient[i] = (f(moved[0]) - f(moved[1])) / (2 * step)
    return gradient


def test_input_gradient_is_that_of_predict(network, x, rng):
    """Also through dropout, which does nothing at prediction."""
    direction = rng.standard_normal((3, 3))
    expected = difference(lambda at: (network.predict(at) * direction).sum(), x)
    gradient = input_gradient(network, x, direction)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


def test_output_gradient_is_that_of_the_layers_after_it(network, x, rng):
    direction = rng.standard_normal((3, 3))
    values, gradient = output_gradient(network, x, direction, "pool")
    np.testing.assert_array_equal(values, network.predict(x, upto="pool"))

    def rest(maps):
        for name, layer in network.layers[2:]:
            maps = layer.predict(network.weights[name], maps)
        return (maps * direction).sum()

    expected = difference(rest, values)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)
    outputs, same = output_gradient(network, x, direction, "output")
    np.testing.assert_array_equal(outputs, network.predict(x))
    np.testing.assert_array_equal(same, direction)


def test_input_gradient_does_not_depend_on_other_images(network, rng):
    x, direction = rng.random((70, 6, 8, 2)), rng.standard_normal((70, 3))
    together = input_gradient(network, x, direction)
    alone = input_gradient(network, x[66:67], direction[66:67])
    assert_same(together[66:67], alone)


def test_smooth_gradient_averages_over_noise(network, x):
    direction = np.eye(3)
    plain = input_gradient(network, x, direction)
    still = smooth_gradient(network, x, direction, noise=0, n_draws=2)
    np.testing.assert_allclose(still, plain, rtol=1e-12)
    smooth = smooth_gradient(network, x, direction, rng=SEED + 5)
    assert not np.allclose(smooth, plain, rtol=1e-3)
    again = smooth_gradient(network, x, direction, rng=np.random.default_rng(SEED + 5))
    np.testing.assert_array_equal(smooth, again)
    # Its spread over draws falls as the root of their number.
    few, many = (
        np.std(
            [
                smooth_gradient(
                    network, x[:1], direction[:1], n_draws=n, rng=SEED + seed
                )
                for seed in range(10)
            ],
            axis=0,
        ).mean()
        for n in (1, 16)
    )
    np.testing.assert_allclose(few / many, 4, rtol=0.25)


def test_grad_cam_of_global_pooling_is_the_class_activation_map(x):
    """Where a dense layer follows global pooling, Grad-CAM is CAM: Zhou et al. 2016."""
    layers = [("conv", Conv2D(5, 3)), GlobalAvgPool2D(), ("output", Dense(3))]
    network = Network.build(layers, (6, 8, 2), 0, "float64")
    direction = np.eye(3)[[0, 2, 1]]
    maps = network.predict(x, upto="conv")
    weights = network.weights["output"]["kernel"][:, [0, 2, 1]].T / 48
    expected = np.maximum(np.einsum("nhwc,nc->nhw", maps, weights), 0)
    assert expected.any()
    np.testing.assert_allclose(
        grad_cam(network, x, direction), expected, rtol=1e-10, atol=1e-15
    )


def test_grad_cam_has_the_images_size_and_uses_the_last_convolution(network, x):
    direction = np.eye(3)
    maps = grad_cam(network, x, direction)
    assert maps.shape == (3, 6, 8)
    assert (maps >= 0).all()
    np.testing.assert_array_equal(maps, grad_cam(network, x, direction, layer="conv2"))
    pool = Network.build([MaxPool2D(2), Dense(2)], (6, 8, 2), 0, "float64")
    assert grad_cam(pool, x, np.eye(3, 2)).shape == (3, 6, 8)


def test_occlusion_of_a_linear_network_is_the_hidden_pixels_share():
    rng = np.random.default_rng(SEED)
    network = Network.build([("output", Dense(2))], (4, 5, 2), 0, "float64")
    x = rng.random((2, 4, 5, 2))
    direction = np.array([[1.0, 0], [0, -1]])
    kernel = network.weights["output"]["kernel"].reshape(4, 5, 2, 2)
    share = np.stack([(x[0] * kernel[..., 0]), -x[1] * kernel[..., 1]]).sum(axis=-1)
    maps = occlusion(network, x, direction, window=1, fill=0)
    np.testing.assert_allclose(maps, share, rtol=1e-10)
    halves = occlusion(network, x, direction, window=(4, 2), stride=(4, 2), fill=0)
    np.testing.assert_allclose(halves[:, 0, 0], share[:, :, :2].sum(axis=(1, 2)))
    assert np.isnan(halves[:, :, 4]).all()
    whole = occlusion(network, x, direction, window=99, fill=0)
    np.testing.assert_allclose(whole[:, 0, 0], share.sum(axis=(1, 2)))
    mean = x[:1].mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(
        occlusion(network, x[:1], direction[:1], window=99)[0, 0, 0],
        ((x[0] - mean) * kernel[..., 0]).sum(),
    )


def test_saliency_of_signals_equals_that_of_images_of_one_row():
    layers = [("maps", Activation("tanh")), ("output", Dense(3))]
    signals = Network.build(layers, (12, 2), 0, "float64")
    images = Network.build(layers, (1, 12, 2), 0, "float64")
    x = np.random.default_rng(SEED + 1).standard_normal((3, 12, 2))
    direction = np.eye(3)
    for compute in (
        input_gradient,
        smooth_gradient,
        grad_cam,
        occlusion,
    ):
        expected = compute(images, x[:, None], direction)[:, 0]
        found = compute(signals, x, direction)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    found = occlusion(signals, x, direction, window=2, stride=3)
    expected = occlusion(images, x[:, None], direction, window=(1, 2), stride=(1, 3))
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-12)


def test_saliency_errors(network, x):
    direction = np.eye(3)
    with pytest.raises(ValueError, match=r"one of \['conv', .*\], got 'con2'; did you"):
        output_gradient(network, x, direction, "con2")
    with pytest.raises(ValueError, match=r"got 'dense' with output shape \(7,\)"):
        grad_cam(network, x, direction, layer="dense")
    flat = Network.build([Dense(3)], (6, 8, 2), 0, "float64")
    with pytest.raises(ValueError, match="the network has none; use the gradient"):
        grad_cam(flat, x, direction)
    with pytest.raises(ValueError, match="window must be an int >= 1"):
        occlusion(network, x, direction, window=0)


def test_smooth_gradient_is_the_mean_of_gradients_at_drawn_images(network, x):
    direction = np.eye(3)[np.arange(len(x)) % 3]
    scaled = x * np.arange(1, len(x) + 1, dtype=x.dtype).reshape(-1, 1, 1, 1)
    draws, total = np.random.default_rng(0), 0
    for _ in range(32):
        ranges = np.ptp(scaled.reshape(len(x), -1), axis=1).reshape(-1, 1, 1, 1)
        noise = 0.15 * ranges * draws.standard_normal(x.shape, dtype=x.dtype)
        total = total + input_gradient(
            network, (scaled + noise).astype(x.dtype), direction
        )
    found = smooth_gradient(network, scaled, direction)
    np.testing.assert_allclose(found, total / 32, rtol=1e-5, atol=1e-7)


def test_occlusion_is_the_mean_fall_over_the_patches_of_a_pixel(network, x):
    """By default of a quarter of the image, at each place: most pixels are in several."""
    direction = np.eye(3)[np.arange(len(x)) % 3]
    h, w = x.shape[1:3]
    size = round(h / 4), round(w / 4)
    before = (network.predict(x) * direction).sum(axis=1)
    falls = [[[[] for _ in range(w)] for _ in range(h)] for _ in x]
    for i in range(h - size[0] + 1):
        for j in range(w - size[1] + 1):
            for n, image in enumerate(x):
                hidden = image[None].copy()
                rows, columns = slice(i, i + size[0]), slice(j, j + size[1])
                hidden[:, rows, columns] = image.mean(axis=(0, 1))
                fall = before[n] - (network.predict(hidden) * direction[n]).sum()
                for p in range(*rows.indices(h)):
                    for q in range(*columns.indices(w)):
                        falls[n][p][q].append(fall)
    expected = [[[np.mean(each) for each in row] for row in image] for image in falls]
    found = occlusion(network, x, direction)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    for window in (list(size), size, np.array(size)):
        again = occlusion(network, x, direction, window=window, stride=[1, 1])
        np.testing.assert_array_equal(again, found)


def test_grad_cam_interpolates_between_the_middles_of_its_pixels(rng):
    """At twice the size: three quarters of the nearest pixel, a quarter of the next."""
    layers = [("pool", MaxPool2D(2)), ("conv", Conv2D(1, 1)), ("out", Dense(1))]
    network = Network.build(layers, (6, 6, 1), 0)
    x = rng.random((1, 6, 6, 1)).astype(np.float32)
    network.weights["conv"]["kernel"][:] = 1
    network.weights["out"]["kernel"][:] = 1
    coarse = network.predict(x, upto="conv")[0, ..., 0]
    (found,) = grad_cam(network, x, [[1]])
    fine = np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)
    assert found.shape == fine.shape
    np.testing.assert_allclose(found[0, 0], fine[0, 0], rtol=1e-5)
    between = 0.75 * coarse[0, 0] + 0.25 * coarse[0, 1]
    np.testing.assert_allclose(found[0, 1], between, rtol=1e-5)


def test_windows_of_signals_are_numbers_or_lists_of_one(rng):
    network = Network.build([("out", Dense(1))], (12, 1), 0)
    x = rng.random((2, 12, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        occlusion(network, x, [[1], [1]], window=[3], stride=[1]),
        occlusion(network, x, [[1], [1]], window=3),
    )
    with pytest.raises(ValueError, match="window must be"):
        occlusion(network, x, [[1], [1]], window=(3,))
