"""The regressor."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions

from .._data.regression_encoder import (
    REGRESSION_LOSSES,
    RegressionEncoder,
    check_target_values,
)
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

__all__ = ["ConvNetRegressor"]


@documented
class ConvNetRegressor(RegressorMixin, BaseConvNet):
    """Convolutional neural network regressor.

    `MLPRegressor`, but convolutional, of one target or several. The network is a list
    of layers, or the default one described by numbers. An output layer is added to
    either: a `Dense` layer with a unit for each target. Targets may be of any size:
    their scale is learned before the first step, and predictions are in their units.

    Parameters
    ----------
    [shared parameters]

    loss : {"squared_error", "huber", "poisson"}, default="squared_error"
        The training loss, of targets that are scaled, each by itself:
        "squared_error" by mean and standard deviation; "huber", which gives large
        errors less weight, by median and interquartile range / 1.349; "poisson", which
        is for counts and rates, y >= 0, and predicts the exponential of the outputs,
        by the mean.

    Attributes
    ----------
    [shared attributes]

    target_center_, target_scale_ : ndarray of shape (n_outputs,)
        Predictions are ``outputs * target_scale_ + target_center_``, or the
        exponential of the outputs if the loss is "poisson". `partial_fit` and
        `warm_start` keep those of the first call.

    See Also
    --------
    ConvNetClassifier : For classes.
    sklearn.neural_network.MLPRegressor : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X as a whole, only minibatches of it. The loss
    of several targets is the sum over them, where `MLPRegressor` has the mean, and in
    units of scaled targets: `tol` means the same for targets of any size.

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
    }
    _check_targets = staticmethod(check_target_values)

    _encoder: RegressionEncoder

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
        loss: Literal["squared_error", "huber", "poisson"] = "squared_error",
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

    @property
    def target_center_(self) -> NDArray[np.float64]:
        """Center that predictions add to the network's scaled output, (n_outputs,)."""
        return np.full(self._encoder.n_outputs, self._encoder.center)

    @property
    def target_scale_(self) -> NDArray[np.float64]:
        """Scale that predictions multiply the network's output by, (n_outputs,)."""
        return np.full(self._encoder.n_outputs, self._encoder.scale)

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> RegressionEncoder:
        encoder = RegressionEncoder.fit(y, self.loss, self.dtype, sample_weight)
        if not resume:
            return encoder
        first = self._encoder
        if encoder.unscaled() != first.unscaled():
            names = "loss_name", "dtype", "n_outputs", "flat"
            before, now = (
                ", ".join(f"{name}={getattr(each, name)!r}" for name in names)
                for each in (first, encoder)
            )
            raise ValueError(
                "loss, dtype and the shape of y must be the same as in the first fit "
                f"to continue it, {before}, got {now}; use warm_start=False and fit to "
                "start again"
            )
        first.warn_if_far(y)
        return first

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
