"""Data to try networks on: generated shapes and signals; and images of a folder."""

from .events import make_events
from .image_folder import load_image_folder
from .shapes import make_shapes

__all__ = ["load_image_folder", "make_events", "make_shapes"]
