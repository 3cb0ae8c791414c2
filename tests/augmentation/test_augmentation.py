"""Transforms: known results, and no effect at strength 0."""

import inspect
import math
import re

import numpy as np
import oracles
import pytest
from scipy import stats
from seeds import SEED
from sklearn.base import clone
from tolerances import assert_same
from transform_table import TRANSFORMS

from skconv import augmentation
from skconv.augmentation import (
    GaussianNoise,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
    augment,
)

# The same at strength 0: images stay unchanged for every draw.
NO_EFFECT = {
    "flip": RandomFlip(horizontal=False),
    "shift": RandomShift(0),
    "rotation": RandomRotation(0),
    "affine": RandomAffine(),
    "erasing": RandomErasing(0),
    "noise": GaussianNoise(0),
    "edge": RandomShift(0, fill="edge"),
    "reflect": RandomShift(0, fill="reflect"),
    "brightness": RandomBrightness(0),
    "contrast": RandomContrast((1, 1)),
    "amplitude": RandomContrast((1, 1), center=0),
}


class Drawn:
    """A generator whose numbers are all at the same fraction of their range."""

    def __init__(self, part):
        self.part = part

    def uniform(self, low, high, size):
        return np.full(size, low + (high - low) * self.part)

    def random(self, size):
        return np.full(size, self.part)

    def integers(self, low, high, size, dtype=np.int64):
        return np.full(size, low + int((high - 1 - low) * self.part), dtype)


@pytest.mark.parametrize(
    "shape", [(9, 6, 7, 3), (1, 5, 5, 1), (4, 1, 8, 2), (0, 3, 3, 1)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_keeps_shape_dtype_and_input(name, dtype, shape, rng):
    x = rng.random(shape).astype(dtype)
    before = x.copy()
    x.flags.writeable = False
    y = augment(x, TRANSFORMS[name], rng)
    assert (y.shape, y.dtype) == (shape, dtype)
    assert y.flags.writeable
    assert y.flags.c_contiguous
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_depends_on_generator_alone(name, images):
    first, again, other = (
        augment(images, TRANSFORMS[name], np.random.default_rng(SEED + seed))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != images).any()


@pytest.mark.parametrize("name", NO_EFFECT)
def test_transform_of_strength_0_returns_equal_images(name, images, rng):
    np.testing.assert_array_equal(augment(images, NO_EFFECT[name], rng), images)


@pytest.mark.parametrize("name", [n for n in augmentation.__all__ if n[0].isupper()])
def test_defaults_are_those_of_the_docstring(name):
    kind = getattr(augmentation, name)
    documented = re.findall(r"^    (\w+) : .*default=(.*)$", kind.__doc__, re.MULTILINE)
    required = [
        1 for p in inspect.signature(kind).parameters.values() if p.default is p.empty
    ]
    found = vars(kind(*required))
    for parameter, default in documented:
        assert repr(found[parameter]) == default, parameter


def test_nothing_is_erased_with_a_probability_of_0():
    """Not even where the smallest number is drawn."""
    x = np.ones((2, 5, 5, 1))
    assert (RandomErasing(0, area=(1, 1))(x, Drawn(0)) == 1).all()


def test_less_than_half_a_value_is_not_erased(rng):
    x = np.ones((9, 30, 1))
    assert (RandomErasing(1, area=(0.015, 0.016))(x, rng) == 1).all()
    assert (RandomErasing(1, area=(0.02, 0.04))(x, rng) == 0).sum() == 9


def test_shift_takes_a_share_of_each_side(rng):
    image = np.arange(1.0, 97).reshape(8, 12)
    padded = np.pad(image, ((2, 2), (3, 3)))
    expected = {padded[i : i + 8, j : j + 12].tobytes() for i, j in np.ndindex(5, 7)}
    x = np.tile(image[None, :, :, None], (500, 1, 1, 1))
    y = augment(x, RandomShift(0.25), rng)
    assert {each.tobytes() for each in y[..., 0]} == expected


@pytest.mark.parametrize("name", ["flip", "shift", "rotation", "affine"])
def test_transform_keeps_constant_images(name, rng):
    x = np.full((20, 9, 9, 2), 0.3, np.float32)
    transform = clone(TRANSFORMS[name])
    if name != "flip":
        transform.set_params(fill=0.3)
    np.testing.assert_array_equal(augment(x, transform, rng), x)
    if name in ("rotation", "affine"):  # the centre never sees what is outside
        transform.set_params(fill=9.0, scale=(1.0, 1.2)) if name == "affine" else None
        y = augment(x, transform, rng)
        np.testing.assert_array_equal(y[:, 4:5, 4:5], x[:, 4:5, 4:5])


# Known transformations -----------------------------------------------------------------


@pytest.mark.parametrize("axis", [1, 2])
def test_flip_mirrors_half_of_the_images(axis, rng):
    x = rng.random((400, 3, 4, 2))
    y = augment(x, RandomFlip(horizontal=axis == 2, vertical=axis == 1), rng)
    mirrored = (y == np.flip(x, axis)).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(y[~mirrored], x[~mirrored])
    assert 150 < mirrored.sum() < 250


def test_horizontal_and_vertical_flips_are_independent(rng):
    x = np.tile(np.arange(4.0).reshape(1, 2, 2, 1), (400, 1, 1, 1))
    y = augment(x, RandomFlip(vertical=True), rng)
    corners, counts = np.unique(y[:, 0, 0, 0], return_counts=True)
    assert corners.tolist() == [0, 1, 2, 3]
    assert counts.min() > 70


def test_shift_draws_every_possible_shift(rng):
    image = np.arange(1.0, 31).reshape(5, 6)
    padded = np.pad(image, 2, constant_values=-1)
    expected = {
        padded[2 - down : 7 - down, 2 - right : 8 - right].tobytes()
        for down in (-1, 0, 1)
        for right in (-2, -1, 0, 1, 2)
    }
    x = np.tile(image[None, :, :, None], (500, 1, 1, 1))
    y = augment(x, RandomShift((1, 2), fill=-1), rng)
    assert {each.tobytes() for each in y[..., 0]} == expected


@pytest.mark.parametrize("fill", ["edge", "reflect"])
def test_shift_fills_as_numpy_pads(fill, rng):
    image = rng.random((5, 6))
    padded = np.pad(image, 2, mode=fill)
    expected = {padded[i : i + 5, j : j + 6].tobytes() for i, j in np.ndindex(5, 5)}
    x = np.tile(image[None, :, :, None], (500, 1, 1, 1))
    y = augment(x, RandomShift(2, fill), rng)
    assert {each.tobytes() for each in y[..., 0]} == expected


def test_contrast_scales_differences_from_the_mean_of_each_channel(rng):
    x = rng.random((400, 4, 5, 3))
    y = augment(x, RandomContrast((0.5, 2)), rng)
    assert_same(y.mean(axis=(1, 2)), x.mean(axis=(1, 2)), scale=10)
    factor = y.std(axis=(1, 2)) / x.std(axis=(1, 2))
    assert_same(factor, np.broadcast_to(factor[:, :1], factor.shape), scale=100)
    assert 0.5 <= factor.min() < 0.6
    assert 1.8 < factor.max() <= 2
    y = augment(x, RandomContrast((3, 3), center=0.5), rng)
    assert_same(y - 0.5, 3 * (x - 0.5), scale=10)


def test_brightness_adds_a_number_to_each_image(rng):
    x = rng.random((600, 3, 2, 2))
    change = augment(x, RandomBrightness(0.3), rng) - x
    assert_same(change, np.broadcast_to(change[:, :1, :1, :1], x.shape), scale=10)
    assert -0.3 <= change.min() < -0.28
    assert 0.28 < change.max() <= 0.3


def test_noise_is_normal(rng):
    noise = augment(np.zeros((100, 1000)), GaussianNoise(1), rng)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-6
    least, most = (GaussianNoise(1)(np.zeros(1), Drawn(part)) for part in (0, 1))
    assert least == -most < -4


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize(("part", "turns"), [(1, 1), (0, -1), (0.5, 0)])
def test_rotation_by_90_degrees_equals_rot90(part, turns, size, rng):
    x = rng.random((3, size, size, 2))
    y = RandomRotation(90)(x, Drawn(part))
    np.testing.assert_allclose(y, np.rot90(x, turns, (1, 2)), atol=1e-12)
    assert_same(RandomRotation(180)(x, Drawn(1)), x[:, ::-1, ::-1], scale=10)


def test_affine_shifts_and_scales_by_its_arguments(rng):
    x = rng.random((2, 5, 6, 1))
    y = RandomAffine(max_shift=(1, 2))(x, Drawn(1))
    np.testing.assert_array_equal(y[:, 1:, 2:], x[:, :-1, :-2])
    assert not y[:, 0].any()
    assert not y[:, :, :2].any()
    half = RandomAffine(max_shift=(0, 0.5), fill=7)(x, Drawn(1))
    assert_same(half[:, :, 1:], (x[:, :, 1:] + x[:, :, :-1]) / 2)
    assert_same(half[:, :, 0], (x[:, :, 0] + 7) / 2)
    x = rng.random((2, 5, 5, 1))
    doubled = RandomAffine(scale=(2, 2))(x, Drawn(0))
    np.testing.assert_array_equal(doubled[:, ::2, ::2], x[:, 1:4, 1:4])


def test_shear_slides_rows_along_each_other(rng):
    x = rng.random((1, 3, 5, 1))
    y = RandomAffine(shear=45)(x, Drawn(1))
    expected = np.zeros_like(x)
    expected[:, 0, :-1] = x[:, 0, 1:]  # above the centre: to the left
    expected[:, 1] = x[:, 1]
    expected[:, 2, 1:] = x[:, 2, :-1]
    np.testing.assert_allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 7), (1, 5), (8, 3)])
def test_affine_maps_every_pixel_by_its_matrix(shape, dtype, rng):
    """Forward matrix and interpolation from their definitions, one pixel at a time."""
    x = rng.random((1, *shape, 2)).astype(dtype)
    transform = RandomAffine(50, max_shift=(1, 2), scale=(0.7, 1.2), shear=20, fill=0.4)
    y = transform(x, Drawn(0.8))
    angle, slope = math.radians(30), math.tan(math.radians(12))
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = 1.1 * np.array([[cos, -sin], [sin, cos]]) @ [[1, 0], [slope, 1]]
    centre = (np.array(shape) - 1) / 2
    for row, column, c in np.ndindex(y.shape[1:]):
        offset = np.array([row, column]) - centre - [0.6, 1.2]
        source = np.linalg.solve(matrix, offset) + centre
        expected = oracles.interpolate(x[0, ..., c], *source, 0.4)
        assert abs(y[0, row, column, c] - expected) < {4: 2e-5, 8: 1e-12}[x.itemsize]


def test_erased_rectangles_have_given_area_ratio_and_probability(rng):
    x = np.ones((600, 20, 30, 2), np.float32)
    y = augment(x, RandomErasing(0.4, area=(0.1, 0.2), ratio=(0.5, 2), fill=-3), rng)
    assert set(np.unique(y)) == {-3, 1}
    erased = y[..., 0] == -3
    np.testing.assert_array_equal(y[..., 1] == -3, erased)
    hit = erased.any(axis=(1, 2))
    assert 0.33 < hit.mean() < 0.47
    rows, columns = erased.any(axis=2), erased.any(axis=1)
    np.testing.assert_array_equal(erased, rows[:, :, None] & columns[:, None])
    for line in (*rows[hit], *columns[hit]):
        assert np.ptp(np.flatnonzero(line)) == line.sum() - 1  # in a row
    area = erased[hit].mean(axis=(1, 2))
    assert 0.08 < area.min() < 0.12
    assert 0.18 < area.max() < 0.22
    ratio = rows[hit].sum(axis=1) / columns[hit].sum(axis=1)
    assert 0.4 < ratio.min() < 0.6
    assert 1.7 < ratio.max() < 2.4
    assert rows[:, 0].any() and rows[:, -1].any() and columns[:, -1].any()


def test_erased_rectangle_longer_than_image_is_cut_off(rng):
    x = np.ones((50, 3, 30, 1))
    y = augment(x, RandomErasing(1, area=(0.3, 0.3), ratio=(2, 2)), rng)
    assert (y == 0).any(axis=(1, 2, 3)).all()


def test_noise_has_given_std_and_takes_any_shape(rng):
    x = np.full((200, 50), 3, np.float32)
    noise = augment(x, GaussianNoise(0.2), rng) - x
    assert noise.std() == pytest.approx(0.2, rel=0.03)
    assert abs(noise.mean()) < 0.01
