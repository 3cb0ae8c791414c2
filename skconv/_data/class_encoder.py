"""Class labels as targets of a network, and its outputs as labels."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .. import ops
from .._utils.elementary import log
from .labels import check_labels

__all__ = ["ClassEncoder", "factors_by_class", "log_softmax", "softmax"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class ClassEncoder:
    """The `TargetEncoder` of a classifier.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted; of a multilabel problem the columns' numbers.
    multilabel : bool
        Whether a sample may have any number of the classes.
    """

    classes: _Array
    multilabel: bool

    loss_options: ClassVar[Mapping[str, Any]] = {}
    column_sizes: ClassVar[Sequence[int]] = ()
    score_name: ClassVar[str] = "accuracy"
    has_spread: ClassVar[bool] = False
    has_std: ClassVar[bool] = False

    @classmethod
    def fit(cls, y: _Array, classes: Any = None) -> "ClassEncoder":
        """Return the encoder of `y`, which `check_labels` has checked.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes, where `y` may lack some.

        Raises
        ------
        ValueError
            If there is one class only, or `classes` has not one for each column of a
            multilabel `y`.
        """
        name = "y" if classes is None else "classes"
        if y.ndim == 2:
            if classes is not None and len(classes) != y.shape[1]:
                raise ValueError(
                    f"classes must name each of the {y.shape[1]} labels of a "
                    f"multilabel y, got {len(classes)}"
                )
            if (y.sum(axis=1) == 1).all():
                warnings.warn(
                    "each sample has exactly one label of a multilabel y. If it is "
                    "one-hot, pass y.argmax(axis=1): else probabilities need not sum "
                    "to 1",
                    stacklevel=2,
                )
            return cls(np.arange(y.shape[1]), multilabel=True)
        found = np.unique(y if classes is None else check_labels(classes, name))
        if len(found) < 2:
            raise ValueError(
                f"a classifier needs at least 2 classes, but {name} has one class "
                f"only: {found.tolist()}"
            )
        return cls(found, multilabel=False)

    @property
    def n_outputs(self) -> int:
        """Number of outputs that a network needs: 1 for two classes, else 1 each."""
        n = len(self.classes)
        return 1 if n == 2 and not self.multilabel else n

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one sample."""
        return (self.n_outputs,)

    @property
    def activation(self) -> str:
        """Name of the function from outputs to probabilities."""
        return "logistic" if self.multilabel or self.n_outputs == 1 else "softmax"

    @property
    def loss_name(self) -> str:
        """Name of the op that is the cross-entropy of outputs and targets."""
        kind = "softmax" if self.activation == "softmax" else "sigmoid"
        return f"{kind}_cross_entropy"

    def class_factors(
        self,
        class_weight: Mapping[Any, float] | str,
        targets: _Array,
        sample_weight: _Array | None = None,
    ) -> _Array:
        """Return the factor of each sample's weight that its class gives.

        Parameters
        ----------
        class_weight : "balanced" or dict of label to float
            "balanced" gives all classes the same weight; labels that a dict leaves
            out have weight 1. A dict may have labels that `y` lacks, as the parts of a
            cross-validation may, if it has all that `y` has.
        targets : ndarray
        sample_weight : ndarray of shape (n,) or None

        Returns
        -------
        factors : ndarray of shape (n,)

        Raises
        ------
        ValueError
            If the problem is multilabel, a weight is negative, or a dict lacks some
            labels and has unknown ones, which are probably misspelt.
        """
        if self.multilabel:
            raise ValueError(
                "class_weight is for samples of one class each, got a multilabel y; "
                "use sample_weight"
            )
        if isinstance(class_weight, list):
            raise ValueError(
                "class_weight must be a dict or 'balanced', as y has one column, got a "
                f"list: {class_weight!r}"
            )
        codes, share = targets.ravel().astype(np.intp), None
        if sample_weight is not None:
            share = sample_weight / sample_weight.max()
        counts = np.bincount(codes, share, minlength=len(self.classes))
        return factors_by_class(class_weight, self.classes, counts)[codes]

    def transform(self, y: _Array, name: str = "y") -> _Array:
        """Return checked labels as targets of the loss.

        Returns
        -------
        targets : ndarray of shape (n,) or (n, n_outputs)
            Codes of many classes; 0 and 1 of two, or of labels.

        Raises
        ------
        ValueError
            If `y` has unknown classes, or another number of labels.
        """
        if self.multilabel != (y.ndim == 2) or (
            self.multilabel and y.shape[1] != len(self.classes)
        ):
            known = f"{len(self.classes)} {'labels' if self.multilabel else 'classes'}"
            raise ValueError(
                f"{name} of shape {y.shape} does not match the {known} of the first fit"
            )
        if self.multilabel:
            return y.astype(np.uint8)
        codes = self.codes(y, name)
        return codes if self.activation == "softmax" else codes[:, None]

    def codes(self, y: _Array, name: str) -> _Array:
        """Return the place of each label in `classes`."""
        found, codes = np.unique(y, return_inverse=True)
        classes = self.classes
        if found.dtype.kind == classes.dtype.kind and found.dtype.kind in "mM":
            unit = np.promote_types(found.dtype, classes.dtype)
            found, classes = found.astype(unit), classes.astype(unit)
        code_of = {label: code for code, label in enumerate(_entries(classes))}
        if unknown := [label for label in _entries(found) if label not in code_of]:
            raise ValueError(
                f"{name} has classes that are not in classes_: {unknown} are not among "
                f"{list(code_of)}"
            )
        return np.array([code_of[label] for label in _entries(found)])[codes]

    def inverse_transform(self, targets: _Array) -> _Array:
        """Return the labels that targets represent."""
        return targets if self.multilabel else self.classes[targets.ravel()]

    def predict(self, outputs: _Array) -> _Array:
        """Return the labels that outputs of shape (n, n_outputs) represent."""
        if self.multilabel:
            return (outputs > 0).astype(int)
        if self.n_outputs == 1:
            return self.classes[(outputs[:, 0] > 0).astype(int)]
        return self.classes[outputs.argmax(axis=1)]

    def predict_proba(self, outputs: _Array) -> NDArray[np.floating[Any]]:
        """Return the probability of each class, (n, n_classes).

        They are in the order of the outputs: where rounding makes the probability of
        the predicted class equal to another, it is the next larger number. None is 0.
        """
        if self.multilabel:
            # Of float32 they would be 1, all the same, from outputs of 17 on.
            probabilities = special.expit(outputs.astype(np.float64))
            half = np.nextafter(probabilities.dtype.type(0.5), 1)
            probabilities[(outputs > 0) & (probabilities < half)] = half
            return _above_zero(probabilities)
        if self.n_outputs == 1:
            outputs = np.hstack([-outputs, outputs])
        return _with_largest(ops.activate(outputs, self.activation), outputs)

    def predict_log_proba(self, outputs: _Array) -> NDArray[np.floating[Any]]:
        """Return log-probabilities, exact also of those too small for a float."""
        if self.activation == "softmax":
            return log_softmax(outputs)
        both = outputs if self.multilabel else np.hstack([-outputs, outputs])
        return _with_logarithms(special.log_expit(both), self.predict_proba(outputs))

    def decision_function(self, outputs: _Array) -> _Array:
        """Return the outputs, of two classes as one number for each sample."""
        binary = self.n_outputs == 1 and not self.multilabel
        return outputs[:, 0] if binary else outputs

    def same_classes(self, other: Any) -> bool:
        """Return whether another encoder has the same classes."""
        return (
            isinstance(other, ClassEncoder)
            and other.multilabel == self.multilabel
            and np.array_equal(other.classes, self.classes)
        )

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return the accuracy: the share of samples whose labels are all right."""
        if self.activation == "softmax":
            hits = outputs.argmax(axis=1) == targets
        else:
            hits = ((outputs > 0) == targets).all(axis=1)
        return float(np.average(hits, weights=sample_weight))

    def constant_outputs(
        self, targets: _Array, sample_weight: _Array | None = None
    ) -> _Array:
        """Return the outputs that fit all samples best if they are the same for all."""
        if self.activation == "softmax":
            counts = np.bincount(targets, sample_weight, minlength=self.n_outputs)
            return np.log(np.maximum(counts / counts.sum(), np.finfo(float).tiny))
        share = np.average(targets, axis=0, weights=sample_weight)
        return special.logit(np.clip(share, 1e-12, 1 - 1e-12))

    def find_gaps(self, targets: _Array, sample_weight: _Array | None = None) -> str:
        """Return in words which classes are missing, "" if none.

        A label that all samples of a multilabel problem have is missing, too.
        """
        used = targets if sample_weight is None else targets[sample_weight > 0]
        if self.activation == "softmax":
            missing = np.bincount(used, minlength=self.n_outputs) == 0
        elif self.multilabel:
            missing = (used == used[0]).all(axis=0)
        else:
            missing = np.array([used.all(), not used.any()])
        if not missing.any():
            return ""
        which = _entries(self.classes[missing])
        if self.multilabel:
            return f"all or none of them have the labels {which}"
        return f"none of them has the classes {which}"

    def stratify(self, targets: _Array) -> _Array | None:
        """Return the classes to stratify a split of targets by; None if multilabel."""
        return None if self.multilabel else self.inverse_transform(targets)


def softmax(outputs: _Array) -> NDArray[np.floating[Any]]:
    """Return probabilities of classes, of which the largest has the largest output."""
    return _with_largest(ops.activate(outputs, "softmax"), outputs)


def log_softmax(outputs: _Array) -> NDArray[np.floating[Any]]:
    """Return logarithms of `softmax`, exact also of those too small for a float."""
    return _with_logarithms(special.log_softmax(outputs, axis=1), softmax(outputs))


def _with_largest(probabilities: _Array, outputs: _Array) -> _Array:
    """Make the probability of each sample's largest output the largest, in place."""
    _above_zero(probabilities)
    predicted, largest = outputs.argmax(axis=1), probabilities.argmax(axis=1)
    (tied,) = np.nonzero(predicted != largest)
    above = np.nextafter(probabilities[tied, largest[tied]], 1)
    probabilities[tied, predicted[tied]] = above
    return probabilities


def _above_zero(probabilities: _Array) -> _Array:
    """Make those that rounded to 0, or nearly, the smallest normal number, in place.

    A softmax is never 0: its logarithm would be infinite, and no outputs can be so.
    """
    tiny = np.finfo(probabilities.dtype).tiny
    return np.maximum(probabilities, tiny, out=probabilities)


def _with_logarithms(exact: _Array, probabilities: _Array) -> _Array:
    """Put the own logarithms of probabilities that are normal numbers into `exact`."""
    normal = probabilities > np.finfo(probabilities.dtype).tiny
    exact[normal] = log(probabilities[normal])
    return exact


def _entries(labels: _Array) -> list[Any]:
    """Return labels as Python's objects, but dates in their unit.

    As Python's objects, dates of nanoseconds are ints, and others have another hash.
    """
    return list(labels) if labels.dtype.kind in "mM" else labels.tolist()


def factors_by_class(
    class_weight: Mapping[Any, float] | str, classes: _Array, counts: _Array
) -> NDArray[np.float64]:
    """Return the factor of each class, as `ClassEncoder.class_factors` describes it.

    Parameters
    ----------
    class_weight : "balanced" or dict of label to float
    classes : ndarray of shape (n_classes,)
    counts : ndarray of shape (n_classes,)
        How many there are of each, with their weights.
    """
    k = len(classes)
    if isinstance(class_weight, str):
        present, of_class = counts > 0, np.zeros(k)
        of_class[present] = counts.sum() / (present.sum() * counts[present])
        return of_class
    labels, of_class = _entries(classes), np.ones(k)
    known = {key: labels.index(key) for key in class_weight if key in labels}
    if len(known) < min(k, len(class_weight)):
        unknown = [key for key in class_weight if key not in known]
        raise ValueError(
            f"class_weight has classes that are not in y: {unknown} are not among "
            f"{labels}. Weights of further classes are ignored only if each class "
            "of y has one"
        )
    for key, code in known.items():
        of_class[code] = class_weight[key]
    given = np.array(list(class_weight.values()), float)
    if not (np.isfinite(given).all() and (given >= 0).all() and of_class.any()):
        raise ValueError(
            f"class_weight must hold finite numbers >= 0, not all 0, got {class_weight}"
        )
    return of_class
