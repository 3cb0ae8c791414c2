"""Convolutional networks in NumPy, as scikit-learn estimators."""

from . import layers, ops
from .network import Network
from .version import __version__

__all__ = ["Network", "__version__", "layers", "ops"]
