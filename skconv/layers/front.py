"""The first layers of a network, if training changes nothing of what they compute."""

from .composite import Composite
from .handcrafted import HandcraftedConv1D
from .input_scale import Normalization
from .layer import Layer
from .marks import is_frozen
from .pointwise import Dropout
from .typing import Chain, Weights

__all__ = ["count_fixed"]

# Layers whose weights no training changes.
_CONSTANT = (HandcraftedConv1D, Normalization)


def count_fixed(layers: Chain, weights: Weights) -> int:
    """Return how many of the first layers do the same in training as in prediction.

    They are frozen, or layers of this package that have nothing to train and draw
    nothing. None of a custom layer is known, unless it is frozen.
    """
    for i, (name, layer) in enumerate(layers):
        if not _is_fixed(layer, weights[name]):
            return i
    return len(layers)


def _is_fixed(layer: Layer, weights: Weights) -> bool:
    if is_frozen(weights):
        return True
    inner = layer.inner_layers()
    if inner:
        runs_them = type(layer).forward is Composite.forward
        return runs_them and count_fixed(inner, weights) == len(inner)
    is_own = type(layer).__module__.startswith(f"{__package__}.")
    draws = isinstance(layer, Dropout)
    return is_own and not draws and (not weights or type(layer) in _CONSTANT)
