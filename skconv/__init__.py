"""Convolutional networks from scratch, as scikit-learn estimators."""

from . import layers, ops, zoo
from ._explain import explain
from ._version import __version__
from .estimators import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)
from .io import (
    from_torch,
    load_model,
    register_layer,
    register_with_skl2onnx,
    save_model,
    to_onnx,
    to_torch,
    trusted_types,
)
from .models import Network
from .ops.about import show_versions

__all__ = [
    "ConvNetAutoencoder",
    "ConvNetClassifier",
    "ConvNetRegressor",
    "ConvNetSegmenter",
    "Network",
    "__version__",
    "explain",
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
