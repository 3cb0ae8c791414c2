"""The estimators: `ConvNetClassifier` and `ConvNetRegressor`."""

from .autoencoder import ConvNetAutoencoder
from .classifier import ConvNetClassifier
from .regressor import ConvNetRegressor
from .segmenter import ConvNetSegmenter

__all__ = [
    "ConvNetAutoencoder",
    "ConvNetClassifier",
    "ConvNetRegressor",
    "ConvNetSegmenter",
]
