"""What displays have drawn."""

import numpy as np
from matplotlib.text import Text


def drawn_images(axes):
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def texts(figure):
    """Return all texts of a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]  # fmt: skip
