"""The estimators: `ConvNetClassifier` and `ConvNetRegressor`."""

from .classifier import ConvNetClassifier
from .regressor import ConvNetRegressor

__all__ = ["ConvNetClassifier", "ConvNetRegressor"]
