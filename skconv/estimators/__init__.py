"""The estimators: `ConvNetClassifier` and `ConvNetRegressor`."""

from .classifier import ConvNetClassifier
from .regressor import ConvNetRegressor
from .segmenter import ConvNetSegmenter

__all__ = ["ConvNetClassifier", "ConvNetRegressor", "ConvNetSegmenter"]
