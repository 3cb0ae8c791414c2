"""Initializers against the distributions of their papers."""

import numpy as np
import pytest
from scipy import stats
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Layer,
    SeparableConv2D,
    chain,
)
from skconv.layers.initializers import INITIALIZERS, Blank, fill, initialize

# shape of a kernel, groups, what a unit sees and who sees a channel
KERNELS = {
    "dense": ((900, 400), 1, 900, 400),
    "convolution": ((5, 5, 32, 64), 1, 25 * 32, 25 * 64),
    "signal": ((9, 64, 96), 1, 9 * 64, 9 * 96),
    "groups": ((3, 3, 32, 512), 4, 9 * 32, 9 * 128),
    "depthwise": ((7, 7, 1, 4096), 2048, 49, 49 * 2),
}
SCALES = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "torch": lambda fan_in, fan_out: 1 / (3 * fan_in),
}
VARYING = [name for name in INITIALIZERS if name.split("_")[0] in SCALES]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", VARYING)
def test_initializers_have_the_distribution_of_their_papers(name, kernel, dtype, rng):
    shape, groups, fan_in, fan_out = KERNELS[kernel]
    scale, distribution = name.split("_")
    weights = initialize(name, shape, rng, dtype, groups=groups)
    assert weights.shape == shape
    assert weights.dtype == dtype
    deviation = np.sqrt(SCALES[scale](fan_in, fan_out))
    n = weights.size
    assert abs(weights.mean(dtype=float)) < 4 * deviation / np.sqrt(n)
    # The variance of a sample variance is (kurtosis + 2) / n of the variance squared.
    kurtosis = {"normal": -0.6344, "uniform": -1.2}[distribution]
    error = weights.var(dtype=float) / deviation**2 - 1
    assert abs(error) < 4 * np.sqrt((kurtosis + 2) / n)
    by_name = {
        "normal": stats.truncnorm(-2, 2, scale=deviation / 0.87962566103423978),
        "uniform": stats.uniform(-np.sqrt(3) * deviation, 2 * np.sqrt(3) * deviation),
    }
    some = weights.ravel()[:: n // 5000].astype(float)
    assert stats.kstest(some, by_name[distribution].cdf).pvalue > 1e-6
    low, high = by_name[distribution].support()
    assert low * 1.000001 <= weights.min()
    assert weights.max() <= high * 1.000001


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("filters", [8, 64])
def test_orthogonal_keeps_lengths(filters, groups, rng):
    kernel = initialize("orthogonal", (3, 3, 2, filters), rng, "float64", groups=groups)
    for matrix in np.split(kernel.reshape(18, filters), groups, axis=1):
        gram = matrix.T @ matrix if matrix.shape[1] <= 18 else matrix @ matrix.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_draws_all_rotations_equally(rng):
    """Angles of random rotations are uniform, which plain QR's are not."""
    matrices = [initialize("orthogonal", (2, 2), rng, "float64") for _ in range(2000)]
    angles = [np.arctan2(matrix[1, 0], matrix[0, 0]) for matrix in matrices]
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-6


def test_zeros_are_zeros():
    assert not initialize("zeros", (3, 4), None, "float32").any()


def test_grouped_convolution_draws_each_group_as_if_alone():
    """A depthwise layer is a convolution of as many groups; fans are those of one."""
    weights = [
        layer.build((8, 8, 512), np.random.default_rng(SEED), np.dtype("float64"))[0]
        for layer in (Conv2D(512, groups=512), DepthwiseConv2D(), SeparableConv2D(4))
    ]
    kernel = weights[0]["kernel"]
    assert abs(kernel.var() * 9 - 1) < 0.05
    depthwise = kernel.reshape(3, 3, 512, 1)
    np.testing.assert_array_equal(weights[1]["kernel"], depthwise)
    np.testing.assert_array_equal(weights[2]["depthwise_kernel"], depthwise)
    fans = 512 + 4
    assert abs(weights[2]["pointwise_kernel"].var() * fans / 2 - 1) < 0.1


def test_initializers_are_searched_by_name():
    clf = ConvNetClassifier([("conv", Conv2D(4))])
    for name in INITIALIZERS:
        clf.set_params(conv__kernel_initializer=name)
        assert clf.layers[0][1].kernel_initializer == name


def test_misspelt_initializer_gets_a_suggestion():
    words = (
        "depthwise_initializer must be one of 'zeros', .* got 'glorot_unifrom'; did "
    )
    with pytest.raises(ValueError, match=words + "you mean 'glorot_uniform'"):
        initialize(
            "glorot_unifrom", (3, 4), None, "f4", argument="depthwise_initializer"
        )


def test_blank_weights_take_no_memory_and_are_counted():
    rng = Blank(budget=24)
    for shape in ((4, 3), (12,)):
        weights = initialize("he_normal", shape, rng, "f4")
        assert weights.shape == shape
        assert weights.strides == (0,) * len(shape)
        assert not weights.any()
    with pytest.raises(ValueError, match="have more weights than the file holds"):
        fill(0, (1,), rng, "f4")


def test_layers_that_draw_by_themselves_have_blank_weights_too():
    class Mine(Layer):
        def build(self, input_shape, rng, dtype):
            return {"a": np.ones((3, 2), dtype), "b": {}}, input_shape

    weights, shapes = chain.build([("mine", Mine())], (5,), Blank(), np.dtype("f4"))
    assert weights["mine"]["b"] == {}
    assert shapes == [(5,)]
    kernel = weights["mine"]["a"]
    assert (kernel.shape, kernel.strides, kernel.dtype) == ((3, 2), (0, 0), "f4")
    assert not kernel.any()


@pytest.mark.parametrize("layer", [Dense(6), Conv2D(6, 1), Conv2DTranspose(6, 1)])
def test_layers_without_groups_draw_as_one(layer):
    weights, _ = layer.build((1, 1, 4), np.random.default_rng(SEED), np.dtype("f8"))
    rng = np.random.default_rng(SEED)
    for groups in ({}, {"groups": 1}):
        expected = initialize("glorot_uniform", (4, 6), rng, "f8", **groups)
        rng = np.random.default_rng(SEED)
        kernel = weights["kernel"].reshape((-1, *weights["kernel"].shape[-2:]))[0]
        kernel = kernel.T if isinstance(layer, Conv2DTranspose) else kernel
        np.testing.assert_array_equal(kernel, expected)
    with pytest.raises(ValueError, match="^kernel_initializer must be one of"):
        initialize("none", (4, 6), rng, "f8")
