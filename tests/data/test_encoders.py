"""Encoders of targets, by themselves: constants, gaps, scores and what they refuse."""

import math

import numpy as np
import pytest

from skconv._data import image_encoder
from skconv._data.class_encoder import ClassEncoder
from skconv._data.image_encoder import ImageEncoder
from skconv._data.mask_encoder import MaskEncoder
from skconv._data.multioutput_encoder import MultiOutputEncoder
from skconv._data.regression_encoder import RegressionEncoder

COLUMNS = np.array([[0, 5], [1, 5], [1, 7], [1, 7]])


def test_constant_outputs_of_columns_are_the_logarithms_of_shares():
    encoder = MultiOutputEncoder.fit(COLUMNS)
    outputs = encoder.constant_outputs(encoder.transform(COLUMNS))
    np.testing.assert_allclose(np.exp(outputs), [0.25, 0.75, 0.5, 0.5])
    weight = np.array([3.0, 1, 0, 0])
    outputs = encoder.constant_outputs(encoder.transform(COLUMNS), weight)
    np.testing.assert_allclose(np.exp(outputs), [0.75, 0.25, 1, 0], atol=1e-9)


def test_gaps_of_columns_name_the_missing_classes():
    encoder = MultiOutputEncoder.fit(COLUMNS)
    targets = encoder.transform(COLUMNS)
    assert encoder.find_gaps(targets) == ""
    gaps = encoder.find_gaps(targets, np.array([1.0, 1, 0, 0]))
    assert gaps == "none of them has the classes [7] in column 1 of y"


def test_gaps_of_labels_name_those_that_all_or_none_have():
    y = np.array([[0, 1], [1, 1], [0, 0]])
    encoder = ClassEncoder.fit(y)
    gaps = encoder.find_gaps(encoder.transform(y), np.array([1.0, 1, 0]))
    assert gaps == "all or none of them have the labels [1]"


def test_gaps_of_masks_name_the_missing_classes():
    masks = np.array([[[0, 1]], [[0, 0]]])
    encoder = MaskEncoder.fit(masks)
    targets = encoder.transform(masks)
    assert encoder.find_gaps(targets) == ""
    assert encoder.find_gaps(targets[1:]) == "none of them has the classes [1]"


def test_score_of_masks_is_that_of_their_tally():
    masks = np.array([[[0, 1]], [[0, 0]]])
    encoder = MaskEncoder.fit(masks)
    targets = encoder.transform(masks)
    outputs = np.eye(2)[targets]
    assert encoder.score(outputs, targets) == 1
    # The class 0: 3 of its 4 pixels in the union are right; the class 1: none of 1.
    assert encoder.score(np.eye(2)[[[[0, 0]], [[0, 0]]]], targets) == 0.375
    assert math.isnan(encoder.score_of(np.zeros((2, 2))))


def test_score_of_images_is_that_of_their_tally(rng):
    y = rng.normal(size=(4, 3, 3))
    encoder = ImageEncoder.fit(y, "squared_error", "float64", (3, 3, 1))
    targets = encoder.transform(y)[np.arange(4)]
    assert encoder.score(targets, targets) == 1
    assert encoder.score(np.zeros_like(targets), targets) == pytest.approx(0, abs=1e-9)


def test_constant_outputs_of_counts_are_the_logarithm_of_their_mean():
    y = np.array([[[1.0, 2], [3, 6]], [[0, 0], [0, 0]]])
    encoder = ImageEncoder.fit(y, "poisson", "float64", (2, 2, 1))
    targets = encoder.transform(y)
    outputs = encoder.constant_outputs(targets)
    np.testing.assert_allclose(np.exp(outputs), targets[np.arange(2)].mean())
    first = encoder.constant_outputs(targets, np.array([1.0, 0]))
    np.testing.assert_allclose(np.exp(first), targets[:1].mean())


def test_scaled_images_have_shape_and_dtype_of_an_array(rng):
    y = rng.normal(size=(4, 3, 3))
    encoder = ImageEncoder.fit(y, "squared_error", "float32", (3, 3, 1))
    targets = encoder.transform(y)
    assert (targets.shape, targets.ndim) == ((4, 3, 3, 1), 4)
    assert targets.dtype == targets[:1].dtype == np.float32
    np.testing.assert_array_equal(encoder.inverse_transform(targets), y)


def test_later_images_out_of_the_range_of_the_dtype_are_refused(rng):
    y = rng.normal(size=(4, 3, 3)) * 1e-30
    encoder = ImageEncoder.fit(y, "squared_error", "float32", (3, 3, 1))
    with pytest.raises(ValueError, match=r"out of range for float32.*dtype='float64'"):
        encoder.transform(np.full((1, 3, 3), 1e30))


def test_losses_of_several_outputs_are_not_for_images(rng):
    with pytest.raises(ValueError, match=r"loss='quantile' is for targets y \(n,\)"):
        ImageEncoder.fit(rng.normal(size=(4, 3, 3)), "quantile", "float32", (3, 3, 1))


def test_quartiles_of_large_images_are_of_some_pixels(rng, monkeypatch):
    monkeypatch.setattr(image_encoder, "_PIXELS_FOR_QUARTILES", 1000)
    y = rng.normal(5, 2, size=(2, 60, 60))
    encoder = ImageEncoder.fit(y, "huber", "float64", (60, 60, 1))
    assert encoder.center[0] == pytest.approx(5, abs=0.5)
    # So few have a weight that none is drawn: then all count alike.
    weight = np.zeros((2, 60, 60), np.float32)
    weight[0, 0, 0] = 1
    same = ImageEncoder.fit(y, "huber", "float64", (60, 60, 1), weight)
    assert (same.center, same.scale) == (encoder.center, encoder.scale)


def test_targets_of_another_shape_are_refused_later():
    encoder = RegressionEncoder.fit(np.arange(4.0), "squared_error", "float32")
    with pytest.raises(
        ValueError, match=r"does not match the targets of the first fit, \(n,\)"
    ):
        encoder.transform(np.ones((4, 2)))
    encoder = RegressionEncoder.fit(np.ones((4, 2)), "squared_error", "float32")
    with pytest.raises(ValueError, match=r"of the first fit, \(n, 2\)"):
        encoder.transform(np.ones(4))


def test_score_of_one_sample_or_infinite_outputs_is_not_a_number():
    y = np.arange(4.0)
    encoder = RegressionEncoder.fit(y, "squared_error", "float64")
    targets = encoder.transform(y)
    assert encoder.find_gaps(targets[:1]) == "they are one sample"
    assert math.isnan(encoder.score(np.full((4, 1), np.inf), targets))
