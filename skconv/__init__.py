"""Convolutional networks from scratch, as scikit-learn estimators."""

from . import layers, ops
from .about import show_versions
from .estimators import ConvNetClassifier, ConvNetRegressor
from .network import Network
from .version import __version__

__all__ = [
    "ConvNetClassifier",
    "ConvNetRegressor",
    "Network",
    "__version__",
    "layers",
    "ops",
    "show_versions",
]
