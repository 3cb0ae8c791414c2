"""Checks of labels and masks by themselves: types and shapes that remain, and errors."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skconv._data.labels import check_labels, check_masks, is_indicator


def objects(*entries):
    array = np.empty(len(entries), object)
    array[:] = entries
    return array


LABELS = {
    "nullable unsigned": (pd.Series([1, 2], dtype="UInt8"), [1, 2], "u"),
    "lists of text": ([["a", "b"], ["c", "d"]], [["a", "b"], ["c", "d"]], "O"),
    "lists of text and numbers": ([["a", 1], ["b", 2]], [["a", 1], ["b", 2]], "O"),
    "lists of booleans and numbers": ([[True, 2], [False, 3]], [[1, 2], [0, 3]], "i"),
    "columns of objects": (np.array([[1, 2.0], [3, 4.0]], object), [[1, 2], [3, 4]], "O"),
    "columns of objects of one type": (np.array([[1, 2], [3, 4]], object), [[1, 2], [3, 4]], "i"),
    "columns of one": (np.array([[5, 6]]), [[5, 6]], "i"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "labels", "kind"), LABELS.values(), ids=LABELS)
def test_labels_keep_values_type_and_columns(y, labels, kind):
    found = check_labels(y)
    assert (found.tolist(), found.dtype.kind) == (labels, kind)


@pytest.mark.parametrize("dtype", [int, object])
def test_one_column_becomes_labels_with_a_warning(dtype):
    with pytest.warns(DataConversionWarning, match="column-vector"):
        found = check_labels(np.array([[3], [4]], dtype))
    assert found.tolist() == [3, 4]


REFUSED = {
    "infinity in a column": (np.array([[1.0, np.inf], [2.0, 3.0]], object), r"^Input y_val contains infinity"),
    "fractions in a column": (np.array([["a", 0.5], ["b", 1.0]], object), r"continuous. y_val\[:, 1\] must hold labels"),
    "mixed text in a column": (np.array([["a", 1], [2, 3]], object), r"^y_val\[:, 0\] must"),
    "lists in an array": (objects([1], [1, 2]), r"^y_val must hold one label for each sample, got \[1\]"),
    "arrays in an array": (objects(np.ones(1), np.ones(2)), r"^y_val must hold one label for each sample, got array"),
    "integers without a common type": ([np.uint64(2**63 + 1), np.int64(-1)], "at most 64 bits, got 9223372036854775809"),
    "large and negative": ([-(2**70), 1], "at most 64 bits, got -11805"),
    "fractions of integers": (objects(Fraction(1, 2)), "^Unknown label type: y_val .* of type Fraction"),
    "complex objects": (objects(np.complex128(1j)), "^Unknown label type: y_val .* of type complex128"),
    "complex": (np.array([1j]), r"got complex128 \(Complex data not supported\)\. Convert"),
    "records": (np.zeros(2, [("a", "i8")]), r"got \[\('a', '<i8'\)\]\. Convert them, say with"),
    "no bytes": (np.array([], "S1"), r"^y_val must hold text, numbers, booleans or dates, got \|S1"),
    "list of no array": (object(), "^y_val must be an array"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "words"), REFUSED.values(), ids=REFUSED)
def test_labels_are_refused_by_name(y, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check_labels(y, "y_val")


class Picture:
    """As Pillow's pictures with a palette: labels are the numbers of colours."""

    size, mode = (2, 1), "P"

    def __init__(self, labels):
        self.labels = labels

    def getpalette(self):
        return [0, 0, 0]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.labels, np.uint8)


ONE, OTHER = [[0, 1]], [[2, 2]]
MASKS = {
    "lists": [ONE, OTHER],
    "arrays in a tuple": (np.array(ONE), np.array(OTHER)),
    "arrays in an array": objects(np.array(ONE), np.array(OTHER)),
    "arrays in a series": pd.Series([np.array(ONE), np.array(OTHER)]),
    "array of objects": np.array([ONE, OTHER], object),
    "pictures": [Picture(ONE), Picture(OTHER)],
    "pictures in an array": objects(Picture(ONE), Picture(OTHER)),
}


@pytest.mark.parametrize("y", MASKS.values(), ids=MASKS)
def test_masks_are_arrays_of_labels_of_pixels(y):
    found = check_masks(y)
    assert found.tolist() == [ONE, OTHER] and found.dtype.kind in "iu"


def test_masks_of_signals_have_two_axes():
    assert check_masks([[0, 1, 2], [2, 2, 0]], signals=True).shape == (2, 3)


REFUSED_MASKS = {
    "one label": (np.zeros(4, int), False, r"^y_val must hold masks \(n, h, w\), a label for each pixel, got an array of shape \(4,\)\. For one label for each image use"),
    "one mask": (np.zeros((4, 3), int), False, r"\(4, 3\)\. If it is one mask, pass y_val\[np.newaxis\]"),
    "a further axis": (np.zeros((4, 3, 2, 1), int), False, r"\. Pass y_val\[\.\.\., 0\]$"),
    "one-hot": (np.zeros((4, 1, 2, 3), int), False, r"\. If it is one-hot, pass y_val.argmax\(axis=-1\)"),
    "five axes": (np.zeros((4, 1, 2, 3, 1), int), False, r"\. For one label for each image use"),
    "no pixels": (np.zeros((4, 0, 3), int), False, r"masks \(n, h, w\), .* shape \(4, 0, 3\)"),
    "one label of signals": (np.zeros(4, int), True, r"^y_val must hold masks \(n, length\), a label for each value, .*\(4,\)\. For one label"),
    "one-hot of signals": (np.zeros((4, 5, 3), int), True, r"\. If it is one-hot, pass y_val"),
    "a further axis of signals": (np.zeros((4, 5, 1), int), True, r"\. Pass y_val\[\.\.\., 0\]$"),
    "fractions": (np.full((1, 2, 2), 0.5), False, r"continuous\. y_val must hold labels, got fractions such as 0\.5"),
    "infinity": (np.full((1, 2, 2), np.inf), False, r"^Input y_val contains infinity"),
    "missing": (np.array([[["a", None]]], object), False, r"^Input y_val contains NaN"),
    "missing dates": (np.array([[["2020", "NaT"]]], "M8[D]"), False, r"^Input y_val contains NaN"),
    "complex": (np.full((1, 2, 2), 1j), False, r"^y_val must .*Complex data not supported"),
    "of two types": (np.array([[["a", 1]]], object), False, r"^y_val must hold labels of one type"),
    "lists of several lengths": ([[0, 1], [0]], False, r"^y_val must hold one label for each pixel, got lists of several"),
    "no array": (3, False, r"^y_val must be an array"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("y", "signals", "words"), REFUSED_MASKS.values(), ids=REFUSED_MASKS
)
def test_masks_are_refused_by_name_with_a_way_out(y, signals, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check_masks(y, "y_val", signals=signals)


@pytest.mark.parametrize(
    ("y", "is_one"),
    [
        ([[0, 1], [1, 1]], True),
        ([[0, 1], [1, 2]], False),
        ([[True, False]], True),
        ([[0.0, 1.0]], True),
        ([["a", "b"]], False),
        ([0, 1], False),
    ],
)
def test_indicators_are_columns_of_0_and_1(y, is_one):
    assert is_indicator(np.array(y)) is is_one


def test_sparse_masks_are_read_and_one_column_of_text_is_flat():
    csr = sparse.csr_array([[0, 1, 0], [2, 0, 0]])
    assert check_masks(csr, signals=True).tolist() == [[0, 1, 0], [2, 0, 0]]
    with pytest.warns(DataConversionWarning, match="column-vector"):
        found = check_labels(np.array([["a"], ["b"]], object))
    assert found.tolist() == ["a", "b"]
