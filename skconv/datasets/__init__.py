"""Data to try networks on: generated shapes and signals, and folders of images."""

from .events import make_events
from .shapes import make_shapes

__all__ = ["make_events", "make_shapes"]
