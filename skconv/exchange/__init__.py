"""Models for other programs: ONNX, and weights for PyTorch."""

from .onnx import register_with_skl2onnx, to_onnx
from .torch import from_torch, to_torch

__all__ = ["from_torch", "register_with_skl2onnx", "to_onnx", "to_torch"]
