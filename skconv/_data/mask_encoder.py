"""Masks, a label for each pixel, as targets of a network, and its outputs as masks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .class_encoder import ClassEncoder, factors_by_class, softmax
from .labels import check_labels
from .samples import pixel_weight

__all__ = ["MaskEncoder"]

_Array = NDArray[Any]

# Pixels that are looked at at a time.
_CHUNK = 2**20
# Integers in a range up to this are looked up in a table.
_TABLE = 2**16


@dataclass(frozen=True)
class MaskEncoder:
    """The `TargetEncoder` of a segmenter.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    shape : tuple of int
        Of a mask: (h, w), or (l,) of signals.
    """

    classes: _Array
    shape: tuple[int, ...]

    activation: ClassVar[str] = "softmax"
    loss_name: ClassVar[str] = "softmax_cross_entropy"
    loss_options: ClassVar[Mapping[str, Any]] = {}
    column_sizes: ClassVar[Sequence[int]] = ()
    has_spread: ClassVar[bool] = False
    has_std: ClassVar[bool] = False
    score_name: ClassVar[str] = "mean intersection over union"

    @classmethod
    def fit(cls, y: _Array, classes: Any = None) -> "MaskEncoder":
        """Return the encoder of `y`, which `check_masks` has checked.

        Parameters
        ----------
        y : ndarray of shape (n, h, w) or (n, length)
        classes : array-like of shape (n_classes,), default=None
            All classes, where `y` may lack some.

        Raises
        ------
        ValueError
            If there is one class only.
        """
        name = "y" if classes is None else "classes"
        found = _labels_in(y)
        if classes is not None:
            found = np.unique(check_labels(classes, name))
        if len(found) < 2:
            raise ValueError(
                f"a segmenter needs at least 2 classes, but {name} has one class only: "
                f"{found.tolist()}"
            )
        return cls(found, y.shape[1:])

    def including(self, y: _Array) -> "MaskEncoder":
        """Return an encoder that has the further labels of checked masks, too."""
        known, found = self.classes.tolist(), _labels_in(y)
        unknown = [label not in known for label in found.tolist()]
        if found.dtype.kind != self.classes.dtype.kind or not any(unknown):
            return self  # another kind of labels is an error, later
        return replace(self, classes=np.concatenate([self.classes, found[unknown]]))

    @property
    def n_outputs(self) -> int:
        """Number of outputs for each pixel."""
        return len(self.classes)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one sample."""
        return (*self.shape, self.n_outputs)

    def count(
        self, targets: _Array, sample_weight: _Array | None
    ) -> NDArray[np.float64]:
        """Return how many pixels there are of each class, with their weights."""
        counts = np.zeros(self.n_outputs)
        for part in _parts(targets):
            codes, weight = targets[part], None
            if sample_weight is not None:
                weight = pixel_weight(sample_weight[part], codes.shape).ravel()
            counts += np.bincount(codes.ravel(), weight, minlength=len(counts))
        return counts

    def class_factors(
        self,
        class_weight: Mapping[Any, float] | str,
        targets: _Array,
        sample_weight: _Array | None = None,
    ) -> NDArray[np.float64]:
        """Return the factor of the weight of each class's pixels, (n_classes,).

        As `ClassEncoder.class_factors` does; "balanced" counts pixels.
        """
        counts = self.count(targets, sample_weight)
        return factors_by_class(class_weight, self.classes, counts)

    def transform(self, y: _Array, name: str = "y") -> _Array:
        """Return checked masks as targets of the loss.

        Returns
        -------
        targets : ndarray of shape (n, h, w) or (n, length)
            Codes in uint8, or in uint16 or int32 if there are many classes.

        Raises
        ------
        ValueError
            If `y` has unknown classes, or masks of another size.
        """
        if y.shape[1:] != self.shape:
            raise ValueError(
                f"{name} has masks of {_size(y.shape[1:])}, but those of the first fit "
                f"are of {_size(self.shape)}"
            )
        found = _labels_in(y)
        codes = ClassEncoder(self.classes, multilabel=False).transform(found, name)
        k = self.n_outputs
        dtype = np.uint8 if k <= 2**8 else np.uint16 if k <= 2**16 else np.int32
        return _look_up(y, found, codes.ravel().astype(dtype))

    def inverse_transform(self, targets: _Array) -> _Array:
        """Return the masks that targets represent."""
        return self.classes[targets]

    def predict(self, outputs: _Array) -> _Array:
        """Return the masks that outputs of shape (n, *output_shape) represent."""
        return self.classes[outputs.argmax(axis=-1)]

    def predict_proba(self, outputs: _Array) -> NDArray[np.floating[Any]]:
        """Return the probability of each class at each pixel, like the outputs."""
        rows = outputs.reshape(-1, self.n_outputs)
        return softmax(rows).reshape(outputs.shape)

    def tally(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> NDArray[np.float64]:
        """Return what a score needs of some samples: a sum, see `score_of`.

        Returns
        -------
        confusion : ndarray of shape (n_classes, n_classes)
            Weight of the pixels of each class, in rows, by the class predicted.
        """
        k, weight = self.n_outputs, None
        pairs = targets.astype(np.intp) * k + outputs.argmax(axis=-1)
        if sample_weight is not None:
            weight = pixel_weight(sample_weight, targets.shape).ravel()
        counts = np.bincount(pairs.ravel(), weight, minlength=k * k)
        return counts.reshape(k, k).astype(np.float64)

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return the score of all samples at once."""
        return self.score_of(self.tally(outputs, targets, sample_weight))

    def score_of(self, total: _Array) -> float:
        """Return the mean intersection over union, of the sum of tallies.

        The mean is over the classes that a pixel has or is predicted to have.
        """
        union = total.sum(axis=0) + total.sum(axis=1) - total.diagonal()
        present = union > 0
        if not present.any():
            return math.nan
        return float((total.diagonal()[present] / union[present]).mean())

    def constant_outputs(
        self, targets: _Array, sample_weight: _Array | None = None
    ) -> _Array:
        """Return the outputs of a pixel that fit all best if they are the same."""
        counts = self.count(targets, sample_weight)
        return np.log(np.maximum(counts / counts.sum(), np.finfo(float).tiny))

    def find_gaps(self, targets: _Array, sample_weight: _Array | None = None) -> str:
        """Return in words which classes are missing, "" if none."""
        missing = self.count(targets, sample_weight) == 0
        if not missing.any():
            return ""
        return f"none of them has the classes {self.classes[missing].tolist()}"

    def stratify(self, targets: _Array) -> None:
        """Return None: a mask has several classes."""
        return None


def _parts(masks: _Array) -> Iterator[slice]:
    """Yield slices of some masks each."""
    size = max(1, _CHUNK // max(1, math.prod(masks.shape[1:])))
    for start in range(0, len(masks), size):
        yield slice(start, start + size)


def _labels_in(y: _Array) -> _Array:
    """Return the sorted labels that masks have."""
    return np.unique(np.concatenate([np.unique(y[part]) for part in _parts(y)]))


def _look_up(y: _Array, found: _Array, codes: _Array) -> _Array:
    """Return the code of each label of `y`, for all labels `found` in it."""
    targets, table = np.empty(y.shape, codes.dtype), None
    low = int(found[0]) if found.dtype.kind in "biu" else 0
    if found.dtype.kind in "biu" and int(found[-1]) - low < _TABLE:
        places = np.array([int(label) - low for label in found])
        table = np.zeros(places[-1] + 1, codes.dtype)
        table[places] = codes
    for part in _parts(y):
        if table is None:
            targets[part] = codes[np.searchsorted(found, y[part])]
        elif y.dtype.kind == "b":
            targets[part] = table[y[part].astype(np.uint8) - low]
        else:
            targets[part] = table[y[part] - y.dtype.type(low)]
    return targets


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
