"""Convolutional networks from scratch, as scikit-learn estimators."""

from . import layers, ops
from .about import show_versions
from .estimators import ConvNetClassifier, ConvNetRegressor
from .network import Network
from .persistence import load_model, save_model
from .registry import register_layer
from .version import __version__

__all__ = [
    "ConvNetClassifier",
    "ConvNetRegressor",
    "Network",
    "__version__",
    "layers",
    "load_model",
    "ops",
    "register_layer",
    "save_model",
    "show_versions",
]
