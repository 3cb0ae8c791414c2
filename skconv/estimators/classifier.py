"""The estimators."""

from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from .._data.class_encoder import ClassEncoder, check_labels
from .base import BaseConvNet
from .descriptions import adds_parameters, documented
from .parameters import BOUNDS

__all__ = ["ConvNetClassifier"]


@documented
class ConvNetClassifier(ClassifierMixin, BaseConvNet):
    """Convolutional neural network classifier.

    `MLPClassifier`, but convolutional: it minimises the log-loss on minibatches, with
    Adam or with SGD. The network is a list of layers, or the default one described by
    numbers; the output layer, a `Dense` layer with a unit for each class (one for two
    classes), is added to either.

    Parameters
    ----------
    [shared parameters]

    class_weight : dict of label to float, "balanced" or None, default=None
        What samples of each class count for in training, times their `sample_weight`;
        "balanced" has all classes weigh the same. Validation and scores go without.

    label_smoothing : float, default=0.0
        Share of each target that is spread over all classes in training.

    Attributes
    ----------
    [shared attributes]

    classes_ : ndarray of shape (n_classes,)
        Class labels; of a multilabel problem the columns' numbers.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X whole: minibatches are.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skconv import ConvNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     X / 16, y, stratify=y, random_state=0)
    >>> clf = ConvNetClassifier(max_iter=10, random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.97
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BOUNDS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    @adds_parameters(BaseConvNet)
    def __init__(
        self, layers=None, *, class_weight=None, label_smoothing=0.0, **shared
    ):
        super().__init__(layers, **shared)
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for exactly one pass over X, going on from the last call.

        Weights, the solver's moments, the schedule (over `max_iter` such calls) and
        the random stream go on from call to call, as if there had been one long fit.
        After a `fit` the weights go on and the moments start anew, unless `warm_start`
        kept them. `random_state` is not read again.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be. Needed in the first call, unless `y` is a
            multilabel indicator.
        sample_weight : array-like of shape (n,), default=None
            What each sample counts for. Taken as they are, since their mean over
            later calls is not known.

        Returns
        -------
        self
        """
        return self._fit_one_pass(X, y, sample_weight, classes)

    def decision_function(self, X):
        """Compute the outputs before they become probabilities (logits).

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        scores : ndarray of shape (n, n_classes), or (n,) for two classes
            Of the network's dtype. For two classes, above 0 means ``classes_[1]``.
        """
        outputs, coding = self._outputs(X)
        binary = coding.n_outputs == 1 and not coding.multilabel
        return outputs[:, 0] if binary else outputs

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes), of the network's dtype
            In the order of `classes_`; if multilabel, of each label by itself.
        """
        outputs, coding = self._outputs(X)
        return coding.probabilities(outputs)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n, n_classes), of the network's dtype
        """
        outputs, coding = self._outputs(X)
        return coding.log_probabilities(outputs)

    _check_targets = staticmethod(check_labels)

    def _class_factors(self, targets, weight, one_pass):
        if self.class_weight is None:
            return None
        if one_pass and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which does "
                "not know how many of each class there will be. Use sklearn.utils."
                "class_weight.compute_class_weight('balanced', classes=classes, y=y) "
                "on a large enough part of y and pass a dict of what it gives"
            )
        return self._encoder.factors(self.class_weight, targets, weight)

    def _loss(self):
        if not self.label_smoothing:
            return self._encoder.loss
        return partial(self._encoder.loss, smoothing=float(self.label_smoothing))

    def _encode(self, y, classes, go_on, one_pass):
        y = check_labels(y)
        if go_on and one_pass and classes is None:
            return self._encoder.encode(y)  # a part of the data may lack some classes
        if one_pass and classes is None and y.ndim < 2:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        coding = ClassEncoder.learn(y, classes)
        if go_on and (
            coding.multilabel != self._encoder.multilabel
            or not np.array_equal(coding.classes, self.classes_)
        ):
            raise ValueError(
                f"{'classes' if one_pass else 'y'} must have the same classes as in "
                f"the first fit to go on from it, {self.classes_}, got "
                f"{coding.classes}; use warm_start=False and fit to start anew"
            )
        self._encoder = coding
        self.classes_ = coding.classes
        return coding.encode(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
