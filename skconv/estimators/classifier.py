"""The classifier."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from .._data.class_encoder import ClassEncoder
from .._data.labels import check_labels
from .._data.samples import Samples
from .._training.loop import StoppingRule
from .._training.losses import Loss, find_loss
from ..augmentation.protocol import Transforms
from .base import BaseConvNet
from .parameters import (
    CONSTRAINTS,
    Layers,
    Pair,
    Pretrained,
    Schedule,
    Scoring,
    Shape,
    View,
    checks_parameters,
    documented,
    store,
)

__all__ = ["ConvNetClassifier"]

# A training loss below this and below ten times `tol` leaves nothing to learn.
_ENOUGH = 1e-3


@documented
class ConvNetClassifier(ClassifierMixin, BaseConvNet):
    """Convolutional neural network classifier.

    `MLPClassifier`, but convolutional: it minimises the log-loss on minibatches, with
    Adam or with SGD. The network is a list of layers, or the default one described by
    numbers. An output layer is added to either: a `Dense` layer with a unit for each
    class (one for two classes).

    Parameters
    ----------
    [shared parameters]

    class_weight : dict of label to float, "balanced" or None, default=None
        Factor of the `sample_weight` of each class in training; "balanced" gives all
        classes the same weight. Validation and scores do not use it.

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

    classes_ : ndarray of shape (n_classes,)
        Class labels; of a multilabel problem the columns' numbers.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X as a whole, only minibatches of it.

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
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
    }
    _check_targets = staticmethod(check_labels)

    classes_: NDArray[Any]
    _encoder: ClassEncoder

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
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
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
        classes : array-like of shape (n_classes,), default=None
            All classes there will be. Needed in the first call, unless `y` is a
            multilabel indicator.
        sample_weight : array-like of shape (n,), default=None
            Weight of each sample, not scaled: the mean over later calls is unknown.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the outputs before they become probabilities (logits).

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        scores : ndarray of shape (n, n_classes), or (n,) for two classes
            Of the network's dtype. For two classes, above 0 means ``classes_[1]``.
        """
        outputs, encoder = self._outputs(X)
        binary = encoder.n_outputs == 1 and not encoder.multilabel
        return outputs[:, 0] if binary else outputs

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes), of the network's dtype
            In the order of `classes_`; if multilabel, of each label independently.
        """
        outputs, encoder = self._outputs(X)
        return encoder.predict_proba(outputs)

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n, n_classes), of the network's dtype
        """
        outputs, encoder = self._outputs(X)
        return encoder.predict_log_proba(outputs)

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> ClassEncoder:
        if incremental and classes is None:
            if resume:
                return self._encoder  # a part of the data may lack some classes
            if y.ndim < 2:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
        encoder = ClassEncoder.fit(y, classes)
        if resume and (
            encoder.multilabel != self._encoder.multilabel
            or not np.array_equal(encoder.classes, self.classes_)
        ):
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
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which does "
                "not know how many of each class there will be. Use sklearn.utils."
                "class_weight.compute_class_weight('balanced', classes=classes, y=y) "
                "on a large enough part of y and pass a dict of its result"
            )
        if isinstance(self.class_weight, Mapping):
            for label, weight in self.class_weight.items():
                if not isinstance(weight, Real):
                    raise ValueError(
                        "class_weight must hold finite numbers >= 0, got "
                        f"{weight!r} for class {label!r}"
                    )
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

    def _loss(self) -> Loss:
        options = {"smoothing": self.label_smoothing, "gamma": self.focal_gamma}
        chosen = {name: float(value) for name, value in options.items() if value}
        return find_loss(self._encoder.loss_name, **chosen)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
