"""Augmentation: transforms that vary the images of a minibatch, in training only."""

from .batch import Batch
from .geometric import RandomAffine, RandomFlip, RandomRotation, RandomShift
from .mixing import CutMix, MixUp
from .pixels import GaussianNoise, RandomBrightness, RandomContrast, RandomErasing
from .protocol import augment
from .signals import WindowWarp

__all__ = [
    "Batch",
    "CutMix",
    "GaussianNoise",
    "MixUp",
    "RandomAffine",
    "RandomBrightness",
    "RandomContrast",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "WindowWarp",
    "augment",
]
