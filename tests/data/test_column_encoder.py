"""Encoders of several columns of classes, against numbers worked out by hand."""

import numpy as np
import pytest

from skconv._data.class_encoder import ClassEncoder
from skconv._data.multioutput_encoder import MultiOutputEncoder

MANY = ClassEncoder.fit(np.array(["b", "a", "c"]))
TWO = ClassEncoder.fit(np.array([7, 3]))
COLUMNS = MultiOutputEncoder.fit(np.array([["a", "x"], ["b", "y"], ["c", "x"]]))


def test_columns_have_outputs_side_by_side():
    assert COLUMNS.column_sizes == (3, 2)
    assert COLUMNS.output_shape == (5,) and COLUMNS.n_outputs == 5
    outputs = np.log(np.array([[1.0, 2, 5, 1, 3], [6, 1, 1, 3, 1]]))
    assert COLUMNS.predict(outputs).tolist() == [["c", "y"], ["a", "x"]]
    first, second = COLUMNS.predict_proba(outputs)
    np.testing.assert_allclose(first, [[1 / 8, 2 / 8, 5 / 8], [6 / 8, 1 / 8, 1 / 8]])
    np.testing.assert_allclose(second, [[1 / 4, 3 / 4], [3 / 4, 1 / 4]])
    for log, plain in zip(
        COLUMNS.predict_log_proba(outputs), (first, second), strict=True
    ):
        np.testing.assert_allclose(log, np.log(plain))
    parts = COLUMNS.decision_function(outputs)
    np.testing.assert_array_equal(np.hstack(parts), outputs)
    assert all(part.flags.c_contiguous for part in parts)
    targets = np.array([[2, 1], [0, 1]])
    assert COLUMNS.score(outputs, targets) == 0.5
    assert COLUMNS.score(outputs, targets, np.array([3.0, 1])) == 0.75


def test_columns_keep_the_dtype_that_they_share():
    mixed = MultiOutputEncoder.fit(np.array([["a", 1], ["b", 2]], object))
    found = mixed.inverse_transform(np.array([[1, 0], [0, 1]]))
    assert found.tolist() == [["b", 1], ["a", 2]] and found.dtype == object
    same = COLUMNS.inverse_transform(np.array([[1, 0]]))
    assert same.tolist() == [["b", "x"]] and same.dtype.kind == "U"


REFUSED_COLUMNS = {
    "classes of one column": (np.array([1, 2]), [[1, 2]], r"for y of shape \(2,\), got 1 arrays"),
    "too many classes": (np.array([[1, 2], [2, 1]]), [[1, 2]], r"shape \(2, 2\), got 1 arrays"),
    "one class": (np.array([[1, 2], [2, 2]]), None, r"^column 1 of y: .*\[2\]"),
    "a missing label": (np.array([["a", 1], ["b", None]], object), None, r"y\[:, 1\]"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("y", "classes", "words"), REFUSED_COLUMNS.values(), ids=REFUSED_COLUMNS
)
def test_columns_are_refused_by_number(y, classes, words):
    with pytest.raises(ValueError, match=words):
        MultiOutputEncoder.fit(y, classes)


def test_columns_of_later_calls_are_checked_by_name():
    assert COLUMNS.transform(np.array([["c", "x"]])).tolist() == [[2, 0]]
    for y, words in [
        (np.array(["a", "b"]), r"^y_val of shape \(2,\) does not match the 2 columns"),
        (np.array([["a", "x", "x"]]), r"\(1, 3\) does not match the 2 columns"),
        (np.array([["a", "z"]]), r"^y_val\[:, 1\] has classes .*\['z'\]"),
        (np.array([["a", None]], object), r"^Input y_val\[:, 1\] contains NaN"),
    ]:
        with pytest.raises(ValueError, match=words):
            COLUMNS.transform(y, "y_val")


def test_classes_of_columns_may_be_more_than_y_has():
    found = MultiOutputEncoder.fit(np.array([[1, 2], [2, 3]]), [[1, 2], [2, 3, 4]])
    assert [each.tolist() for each in found.classes] == [[1, 2], [2, 3, 4]]


def test_factors_of_columns_are_products():
    targets = np.array([[0, 0], [0, 1], [1, 0], [2, 0]])
    given = [{"a": 2}, {"y": 5}]
    assert COLUMNS.class_factors(given, targets).tolist() == [2, 10, 1, 1]
    balanced = COLUMNS.class_factors("balanced", targets)
    np.testing.assert_allclose(balanced, [4 / 9, 4 / 3, 8 / 9, 8 / 9])
    weighted = COLUMNS.class_factors("balanced", targets, np.array([1.0, 1, 1, 0]))
    np.testing.assert_allclose(weighted[:3], [9 / 16, 9 / 8, 9 / 8])
    for wrong in ({"a": 2}, [{"a": 2}], [{"a": 2}, "balanced"], [{}, {}, {}]):
        with pytest.raises(ValueError, match="dicts, one for each of the 2 columns"):
            COLUMNS.class_factors(wrong, targets)


def test_strata_of_columns_are_combinations_that_come_twice():
    found = COLUMNS.stratify(np.array([[0, 0], [0, 1], [0, 0], [1, 0]]))
    assert found[0] == found[2] >= 0 and found[1] == found[3] == -1


def test_three_columns_are_split():
    three = MultiOutputEncoder((TWO, MANY, TWO))
    assert [part.shape for part in three.split(np.zeros((4, 7)))] == [
        (4, 2),
        (4, 3),
        (4, 2),
    ]
    with pytest.raises(ValueError, match="for y of shape"):
        MultiOutputEncoder.fit(np.array([[1], [2]]), [[1, 2], [3, 4]])


def test_constants_of_columns_have_classes_that_are_missing():
    pairs = np.array([[0, 0], [1, 0]])
    assert COLUMNS.constant_outputs(pairs).shape == (5,)
