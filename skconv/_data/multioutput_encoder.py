"""Several columns of class labels as targets, and a network's outputs as labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .class_encoder import ClassEncoder, log_softmax, softmax
from .labels import check_labels

__all__ = ["MultiOutputEncoder"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class MultiOutputEncoder:
    """The `TargetEncoder` of a classifier of several columns of classes.

    The network has an output for each class of each column, those of a column side by
    side, with a softmax for each column.

    Attributes
    ----------
    columns : tuple of ClassEncoder
    """

    columns: tuple[ClassEncoder, ...]

    multilabel: ClassVar[bool] = False
    activation: ClassVar[str] = "softmax"
    loss_name: ClassVar[str] = "softmax_cross_entropy"
    loss_options: ClassVar[Mapping[str, Any]] = {}
    score_name: ClassVar[str] = "accuracy"
    has_spread: ClassVar[bool] = False
    has_std: ClassVar[bool] = False

    @classmethod
    def fit(
        cls, y: _Array, classes: Sequence[Any] | None = None
    ) -> "MultiOutputEncoder":
        """Return the encoder of `y`, which `check_labels` has checked.

        Parameters
        ----------
        y : ndarray of shape (n, n_columns)
        classes : list of array-like, default=None
            All classes of each column, where `y` may lack some.

        Raises
        ------
        ValueError
            If a column has one class only, or `classes` has not one array for each.
        """
        if classes is not None and y.shape[1:] != (len(classes),):
            raise ValueError(
                "classes must be one array for each column of y, for y of shape "
                f"{y.shape}, got {len(classes)} arrays"
            )
        columns = []
        for j in range(y.shape[1]):
            column = check_labels(y[:, j], f"y[:, {j}]")
            try:
                of_column = None if classes is None else classes[j]
                columns.append(ClassEncoder.fit(column, of_column))
            except ValueError as error:
                raise ValueError(f"column {j} of y: {error}") from None
        return cls(tuple(columns))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one sample."""
        return (self.n_outputs,)

    @property
    def classes(self) -> list[_Array]:
        """The classes of each column."""
        return [each.classes for each in self.columns]

    @property
    def column_sizes(self) -> tuple[int, ...]:
        """How many classes each column has."""
        return tuple(len(each.classes) for each in self.columns)

    @property
    def n_outputs(self) -> int:
        """Number of outputs that a network needs: one for each class of each column."""
        return sum(self.column_sizes)

    def split(self, outputs: _Array) -> list[_Array]:
        """Return the outputs of each column, (n, n_classes)."""
        parts = np.split(outputs, np.cumsum(self.column_sizes)[:-1], axis=1)
        return [np.ascontiguousarray(part) for part in parts]

    def same_classes(self, other: Any) -> bool:
        """Return whether another encoder has the same columns of the same classes."""
        return (
            isinstance(other, MultiOutputEncoder)
            and len(other.columns) == len(self.columns)
            and all(map(ClassEncoder.same_classes, self.columns, other.columns))
        )

    def class_factors(
        self,
        class_weight: Sequence[Mapping[Any, float]] | Mapping[Any, float] | str,
        targets: _Array,
        sample_weight: _Array | None = None,
    ) -> _Array:
        """Return the product of the factors that each column's classes give.

        Parameters
        ----------
        class_weight : "balanced" or list of dict of label to float
            One dict for each column, see `ClassEncoder.class_factors`.
        targets : ndarray of shape (n, n_columns)
        sample_weight : ndarray of shape (n,) or None

        Returns
        -------
        factors : ndarray of shape (n,)
        """
        n = len(self.columns)
        each: Any = class_weight
        if isinstance(class_weight, str):
            each = [class_weight] * n
        elif (
            isinstance(class_weight, Mapping)
            or len(class_weight) != n
            or not all(isinstance(weights, Mapping) for weights in class_weight)
        ):
            raise ValueError(
                "class_weight must be 'balanced' or a list of dicts, one for each of "
                f"the {n} columns of y, got {class_weight!r}"
            )
        factors = [
            column.class_factors(weight, codes, sample_weight)
            for column, weight, codes in zip(self.columns, each, targets.T, strict=True)
        ]
        return np.prod(factors, axis=0)

    def transform(self, y: _Array, name: str = "y") -> _Array:
        """Return checked labels as codes, (n, n_columns).

        Raises
        ------
        ValueError
            If a column has unknown classes, or there are more or fewer of them.
        """
        n = len(self.columns)
        if y.ndim != 2 or y.shape[1] != n:
            raise ValueError(
                f"{name} of shape {y.shape} does not match the {n} columns of classes "
                "of the first fit"
            )
        named = [f"{name}[:, {j}]" for j in range(n)]
        return np.stack(
            [
                column.codes(check_labels(labels, at), at)
                for column, labels, at in zip(self.columns, y.T, named, strict=True)
            ],
            axis=1,
        )

    def inverse_transform(self, targets: _Array) -> _Array:
        """Return the labels that codes represent, (n, n_columns), in their dtype.

        It is that of all columns, or object if these have several kinds.
        """
        columns = [
            classes[codes]
            for classes, codes in zip(self.classes, targets.T, strict=True)
        ]
        if len({column.dtype.kind for column in columns}) == 1:
            return np.stack(columns, axis=1)
        labels = np.empty(targets.shape, object)
        for j, column in enumerate(columns):
            labels[:, j] = column
        return labels

    def predict(self, outputs: _Array) -> _Array:
        """Return the labels that outputs of shape (n, n_outputs) represent."""
        return self.inverse_transform(self._codes(outputs))

    def _codes(self, outputs: _Array) -> _Array:
        return np.stack([part.argmax(axis=1) for part in self.split(outputs)], axis=1)

    def decision_function(self, outputs: _Array) -> list[_Array]:
        """Return the outputs of each column."""
        return self.split(outputs)

    def predict_proba(self, outputs: _Array) -> list[_Array]:
        """Return the probabilities of each column's classes."""
        return [softmax(part) for part in self.split(outputs)]

    def predict_log_proba(self, outputs: _Array) -> list[_Array]:
        """Return their logarithms, exact also of those too small for a float."""
        return [log_softmax(part) for part in self.split(outputs)]

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return the share of samples whose labels are right in all columns."""
        hits = (self._codes(outputs) == targets).all(axis=1)
        return float(np.average(hits, weights=sample_weight))

    def constant_outputs(
        self, targets: _Array, sample_weight: _Array | None = None
    ) -> _Array:
        """Return the outputs that fit all samples best if they are the same for all."""
        shares = [
            np.bincount(codes, sample_weight, minlength=size) for codes, size in
            zip(targets.T, self.column_sizes, strict=True)
        ]  # fmt: skip
        shares = [share / share.sum() for share in shares]
        return np.log(np.maximum(np.concatenate(shares), np.finfo(float).tiny))

    def find_gaps(self, targets: _Array, sample_weight: _Array | None = None) -> str:
        """Return in words which classes are missing in a column, "" if none."""
        used = targets if sample_weight is None else targets[sample_weight > 0]
        for j, classes in enumerate(self.classes):
            missing = np.bincount(used[:, j], minlength=len(classes)) == 0
            if missing.any():
                which = classes[missing].tolist()
                return f"none of them has the classes {which} in column {j} of y"
        return ""

    def stratify(self, targets: _Array) -> _Array:
        """Return the combination of classes of each sample, to stratify a split by.

        Samples whose combination no other has are one stratum.
        """
        _, codes, counts = np.unique(
            targets, axis=0, return_inverse=True, return_counts=True
        )
        codes = codes.ravel()
        return np.where(counts[codes] > 1, codes, -1)
