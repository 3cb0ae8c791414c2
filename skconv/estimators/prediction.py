"""Predictions of a fitted network, and its layers' outputs as features."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import (
    _check_feature_names_in,
    _num_samples,
    check_is_fitted,
)

from .._data.arrays import count_samples
from .._data.batches import chunk_size, gather, predict_in_batches
from .._data.inputs import check_images, check_input_shape
from .._utils.floats import quiet
from .._utils.lookup import did_you_mean
from ..augmentation.views import View, average_over_views, list_views
from ..models.draws import has_dropout, predict_draws
from ..models.network import Network
from ..ops import positive_int

__all__ = ["FeaturesMixin", "PredictionMixin"]


class PredictionMixin:
    """`predict`, for an estimator with `FeaturesMixin`."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict labels, or a regressor's numbers.

        With `tta` the network's outputs are averaged over views of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)

        Returns
        -------
        y : ndarray of shape (n,) or (n, k)
            Of the shape of `y` in `fit`.

        Raises
        ------
        ValueError
            If an output of the network, or a number that is predicted, is not finite,
            as of X that is too large for the dtype. So do all methods that predict;
            the message says for how many samples.
        """
        outputs, encoder = self._outputs(X)
        return encoder.predict(outputs)

    if TYPE_CHECKING:  # scikit-learn's mixins, which have no types, define it

        def score(  # noqa: D102
            self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
        ) -> float: ...

        def _outputs(self, X: Any) -> tuple[NDArray[np.floating[Any]], Any]: ...


class FeaturesMixin(
    TransformerMixin,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]  # scikit-learn has no types
):
    """`transform` and outputs, for an estimator with a fitted `network_`."""

    # The layer is not metadata that a search would have to pass on.
    __metadata_request__transform: ClassVar[dict[str, Any]] = {"layer": UNUSED}

    def _outputs(self, X: Any) -> tuple[NDArray[np.floating[Any]], Any]:
        """Return the network's outputs for X, and the encoder that they belong to."""
        check_is_fitted(self)
        fitted = self.__dict__  # whole, even if another thread refits now
        return self._predict_to(fitted, X), fitted["_encoder"]

    def _draw_outputs(
        self, X: Any, n_samples: int, random_state: Any, method: str
    ) -> tuple[NDArray[np.floating[Any]], Any, list[list[int]]]:
        """Return outputs (n, n_samples, n_outputs) with dropout on; encoder; seeds.

        A network without dropout has the same outputs in all draws: an error, unless
        the encoder's predictions are distributions.
        """
        check_is_fitted(self)
        fitted = self.__dict__
        n_samples = positive_int(n_samples, "n_samples")
        encoder, layers = fitted["_encoder"], fitted["network_"].layers
        if not (encoder.has_std or has_dropout(layers)):
            raise ValueError(
                f"{method} draws predictions with dropout on, but the network has "
                f"none, {[name for name, _ in layers]}, so that all would be the same. "
                "Add layers such as Dropout(0.2), and fit again"
            )
        seed = check_random_state(random_state).randint(2**31, size=4).tolist()
        seeds = [[*seed, draw] for draw in range(n_samples)]
        return self._predict_to(fitted, X, seeds=seeds), encoder, seeds

    def _predict_to(
        self,
        fitted: dict[str, Any],
        X: Any,
        layer: str | None = None,
        seeds: list[list[int]] | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Return the output of a layer, by default the last, of a fitted state.

        With `seeds`, that of the last layer for each draw, see `predict_draws`.
        """
        X = check_images(self, X, reset=False)
        check_input_shape(X, fitted["input_shape_"], type(self).__name__)
        network, predict = fitted["network_"], None
        views, shape = list_views(fitted.get("tta"), fitted["input_shape_"]), None
        activation = fitted["_encoder"].activation
        if seeds is not None:
            predict = partial(_predict_draws, network, seeds, views, activation)
            shape = (len(seeds), *network.output_shape)
        elif layer is None and len(views) > 1:
            predict = partial(average_over_views, network.predict, views, activation)
        with quiet():
            outputs = predict_in_batches(network, X, None, layer, predict, shape)
        if np.count_nonzero(np.isfinite(outputs)) < outputs.size:
            raise ValueError(_explain(outputs, X, network))
        return outputs

    def _predict_in_parts(
        self, fitted: dict[str, Any], X: Any
    ) -> Iterator[tuple[slice, NDArray[np.floating[Any]]]]:
        """Yield the outputs for some samples of X at a time, in their order.

        Whoever takes them gets an error at the end if some are not finite.
        """
        X = check_images(self, X, reset=False)
        check_input_shape(X, fitted["input_shape_"], type(self).__name__)
        network = fitted["network_"]
        views = list_views(fitted.get("tta"), fitted["input_shape_"])
        activation = fitted["_encoder"].activation
        predict = partial(average_over_views, network.predict, views, activation)
        odd, size = np.zeros((len(X), 1), bool), chunk_size(network)
        for start in range(0, len(X), size):
            part = slice(start, start + size)
            with quiet():
                outputs = predict(gather(X, part, network))
            finite = np.isfinite(outputs)
            odd[part, 0] = ~finite.reshape(len(outputs), -1).all(axis=1)
            # The caller would get a warning beside the error that follows.
            yield part, outputs if finite.all() else np.where(finite, outputs, 0)
        if odd.any():
            raise ValueError(_explain(odd, X, network, found=odd))

    def _predict_images(
        self, X: Any, finish: Callable[[Any, NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return predictions that are images, in memory that outputs do not take.

        Parameters
        ----------
        X : array-like
        finish : callable ``(encoder, outputs) -> predictions``
        """
        check_is_fitted(self)
        fitted = self.__dict__  # whole, even if another thread refits now
        encoder, predictions = fitted["_encoder"], None
        for part, outputs in self._predict_in_parts(fitted, X):
            some = finish(encoder, outputs)
            if predictions is None:
                predictions = np.empty((_num_samples(X), *some.shape[1:]), some.dtype)
            predictions[part] = some
        assert predictions is not None  # X is not empty
        return predictions

    def transform(
        self, X: ArrayLike, layer: str | None = None
    ) -> NDArray[np.floating[Any]]:
        """Return the output of a layer for X, without `tta`.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)
        layer : str, default=None
            Name of a layer of `network_`; None is `transform_layer` or, if that is
            None too, the last hidden layer.

        Returns
        -------
        features : ndarray of shape (n, n_features_out), of the network's dtype
            The layer's output, images flattened row by row, channels last. After
            ``set_output(transform="pandas")`` a frame, whose columns have the layer's
            name and a number.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_is_fitted(self)
        fitted = self.__dict__  # whole, even if another thread refits now
        name = self.transform_layer if layer is None else layer
        name, _ = self._find_layer(fitted["network_"], name)
        features = self._predict_to(fitted, X, name)
        features = features.reshape(len(features), -1)
        # In the container of `set_output`. scikit-learn's own call of this, which
        # `auto_wrap_output_keys` turns off, would not know the layer.
        named = self._draft()
        named.transform_layer = name
        return _wrap_data_with_container("transform", features, X, named)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Return names of the features of `transform`: the layer's name and a number.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked: there must be one for each column of X.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        name, shape = self._find_layer(self.network_, self.transform_layer)
        return np.array([f"{name}_{i}" for i in range(math.prod(shape))], object)

    def _find_layer(
        self, network: Network, name: str | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return a layer's name and its output shape; None is the last hidden layer."""
        return _find_layer(network, name)

    def __sklearn_is_fitted__(self) -> bool:
        # scikit-learn would look at all attributes, while a thread may add one.
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # features have the network's
        return tags


def _predict_draws(
    network: Network,
    seeds: list[list[int]],
    views: list[View],
    activation: str,
    x: NDArray[Any],
) -> NDArray[Any]:
    """Return outputs (n, n_draws, ...) of draws, each the mean over views."""
    if len(views) == 1:
        return predict_draws(network, seeds, x)
    draws = []
    for seed in seeds:  # a view moves outputs, which have no axis of draws

        def once(x: NDArray[Any], seed: list[int] = seed) -> NDArray[Any]:
            return predict_draws(network, [seed], x)[:, 0]

        draws.append(average_over_views(once, views, activation, x))
    return np.stack(draws, axis=1)


def _explain(
    outputs: NDArray[Any],
    X: NDArray[Any],
    network: Network,
    found: NDArray[np.bool_] | None = None,
) -> str:
    """Return why some outputs are not finite, in words; `found` says of which."""

    def is_odd(part: NDArray[Any]) -> NDArray[np.bool_]:
        return part if found is not None else ~np.isfinite(part)

    arrays = network.arrays.items()
    odd = [name for name, each in arrays if not np.isfinite(each).all()]
    low, high = X.min(), X.max()
    reason = (
        f"X is between {low:.3g} and {high:.3g}, and what the network computes of it "
        f"leaves the range of {network.dtype}, its dtype. Scale X like the training "
        "data, leave such samples out, or use dtype='float64'"
    )
    if odd:
        reason = f"the weights {odd} are not finite. Load the model or fit it again"
    which = count_samples(outputs, is_odd)
    return f"the network's outputs are infinite or NaN for {which}: {reason}"


def _find_layer(network: Network, name: str | None) -> tuple[str, tuple[int, ...]]:
    """Return a layer's name and its output shape; None is the last hidden layer."""
    names = [name for name, _ in network.layers]
    shapes = dict(zip(names, network.shapes, strict=True))
    if name is None:
        name = list(shapes)[-2]
    if not isinstance(name, str) or name not in shapes:
        raise ValueError(
            "layer, or transform_layer, must name a layer whose output becomes the "
            f"features, one of {list(shapes)}, got {name!r}{did_you_mean(name, shapes)}"
        )
    return name, shapes[name]
