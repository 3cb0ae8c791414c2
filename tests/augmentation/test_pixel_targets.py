"""Masks and images as targets move as the images of a minibatch do."""

import numpy as np
import pytest
from seeds import SEED

from skconv.augmentation import (
    Batch,
    CutMix,
    GaussianNoise,
    MixUp,
    RandomAffine,
    RandomBrightness,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
    WindowWarp,
    augment,
)

N, H, W = 24, 10, 12
MOVING = {
    "flip": RandomFlip(vertical=True),
    "shift": RandomShift((3, 2)),
    "shift at edges": RandomShift(3, fill="edge"),
    "shift with mirror": RandomShift(3, fill="reflect"),
    "affine": RandomAffine(30, max_shift=2, scale=(0.7, 1.4), shear=10),
    "rotation": RandomRotation(90),
    "cutmix": CutMix(),
    "several": [RandomFlip(), RandomShift(2), RandomRotation(20)],
}
PIXELS_ONLY = {
    "noise": GaussianNoise(0.3),
    "brightness": RandomBrightness(0.3),
    "erasing": RandomErasing(1),
}
OF_SIGNALS = {
    "flip": RandomFlip(),
    "shift": RandomShift(4),
    "affine": RandomAffine(scale=(0.7, 1.4), max_shift=2),
    "warp": WindowWarp(0.5),
    "cutmix": CutMix(),
}


def blobs(n, h, w):
    """Return masks of three classes in areas that are larger than a pixel."""
    coarse = np.random.default_rng(SEED + 5).integers(0, 3, (n, -(-h // 4), -(-w // 4)))
    return coarse.repeat(4, 1).repeat(4, 2)[:, :h, :w].astype(np.uint8)


def batch_of_masks(scale=1, **others):
    masks = blobs(N, H * scale, W * scale)
    x = np.eye(3, dtype=np.float32)[masks[:, ::scale, ::scale]]
    return Batch(x, masks, n_outputs=3, **others)


@pytest.mark.parametrize("name", MOVING)
def test_mask_moves_as_its_image(name):
    """Where the image shows one class only, the mask has it, or no weight."""
    moved = augment(batch_of_masks(), MOVING[name], np.random.default_rng(SEED))
    weight = 1.0 if moved.sample_weight is None else moved.sample_weight
    pure = moved.x.max(axis=-1) > 1 - 1e-5
    agrees = moved.x.argmax(axis=-1) == moved.targets
    assert moved.targets.dtype == np.uint8
    assert (agrees | (np.multiply(weight, np.ones(pure.shape)) == 0))[pure].all()
    assert np.mean(pure * weight) > 0.3
    before = batch_of_masks()
    assert not np.array_equal(moved.targets, before.targets)


OUTSIDE = {
    "shift outside": RandomShift((3, 2), fill=7),
    "affine outside": RandomAffine(30, max_shift=2, scale=(0.7, 1.4), fill=7),
}


@pytest.mark.parametrize("name", [*MOVING, *OUTSIDE])
def test_image_target_moves_as_its_image(name):
    x = np.random.default_rng(SEED + 1).random((N, H, W, 2), np.float32)
    moving = {**MOVING, **OUTSIDE}[name]
    moved = augment(Batch(x, 3 * x), moving, np.random.default_rng(SEED))
    weight = moved.sample_weight
    seen = np.ones((N, H, W), bool) if weight is None else weight > 0
    np.testing.assert_allclose(moved.targets[seen], 3 * moved.x[seen], atol=1e-5)
    assert seen.mean() > 0.4


@pytest.mark.parametrize("name", PIXELS_ONLY)
def test_transform_of_values_leaves_masks(name):
    batch = batch_of_masks()
    changed = augment(batch, PIXELS_ONLY[name], np.random.default_rng(SEED))
    assert changed.targets is batch.targets
    assert changed.sample_weight is None
    assert not np.array_equal(changed.x, batch.x)


@pytest.mark.parametrize("name", OF_SIGNALS)
def test_labels_of_a_signal_move_with_it(name):
    masks = blobs(N, 4, 40)[:, 0]
    x = np.eye(3, dtype=np.float32)[masks]
    batch = Batch(x, masks, n_outputs=3, by_pixel=True)
    moved = augment(batch, OF_SIGNALS[name], np.random.default_rng(SEED))
    weight = 1.0 if moved.sample_weight is None else moved.sample_weight
    pure = moved.x.max(axis=-1) > 1 - 1e-5
    agrees = moved.x.argmax(axis=-1) == moved.targets
    assert (agrees | (np.multiply(weight, np.ones(pure.shape)) == 0))[pure].all()
    assert not np.array_equal(moved.targets, masks)


def test_warp_moves_labels_of_a_longer_signal():
    """The network may return more values than it gets: here two for each."""
    masks = blobs(N, 4, 80)[:, 0]
    x = np.eye(3, dtype=np.float32)[masks[:, ::2]]
    batch = Batch(x, masks, n_outputs=3, by_pixel=True)
    moved = augment(batch, WindowWarp(0.5), np.random.default_rng(SEED))
    pure = moved.x.max(axis=-1) > 1 - 1e-5
    agrees = moved.x.argmax(axis=-1) == moved.targets[:, ::2]
    assert agrees[pure].mean() > 0.97
    assert not np.array_equal(moved.targets, masks)


def test_columns_of_numbers_beside_signals_do_not_move():
    x, y = np.zeros((N, 40, 1), np.float32), np.arange(N * 40.0).reshape(N, 40)
    moved = augment(
        Batch(x, y, by_pixel=False), RandomShift(5), np.random.default_rng(SEED)
    )
    assert moved.targets is y


@pytest.mark.parametrize(
    "transform", [RandomFlip(), RandomShift(2), RandomAffine(max_shift=2, degrees=20)]
)
def test_larger_masks_move_by_more_pixels(transform):
    """Targets of super-resolution: twice the image, moved in its own pixels."""
    batch = batch_of_masks(scale=2)
    moved = augment(batch, transform, np.random.default_rng(SEED))
    weight = moved.sample_weight
    seen = np.ones(moved.targets.shape, bool) if weight is None else weight > 0
    coarse = moved.targets[:, ::2, ::2], seen[:, ::2, ::2]
    pure = (moved.x.max(axis=-1) > 1 - 1e-5) & coarse[1]
    agrees = (moved.x.argmax(axis=-1) == coarse[0])[pure]
    assert agrees.mean() > 0.97  # the centres of the pixels differ a little


def test_shift_that_masks_cannot_follow_is_refused():
    x, masks = np.zeros((4, 8, 8, 1), np.float32), np.zeros((4, 4, 4), np.uint8)
    batch = Batch(x, masks, n_outputs=2)
    words = "RandomShift moves images by whole pixels, .* 0.5 times as large"
    with pytest.raises(ValueError, match=words):
        augment(batch, RandomShift(3), np.random.default_rng(SEED))
    with pytest.raises(
        ValueError, match=r"CutMix needs targets of the size .*\(8, 8\)"
    ):
        augment(batch, CutMix(), np.random.default_rng(SEED))


def test_pixels_from_outside_have_no_weight():
    batch = batch_of_masks(sample_weight=np.full(N, 2, np.float32))
    moved = augment(batch, RandomShift(3), np.random.default_rng(SEED))
    outside = (moved.x == 0).all(axis=-1)
    np.testing.assert_array_equal(moved.sample_weight, np.where(outside, 0, 2))


class All:
    """A generator that draws all at a part of the range."""

    def __init__(self, part):
        self.part = part

    def uniform(self, low, high, size):
        return np.full(size, low + (high - low) * self.part)


@pytest.mark.parametrize(
    "shift", [(0, 0), (1, 2), (2, 0), (0, 3), (-1, -2), (-3, 0), (0, -1)]
)
def test_mask_moves_by_whole_pixels(shift):
    masks = np.random.default_rng(SEED).integers(0, 3, (N, H, W)).astype(np.uint8)
    batch = Batch(np.eye(3, dtype=np.float32)[masks], masks, n_outputs=3)
    largest = tuple(map(abs, shift))
    moved = augment(batch, RandomAffine(max_shift=largest), All(min(shift) >= 0))
    padded = np.pad(masks, ((0, 0), (3, 3), (3, 3)), constant_values=9)
    top, left = 3 - np.array(shift)
    want = padded[:, top : top + H, left : left + W]
    np.testing.assert_array_equal(moved.sample_weight, want != 9)
    np.testing.assert_array_equal(moved.targets, np.where(want == 9, 0, want))


@pytest.mark.parametrize(("tall", "wide"), [(2, 2), (2, 1), (1, 3)])
def test_larger_image_targets_move_as_far(tall, wide):
    """A plane stays a plane, in the pixels of both."""

    def plane(tall, wide):
        rows, columns = (
            (np.arange(size * by) - (size * by - 1) / 2) / by
            for size, by in ((H, tall), (W, wide))
        )
        planes = np.stack(
            [2 * rows[:, None] + columns, 1 + 0 * columns + 0 * rows[:, None]], axis=2
        )
        return np.tile(planes.astype(np.float32), (N, 1, 1, 1))

    transform = RandomAffine(25, max_shift=(1.5, 2), scale=(0.8, 1.2), shear=10)
    batch = Batch(plane(1, 1), plane(tall, wide))
    moved = augment(batch, transform, np.random.default_rng(SEED))
    blocks = N, H, tall, W, wide
    seen = (moved.sample_weight.reshape(blocks) > 0).all(axis=(2, 4))
    seen &= moved.x[..., 1] > 1 - 1e-6  # and of the image, too, nothing is from outside
    assert seen.mean() > 0.4
    found = moved.targets[..., 0].reshape(blocks).mean(axis=(2, 4))
    np.testing.assert_allclose(found[seen], moved.x[..., 0][seen], atol=1e-4)


def test_larger_labels_of_a_warped_signal_end_with_it():
    for length in (2, 20):
        x = np.linspace(0, 1, length, dtype=np.float32)[None, :, None]
        y = np.linspace(0, 1, 2 * length, dtype=np.float32)[None, :, None]
        batch = Batch(x, y, by_pixel=True)
        moved = augment(batch, WindowWarp(0.5), np.random.default_rng(SEED))
        np.testing.assert_allclose(moved.targets[0, [0, -1], 0], [0, 1], atol=1e-6)


def test_weights_of_samples_stay_if_nothing_comes_from_outside():
    batch = batch_of_masks(sample_weight=np.full(N, 2, np.float32))
    moved = augment(batch, RandomFlip(), np.random.default_rng(SEED))
    assert moved.sample_weight is batch.sample_weight


def test_weights_of_a_signals_values_move_with_them():
    masks = blobs(N, 4, 40)[:, 0]
    x, weight = np.eye(3, dtype=np.float32)[masks], 1 + masks.astype(np.float32)
    batch = Batch(x, masks, weight, n_outputs=3, by_pixel=True)
    moved = augment(batch, RandomFlip(), np.random.default_rng(SEED))
    np.testing.assert_array_equal(moved.sample_weight, 1 + moved.targets)
    assert (moved.sample_weight != weight).any()


def test_pixels_weigh_1_in_the_dtype_of_images():
    weight = batch_of_masks().pixel_weight()
    assert weight.dtype == np.float32 and (weight == np.ones((N, H, W))).all()


def test_weights_of_pixels_move_with_them():
    masks = batch_of_masks().targets
    batch = batch_of_masks(sample_weight=1 + masks.astype(np.float32))
    moved = augment(
        batch, [RandomFlip(), CutMix(), RandomRotation(45)], np.random.default_rng(SEED)
    )
    seen = moved.sample_weight > 0
    assert (moved.sample_weight == 1 + moved.targets)[seen].all()


def test_mixed_masks_are_probabilities():
    batch = batch_of_masks(sample_weight=np.linspace(1, 2, N, dtype=np.float32))
    mixed = augment(batch, MixUp(1), np.random.default_rng(SEED))
    assert mixed.targets.shape == (N, H, W, 3)
    np.testing.assert_allclose(mixed.targets.sum(axis=-1), 1, atol=1e-6)
    # The image is one-hot, too, and is mixed by the shares alone.
    same = batch_of_masks()
    mixed = augment(same, MixUp(1), np.random.default_rng(SEED))
    np.testing.assert_allclose(mixed.targets, mixed.x, atol=1e-6)


def test_weights_of_pixels_are_mixed():
    masks = batch_of_masks().targets
    batch = batch_of_masks(sample_weight=(masks > 0).astype(np.float32))
    mixed = augment(batch, MixUp(1), np.random.default_rng(SEED))
    assert mixed.sample_weight.shape == masks.shape
    assert (mixed.targets[..., 0] * mixed.sample_weight == 0).all()
