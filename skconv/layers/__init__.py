"""Layers: recipes with `build`, `predict`, `forward` and `backward`."""

from .base import Layer
from .composites import Branches, Residual, Sequential
from .convolution import Conv2D
from .dense import Dense, Flatten
from .normalization import BatchNorm, Normalization
from .pointwise import Activation, Dropout
from .pooling import AvgPool2D, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D

__all__ = [
    "Activation",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "Layer",
    "MaxPool2D",
    "Normalization",
    "Residual",
    "Sequential",
]
