"""Layers, and functions that build them and run them in chains."""

from .composite import Composite
from .composites import Branches, Residual, Sequential
from .convolution import Conv1D, Conv2D
from .dense import Dense, Flatten, Reshape
from .depthwise import DepthwiseConv2D, SeparableConv2D
from .handcrafted import HandcraftedConv1D
from .input_scale import Normalization
from .layer import Layer
from .margins import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from .normalization import BatchNorm, LayerNorm
from .pointwise import (
    Activation,
    Dropout,
    PReLU,
    Rescaling,
    SpatialDropout1D,
    SpatialDropout2D,
)
from .pooling import (
    AvgPool1D,
    AvgPool2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
)
from .transposed import Conv1DTranspose, Conv2DTranspose
from .upsampling import UpSampling1D, UpSampling2D

__all__ = [
    "Activation",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Branches",
    "Composite",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "HandcraftedConv1D",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Normalization",
    "PReLU",
    "Rescaling",
    "Reshape",
    "Residual",
    "SeparableConv2D",
    "Sequential",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
]
