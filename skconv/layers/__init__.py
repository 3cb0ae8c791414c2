"""Layers: recipes with `build`, `predict`, `forward` and `backward`."""

from .composites import Branches, Residual, Sequential
from .convolution import Conv2D
from .dense import Dense, Flatten
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .layer import Layer
from .normalization import BatchNorm, Normalization
from .pointwise import Activation, Dropout, SpatialDropout2D
from .pooling import AvgPool2D, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from .scaling import LayerNorm, PReLU, Rescaling
from .signals import (
    AvgPool1D,
    Conv1D,
    GlobalAvgPool1D,
    GlobalMaxPool1D,
    MaxPool1D,
    SpatialDropout1D,
)

__all__ = [
    "Activation",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Normalization",
    "PReLU",
    "Rescaling",
    "Residual",
    "SeparableConv2D",
    "Sequential",
    "SpatialDropout1D",
    "SpatialDropout2D",
]
