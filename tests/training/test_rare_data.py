"""Training by itself: rare targets and weights, and what is said of them."""

import numpy as np
import pytest

from skconv._data.labels import check_masks
from skconv._data.samples import Samples, check_sample_weight
from skconv._training.diagnosis import _find_in_targets
from skconv._training.optimizers import Muon


def test_one_sample_weight_counts_for_all():
    X = np.zeros((3, 2))
    np.testing.assert_array_equal(
        check_sample_weight(2, X), check_sample_weight([2, 2, 2], X)
    )


def test_one_mask_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"pass y\[np.newaxis\]"):
        check_masks(np.zeros((8, 8), int), "y")


def test_huge_sample_weights_are_named():
    targets, weight = np.zeros((3, 1)), np.array([1, 1, 1e30])
    found = [*_find_in_targets(Samples(np.zeros((3, 2)), targets, weight))]
    assert found == [(True, "sample_weight up to 1e+30 (scale it to about 1)")]


def test_muon_without_decay_moves_a_matrix_by_its_size():
    w = np.zeros(6, np.float32)
    muon = Muon(w, matrices=[(slice(0, 6), (2, 3))])
    muon.step(w, np.array([1, 0, 0, 0, 1, 0], np.float32), 0.1)
    s = np.linalg.svd(w.reshape(2, 3), compute_uv=False)
    assert s.max() / s.min() < 1.5
