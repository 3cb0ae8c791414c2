"""Networks: a chain of layers with its weights, the default one."""

from .network import Network

__all__ = ["Network"]
