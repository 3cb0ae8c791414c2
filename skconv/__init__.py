"""Convolutional networks from scratch, as scikit-learn estimators."""

from . import layers, ops, zoo
from .about import show_versions
from .estimators import ConvNetClassifier, ConvNetRegressor
from .exchange import from_torch, register_with_skl2onnx, to_onnx, to_torch
from .network import Network
from .persistence import load_model, save_model
from .registry import register_layer, trusted_types
from .version import __version__

__all__ = [
    "ConvNetClassifier",
    "ConvNetRegressor",
    "Network",
    "__version__",
    "from_torch",
    "layers",
    "load_model",
    "ops",
    "register_layer",
    "register_with_skl2onnx",
    "save_model",
    "show_versions",
    "to_onnx",
    "to_torch",
    "trusted_types",
    "zoo",
]
