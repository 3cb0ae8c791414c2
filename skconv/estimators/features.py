"""A layer's output as features for another estimator."""

import math
from typing import ClassVar

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from .._utils.lookup import did_you_mean

__all__ = ["FeaturesMixin"]


class FeaturesMixin(TransformerMixin):
    """`transform`, for an estimator with `network_` and `transform_layer`."""

    # The layer is no data that a search would have to pass on.
    __metadata_request__transform: ClassVar[dict] = {"layer": UNUSED}

    def transform(self, X, layer=None):
        """Compute the features that a layer makes of X.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
        layer : str, default=None
            Name of a layer of `network_`; None is `transform_layer`, or where that is
            None, too, the last hidden layer.

        Returns
        -------
        features : ndarray of shape (n, n_features_out), of the network's dtype
            What the layer puts out, images flattened row by row, channels last.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_is_fitted(self)
        fitted = vars(self)  # whole, even if a refit in another thread replaces it now
        name = self.transform_layer if layer is None else layer
        name, _ = _find_layer(fitted["network_"], name)
        features = self._predict_to(fitted, X, name)
        return features.reshape(len(features), -1)

    def get_feature_names_out(self, input_features=None):
        """Name the features that `transform` gives: the layer's name and a number.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked to be as many as X has columns.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        name, shape = _find_layer(self.network_, self.transform_layer)
        return np.array([f"{name}_{i}" for i in range(math.prod(shape))], object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # features are of the network's
        return tags


def _find_layer(network, name):
    """Return a layer's name and the shape it puts out; of None the last hidden one."""
    shapes = dict(zip(dict(network.layers), network.shapes, strict=True))
    if name is None and len(shapes) > 1:
        name = list(shapes)[-2]
    if name not in shapes:
        raise ValueError(
            "layer, or transform_layer, must name a layer whose output becomes the "
            f"features, one of {list(shapes)}, got {name!r}{did_you_mean(name, shapes)}"
        )
    return name, shapes[name]
