"""Which shape X has, and what is said where it is odd."""

import types
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from skconv._data.inputs import (
    check_images,
    check_input_shape,
    check_shape,
    find_input_shape,
)

SHAPES = {
    "square rows": ((2, 16), {}, (4, 4, 1)),
    "one feature": ((2, 1), {}, (1, 1, 1)),
    "images": ((2, 5, 6), {}, (5, 6, 1)),
    "images with channels": ((2, 5, 6, 3), {}, (5, 6, 3)),
    "rows of a given shape": ((2, 30), {"input_shape": (5, 6)}, (5, 6, 1)),
    "rows of given channels": ((2, 30), {"input_shape": [5, 2, 3]}, (5, 2, 3)),
    "an array of sizes": ((2, 30), {"input_shape": np.array([5, 6])}, (5, 6, 1)),
    "images of a given shape": ((2, 5, 6), {"input_shape": (5, 6, 1)}, (5, 6, 1)),
    "signals": ((2, 50, 3), {"signals": True}, (50, 3)),
    "rows that are signals": ((2, 50), {"signals": True}, (50, 1)),
    "square rows that are signals": ((2, 16), {"signals": True}, (16, 1)),
    "given signals": ((2, 30), {"signals": True, "input_shape": (10, 3)}, (10, 3)),
    "other rows": ((2, 15), {"sees_pixels": False}, (1, 15, 1)),
    "few rows first": ((2, 3, 4, 4), {}, (3, 4, 4)),
    "wide images": ((2, 3, 9, 19), {}, (3, 9, 19)),
    "two rows": ((2, 2, 9, 9), {}, (2, 9, 9)),
    "channels that are seen by none": ((2, 3, 9, 9), {"sees_pixels": False}, (3, 9, 9)),
    "a short signal": ((2, 3, 23), {"signals": True}, (3, 23)),
    "a signal of 16": ((2, 16, 200), {"signals": True}, (16, 200)),
}


@pytest.mark.parametrize(("shape", "options", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes_follow_from_x_and_what_is_given(shape, options, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_input_shape(np.zeros(shape), **options) == expected


ODD = {
    "no square": ((2, 15), {}, (1, 15, 1), r"^X has 15 features, which make no square .* one row, \(1, 15, 1\)\. Pass"),
    "one channel first": ((2, 1, 8, 8), {}, (1, 8, 8), r"^images of shape \(1, 8, 8\) .* as \(h, w, c\)\. If they are 8x8 pixels in one channel, pass np.moveaxis\(X.reshape\(-1, 1, 8, 8\), 1, -1\)"),
    "three first": ((2, 3, 5, 10), {}, (3, 5, 10), r"If they are 5x10 pixels in 3 channels,"),
    "given with channels first": ((2, 75), {"input_shape": (3, 5, 5)}, (3, 5, 5), r"5x5 pixels in 3 channels, .*reshape\(-1, 3, 5, 5\)"),
    "signals with channels first": ((2, 3, 24), {"signals": True}, (3, 24), r"^signals of shape \(3, 24\) .* as \(length, channels\)\. If they are 24 values in 3 channels"),
    "15 channels first": ((2, 15, 120), {"signals": True}, (15, 120), "120 values in 15 channels"),
    "one channel of signals": ((2, 1, 8), {"signals": True}, (1, 8), "8 values in one channel"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "options", "expected", "words"), ODD.values(), ids=ODD
)
def test_odd_shapes_give_a_warning(shape, options, expected, words):
    with pytest.warns(UserWarning, match=words):
        assert find_input_shape(np.zeros(shape), **options) == expected


WRONG = {
    "a number": (5, {}, r"^input_shape must be \(h, w\), .*got 5$"),
    "one size": ((5,), {}, r"got \(5,\)$"),
    "four": ((1, 2, 3, 4), {}, r"got \(1, 2, 3, 4\)$"),
    "text": ("ab", {}, "got 'ab'$"),
    "zero": ((0, 5), {}, "^each of input_shape must be an int >= 1, got 0"),
    "signals of length 1": ((1, 50), {"signals": True}, r"^input_shape=\(1, 50\) must be .* If they have 50 values, pass input_shape=\(50, 1\)$"),
    "images for signals": ((1, 50, 3), {"signals": True}, r"have 50 values in 3 channels, pass input_shape=\(50, 3\)$"),
    "two channels for signals": ((1, 50, 2), {"signals": True}, r"50 values in 2 channels, pass"),
    "one channel for signals": ((1, 50, 1), {"signals": True}, r"have 50 values, pass input_shape=\(50, 1\)$"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "options", "words"), WRONG.values(), ids=WRONG)
def test_other_values_are_no_shape(given, options, words):
    with pytest.raises(ValueError, match=words):
        check_shape(given, **options)


def test_signals_of_one_value_have_a_shape():
    assert check_shape((1, 1), signals=True) == (1, 1)
    assert check_shape((5, 1), signals=True) == (5, 1)
    assert check_shape((np.int64(5), 6)) == (5, 6, 1)


MISMATCHES = {
    "features": ((2, 15), (4, 4, 1), r"^X_val has 15 features, but clf is expecting 16 features as input, the 4x4x1 values of each image$"),
    "features of signals": ((2, 15), (4, 4), "the 4x4 values of each signal$"),
    "one image": ((4, 4), (4, 4, 1), r"each image\. If it is one image, pass X_val\[np.newaxis\]$"),
    "one image with channels": ((5, 6, 3), (5, 6, 3), r"holds images \(h, w, c\) = \(6, 3, 1\), but clf is expecting \(5, 6, 3\)\. If it is one image"),
    "one signal": ((50, 2), (50, 2), r"each signal\. If it is one signal, pass X_val\[np"),
    "one signal of one channel": ((2, 50, 1), (3, 1), r"^X_val of shape \(2, 50, 1\) holds signals \(length, channels\) = \(50, 1\), but clf is expecting \(3, 1\)$"),
    "channels first": ((2, 3, 5, 6), (5, 6, 3), r"\. If channels come first, pass np.moveaxis\(X_val, 1, -1\)$"),
    "colours": ((2, 5, 6, 3), (5, 6, 1), r"\. Convert the images, with Pillow image.convert\('L'\)$"),
    "no colours": ((2, 5, 6), (5, 6, 3), r"image.convert\('RGB'\)$"),
    "transparency": ((2, 5, 6, 3), (5, 6, 4), r"image.convert\('RGBA'\)$"),
    "two channels": ((2, 5, 6, 3), (5, 6, 2), r"is expecting \(5, 6, 2\)$"),
    "another size": ((2, 4, 4, 3), (5, 6, 3), r"\. Resize the images, with Pillow image.resize\(\(6, 5\)\)$"),
    "another size of one channel": ((2, 4, 4), (5, 6, 1), r"image.resize\(\(6, 5\)\)$"),
    "all": ((2, 4, 4, 2), (5, 6, 3), r"is expecting \(5, 6, 3\)$"),
    "a longer signal": ((2, 9, 3), (5, 3), r"holds signals \(length, channels\) = \(9, 3\), .* \(5, 3\)$"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "expected", "words"), MISMATCHES.values(), ids=MISMATCHES
)
def test_other_shapes_are_refused_with_a_way_out(shape, expected, words):
    with pytest.raises(ValueError, match=words):
        check_input_shape(np.zeros(shape), expected, "clf", "X_val")
    with pytest.raises(ValueError, match="^X "):
        check_input_shape(np.zeros(shape), expected, "clf")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 30), (5, 6, 1)), ((2, 5, 6), (5, 6, 1)), ((2, 5, 6, 3), (5, 6, 3)), ((2, 30), (10, 3)), ((2, 9, 3), (9, 3))],
)  # fmt: skip
def test_the_expected_shape_is_accepted(shape, expected):
    check_input_shape(np.zeros(shape), expected, "clf")


class Named(BaseEstimator):
    """An estimator whose name is in errors."""


REFUSED = {
    "no samples": (np.zeros((0, 4)), r"^Found array with 0 sample\(s\) \(shape=\(0, 4\)\) .* required by Named\.$"),
    "no features": (np.zeros((2, 0)), r"^Found array with 0 feature\(s\) \(shape=\(2, 0\)\)"),
    "no images": (np.zeros((0, 4, 4)), r"0 sample\(s\)"),
    "a scalar": (np.array(3.0), r"^Expected 2D array, got scalar array instead: X_val has shape \(\), but must hold rows"),
    "one axis": (np.zeros(4), r"got 1D array instead: X_val has shape \(4,\), .* sample is X_val\[np.newaxis\], rows of one value X_val.reshape"),
    "five axes": (np.zeros((1, 1, 1, 1, 1)), r"^X_val must hold rows .* got an array of shape \(1, 1, 1, 1, 1\)"),
    "no pixels": (np.zeros((2, 0, 3)), r"^X_val must hold at least one pixel, got an array of \(2, 0, 3\)"),
    "no channels": (np.zeros((2, 3, 0)), r"^X_val must hold at least one pixel"),
    "missing": (np.full((2, 4), np.nan), "Input X_val contains NaN"),
    "text": ([["a"]], "X_val"),
}  # fmt: skip


@pytest.mark.parametrize(("X", "words"), REFUSED.values(), ids=REFUSED)
def test_x_is_refused_by_name(X, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check_images(Named(), X, reset=True, name="X_val")


def test_names_of_columns_are_those_of_the_first_fit():
    estimator, frame = Named(), pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]})
    found = check_images(estimator, frame, reset=True)
    assert found.tolist() == [[1, 3], [2, 4]]
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    check_images(estimator, frame, reset=False)
    with pytest.raises(ValueError, match="feature names should match"):
        check_images(estimator, frame[["b", "a"]], reset=False)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        check_images(estimator, frame.to_numpy(), reset=False)
    check_images(estimator, frame.to_numpy(), reset=True)
    assert not hasattr(estimator, "feature_names_in_")
    with pytest.warns(UserWarning, match="X has feature names, but"):
        check_images(estimator, frame, reset=False)


def test_arrays_are_not_copied_and_y_must_be_there():
    X = np.zeros((2, 4, 4), np.uint8)
    assert check_images(Named(), X, reset=True) is X
    assert check_images(types.SimpleNamespace(), X, reset=False) is X
    with pytest.raises(ValueError, match="requires y"):
        tagged = type("Tagged", (Named,), {"__sklearn_tags__": tags_that_require_y})
        check_images(tagged(), X, None, reset=False)


def tags_that_require_y(self):
    tags = BaseEstimator.__sklearn_tags__(self)
    tags.target_tags.required = True
    return tags
