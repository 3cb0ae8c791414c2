"""A network on panels ``(n, channels, length)``, for the classifiers of others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from ..estimators import ConvNetClassifier
from ..layers import Conv1D, GlobalAvgPool1D
from ..zoo import signal_classifier

__all__ = ["PanelMixin", "small_networks"]

_Array = NDArray[Any]


class PanelMixin:
    """`_fit` and `_predict` of both packages' base classes."""

    estimator: Any
    random_state: Any
    estimator_: Any

    def _fit(self, X: _Array, y: _Array) -> Any:
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : ndarray of shape (n, channels, length)
        y : ndarray of shape (n,)
        """
        estimator = self.estimator
        if estimator is None:
            estimator = signal_classifier(n_samples=len(X))
        if not (hasattr(estimator, "fit") and hasattr(estimator, "predict_proba")):
            raise TypeError(
                "estimator must be a ConvNetClassifier on signals (length, channels), "
                f"got {estimator!r}"
            )
        self.estimator_ = clone(estimator)
        if self.random_state is not None:
            self.estimator_.set_params(random_state=self.random_state)
        self.estimator_.fit(np.moveaxis(X, 1, -1), y)
        return self

    def _predict(self, X: _Array) -> _Array:
        return self.estimator_.predict(np.moveaxis(X, 1, -1))

    def _predict_proba(self, X: _Array) -> _Array:
        return self.estimator_.predict_proba(np.moveaxis(X, 1, -1))


def small_networks() -> list[ConvNetClassifier]:
    """Return networks that both packages' checks train in a moment."""
    layers = [("conv", Conv1D(4, activation="relu")), ("mean", GlobalAvgPool1D())]
    small = ConvNetClassifier(layers, max_iter=2, random_state=0)
    return [small, clone(small).set_params(conv__kernel_size=5, batch_size=4)]
