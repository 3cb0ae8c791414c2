"""Models for files and other programs: safetensors, skops, ONNX, PyTorch."""

from .model import load_model, save_model
from .onnx_export import to_onnx
from .onnx_pipelines import register_with_skl2onnx
from .registry import register_layer, trusted_types
from .torch import from_torch, to_torch

__all__ = [
    "from_torch",
    "load_model",
    "register_layer",
    "register_with_skl2onnx",
    "save_model",
    "to_onnx",
    "to_torch",
    "trusted_types",
]
