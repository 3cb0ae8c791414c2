"""The classifier."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._data.class_encoder import ClassEncoder
from .._data.labels import check_labels, is_indicator
from .._data.multioutput_encoder import MultiOutputEncoder
from .._data.samples import Samples, check_sample_weight
from .._training.loop import StoppingRule
from .._training.losses import Loss, loss_of
from ..augmentation.protocol import Transforms
from .base import BaseConvNet
from .options import class_loss_options
from .parameters import (
    CONSTRAINTS,
    Layers,
    Pair,
    Pretrained,
    Schedule,
    Scoring,
    Shape,
    View,
    check_class_weight,
    checks_parameters,
    documented,
    store,
)
from .prediction import PredictionMixin

__all__ = ["ConvNetClassifier"]

_Weights: TypeAlias = Mapping[Any, float]
ClassWeight: TypeAlias = _Weights | list[_Weights] | Literal["balanced"] | None

# A training loss below this and below ten times `tol` leaves nothing to learn.
_ENOUGH = 1e-3


@documented
class ConvNetClassifier(ClassifierMixin, PredictionMixin, BaseConvNet):
    """Convolutional neural network classifier.

    `MLPClassifier`, but convolutional: it minimises the log-loss on minibatches, with
    Adam or with SGD. The network is a list of layers, or the default one described by
    numbers. An output layer is added to either: a `Dense` layer with a unit for each
    class (one for two classes).

    Parameters
    ----------
    [shared parameters]

    class_weight : dict of label to float, list of dict, "balanced", default=None
        Factor of the `sample_weight` of each class in training; "balanced" gives all
        classes the same weight. Of several columns of classes it is a list with a dict
        for each, or "balanced", and their factors are multiplied. Validation and scores
        do not use it.

    label_smoothing : float, default=0.0
        Share of each training target that is spread over all classes.

    focal_gamma : float, default=0.0
        Above 0, training minimises the focal loss: the log-loss of a sample is
        multiplied by ``(1 - p) ** focal_gamma``, where p is the probability of its
        class (if multilabel, of each label). So samples that are already predicted well
        count less; 2 is usual. Losses are smaller then: lower `tol` accordingly.

    Attributes
    ----------
    [shared attributes]

    classes_ : ndarray of shape (n_classes,), or a list of them
        Class labels; of a multilabel problem the columns' numbers; of several columns
        of classes a list of each column's labels.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X as a whole, only minibatches of it.

    Of y with several columns, (n, k), those of 0 and 1 alone are labels, of which a
    sample may have any number (multilabel). All others are columns of classes, of which
    a sample has one in each, as scikit-learn's forests have it: the output layer has a
    softmax for each column, and the loss is the sum of theirs.

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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
    }
    _check_targets = staticmethod(check_labels)

    classes_: Any
    _encoders: ClassVar[tuple[type, ...]] = (ClassEncoder, MultiOutputEncoder)
    _encoder: ClassEncoder | MultiOutputEncoder

    def __init__(
        self,
        layers: Layers | None = None,
        *,
        input_shape: Shape | None = None,
        filters: int | Sequence[int] | Literal["auto"] = "auto",
        kernel_size: Pair = 3,
        stride: Pair = 1,
        pool_size: Pair = 2,
        hidden_layer_sizes: int | Sequence[int] = (128,),
        activation: str = "relu",
        solver: Literal["adam", "sgd", "muon"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        warmup_steps: float = 0,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: Scoring | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        clip_norm: float | None = None,
        ema_momentum: float | None = None,
        pretrained: Pretrained | None = None,
        frozen: str | Sequence[str] | None = None,
        learning_rate_multipliers: Mapping[str, float] | None = None,
        augment: Transforms | None = None,
        tta: View | Sequence[View] | None = None,
        transform_layer: str | None = None,
        dtype: Literal["float32", "float64"] = "float32",
        class_weight: ClassWeight = None,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
    ) -> None:
        store(self, locals())

    @checks_parameters
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for exactly one pass over X, continuing the last call.

        n calls are one fit of n epochs: weights, the solver's moments, the schedule
        (over `max_iter` calls) and the random stream continue. After a `fit` the
        weights continue and the moments are reset, unless `warm_start` kept them.
        `random_state` is not read again.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : array-like of shape (n_classes,) or a list of them, default=None
            All classes there will be, for several columns a list with those of each.
            Needed in the first call, unless `y` is a multilabel indicator.
        sample_weight : array-like of shape (n,), default=None
            Weight of each sample, not scaled: the mean over later calls is unknown.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: ArrayLike) -> Any:
        """Return the outputs before they become probabilities (logits).

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)

        Returns
        -------
        scores : ndarray of shape (n, n_classes), or (n,) for two classes
            Of the network's dtype. For two classes, above 0 means ``classes_[1]``. For
            several columns of classes a list of (n, n_classes).
        """
        outputs, encoder = self._outputs(X)
        return encoder.decision_function(outputs)

    def predict_proba(self, X: ArrayLike) -> Any:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes), of the network's dtype
            In the order of `classes_`; if multilabel, of each label independently. For
            several columns of classes a list of these arrays. None is 0: one too small
            for a float is the smallest normal number.
        """
        outputs, encoder = self._outputs(X)
        return encoder.predict_proba(outputs)

    def predict_log_proba(self, X: ArrayLike) -> Any:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n, n_classes), of the network's dtype
            For several columns of classes a list of these arrays.
        """
        outputs, encoder = self._outputs(X)
        return encoder.predict_log_proba(outputs)

    def sample_proba(
        self, X: ArrayLike, n_samples: int = 1, random_state: Any = 0
    ) -> Any:
        """Draw probabilities from the network with its dropout on.

        Each draw is one network, which lacks the same values for all samples (Monte
        Carlo dropout): where the draws differ, it is unsure. The probabilities of a
        sample do not depend on the others in X.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        n_samples : int, default=1
            Number of draws.
        random_state : int, RandomState instance or None, default=0

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes, n_samples)
            Each as `predict_proba` has it. For several columns of classes a list.

        Raises
        ------
        ValueError
            If the network has no dropout.

        Notes
        -----
        Gal & Ghahramani, "Dropout as a Bayesian approximation", 2016.
        """
        drawn, encoder, _ = self._draw_outputs(
            X, n_samples, random_state, "sample_proba"
        )
        n, n_draws, k = drawn.shape
        found = encoder.predict_proba(drawn.reshape(-1, k))
        several = isinstance(found, list)
        parts = [
            np.moveaxis(each.reshape(n, n_draws, -1), 1, 2)
            for each in (found if several else [found])
        ]
        return parts if several else parts[0]

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy: the share of samples whose labels are all right.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y : array-like of shape (n,), or (n, k)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        score : float
            Of several columns of classes, a sample is right if all of them are, as
            `sklearn.multioutput.MultiOutputClassifier` has it.
        """
        check_is_fitted(self)
        if not isinstance(self._encoder, MultiOutputEncoder):
            return super().score(X, y, sample_weight)
        predicted, labels = self.predict(X), check_labels(y)
        if labels.shape != predicted.shape:
            raise ValueError(
                f"y must be of shape {predicted.shape}, like the predictions, got "
                f"{labels.shape}"
            )
        weight = check_sample_weight(sample_weight, labels)
        hits = (predicted == labels).all(axis=1)
        return float(np.average(hits, weights=weight))

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> ClassEncoder | MultiOutputEncoder:
        if incremental and classes is None:
            if resume:
                return self._encoder  # a part of the data may lack some classes
            if not is_indicator(y):
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
        nested = isinstance(classes, list | tuple) and all(
            np.ndim(each) == 1 for each in classes
        )
        has_columns = y.ndim == 2 and (nested or not is_indicator(y))
        fit = MultiOutputEncoder.fit if has_columns else ClassEncoder.fit
        encoder = fit(y, classes)
        if resume and not encoder.same_classes(self._encoder):
            raise ValueError(
                f"{'classes' if incremental else 'y'} must have the same classes as in "
                f"the first fit to continue it, {self.classes_}, got "
                f"{encoder.classes}; use warm_start=False and fit to start again"
            )
        self.classes_ = encoder.classes
        return encoder

    def _class_factors(
        self, samples: Samples, incremental: bool
    ) -> NDArray[np.floating[Any]] | None:
        if self.class_weight is None:
            return None
        check_class_weight(self.class_weight, incremental)
        return self._encoder.class_factors(
            self.class_weight, samples.targets, samples.sample_weight
        )

    def _stopping_rule(self) -> StoppingRule:
        rule = super()._stopping_rule()
        if math.isfinite(self.n_iter_no_change):  # inf: all epochs are wanted
            enough = min(_ENOUGH, 10 * self.tol)
            # The focal loss of a sample whose log-loss, about 1 - p, is that small.
            rule.enough = enough ** (1 + self.focal_gamma) if enough else 0.0
        return rule

    def _loss(self, samples: Samples | None = None, incremental: bool = False) -> Loss:
        return loss_of(self._encoder, **class_loss_options(self))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
