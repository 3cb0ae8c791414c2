"""Classes of any type, as numbers for a network and back."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .. import ops
from .._training.losses import LOSSES

__all__ = ["ClassEncoder", "check_labels"]


@dataclass(frozen=True)
class ClassEncoder:
    """How a classifier's outputs stand for its classes.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted; of a multilabel problem the columns' numbers.
    multilabel : bool
        Whether a sample may have any number of the classes.
    """

    classes: np.ndarray
    multilabel: bool

    @classmethod
    def learn(cls, y, classes=None):
        """Learn the classes of `y`, which `check_labels` has checked, or those given.

        Raises
        ------
        ValueError
            If there are too few, or not as many as `y` has columns.
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
        with _needs_order(name):
            classes = np.unique(y if classes is None else column_or_1d(classes))
        if len(classes) < 2:
            raise ValueError(
                f"a classifier needs at least 2 classes, but {name} has one class "
                f"only: {classes.tolist()}"
            )
        return cls(classes, multilabel=False)

    @property
    def activation(self):
        """What turns outputs into probabilities."""
        return "logistic" if self.multilabel or self.n_outputs == 1 else "softmax"

    @property
    def loss(self):
        """The cross-entropy, ``(outputs, targets, weight) -> (value, d_outputs)``."""
        return LOSSES[self.activation]

    def factors(self, class_weight, targets, weight=None):
        """Return what each sample's weight is multiplied by for its class.

        Parameters
        ----------
        class_weight : "balanced" or dict of label to float
            "balanced" has all classes weigh the same; labels that a dict leaves out
            count 1.
        targets : ndarray
        weight : ndarray of shape (n,) or None

        Returns
        -------
        factors : ndarray of shape (n,)

        Raises
        ------
        ValueError
            If the problem is multilabel, a label unknown or a weight negative.
        """
        if self.multilabel:
            raise ValueError(
                "class_weight is for samples of one class each, got a multilabel y; "
                "use sample_weight"
            )
        codes, k = targets.ravel().astype(np.intp), len(self.classes)
        if isinstance(class_weight, str):
            share = None if weight is None else weight / weight.max()
            counts = np.bincount(codes, share, minlength=k)
            present = counts > 0
            of_class = np.zeros(k)
            of_class[present] = counts.sum() / (present.sum() * counts[present])
            return of_class[codes]
        labels = self.classes.tolist()
        if unknown := [label for label in class_weight if label not in labels]:
            raise ValueError(
                f"class_weight has classes that are not in y: {unknown} are not among "
                f"{labels}"
            )
        of_class = np.array([class_weight.get(label, 1) for label in labels], float)
        if not (
            np.isfinite(of_class).all() and (of_class >= 0).all() and of_class.any()
        ):
            raise ValueError(
                "class_weight must hold finite numbers >= 0, not all 0, got "
                f"{class_weight}"
            )
        return of_class[codes]

    @property
    def n_outputs(self):
        """How many outputs it takes: one for two classes, else one each."""
        n = len(self.classes)
        return 1 if n == 2 and not self.multilabel else n

    def encode(self, y, name="y"):
        """Return checked labels as targets of the loss that goes with `activation`.

        Returns
        -------
        targets : ndarray of shape (n,) or (n, n_outputs)
            Codes of many classes; 0 and 1 of two, or of labels.

        Raises
        ------
        ValueError
            If `y` has classes that are not known.
        """
        if self.multilabel != (y.ndim == 2) or (
            self.multilabel and y.shape[1] != len(self.classes)
        ):
            known = f"{len(self.classes)} {'labels' if self.multilabel else 'classes'}"
            raise ValueError(
                f"{name} of shape {y.shape} does not go with the {known} of the first "
                "fit"
            )
        if self.multilabel:
            return y.astype(np.uint8)
        found, codes = np.unique(y, return_inverse=True)
        known = {label: code for code, label in enumerate(self.classes.tolist())}
        if unknown := [label for label in found.tolist() if label not in known]:
            raise ValueError(
                f"{name} has classes that are not in classes_: {unknown} are not among "
                f"{list(known)}"
            )
        codes = np.array([known[label] for label in found.tolist()])[codes]
        return codes if self.activation == "softmax" else codes[:, None]

    def decide(self, outputs):
        """Return the labels that outputs of shape (n, n_outputs) stand for."""
        if self.multilabel:
            return (outputs > 0).astype(int)
        if self.n_outputs == 1:
            return self.classes[(outputs[:, 0] > 0).astype(int)]
        return self.classes[outputs.argmax(axis=1)]

    def decode(self, targets):
        """Return the labels that targets stand for."""
        return targets if self.multilabel else self.classes[targets.ravel()]

    def score(self, outputs, targets, weight=None):
        """Return the accuracy: the share of samples all of whose labels are right."""
        if self.activation == "softmax":
            hits = outputs.argmax(axis=1) == targets
        else:
            hits = ((outputs > 0) == targets).all(axis=1)
        return np.average(hits, weights=weight)

    def strata(self, targets):
        """Return what to stratify a split of targets by; None if multilabel."""
        return None if self.multilabel else self.decode(targets)

    def probabilities(self, outputs):
        """Return the probability of each class, (n, n_classes)."""
        if self.multilabel or self.n_outputs > 1:
            return ops.activate(outputs, self.activation)
        return ops.activate(np.hstack([-outputs, outputs]), "logistic")

    def log_probabilities(self, outputs):
        """Return their logarithms, finite also where a probability rounds to 0."""
        if self.activation == "softmax":
            exact = special.log_softmax(outputs, axis=1)
        elif self.multilabel:
            exact = special.log_expit(outputs)
        else:
            exact = special.log_expit(np.hstack([-outputs, outputs]))
        # Where a probability is a plain number, its own logarithm: both shall agree.
        probabilities = self.probabilities(outputs)
        plain = probabilities > np.finfo(probabilities.dtype).tiny
        return np.log(probabilities, where=plain, out=exact)


def check_labels(y, name="y"):
    """Return `y` as (n,) labels or, of a multilabel problem, (n, k) of 0 and 1.

    Raises
    ------
    ValueError
        If it is neither.
    """
    assert_all_finite(y, input_name=name)
    with warnings.catch_warnings(), _needs_order(name):
        # That many classes could mean regression is none of a classifier's concern.
        warnings.filterwarnings("ignore", "The number of unique classes is greater")
        kind = type_of_target(y, input_name=name)
        check_classification_targets(y)
    if kind != "multilabel-indicator":
        return column_or_1d(y, warn=True)
    y = y.toarray() if issparse(y) else np.asarray(y)
    if not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"a multilabel {name} must hold 0 and 1 alone, got "
            f"{np.unique(y)[:5].tolist()}"
        )
    return y


@contextmanager
def _needs_order(name):
    """Explain the error that comparing labels of several types ends in."""
    try:
        yield
    except TypeError as error:
        raise ValueError(
            f"{name} must hold labels of one type, so that they have an order: {error}"
        ) from None
