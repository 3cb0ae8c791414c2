"""The autoencoder: images to a short code, and back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .._data.arrays import as_numbers, check_finite
from .._data.image_encoder import ImageEncoder
from .._data.inputs import check_images, check_input_shape
from .._data.lazy import shape_rows
from .._data.regression_losses import IMAGE_LOSSES
from ..augmentation.protocol import Transforms
from ..layers.typing import Chain
from ..models.autoencoder import autoencoder_layers
from ..models.network import Network
from .base import BaseConvNet
from .building import takes_signals
from .image_targets import decode, score_images
from .parameters import (
    CONSTRAINTS,
    DEFAULT_AUTOENCODER,
    Layers,
    Pair,
    Pretrained,
    Schedule,
    Scoring,
    Shape,
    checks_parameters,
    documented,
    store,
)

__all__ = ["ConvNetAutoencoder"]

ImageLoss: TypeAlias = Literal["squared_error", "absolute_error", "huber", "poisson"]


@documented
class ConvNetAutoencoder(BaseConvNet):
    """Convolutional autoencoder, a transformer that learns a short code of images.

    The network is trained to return its input, through a layer with few outputs: the
    code. `transform` returns the code of images, as `sklearn.decomposition.PCA` does,
    and `inverse_transform` makes images of codes. The network is a list of layers that
    ends in images, or the default one described by numbers. An output layer is added to
    either: a `Conv2D` of one pixel with a filter for each channel.

    Parameters
    ----------
    [shared parameters]

    n_components : int, default=32
        Default network: length of the code.

    filters : tuple of int, default=(16, 32)
        Default network: filters of the convolutions before the code, each of which
        halves the height and width; those after the code double them.

    loss : str, default="squared_error"
        The training loss, of images whose channels are scaled, as in
        `ConvNetRegressor`: "squared_error", "absolute_error", "huber" or "poisson".

    Attributes
    ----------
    [shared attributes]

    See Also
    --------
    ConvNetRegressor : With targets that are images, for instance without noise.
    sklearn.decomposition.PCA : The best code that is linear, both ways.

    Notes
    -----
    Without `transform_layer` the code is the output of the layer named "code" or, if
    there is none, of the last of the layers with the fewest outputs.

    With `augment`, transforms that move pixels move targets as they move images, and
    the others change images only: with `GaussianNoise` it learns to remove noise.

    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X as a whole, only minibatches of it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skconv import ConvNetAutoencoder
    >>> X, y = load_digits(return_X_y=True)
    >>> auto = ConvNetAutoencoder(n_components=8, max_iter=10, random_state=0)
    >>> codes = auto.fit_transform(X[:1500])
    >>> codes.shape, auto.inverse_transform(codes).shape
    ((1500, 8), (1500, 64))
    >>> auto.score(X[1500:]) > 0.7
    True
    >>> clf = make_pipeline(auto, LogisticRegression(max_iter=1000))
    >>> clf.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.8
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{name: each for name, each in CONSTRAINTS.items() if name != "tta"},
        "loss": [StrOptions(set(IMAGE_LOSSES))],
        "n_components": "no_validation",  # has an error of its own
    }
    for _name in ("stride", "pool_size", "hidden_layer_sizes"):
        del _parameter_constraints[_name]
    del _name
    _requires_y: ClassVar[bool] = False
    _network_numbers: ClassVar[Mapping[str, Any]] = DEFAULT_AUTOENCODER
    _target_words: ClassVar[tuple[str, str]] = (
        "X",
        "Pass layers that end in images of the size of X",
    )

    _encoders: ClassVar[tuple[type, ...]] = (ImageEncoder,)
    _encoder: ImageEncoder

    def __init__(
        self,
        layers: Layers | None = None,
        *,
        n_components: int = 32,
        input_shape: Shape | None = None,
        filters: int | Sequence[int] = (16, 32),
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
        transform_layer: str | None = None,
        dtype: Literal["float32", "float64"] = "float32",
        loss: ImageLoss = "squared_error",
    ) -> None:
        store(self, locals())

    @checks_parameters
    def fit(  # type: ignore[override]
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network to return its input.

        If anything fails, an earlier fit remains unchanged. Ctrl-C ends training and
        keeps what has been learnt, as `ConvNetClassifier.fit` describes.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
            Images of any numeric dtype and scale; a memory map is read batch by batch.
        y : None
            Ignored: a transformer in a pipeline is given it.
        sample_weight : array-like of shape (n,) or (n, h, w), default=None
            Weight of each sample, or of each pixel.
        X_val : array-like, default=None
            Data to validate with after each epoch, in the form of X. They replace the
            held-out part of X if `early_stopping`, else they are only for the curves.
        sample_weight_val : array-like of shape (n_val,) or (n_val, h, w), default=None
            Weight of each of these samples.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, a parameter or a layer does not fit, or the loss becomes infinite or
            NaN; the message says which and what to try.
        """
        validation = X_val, None, sample_weight_val
        return self._fit(
            X, None, sample_weight, validation=validation, resume=self.warm_start
        )

    @checks_parameters
    def partial_fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for exactly one pass over X, continuing the last call.

        As `ConvNetRegressor.partial_fit` does.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n,) or (n, h, w), default=None
            Weight of each sample or pixel, not scaled: the mean over later calls is
            unknown.

        Returns
        -------
        self
        """
        return self._partial_fit(X, None, sample_weight)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Return the images that codes represent.

        Parameters
        ----------
        X : array-like of shape (n, n_features_out)
            Codes, as `transform` returns them.

        Returns
        -------
        images : ndarray, in the network's dtype
            Of the shape that X had in `fit`, and in its units.

        Raises
        ------
        ValueError
            If codes have another length, or make images that are not finite.
        """
        check_is_fitted(self)
        fitted = self.__dict__  # whole, even if another thread refits now
        network, encoder = fitted["network_"], fitted["_encoder"]
        name, shape = self._find_layer(network, self.transform_layer)
        codes, length = as_numbers(X, "X"), math.prod(shape)
        if codes.ndim != 2 or codes.shape[1] != length or not len(codes):
            raise ValueError(
                f"X must hold codes (n, {length}), as transform returns them of layer "
                f"{name!r}, got an array of shape {codes.shape}"
            )
        check_finite(codes, "X")
        return decode(network, name, codes.reshape(len(codes), *shape), encoder)

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return R^2 of the images that are made of the codes of X.

        1 minus the squared errors of all pixels, divided by their squared distances
        from the mean; the mean over channels. PCA's share of explained variance is the
        same where the mean of each pixel is subtracted. A channel that is the same
        everywhere has 1 if it is predicted exactly, or else 0, as in
        `sklearn.metrics.r2_score`.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n,) or (n, h, w), default=None

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        check_input_shape(images, self.input_shape_, type(self).__name__)
        return score_images(self, images, self._as_in_fit(images), sample_weight)

    def _targets(self, X: NDArray[Any], y: Any, name: str = "y") -> NDArray[Any]:
        return X

    def _as_in_fit(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return checked images in the shape that X had in `fit`, maybe rows."""
        return shape_rows(X, self._encoder.shape)

    def _pixels(self, y: NDArray[Any]) -> tuple[int, ...]:
        return self.input_shape_[:-1]

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> ImageEncoder:
        encoder = ImageEncoder.fit(
            y, self.loss, self.dtype, self.input_shape_, sample_weight
        )
        if not resume:
            return encoder
        first = self._encoder
        for name in ("loss_name", "dtype"):
            now, before = getattr(encoder, name), getattr(first, name)
            if now != before:
                raise ValueError(
                    f"{name.removesuffix('_name')} must be the same as in the first "
                    f"fit to continue it, {before!r}, got {now!r}; use "
                    "warm_start=False and fit to start again"
                )
        first.warn_if_far(y)
        return first

    def _encode(self, y: NDArray[Any], name: str) -> Any:
        name = {"y": "X", "y_val": "X_val"}[name]
        return self._encoder.transform(self._as_in_fit(y), name)

    @property
    def _output_ndim(self) -> int:
        return 2 if takes_signals(self) else 3

    def _default_layers(
        self, input_shape: tuple[int, ...], output_ndim: int, numbers: dict[str, Any]
    ) -> Chain:
        return autoencoder_layers(input_shape, **numbers)

    def _find_layer(
        self, network: Network, name: str | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return a layer's name and its output shape; None is the code."""
        sizes = {
            layer: math.prod(shape)
            for (layer, _), shape in zip(
                network.layers[:-1], network.shapes[:-1], strict=True
            )
        }
        if name is None and sizes:
            smallest = min(sizes.values())
            name = [layer for layer, size in sizes.items() if size == smallest][-1]
            name = "code" if "code" in sizes else name
        return super()._find_layer(network, name)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags
