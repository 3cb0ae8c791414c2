"""All exercises, in their order."""

from . import (
    convolution_gradients,
    convolutions,
    losses,
    optimizer,
    others,
    training,
)

__all__ = ["EXERCISES"]

_GROUPS = convolutions, convolution_gradients, others, losses, optimizer, training

EXERCISES = {
    exercise.name: exercise for group in _GROUPS for exercise in group.EXERCISES
}
"""Name -> exercise."""
