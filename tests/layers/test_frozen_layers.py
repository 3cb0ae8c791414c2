"""Frozen layers compute no gradient that nothing asks for."""

import numpy as np

from skconv.layers import Conv2D, Dense, MaxPool2D
from skconv.layers.fusion import PooledConv2D
from skconv.layers.marks import frozen
