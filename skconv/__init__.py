"""Convolutional networks in NumPy, as scikit-learn estimators."""

from . import layers, ops
from .estimators import ConvNetClassifier
from .network import Network
from .version import __version__

__all__ = ["ConvNetClassifier", "Network", "__version__", "layers", "ops"]
