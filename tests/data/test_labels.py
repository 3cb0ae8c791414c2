"""What users bring as labels is predicted in its own type, or gets one clear error."""

import datetime
import enum
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from seeds import SEED

from skconv import ConvNetClassifier

X = np.random.default_rng(SEED).random((12, 4, 4))
Y = np.arange(12) % 3


def objects(*entries):
    array = np.empty(12, object)
    array[:] = [entries[i % len(entries)] for i in range(12)]
    return array


def small(**params):
    return ConvNetClassifier(filters=(2,), max_iter=1, random_state=SEED, **params)


def column(*entries, dtype=None):
    return pd.Series([*entries] * (12 // len(entries)), dtype=dtype)


LABELS = {
    "text": (["a", "b"] * 6, ["a", "b"], "U"),
    "series of text": (column("a", "b", dtype="string"), ["a", "b"], "O"),
    "Arrow's text": (column("a", "b", dtype="string[pyarrow]"), ["a", "b"], "O"),
    "empty text": (["", "a"] * 6, ["", "a"], "U"),
    "categories": (column("b", "a", dtype="category"), ["a", "b"], "O"),
    "categories of numbers": (column(3, 1, dtype="category"), [1, 3], "i"),
    "unused categories": (pd.Series(pd.Categorical(["a", "b"] * 6, ["a", "b", "c"])), ["a", "b"], "O"),
    "booleans": (np.array([True, False] * 6), [False, True], "b"),
    "nullable booleans": (column(True, False, dtype="boolean"), [False, True], "b"),
    "objects that are booleans": (objects(True, False), [False, True], "b"),
    "nullable integers": (column(1, 2, dtype="Int64"), [1, 2], "i"),
    "objects that are numbers": (objects(1, 2.0), [1.0, 2.0], "f"),
    "NumPy's numbers": (objects(np.int8(1), np.int64(2)), [1, 2], "i"),
    "negative": ([-5, 2] * 6, [-5, 2], "i"),
    "whole floats": ([1.0, 2.0] * 6, [1.0, 2.0], "f"),
    "uint64": (np.array([2**63 + 5, 2**64 - 1] * 6, np.uint64), [2**63 + 5, 2**64 - 1], "u"),
    "dates": (np.array(["2020", "2021"] * 6, "M8[D]"), [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], "M"),
    "range": (range(12), list(range(12)), "i"),
    "masked array without a mask": (np.ma.masked_array(Y), [0, 1, 2], "i"),
    "multilabel booleans": (np.c_[Y > 0, Y > 1], [0, 1], "i"),
    "sparse multilabel": (sparse.csr_array(np.c_[Y > 0, Y > 1].astype(int)), [0, 1], "i"),
    "frame of multilabel": (pd.DataFrame({"a": Y > 0, "b": Y > 1}, dtype=object), [0, 1], "i"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "classes", "kind"), LABELS.values(), ids=LABELS)
def test_labels_keep_their_type(y, classes, kind):
    clf = small().fit(X, y)
    assert clf.classes_.tolist() == classes and clf.classes_.dtype.kind == kind
    predicted = clf.predict(X)
    assert predicted.dtype.kind == kind
    if not clf._encoder.multilabel:
        assert set(predicted.tolist()) <= set(classes)


def test_text_of_variable_length_becomes_objects():
    text = getattr(np.dtypes, "StringDType", None)
    if text is not None:  # since NumPy 2
        clf = small().fit(X, np.array(["a", "b"] * 6, text()))
        assert clf.classes_.tolist() == ["a", "b"] and clf.classes_.dtype == object


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


MISSING = r"Input y contains NaN: y has missing values in \d+ of 12 samples, first in sample \d"
REFUSED = {
    "nullable booleans": (column(True, False, pd.NA, dtype="boolean"), MISSING),
    "nullable text": (column("a", "b", pd.NA, dtype="string"), MISSING),
    "nullable integers": (column(1, 2, pd.NA, dtype="Int64"), MISSING),
    "missing text": (column("a", "b", None), MISSING),
    "missing categories": (column("a", "b", None, dtype="category"), MISSING),
    "missing dates": (np.array(["2020", "NaT"] * 6, "M8[D]"), MISSING),
    "None in a list": (["a", "b", None] * 4, MISSING),
    "NaN in a list of text": (["a", "b", float("nan")] * 4, MISSING),
    "None among numbers": ([1, 2, None] * 4, MISSING),
    "NA among objects": (objects("a", pd.NA), MISSING),
    "only None": ([None] * 12, r"missing values in 12 of 12 samples, first in sample 0"),
    "NaN": ([1.0, 2.0, np.nan] * 4, MISSING),
    "infinity": ([1.0, np.inf] * 6, "Input y contains infinity .* Found in 6 of 12"),
    "masked array": (np.ma.masked_equal(Y, 1), "y has 4 masked values of 12"),
    "text and numbers": (["a", 1] * 6, r"y must hold labels of one type, .* got 'a' \(text\) and 1 \(numbers\).*str\(label\)"),
    "booleans and numbers": (objects(True, 2), r"got True \(booleans\) and 2 \(numbers\)"),
    "bytes": ([b"a", b"b"] * 6, r"y must hold text, got bytes: b'a'. Use .*decode"),
    "array of bytes": (np.array([b"a", b"b"] * 6), "y must hold text, got bytes: b'a'"),
    "objects that are bytes": (objects(b"a", b"b"), "y must hold text, got bytes"),
    "date objects": (objects(datetime.date(2020, 1, 1)), "y must hold text, numbers or booleans, got datetime.date.* of type date"),
    "timestamps": (column(pd.Timestamp("2020", tz="UTC")), "got Timestamp.* of type Timestamp"),
    "enum": (objects(Colour.RED, Colour.BLUE), "got <Colour.RED: 1> of type Colour"),
    "decimals": (objects(Decimal(1), Decimal(2)), "of type Decimal"),
    "records": (np.zeros(12, [("a", int)]), r"y must hold text, numbers, booleans or dates, got \[\('a'"),
    "complex": (np.array([1j, 2] * 6), "got complex128"),
    "more than 64 bits": ([2**70, 1] * 6, "y must hold integers of at most 64 bits, got 11805"),
    "of two 64 bits": ([2**63, -1] * 6, "y must hold integers of at most 64 bits, got 9223372036854775808"),
    "tuples in an array": (objects((1, 2), (3, 4)), r"one label for each sample, got \(1, 2\). .*MultiLabelBinarizer"),
    "lists of labels": ([[1], [1, 2]] * 6, "lists of several lengths. .*MultiLabelBinarizer"),
    "tuples of labels": ([("a",), ("a", "b")] * 6, "y must hold one .* lists of several lengths. .*MultiLabelBinarizer"),
    "sets": ([{1}, {2}] * 6, "one label for each sample, got {1}"),
    "three axes": (np.zeros((12, 2, 2)), r"y should be a 1d array, .* shape \(12, 2, 2\)"),
    "columns of one class": (np.tile([1, 2], (12, 1)), r"column 0 of y: .* at least 2 classes, but y has one class only: \[1\]"),
    "columns of fractions": (np.c_[Y, Y / 3], "Unknown label type: continuous. y must hold labels, got fractions such as 0.33"),
    "columns with a mixed one": (np.array([["a", 1], ["b", "c"]] * 6, object), r"y\[:, 1\] must hold labels of one type"),
    "columns with a missing label": (np.array([["a", 1], ["b", None]] * 6, object), "y has missing values"),
    "fractions": (np.linspace(0, 1, 12), "Unknown label type: continuous. .*such as 0.09.*ConvNetRegressor"),
    "one class": (["a"] * 12, r"at least 2 classes, but y has one class only: \['a'\]"),
    "text": ("abcabcabcabc", "y must be an array, .* got str: 'abcabcabcabc'"),
    "number": (3, "y must be an array, .* got int: 3"),
    "generator": ((y for y in Y), r"got generator: .*list\(y\)"),
    "dict": ({0: 1}, "y must be an array, .* got dict"),
    "too few": (Y[:5], "X has 12, y has 5"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "words"), REFUSED.values(), ids=REFUSED)
def test_labels_that_cannot_be_learned_get_one_clear_error(y, words):
    with pytest.raises((ValueError, TypeError), match=words):
        small().fit(X, y)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (
            [0, 1, None],
            "Input classes contains NaN: classes has missing values in 1 of 3",
        ),
        ([0, "a"], "classes must hold labels of one type"),
        (3, "classes must be an array, .* got int: 3"),
        ([0.5, 1], "classes must hold labels, got fractions such as 0.5"),
    ],
)
def test_errors_of_classes_name_their_argument(classes, words):
    with pytest.raises((ValueError, TypeError), match=words):
        small().partial_fit(X, Y, classes=classes)
