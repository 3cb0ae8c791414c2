"""A network's own numbers as one page: ``skconv.explain``."""

from .page import explain

__all__ = ["explain"]
