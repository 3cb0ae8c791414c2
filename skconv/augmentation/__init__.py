"""Augmentation: recipes that vary the images of a minibatch, in training only."""

from .transforms import (
    GaussianNoise,
    RandomAffine,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
    augment,
)

__all__ = [
    "GaussianNoise",
    "RandomAffine",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "augment",
]
