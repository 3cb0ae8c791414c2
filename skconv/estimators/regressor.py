"""The regressor."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .._data.image_encoder import ImageEncoder
from .._data.regression_encoder import RegressionEncoder, check_target_values
from .._data.regression_losses import REGRESSION_LOSSES, check_quantile
from .._data.samples import check_sample_weight
from ..augmentation.protocol import Transforms
from ..layers.typing import Chain
from .base import BaseConvNet
from .building import takes_signals
from .image_targets import (
    check_targets_unchanged,
    image_shape,
    layers_for_images,
    score_images,
)
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
from .prediction import PredictionMixin

__all__ = ["ConvNetRegressor"]

RegressionLossName: TypeAlias = Literal[
    "squared_error", "absolute_error", "huber", "quantile", "gaussian", "poisson"
]


@documented
class ConvNetRegressor(RegressorMixin, PredictionMixin, BaseConvNet):
    """Convolutional neural network regressor.

    `MLPRegressor`, but convolutional, of one target or several. The network is a list
    of layers, or the default one described by numbers. An output layer is added to
    either: a `Dense` layer with a unit for each target. Targets may be of any size:
    their scale is learned before the first step, and predictions are in their units.

    Targets may also be images, (n, h, w) or (n, h, w, c): without noise, of a higher
    resolution, of depths. Then the layers must end in images of that size, the default
    network is a U-Net, described by `filters`, `kernel_size` and `activation`, and the
    output layer is a `Conv2D` of one pixel with a filter for each channel.

    Parameters
    ----------
    [shared parameters]

    loss : str, default="squared_error"
        The training loss, and so what is predicted: "squared_error" the mean;
        "absolute_error" the median; "huber" what is between them, as large errors have
        less weight; "quantile" the quantiles that `quantile` says; "gaussian" the mean
        and the standard deviation, see `predict`; "poisson" the mean of counts and
        rates, y >= 0, as the exponential of the outputs. Targets are scaled, each by
        itself: by mean and standard deviation, by the mean for "poisson", and for
        "absolute_error", "huber" and "quantile" by median and interquartile range /
        1.349.

    quantile : float or list of float, default=None
        Only for the loss "quantile", which needs it: one or several numbers above 0
        and below 1, such as ``[0.05, 0.5, 0.95]``. `predict` returns the quantile in
        the shape of `y`; those of a list on a further, last axis, sorted so that they
        do not cross.

    Attributes
    ----------
    [shared attributes]

    target_center_, target_scale_ : ndarray of shape (n_targets,)
        Of each target or, if they are images, of each channel. Predictions are
        ``outputs * target_scale_ + target_center_``, or the exponential of the outputs
        if the loss is "poisson". `partial_fit` and `warm_start` keep those of the first
        call.

    See Also
    --------
    ConvNetClassifier : For classes.
    sklearn.neural_network.MLPRegressor : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X as a whole, only minibatches of it. The loss
    of several targets is the sum over them, where `MLPRegressor` has the mean, and in
    units of scaled targets: `tol` means the same for targets of any size. Of images it
    is the mean over pixels of the sum over channels. No more than a minibatch of target
    images is scaled and copied: they may be a memory map, too.

    Examples
    --------
    Count the bright pixels of an image:

    >>> import numpy as np
    >>> from skconv import ConvNetRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((500, 6, 6)) < rng.random((500, 1, 1))
    >>> y = X.sum(axis=(1, 2))
    >>> reg = ConvNetRegressor(filters=(8,), max_iter=50, random_state=0)
    >>> reg.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CONSTRAINTS,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": "no_validation",  # has an error of its own
        "early_stopping": ["boolean", StrOptions({"auto"})],
    }
    _check_targets = staticmethod(check_target_values)

    _target_words: ClassVar[tuple[str, str]] = (
        "y",
        "Pass targets of that size, or layers that end in images of the size of y",
    )
    _encoders: ClassVar[tuple[type, ...]] = (RegressionEncoder, ImageEncoder)
    _encoder: RegressionEncoder | ImageEncoder

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
        early_stopping: bool | Literal["auto"] = "auto",
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
        loss: RegressionLossName = "squared_error",
        quantile: float | Sequence[float] | None = None,
    ) -> None:
        store(self, locals())

    @checks_parameters
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for exactly one pass over X, continuing the last call.

        n calls are one fit of n epochs: weights, the solver's moments, the schedule
        (over `max_iter` calls) and the random stream continue. `random_state` is not
        read again.

        Parameters
        ----------
        X, y
            As in `fit`.
        sample_weight : array-like of shape (n,), default=None
            Weight of each sample, not scaled: the mean over later calls is unknown.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight)

    @overload
    def predict(
        self, X: ArrayLike, return_std: Literal[False] = False
    ) -> NDArray[Any]: ...

    @overload
    def predict(
        self, X: ArrayLike, return_std: Literal[True]
    ) -> tuple[NDArray[Any], NDArray[Any]]: ...

    def predict(
        self, X: ArrayLike, return_std: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
        """Predict numbers, or images: what they are, the loss says.

        With `tta` the network's outputs are averaged over views of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        return_std : bool, default=False
            Whether to return the standard deviation, too, of the loss "gaussian".

        Returns
        -------
        y : ndarray of shape (n,), (n, n_targets), (n, h, w) or (n, h, w, c)
            Of the shape of `y` in `fit`, with a last axis for several quantiles. Images
            are in the network's dtype, numbers in float64.
        y_std : ndarray like y
            Only with `return_std`: the standard deviation of each target, in its units.

        Raises
        ------
        ValueError
            If an output of the network, or a number that is predicted, is not finite,
            as of X that is too large for the dtype. So do all methods that predict;
            the message says for how many samples. With `return_std`, if the loss is
            another one than "gaussian".
        """
        check_is_fitted(self)
        if not return_std and isinstance(self._encoder, ImageEncoder):
            return self._predict_images(X, ImageEncoder.predict)
        if not return_std:
            return super().predict(X)
        if not self._encoder.has_std:
            raise ValueError(
                "return_std=True is for a regressor fitted with loss='gaussian', whose "
                "network predicts standard deviations, got one fitted with loss="
                f"{self._encoder.loss_name!r}. Fit with that loss, or see sample_y for "
                "networks with dropout"
            )
        outputs, encoder = self._outputs(X)
        return encoder.predict(outputs), encoder.predict_std(outputs)

    def sample_y(
        self, X: ArrayLike, n_samples: int = 1, random_state: Any = 0
    ) -> NDArray[np.floating[Any]]:
        """Draw predictions from the network with its dropout on.

        Each draw is one network, which lacks the same values for all samples (Monte
        Carlo dropout): where the draws differ, it is unsure. Those of the loss
        "gaussian" are draws of y: the noise that the network predicts is added, and
        dropout is not needed. Draws for the first samples of X do not depend on the
        others.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        n_samples : int, default=1
            Number of draws.
        random_state : int, RandomState instance or None, default=0

        Returns
        -------
        y_samples : ndarray of shape (n, n_samples) or (n, n_targets, n_samples)
            Predictions with a last axis of draws; of images (n, h, w, n_samples) or
            (n, h, w, c, n_samples).

        Raises
        ------
        ValueError
            If the network has no dropout, and the loss is not "gaussian".

        Notes
        -----
        Gal & Ghahramani, "Dropout as a Bayesian approximation", 2016. Named as
        `GaussianProcessRegressor.sample_y`.
        """
        drawn, encoder, seeds = self._draw_outputs(
            X, n_samples, random_state, "sample_y"
        )
        n, n_draws, *shape = drawn.shape
        flat = drawn.reshape(-1, *shape)
        found = encoder.predict(flat)
        y = found.reshape(n, n_draws, -1)
        if encoder.has_std:
            std = encoder.predict_std(flat).reshape(y.shape)
            for j, seed in enumerate(seeds):  # layers have the numbers from 1 on
                rng = np.random.default_rng([*seed, 0])
                y[:, j] += std[:, j] * rng.standard_normal((n, y.shape[2]))
        return np.moveaxis(y.reshape(n, n_draws, *found.shape[1:]), 1, -1)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return R^2 of what `predict` returns, or D^2 of quantiles.

        D^2 is `sklearn.metrics.d2_pinball_score`, the mean over several quantiles: 1 is
        the best, 0 that of the quantiles of `y` as the prediction for all samples.

        Of images, each channel is a target and each pixel a sample: R^2 is 1 minus the
        squared errors of all pixels, divided by their squared distances from the
        channel's mean. A channel that is the same everywhere has 1 if it is predicted
        exactly, or else 0, as in `sklearn.metrics.r2_score`.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y : array-like
            Of the shape of `y` in `fit`.
        sample_weight : array-like of shape (n,), of images also (n, h, w), default=None

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        if isinstance(self._encoder, ImageEncoder):
            return score_images(self, X, self._check_targets(y), sample_weight)
        if self._encoder.quantile is None:
            return super().score(X, y, sample_weight)
        predicted, y = self.predict(X), check_target_values(y)
        weight = check_sample_weight(sample_weight, y)
        return self._encoder.score_quantiles(predicted, y, weight)

    @property
    def target_center_(self) -> NDArray[np.float64]:
        """Center that predictions add to the network's scaled output, (n_targets,)."""
        return np.full(self._encoder.n_targets, self._encoder.center)

    @property
    def target_scale_(self) -> NDArray[np.float64]:
        """Scale that predictions multiply the network's output by, (n_targets,)."""
        return np.full(self._encoder.n_targets, self._encoder.scale)

    def _check_options(self) -> None:
        super()._check_options()
        check_quantile(self.quantile, self.loss)

    def _stops_early(self, incremental: bool = False) -> bool:
        wanted = self.early_stopping
        if isinstance(wanted, str):
            # Of them predictions for known samples would be too sure.
            wanted = self.loss in ("quantile", "gaussian") and self.validation_fraction
        return bool(wanted) and not incremental

    def _pixels(self, y: NDArray[Any]) -> tuple[int, ...]:
        shape = image_shape(y, takes_signals(self))
        return () if shape is None else shape[:-1]

    def _default_layers(
        self, input_shape: tuple[int, ...], output_ndim: int, numbers: dict[str, Any]
    ) -> Chain:
        if output_ndim == 1:
            return super()._default_layers(input_shape, output_ndim, numbers)
        return layers_for_images(input_shape, numbers)

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> RegressionEncoder | ImageEncoder:
        encoder: RegressionEncoder | ImageEncoder
        quantile = check_quantile(self.quantile, self.loss)
        shape = image_shape(y, takes_signals(self))
        if shape is None:
            encoder = RegressionEncoder.fit(
                y, self.loss, self.dtype, sample_weight, quantile
            )
        else:
            encoder = ImageEncoder.fit(y, self.loss, self.dtype, shape, sample_weight)
        if not resume:
            return encoder
        check_targets_unchanged(self._encoder, encoder)
        self._encoder.warn_if_far(y)
        return self._encoder

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
