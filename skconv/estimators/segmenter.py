"""The segmenter: a class for each pixel."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._data.labels import check_masks
from .._data.mask_encoder import MaskEncoder
from .._data.samples import Samples
from .._training.losses import Loss, loss_of, with_class_factors
from ..augmentation.protocol import Transforms
from ..layers.typing import Chain
from ..models.unet import unet_layers
from .base import BaseConvNet
from .building import takes_signals
from .image_targets import score_images
from .options import class_loss_options
from .parameters import (
    CONSTRAINTS,
    DEFAULT_UNET,
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

__all__ = ["ConvNetSegmenter"]


@documented
class ConvNetSegmenter(PredictionMixin, BaseConvNet):
    """Convolutional neural network that predicts a class for each pixel.

    It learns from masks: y has a label for each pixel of an image. The network is a
    list of layers that ends in images, or the default one described by numbers, a
    U-Net. An output layer is added to either: a `Conv2D` of one pixel with a filter for
    each class.

    Parameters
    ----------
    [shared parameters]

    filters : tuple of int or "auto", default="auto"
        Default network: filters of the convolutions in each level of the U-Net, each of
        which has images of half the height and width. "auto" is (16, 32, 64, ...), up
        to 128, with as many levels as make the shorter side less than 16 pixels.

    class_weight : dict of label to float, "balanced" or None, default=None
        Factor of the weight of each class's pixels in training; "balanced" gives all
        classes the same weight. Validation and scores do not use it.

    label_smoothing : float, default=0.0
        Share of each training target that is spread over all classes.

    focal_gamma : float, default=0.0
        Above 0, training minimises the focal loss: the log-loss of a pixel is
        multiplied by ``(1 - p) ** focal_gamma``, where p is the probability of its
        class.

    Attributes
    ----------
    [shared attributes]

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    See Also
    --------
    ConvNetClassifier : A class for each image.
    ConvNetRegressor : Numbers for each pixel, if y has them.

    Notes
    -----
    The loss is the mean over all pixels. Masks of any labels are kept as small
    integers. Sample weights are scaled to a mean of 1 in `fit`; samples of
    weight 0 are left out, and so are pixels of weight 0 from the loss: give pixels
    whose class is unknown any label, and this weight.

    Signals are segmented as well: with layers such as `Conv1D`, masks are (n, length).

    It is no `ClassifierMixin`: scikit-learn's classifiers have one label for each
    sample, on which its metrics and its stratified splits depend. A search splits the
    images at random, and its default score is `score`.

    Examples
    --------
    Find the bright pixels of noisy images:

    >>> import numpy as np
    >>> from skconv import ConvNetSegmenter
    >>> rng = np.random.default_rng(0)
    >>> y = np.where(rng.random((60, 8, 8)) < 0.3, "spot", "background")
    >>> X = (y == "spot") + rng.normal(0, 0.2, y.shape)
    >>> seg = ConvNetSegmenter(
    ...     filters=(4, 8), learning_rate_init=0.01, max_iter=20, random_state=0)
    >>> seg.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.9
    True
    >>> seg.predict(X[40:]).shape
    (20, 8, 8)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
    }
    _network_numbers: ClassVar[Mapping[str, Any]] = DEFAULT_UNET
    _target_words: ClassVar[tuple[str, str]] = (
        "the masks",
        "Pass masks of that size, or other layers",
    )

    classes_: NDArray[Any]
    _encoders: ClassVar[tuple[type, ...]] = (MaskEncoder,)
    _encoder: MaskEncoder

    def __init__(
        self,
        layers: Layers | None = None,
        *,
        input_shape: Shape | None = None,
        filters: int | Sequence[int] | Literal["auto"] = "auto",
        kernel_size: Pair = 3,
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

        As `ConvNetClassifier.partial_fit` does.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be. Needed in the first call.
        sample_weight : array-like of shape (n,) or (n, h, w), default=None
            Weight of each sample or pixel, not scaled: the mean over later calls is
            unknown.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the label of each pixel.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        y : ndarray of shape (n, h, w), or (n, length) of signals
            Of the type of `classes_`.

        Raises
        ------
        ValueError
            If an output of the network is not finite, as of X that is too large for
            the dtype. So do all methods that predict; the message says for how many
            samples.
        """
        return self._predict_images(X, MaskEncoder.predict)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Predict the probability of each class, for each pixel.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n, h, w, n_classes), of the network's dtype
            In the order of `classes_`.
        """
        return self._predict_images(X, MaskEncoder.predict_proba)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean intersection over union (Jaccard index) of the classes.

        Of each class it is the number of pixels that have it and are predicted to have
        it, divided by the number of those that have it or are predicted to have it;
        both are counted over all images. The mean is over the classes that appear in
        `y` or in the prediction. A label of `y` that is not in `classes_` has 0.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y : array-like of shape (n, h, w), or (n, length) of signals
        sample_weight : array-like of shape (n,) or (n, h, w), default=None
            Pixels are counted with these weights.

        Returns
        -------
        score : float
            From 0 to 1: what `sklearn.metrics.jaccard_score` with ``average="macro"``
            returns of all pixels as one column.
        """
        check_is_fitted(self)
        y = self._check_targets(y)
        return score_images(self, X, y, sample_weight, self._encoder.including(y))

    def _check_targets(self, y: Any, name: str = "y") -> NDArray[Any]:
        return check_masks(y, name, signals=takes_signals(self))

    def _pixels(self, y: NDArray[Any]) -> tuple[int, ...]:
        return y.shape[1:]

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> MaskEncoder:
        if incremental and classes is None:
            if resume:
                return self._encoder  # a part of the data may lack some classes
            raise ValueError("classes must be passed on the first call to partial_fit.")
        encoder = MaskEncoder.fit(y, classes)
        if resume and not np.array_equal(encoder.classes, self.classes_):
            raise ValueError(
                f"{'classes' if incremental else 'y'} must have the same classes as in "
                f"the first fit to continue it, {self.classes_}, got "
                f"{encoder.classes}; use warm_start=False and fit to start again"
            )
        self.classes_ = encoder.classes
        return self._encoder if resume else encoder

    def _loss(self, samples: Samples | None = None, incremental: bool = False) -> Loss:
        loss = loss_of(self._encoder, **class_loss_options(self))
        if samples is None or self.class_weight is None:
            return loss
        check_class_weight(self.class_weight, incremental)
        factors = self._encoder.class_factors(
            self.class_weight, samples.targets, samples.sample_weight
        )
        if not incremental:  # sample weights have a mean of 1
            counts = self._encoder.count(samples.targets, samples.sample_weight)
            factors = factors * (counts.sum() / (factors * counts).sum())
        return with_class_factors(loss, factors)

    @property
    def _output_ndim(self) -> int:
        return 2 if takes_signals(self) else 3

    def _default_layers(
        self, input_shape: tuple[int, ...], output_ndim: int, numbers: dict[str, Any]
    ) -> Chain:
        return unet_layers(input_shape, **numbers)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # y has the pixels of images
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.two_d_labels = True
        return tags
