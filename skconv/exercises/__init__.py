"""Exercises: write a convolutional network, function by function.

``python -m skconv.exercises start FOLDER`` copies a file of functions to fill in, and
``python -m skconv.exercises check`` compares what they return with plain loops. The
last functions are a network, made of the others, and its training on digits.
"""

from .check import Verdict, check

__all__ = ["Verdict", "check"]
