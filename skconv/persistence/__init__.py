"""Models as files that hold arrays and plain values, and never code."""

from .model import load_model, save_model

__all__ = ["load_model", "save_model"]
