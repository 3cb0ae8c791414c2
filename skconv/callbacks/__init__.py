"""Callbacks: scikit-learn's protocol, and `Checkpoint`, which resumes a fit."""

from .checkpoint import Checkpoint

__all__ = ["Checkpoint"]
