"""Networks: a chain of layers with its weights, the default one, and known ones."""

from . import zoo
from .network import Network

__all__ = ["Network", "zoo"]
