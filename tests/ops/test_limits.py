"""Sizes at their limits, and just beyond."""

import numpy as np
import pytest

from skconv import ops
from skconv.ops import geometry


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((1, 2**24, 2**24, 1), False),
        ((1, 2**24, 2**23, 1), True),
        ((0, 2**24, 2**23, 1), True),  # as if there was one
        ((0, 2**24, 2**24, 1), False),
    ],
)
def test_images_of_a_petabyte_are_too_large(shape, fits):
    if fits:
        geometry.check_room(shape, "use less")
    else:
        with pytest.raises(ValueError, match="are too large; use less$"):
            geometry.check_room(shape, "use less")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((2, 3, 4, 5), None),
        ([0, 3, 4, 5], None),
        ((0, 2**13, 4, 5), None),
        ((2**12,) * 4, "has more numbers than memory holds"),
        ([2**12, 2**12, 2**12, 2**12 - 1], None),
        (5, "must be .n, h, w, c., four ints >= 0, got 5"),
        ((2, 3, 4), "must be"),
        ((2, 3, 4, -1), "must be"),
        ((2, 3, 4, 5.0), "must be"),
        ((2, 3, 4, True), "must be"),
        ("2345", "must be"),
    ],
)
def test_shape_is_four_sizes(value, words):
    if words is None:
        assert geometry.shape_of(value, "shape", "(n, h, w, c)") == tuple(value)
    else:
        with pytest.raises(ValueError, match=f"^shape .*{words}"):
            geometry.shape_of(value, "shape", "(n, h, w, c)")


def test_no_margins_are_margins():
    assert ops.margins(0, "padding", 2) == ((0, 0), (0, 0))
    assert ops.margins((0, 1), "padding", 1) == ((0, 1),)


@pytest.mark.parametrize("op", ["global_avg_pool2d", "global_max_pool2d"])
def test_global_pools_need_a_pixel_and_no_channel(op):
    assert getattr(ops, op)(np.ones((2, 3, 4, 0))).shape == (2, 0)
    for shape in ((2, 0, 4, 1), (2, 3, 0, 1), (2, 3, 4)):
        with pytest.raises(
            ValueError, match="^x must be of images .* at least one pixel"
        ):
            getattr(ops, op)(np.ones(shape))


def test_gradients_of_global_pools_are_of_pixels_of_the_image():
    dy, shape = np.ones((1, 5)), (1, 2, 3, 5)
    dx = ops.global_max_pool2d_grad(dy, np.full((1, 5), 5), shape)
    assert dx[0, 1, 2].tolist() == [1] * 5
    with pytest.raises(ValueError, match="argmax must be at least 0 and less than 6"):
        ops.global_max_pool2d_grad(dy, np.full((1, 5), 6), shape)
    words = "^input_shape must be of images .* at least one pixel"
    with pytest.raises(ValueError, match=words):
        ops.global_max_pool2d_grad(dy, np.zeros((1, 5), int), (1, 0, 3, 5))
    with pytest.raises(ValueError, match=words):
        ops.global_avg_pool2d_grad(dy, (1, 0, 3, 5))


@pytest.mark.parametrize(
    ("size", "options", "made"),
    [
        ((3,), {"stride": 2, "padding": "same"}, (6,)),
        ((3,), {"stride": 2, "padding": "same", "output_padding": 0}, (5,)),
        ((3,), {"stride": 2, "padding": "same", "output_padding": 1}, (6,)),
        ((3,), {"stride": 4}, (12,)),
        ((3,), {"stride": 4, "output_padding": 0}, (11,)),
        ((2**24 - 2, 2**24 - 2), {}, "a smaller stride or kernel"),
        ((2**24 - 2, 2**24 - 3), {}, (2**24, 2**24 - 1)),
        ((1, 2**48), {"padding": ((1, 1), (0, 0))}, "a smaller stride or kernel"),
        ((1, 4), {"padding": ((2, 1), (0, 0))}, "less padding"),
        ((3, 3), {"stride": 0}, "^stride must be"),
        ((3, 3), {"dilation": 0}, "^dilation must be"),
        ((3, 3), {"padding": -1}, "^padding must be"),
    ],
)
def test_size_of_a_transposed_convolution(size, options, made):
    if isinstance(made, tuple):
        assert ops.transposed_size(size, 3, **options) == made
    else:
        with pytest.raises(ValueError, match=made):
            ops.transposed_size(size, 3, **options)


def test_kernel_of_a_transposed_convolution_has_a_size():
    with pytest.raises(ValueError, match="^kernel_size must be an int >= 1"):
        ops.transposed_size((3, 3), 0)


def test_enlarged_images_fit_in_memory():
    x = np.ones((1, 4, 2, 1))
    for size in ((2**46, 1), (1, 2**47)):
        with pytest.raises(ValueError, match="are too large; use a smaller size"):
            ops.upsample2d(x, size)
    with pytest.raises(
        ValueError, match="dy must hold images of a multiple of 2x3 pix"
    ):
        ops.upsample2d_grad(x, (2, 3))


def test_many_steps_are_counted(rng):
    """After a thousand, the second moment's correction still matters."""
    parameters, gradient = np.zeros(1), np.ones(1)
    ops.adam_step(
        parameters,
        gradient,
        *np.ones((2, 1)),
        step=1000,
        learning_rate=1.0,
        epsilon=0.0,
    )
    np.testing.assert_allclose(parameters, -np.sqrt(1 - 0.999**1000))
    for step in (2**62, 10**400):
        parameters[:] = 0
        ops.adam_step(
            parameters, gradient, *np.ones((2, 1)), step=step, learning_rate=1.0
        )
        np.testing.assert_allclose(parameters, -1)


@pytest.mark.parametrize("name", ["beta_1", "beta_2"])
def test_moments_must_not_remain_whole(name):
    arrays = np.ones((4, 3))
    with pytest.raises(
        ValueError, match=f"{name} must be a number >= 0 and less than 1"
    ):
        ops.adam_step(*arrays, step=1, learning_rate=0.1, **{name: 1.0})


@pytest.mark.parametrize("n", [1, 2, 5])
def test_gradient_of_normalised_values_adds_up_to_nothing(n, each_ops, rng):
    """Also that of a single one. The identity needs neither output nor shift."""
    x, dy = rng.random((2, n, 3))
    mean, inverse = x.mean(axis=0), 1 / np.sqrt(x.var(axis=0) + 1e-3)
    z, scale = (x - mean) * inverse, 2 * inverse
    arrays = dy, None, x, mean, inverse, scale
    dx, dgamma, dbeta = ops.batch_norm_backward(*arrays)
    expected = scale * (dy - dy.mean(axis=0) - z * (dy * z).mean(axis=0))
    np.testing.assert_allclose(dx, expected, atol=1e-12)
    np.testing.assert_allclose(dgamma, (dy * z).sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(dbeta, dy.sum(axis=0), atol=1e-12)
    results = ops.batch_norm_backward(*arrays, shift=np.ones(3))
    np.testing.assert_array_equal(results[0], dx)
