"""What is drawn for mixtures: rectangles, partners and shares."""

import numpy as np

from skconv.augmentation import Batch, CutMix, MixUp, augment


def test_rectangles_have_the_proportions_of_images_and_places_of_their_own(rng):
    x = np.arange(300.0).repeat(20 * 30).reshape(300, 20, 30, 1)
    mixed = augment(Batch(x, np.arange(300.0)), CutMix(), rng).x
    pasted = (mixed != x)[..., 0]
    rows, columns = pasted.any(axis=2), pasted.any(axis=1)
    np.testing.assert_array_equal(pasted, rows[:, :, None] & columns[:, None])
    # The largest are cut off at the edges; of some both sides are inside.
    inside = ~(rows[:, [0, -1]].any(axis=1) | columns[:, [0, -1]].any(axis=1))
    inside &= pasted.any(axis=(1, 2))
    assert inside.sum() > 5
    np.testing.assert_allclose(
        rows[inside].sum(axis=1) / 20, columns[inside].sum(axis=1) / 30, atol=0.05
    )
    assert len(set(rows[inside].argmax(axis=1))) > 3


def test_nothing_is_mixed_with_a_probability_of_0_or_left_with_1():
    class Least:
        def __init__(self, number):
            self.number = number

        def random(self, n):
            return np.full(n, self.number)

        def beta(self, a, b, n):
            return np.zeros(n)

        def permutation(self, n):
            return np.arange(n)[::-1]

    x = np.arange(4.0).reshape(4, 1, 1)
    for name, number, want in ((0, 0.0, x), (0.5, 0.5, x), (1, 0.999, x[::-1])):
        mixed = augment(Batch(x, x[:, :, 0]), MixUp(1, name), Least(number))
        np.testing.assert_array_equal(mixed.x, want)
