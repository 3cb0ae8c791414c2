"""Augmentation: transforms that vary the images of a minibatch, in training only."""

from .geometric import RandomAffine, RandomFlip, RandomRotation, RandomShift
from .pixels import GaussianNoise, RandomErasing
from .protocol import augment

__all__ = [
    "GaussianNoise",
    "RandomAffine",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "augment",
]
