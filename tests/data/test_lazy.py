"""Arrays whose rows are read when they are needed: as NumPy's, but read late."""

import numpy as np
import pytest

from skconv import Network
from skconv._data import lazy
from skconv._data.batches import gather
from skconv._data.lazy import LazyArray, read_rows, shape_rows
from skconv.layers import Dense

X = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3) * 7 % 30


class Rows(LazyArray):
    """Reads rows of X, and counts them."""

    def _read(self, row):
        self.read.append(int(row))
        return X[row][..., : self.shape[-1]]


@pytest.fixture
def rows():
    found = Rows(np.arange(5), (2, 3), "u1")
    found.read = []
    return found


def test_a_lazy_array_has_the_attributes_of_an_array(rows):
    for name in ("shape", "ndim", "size", "nbytes", "dtype"):
        assert getattr(rows, name) == getattr(X, name)
    wide = Rows(np.arange(2), (2**20, 2**20), "f8")
    assert (wide.size, wide.nbytes) == (2**41, 2**44)
    assert repr(rows) == "Rows(shape=(5, 2, 3), dtype=uint8)"
    assert len(rows) == 5 and rows.read == []
    np.testing.assert_array_equal(list(rows), X)


KEYS = [
    *(0, -1, np.int64(2), slice(1, 3), [4, 0], np.array([True, False] * 2 + [True])),
    *(..., (..., 1), (0, 1), (slice(None), 1), (slice(1, 3), ..., 2), (0, ..., 2)),
    *(([0, 2], slice(None), 1), (..., slice(None), 0, 1), (slice(None), None)),
    *((1, slice(None)), ([1, 2], ...), ([1, 2], slice(None), slice(None))),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_gives_what_an_array_gives(rows, key):
    found = rows[key]
    np.testing.assert_array_equal(np.asarray(found), X[key])
    assert np.shape(found) == X[key].shape


@pytest.mark.parametrize(
    "key", [slice(1, 4), [1, 3], np.arange(2), ..., ([1, 2], ...), ([1], slice(None))]
)
def test_selected_rows_are_read_late(rows, key):
    part = rows[key]
    assert type(part) is Rows and rows.read == []
    np.testing.assert_array_equal(part[-1], X[key][-1])
    assert len(rows.read) == 1


@pytest.mark.parametrize("key", [None, (None, 0), [[0, 1], [2, 3]], (..., 0, 0, 0, 0)])
def test_other_keys_are_refused(rows, key):
    with pytest.raises(IndexError):
        rows[key]
    if key in (None, [[0, 1], [2, 3]]):
        with pytest.raises(
            IndexError, match=r"a slice or a list, got .*reads all rows"
        ):
            rows[key]


def test_all_rows_become_an_array_of_any_dtype(rows):
    assert np.asarray(rows).dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(rows, np.float32), X)
    assert np.asarray(rows, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="cannot become an array without reading"):
        rows.__array__(copy=False)
    assert rows.__array__(copy=True).shape == X.shape


@pytest.mark.parametrize("size", [1, 6, 13, 2**26])
def test_extremes_are_of_all_rows_a_few_at_a_time(rows, size, monkeypatch):
    monkeypatch.setattr(lazy, "_CHUNK_BYTES", size)
    assert (rows.min(), rows.max()) == (X.min(), X.max())
    assert sorted(rows.read) == sorted([*range(5)] * 2)
    np.testing.assert_array_equal(rows.min(axis=0), X.min(axis=0))
    np.testing.assert_array_equal(rows.max(axis=(1, 2)), X.max(axis=(1, 2)))
    out = np.empty((2, 3), np.uint8)
    assert rows.max(0, out) is out and rows.min(0, out) is out
    empty = Rows(np.arange(2), (2, 0), "u1")
    empty.read = []
    with pytest.raises(ValueError, match="zero-size array"):
        empty.min()


def test_rows_cannot_be_set_or_computed_with(rows):
    with pytest.raises(TypeError, match=r"cannot be set; use np.asarray\(X\)"):
        rows[0] = 1
    for compute in (
        lambda: rows + 1,
        lambda: rows - 1,
        lambda: rows * 2,
        lambda: rows / 2,
    ):
        with pytest.raises(TypeError, match=r"Normalization\(0.5\) or Rescaling"):
            compute()
    with pytest.raises(NotImplementedError):
        LazyArray(np.arange(2), (1,), "u1")[0]


def test_rows_are_read_and_shaped_if_they_must_be(rows):
    assert type(read_rows(rows, [0, 2])) is np.ndarray
    np.testing.assert_array_equal(read_rows(rows, [0, 2]), X[[0, 2]])
    np.testing.assert_array_equal(read_rows(X, [0, 2]), X[[0, 2]])
    assert shape_rows(rows, (2, 3)) is rows
    np.testing.assert_array_equal(shape_rows(rows, (6,)), X.reshape(5, 6))
    assert shape_rows(X, (2, 3)).base is X or shape_rows(X, (2, 3)) is X
    assert shape_rows(X, (3, 2)).shape == (5, 3, 2)


def test_few_rows_are_in_memory_at_a_time(monkeypatch):
    lengths = []

    class Counted(Rows):
        def __array__(self, dtype=None, copy=None):
            lengths.append(len(self))
            return super().__array__(dtype, copy)

    rows = Counted(np.arange(5), (2, 3), "u1")
    rows.read = []
    for size, expected in [(13, [2, 2, 1]), (1, [1] * 5), (100, [5])]:
        monkeypatch.setattr(lazy, "_CHUNK_BYTES", size)
        for reduce in (rows.min, rows.max):
            lengths.clear()
            reduce()
            assert lengths == expected
    assert rows.__array__(np.float32).dtype == np.float32


def test_batches_read_the_rows_that_they_take(rows):
    network = Network.build([Dense(1)], (6,), 0)
    found = gather(rows, np.array([3, 1]), network)
    np.testing.assert_array_equal(found, X[[3, 1]].reshape(2, 6))
    assert rows.read == [3, 1]
