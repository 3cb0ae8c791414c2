"""Transforms of signals: those of images that signals have, and those of their own."""

import numpy as np
import pytest
from seeds import SEED
from tolerances import assert_same

from skconv.augmentation import (
    RandomAffine,
    RandomErasing,
    RandomRotation,
    RandomShift,
    WindowWarp,
    augment,
)


@pytest.fixture
def signals(rng):
    x = rng.standard_normal((40, 30, 2)).astype(np.float32)
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("shape", [(40, 30, 2), (3, 1, 1), (2, 2, 3), (0, 5, 1)])
@pytest.mark.parametrize(
    "transform",
    [
        RandomAffine(max_shift=0, scale=(0.5, 2)),
        RandomErasing(1),
        WindowWarp(0.3),
    ],
)
def test_transform_of_signals_is_that_of_images_of_one_row(transform, shape, rng):
    x = rng.standard_normal(shape)
    y = augment(x, transform, np.random.default_rng(SEED + 1))
    rows = augment(x[:, None], transform, np.random.default_rng(SEED + 1))
    assert y.shape == shape
    np.testing.assert_array_equal(rows[:, 0], y)


def test_erased_stretch_has_the_given_part_of_the_time(signals, rng):
    y = augment(signals, RandomErasing(1, area=(0.2, 0.4), fill=9), rng)
    erased = (y == 9).all(axis=2)
    lengths = set(erased.sum(axis=1))
    assert lengths <= set(range(6, 13)) and len(lengths) > 3
    assert (np.abs(np.diff(erased, axis=1)).sum(axis=1) <= 2).all()  # in a row


def test_shift_of_signals_is_in_time(signals, rng):
    padded = np.pad(signals, ((0, 0), (2, 2), (0, 0)))
    shifted = np.stack([padded[:, i : i + 30] for i in range(5)])
    same = (augment(signals, RandomShift(2), rng) == shifted).all(axis=(2, 3))
    assert (same.sum(axis=0) == 1).all() and same.any(axis=1).all()


def test_scale_of_affine_stretches_time(signals, rng):
    y = augment(signals[:, :9], RandomAffine(scale=(2, 2)), rng)
    np.testing.assert_array_equal(y[:, ::2], signals[:, 2:7])


def test_warp_of_factor_1_changes_nothing(signals, rng):
    y = augment(signals, WindowWarp(0.5, scale=(1, 1)), rng)
    np.testing.assert_allclose(y, signals, atol=1e-5)


def test_warp_keeps_ends_and_order(rng):
    x = np.tile(np.linspace(0, 1, 50)[:, None], (200, 1, 1))
    y = augment(x, WindowWarp(0.3, scale=(0.25, 4)), rng)[:, :, 0]
    assert_same(y[:, 0], np.zeros(200))
    assert_same(y[:, -1], np.ones(200))
    steps = np.diff(y, axis=1)
    assert steps.min() > 0
    # One speed in the window, another one outside of it.
    ratio = steps.max(axis=1) / steps.min(axis=1)
    assert ratio.min() < 1.2
    assert 3 < ratio.max() < 4.1


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (RandomAffine(5), "degrees must be 0 for signals"),
        (RandomAffine(shear=5), "shear must be 0 for signals"),
        (RandomAffine(max_shift=(1, 1)), "max_shift must be one number for signals"),
        (RandomShift((1, 1)), "max_shift must be one number for signals"),
        (RandomRotation(5), "takes images .* no plane to rotate in"),
        (WindowWarp(2), "window must be a number from 0 to 1, got 2"),
        (WindowWarp(scale=3), "scale must be .smallest, largest., got 3"),
    ],
)
def test_argument_that_signals_do_not_have_is_refused(transform, words, signals, rng):
    with pytest.raises(ValueError, match=words):
        augment(signals, transform, rng)


def test_warp_refuses_images_of_several_rows(rng):
    with pytest.raises(ValueError, match=r"takes signals .* got \(2, 3, 4, 1\)"):
        augment(np.ones((2, 3, 4, 1)), WindowWarp(), rng)
