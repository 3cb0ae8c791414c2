"""Arrays whose rows are read when they are needed."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["LazyArray", "read_rows", "shape_rows"]

_Array = NDArray[Any]

# Bytes that are read at a time where all rows are searched.
_CHUNK_BYTES = 2**26


class LazyArray:
    """An array whose rows are read when they are needed, as samples of X.

    Indexing with a number reads a row. Slices, lists and arrays select rows and read
    none, so that splits take no memory; ``np.asarray`` reads all rows.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        What a row is read from.
    row_shape : tuple of int
    dtype : numpy.dtype
    """

    def __init__(self, rows: _Array, row_shape: tuple[int, ...], dtype: Any) -> None:
        self._rows, self._row_shape, self.dtype = rows, row_shape, np.dtype(dtype)

    def _read(self, row: Any) -> _Array:
        """Return one row, of `row_shape` and `dtype`."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as of an array."""
        return len(self._rows), *self._row_shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """The bytes that the array would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[_Array]:
        return map(self._read, self._rows)

    def __getitem__(self, key: Any) -> Any:
        first, *others = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis and len(others) < self.ndim:
            first, others = slice(None), [Ellipsis, *others]
        elif first is Ellipsis:  # which is of no axis
            first, *others = others
        rows = self._rows[first]
        if first is None or np.ndim(rows) > 1:
            raise IndexError(
                f"rows must be selected by a number, a slice or a list, got {first!r}. "
                "np.asarray reads all rows, for any index"
            )
        if np.ndim(rows) == 0:
            return self._read(rows)[tuple(others)]
        part = self._select(rows)
        if all(each is Ellipsis or each == slice(None) for each in others):
            return part
        return np.asarray(part)[(slice(None), *others)]

    def _select(self, rows: _Array) -> Self:
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__, _rows=rows)
        return part

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> _Array:
        if copy is False:
            raise ValueError("rows cannot become an array without reading them")
        array = np.empty(self.shape, self.dtype if dtype is None else dtype)
        for i, row in enumerate(self):
            array[i] = row
        return array

    def min(self, axis: Any = None, out: Any = None) -> Any:
        """Return the smallest value; without an axis, rows are read a few at a time."""
        return self._reduce(np.min) if axis is None else np.asarray(self).min(axis, out)

    def max(self, axis: Any = None, out: Any = None) -> Any:
        """Return the largest value; without an axis, rows are read a few at a time."""
        return self._reduce(np.max) if axis is None else np.asarray(self).max(axis, out)

    def _reduce(self, of: Callable[..., Any]) -> Any:
        size = max(1, _CHUNK_BYTES // max(1, self[:1].nbytes))
        starts = range(0, len(self), size)
        return of([of(np.asarray(self[i : i + size])) for i in starts])

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TypeError("rows are read from files and cannot be set; use np.asarray(X)")

    def _refuse(self, other: Any) -> NoReturn:
        raise TypeError(
            "images in files cannot be computed with. np.asarray(X) reads all of them; "
            "Normalization(0.5) or Rescaling(1 / 255), first in layers, scales a batch"
        )

    __add__ = __sub__ = __mul__ = __truediv__ = _refuse

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


def read_rows(X: Any, rows: Any) -> _Array:
    """Return some rows of an array, which are read if it is lazy."""
    return np.asarray(X[rows])


def shape_rows(X: Any, shape: tuple[int, ...]) -> Any:
    """Return an array whose rows have a shape; one that is lazy remains so."""
    if isinstance(X, LazyArray) and X.shape[1:] == shape:
        return X
    return np.asarray(X).reshape(len(X), *shape)
