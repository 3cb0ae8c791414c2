"""What users bring as X becomes an array of numbers, or one clear error."""

import datetime
import warnings
from collections import deque
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._data.arrays import (
    _check_dtype,
    _short,
    as_numbers,
    check_finite,
    find_missing,
)
from skconv._data.lazy import LazyArray

RNG = np.random.default_rng(SEED)
X = RNG.integers(0, 256, (12, 6, 6)).astype(np.uint8)
F = X.reshape(12, -1)
Y = np.arange(12) % 3


def objects(entries):
    array = np.empty(len(entries), object)
    array[:] = entries
    return array


class Tensor:
    """An array of another library, which may refuse to become one of NumPy."""

    def __init__(self, array, error=None):
        self.array, self.error, self.shape = array, error, array.shape

    def __array__(self, dtype=None, copy=None):
        if self.error:
            raise self.error
        return self.array if dtype is None else self.array.astype(dtype)

    def __len__(self):
        return len(self.array)


class Bare:
    """An array of another library that has but one of the methods that make it one."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Table:
    """A table of another library, whose dtypes are not like NumPy's."""

    def __init__(self, **columns):
        self.data = {name: np.asarray(column) for name, column in columns.items()}
        self.columns, self.dtypes = list(columns), ["?" for _ in columns]
        self.shape = len(next(iter(columns.values()))), len(columns)

    def __getitem__(self, name):
        return self.data[name]

    def __array__(self, dtype=None, copy=None):
        columns = [column.astype(float) for column in self.data.values()]
        return np.stack(columns, axis=1).astype(dtype or float)


class Lazy:
    """What a table of another library may become: it has columns, but no values."""

    columns, dtypes = ["a"], ["?"]

    def __getitem__(self, name):
        raise TypeError("collect it first")


SAME = {
    "list of images": list(X),
    "tuple of images": tuple(X),
    "Series of images": pd.Series(list(X), index=range(5, 17)),
    "Series of lists": pd.Series([image.tolist() for image in X]),
    "objects that are images": objects(list(X)),
    "objects that are numbers": X.astype(object),
    "objects that are text of numbers": F.astype(str).astype(object),
    "fractions": F.astype(object) * Fraction(1),
    "nested lists": X.tolist(),
    "list of rows": F.tolist(),
    "Pillow's images": [Image.fromarray(image) for image in X],
    "objects that are Pillow's images": objects(
        [Image.fromarray(image) for image in X]
    ),
    "objects with an array": objects([Bare(image) for image in X]),
    "tensor": Tensor(X),
    "list of tensors": [Tensor(image) for image in X],
    "masked array without a mask": np.ma.masked_array(F),
    "matrix": F.view(np.matrix),
    "memoryview": memoryview(F),
    "frame": pd.DataFrame(F),
    "nullable dtype": pd.DataFrame(F).astype("Int64"),
    "nullable floats": pd.DataFrame(F).astype("Float32"),
    "Arrow's dtype": pd.DataFrame(F).astype("int64[pyarrow]"),
    "columns of several dtypes": pd.DataFrame(F).astype({0: "float32", 1: "UInt8"}),
    "categories of numbers": pd.DataFrame(F).astype({0: "category"}),
    "table of another library": Table(
        **{f"c{i}": column for i, column in enumerate(F.T)}
    ),
    "deque": deque(X),
    "big-endian": F.astype(">f8"),
    "long double": F.astype(np.longdouble),
    "half": F.astype(np.float16),
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME)
def test_arrays_of_other_kinds_have_the_same_numbers(given):
    array = as_numbers(given, "X")
    assert type(array) is np.ndarray and array.dtype.kind in "iuf"
    np.testing.assert_array_equal(array.reshape(12, -1), F)


def test_numeric_arrays_are_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for array in (X, F > 9, F.astype(np.float32), mapped, pd.DataFrame(F)):
        assert np.shares_memory(as_numbers(array, "X"), np.asarray(array))


several_sizes = [image[: 6 - i % 2] for i, image in enumerate(X)]
modes = [Image.fromarray(X[0]), Image.fromarray(X[0]).convert("RGB")] * 6
days = pd.date_range("2020", periods=12)

REFUSED = {
    "dates": (np.full((12, 4), "2020", "M8[D]"), "X must hold real numbers, got dates .* np.timedelta64"),
    "missing dates": (np.full((12, 4), "NaT", "M8[D]"), "X must hold real numbers, got dates"),
    "durations": (np.ones((12, 4), "m8[s]"), "got durations .* X / np.timedelta64"),
    "column of dates": (pd.DataFrame({"a": 1.0, "day": days}), "column 'day' of X must hold real numbers, got dates"),
    "column of zoned dates": (pd.DataFrame({"a": 1.0, "day": days.tz_localize("UTC")}), "column 'day' of X must hold"),
    "date objects": (np.full((12, 4), datetime.date(2020, 1, 1), object), r"X must hold real numbers, got dates .* such as datetime.date\(2020, 1, 1\)"),
    "times in a list": ([[1.0, datetime.timedelta(1)]] * 12, "got dates or durations such as datetime.timedelta"),
    "NumPy's dates as objects": (np.array([[1.0, np.datetime64("2020")]] * 12, object), "got dates or durations such as .*2020"),
    "NumPy's durations as objects": (np.array([[None, np.timedelta64(1, "s")]] * 12, object), "got dates or durations"),
    "column of date objects": (pd.DataFrame({"a": [np.datetime64("2020", "s")] * 12}, dtype=object), "column 'a' of X must hold real numbers, got dates"),
    "column of text": (pd.DataFrame({"a": 1.0, "b": ["x"] * 12}), "column 'b' of X must hold numbers, got text: 'x'"),
    "categories of text": (pd.DataFrame({"b": pd.Categorical(["x"] * 12)}), "column 'b' of X .* got text: 'x'"),
    "column of images": (pd.DataFrame({"image": list(X)}), r"column 'image' of X holds arrays of shape \(6, 6\).* np.stack\(X\['image'\]\)"),
    "images of several sizes": (several_sizes, r"X must hold samples of one shape, got X\[0\] of shape \(6, 6\) and X\[1\] of shape \(5, 6\).*resize"),
    "Series of several sizes": (pd.Series(several_sizes), r"X must hold samples of one shape, .* X\[1\]"),
    "objects of several sizes": (objects(several_sizes), r"X must hold samples of one shape, .* X\[1\]"),
    "grey and coloured": (modes, r"of shape \(6, 6\) and X\[1\] of shape \(6, 6, 3\)\. .*image.convert\('RGB'\)"),
    "palettes": ([Image.fromarray(X[0]).convert("P")] * 12, r"X\[0\] must be an image .* mode 'P'.*convert\('RGB'\)"),
    "palettes with transparency": ([Image.new("PA", (6, 6))] * 12, "mode 'PA'"),
    "rows of several lengths": ([[[1, 2], [3]]] * 12, r"X\[0\] must have rows of one length"),
    "list of paths": (["a.png"] * 12, "got text: 'a.png'. Read the files first, with Pillow"),
    "Series of paths": (pd.Series(["a.JPG"] * 12), "got text: 'a.JPG'. Read the files first"),
    "Path objects": ([Path("a.png")] * 12, r"got text: \w*Path\('a.png'\). Read the files first"),
    "a path": ("images.npy", "X must be an array, a list or a table of numbers, got str: 'images.npy'. Read the files"),
    "a Path": (Path("images"), "X must be an array, .*Path.*Read the files"),
    "text of numbers": (np.full((12, 4), "1.5"), "X must hold numbers, got text: '1.5'. Leave it out or encode it; if it is numbers, use X.astype"),
    "bytes": (np.full((12, 4), b"1"), "X must hold numbers, got text: b'1'"),
    "sparse matrix": (sparse.csr_matrix(F), r"Sparse data was passed for X, but dense data is required. Use X.toarray\(\)"),
    "list of sparse matrices": ([sparse.csr_matrix(image) for image in X], r"Sparse data .* Use np.stack\(\[each.toarray\(\) for each in X\]\)"),
    "Series of sparse matrices": (pd.Series([sparse.csr_array(image) for image in X]), "Sparse data was passed for X"),
    "sets in a list": ([frozenset({1, 2})] * 12, "X must hold numbers: .* not 'frozenset'"),
    "sparse frame": (pd.DataFrame(F).astype(pd.SparseDtype("float")), r"Sparse data .* Use X.sparse.to_dense\(\)"),
    "complex": (F + 1j, "X must hold real numbers, got complex numbers .*X.real, X.imag"),
    "records": (np.zeros(12, [("a", "f4"), ("b", "f4")]), "got records .*structured_to_unstructured"),
    "masked array": (np.ma.masked_array(F, F > 200), r"X has \d+ masked values of 432. .*X.filled"),
    "list of masked arrays": ([np.ma.masked_greater(image, 200) for image in X], "X has .* masked values"),
    "None": (None, "X must be an array, .* got NoneType"),
    "number": (3.0, "X must be an array, .* got float: 3.0$"),
    "array of no axes": (np.array(3.0), r"Expected 2D array, got scalar array instead: X has shape \(\)"),
    "dict": ({"a": X}, r"got dict: .*np.stack\(list\(X.values"),
    "set": ({1, 2}, r"got set: .*np.array\(list\(X\)\)"),
    "generator": ((image for image in X), r"got generator: .*np.array\(list\(X\)\)"),
    "values of a dict": (dict(enumerate(X)).values(), r"got dict_values: .*np.array\(list\(X\)\)"),
    "lazy table": (Lazy(), "X must be an array, a list or a table of numbers, got Lazy"),
    "dates in another table": (Table(a=np.ones(12), day=days.values), "column 'day' of X must hold real numbers, got dates"),
    "lists in another table": (Table(a=np.ones(12), image=objects(F.tolist())), r"column 'image' of X holds arrays of shape \(36,\)"),
    "function": (len, "X must be an array, .* got builtin_function_or_method"),
    "dicts in an array": (np.full((12, 4), {}, object), "X must hold numbers: .* real number, not 'dict'"),
    "tensor that refuses": (Tensor(X, RuntimeError("call detach() first")), r"X of type Tensor could not be made an array of numbers: call detach\(\)"),
    "one row": (F[0].astype(float), r"got 1D array instead: X has shape \(36,\), .* one sample is X\[np.newaxis\]"),
    "no samples": (X[:0], r"Found array with 0 sample\(s\) \(shape=\(0, 6, 6\)\)"),
    "empty list": ([], r"Found array with 0 sample\(s\)"),
    "no features": (F[:, :0], r"Found array with 0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of 1 is required"),
    "five axes": (X[..., None, None], r"X must hold rows .* got an array of shape \(12, 6, 6, 1, 1\)"),
    "NaN": (np.where(F[3, 2] == F, np.nan, F), r"Input X contains NaN: X has missing values in \d+ of 12 samples, first in sample \d"),
    "None inside": (np.where(F[3, 2] == F, None, F), "Input X contains NaN: X has missing values"),
    "NA": (np.where(F[3, 2] == F, pd.NA, F), "Input X contains NaN: X has missing values"),
    "nullable NA": (pd.DataFrame(F).astype("Int64").mask(F > 250), "Input X contains NaN: X has missing values"),
    "infinity": (np.where(F[3, 2] == F, np.inf, F), r"Input X contains infinity .* Found in \d+ of 12 samples, first in sample \d"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_inputs_that_are_no_numbers_get_one_clear_error(given, words):
    clf = ConvNetClassifier(filters=(2,), max_iter=1)
    before = vars(clf).copy()
    with pytest.raises((ValueError, TypeError), match=f"(?s){words}"):
        clf.fit(given, Y)
    assert vars(clf) == before


def test_first_bad_sample_is_found_in_a_later_part():
    values = np.zeros((3000, 2))
    values[[2050, 2999], 1] = np.nan
    with pytest.raises(ValueError, match="in 2 of 3000 samples, first in sample 2050"):
        check_finite(values, "X")


def test_arrays_that_are_read_later_stay_such():
    lazy = LazyArray(np.arange(3), (2, 2), np.uint8)
    assert as_numbers(lazy, "X") is lazy


def test_bad_samples_of_all_parts_are_counted():
    values = np.zeros((3000, 2))
    values[[0, 2050, 2999], 1] = np.nan
    with pytest.raises(ValueError, match="in 3 of 3000 samples, first in sample 0"):
        check_finite(values, "X")


def test_integers_are_not_missing():
    missing = find_missing(np.arange(6).reshape(3, 2))
    assert missing.dtype == bool and missing.shape == (3, 2) and not missing.any()


def test_long_values_are_cut_in_errors():
    assert _short(int("1" * 60)) == "1" * 60
    assert _short(int("1" * 61)) == "1" * 57 + "..."


def test_errors_are_of_the_type_that_numpy_gives():
    for value, kind in [({}, TypeError), (10**400, ValueError)]:
        with pytest.raises(kind, match="X must hold numbers: ") as caught:
            as_numbers(np.full((3, 2), value, object), "X")
        assert type(caught.value) is kind


def test_texts_without_a_sample_are_texts():
    with pytest.raises(ValueError, match="X must hold numbers, got text: ''"):
        as_numbers(np.zeros((0, 3), "U1"), "X")


def test_dtypes_that_are_not_known_become_float():
    other = SimpleNamespace(dtype=SimpleNamespace(kind="q"))
    with pytest.raises(ValueError, match=r"got namespace\(kind='q'\) .* to float"):
        _check_dtype(other, "X")


def test_infinities_of_both_signs_give_an_error_and_no_warning():
    values = np.array([[1.0], [np.inf], [-np.inf]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="in 2 of 3 samples, first in sample 1"):
            check_finite(values, "X")
        check_finite(np.array([1.7e308, 1.7e308, -1.7e308, -1.7e308]), "X")


def test_error_of_a_handler_is_none_of_the_numbers(monkeypatch):
    """A signal's handler may raise while numbers are checked."""

    def handler(*args, **options):
        raise error

    error = ValueError("late")
    monkeypatch.setattr("skconv._data.arrays.assert_all_finite", handler)
    with pytest.raises(ValueError, match="late") as caught:
        check_finite(F, "X")
    assert caught.value is error


def test_lists_and_series_of_images_are_fitted_and_predicted():
    clf = ConvNetClassifier(filters=(2,), max_iter=1, random_state=SEED)
    expected = clf.fit(X, Y).predict_proba(X)
    for given in (list(X), pd.Series(list(X)), objects(list(X))):
        np.testing.assert_array_equal(clf.fit(given, Y).predict_proba(given), expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (X[0], r"X has 6 features, .* If it is one image, pass X\[np.newaxis\]"),
        (X[0][..., None], r"holds images \(h, w, c\) = \(6, 1, 1\), .* pass X\[np.newaxis\]"),
        (np.repeat(X[..., None], 3, 3), r"Convert the images, with Pillow image.convert\('L'\)"),
        (X[:, :5], r"Resize the images, with Pillow image.resize\(\(6, 6\)\)"),
        (X[:, None], r"\(1, 6, 6\), .* If channels come first, pass np.moveaxis\(X, 1, -1\)"),
    ],
)  # fmt: skip
def test_other_images_get_a_way_out_in_prediction(given, words):
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match=words):
        clf.predict(given)
    assert clf.predict(X[0][np.newaxis]).shape == (1,)


def test_coloured_images_get_a_way_out_in_prediction():
    coloured = np.repeat(X[..., None], 3, axis=3)
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(coloured, Y)
    with pytest.raises(ValueError, match=r"If it is one image, pass X\[np.newaxis\]"):
        clf.predict(coloured[0])
    with pytest.raises(ValueError, match=r"pass np.moveaxis\(X, 1, -1\)"):
        clf.predict(np.moveaxis(coloured, -1, 1))
    with pytest.raises(ValueError, match=r"image.convert\('RGB'\)"):
        clf.predict(X[..., None])


def test_lengths_that_differ_are_named():
    clf = ConvNetClassifier(filters=(2,), max_iter=1)
    with pytest.raises(ValueError, match=r"X has 6, y has 1\. One sample is X\[np"):
        clf.fit(X[0], Y[:1])
    with pytest.raises(ValueError, match="X_val has 12, y_val has 3$"):
        clf.fit(X, Y, X_val=X, y_val=Y[:3])


def test_errors_of_validation_data_name_their_argument():
    clf = ConvNetClassifier(filters=(2,), max_iter=1)
    with pytest.raises(ValueError, match="Input X_val contains NaN"):
        clf.fit(X, Y, X_val=np.full(X.shape, np.nan), y_val=Y)
    with pytest.raises(ValueError, match="Input y_val contains NaN"):
        clf.fit(X, Y, X_val=X, y_val=[None] * 12)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0, None, 3.0] * 4, "Input y contains NaN: y has missing values in 4 of 12"),
        (np.array([1.0, pd.NA] * 6, object), "y has missing values in 6 of 12"),
        (pd.Series([1, pd.NA] * 6, dtype="Int64"), "y has missing values in 6 of 12"),
        (np.full(12, "2020", "M8[D]"), r"y must hold .* dates .*: \(y - y\.min"),
        ("labels", "y must be an array, .* got str: 'labels'$"),
        (["1", "b"] * 6, "y must hold numbers, got text"),
        (np.array([np.datetime64("2020")] * 12, object), "y must hold real numbers"),
        (np.ones((12, 0)), r"y must hold numbers, \(n,\) or \(n, n_targets\)"),
        (
            np.ones((12, 2, 2, 1, 1)),
            r"or signals, \(n, length, channels\), got float64 of shape",
        ),
        (np.ma.masked_greater(np.arange(12.0), 3), "y has 8 masked values of 12"),
        (3, "y must be an array, .* got int: 3"),
    ],
)
def test_targets_that_are_no_numbers_get_one_clear_error(given, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ConvNetRegressor(filters=(2,), max_iter=1).fit(X, given)
