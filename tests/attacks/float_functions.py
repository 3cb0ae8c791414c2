"""The functions of one number that `floats` tries, and their exact results in float64."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from skconv import ops

INFINITY = float("inf")
F32_MAX = float(np.finfo(np.float32).max)


class Limits(NamedTuple):
    """The largest errors in ULP: with fused multiply-adds, without, and of NumPy.

    NumPy's functions depend on its version and the processor; below 4 is what it aims at.
    """

    fused: float = 1.0
    generic: float = 1.0
    numpy: float = 4.0


class Function(NamedTuple):
    """A function, its definition, its limits, and which numbers it is called with."""

    call: Callable[[Any], Any]
    exact: Callable[[Any], Any]
    limits: Limits = Limits()
    low: float = -INFINITY
    high: float = INFINITY
    without: tuple = ()  # instruction sets
    is_monotone: bool = True

    def runs_on(self, name):
        return name not in self.without

    def takes(self, x):
        """Return which numbers it is called with; NaN is one."""
        return ~((x < self.low) | (x > self.high))

    def limit(self, name):
        """Return the limit of an instruction set."""
        return getattr(self.limits, name, self.limits.fused)


def kernel(name, dtype):
    """Return a function of the compiled module as one of arrays."""

    def call(x):
        y = np.empty(x.shape, dtype)
        getattr(ops.compiled._kernels, name)(x, y)
        return y

    return call


def double(exact):
    """Return a function of float64 as one of float32."""
    return lambda x: exact(x.astype(np.float64))


def activation(name, exact, **options):
    return Function(lambda z: ops.activate(z, name), double(exact), **options)


def derivative(name, exact, **options):
    """From the output, of which no other numbers are tried, or for GELU from z."""

    def call(saved):
        return ops.activate_grad(np.ones_like(saved), saved, name)

    return Function(call, double(exact), **options)


def elu(z):
    return np.where(z < 0, np.expm1(np.minimum(z, 0)), z)


def gelu(z):
    return np.maximum(z, -40) * special.ndtr(z)


def gelu_derivative(z):
    near = np.clip(z, -40, 40)
    density = np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi)
    return special.ndtr(near) + near * density


COMPILED = ("generic", "avx2", "avx512")
QUOTIENT = Limits(2.5, 2.5)  # of two numbers that are rounded themselves
ONE_ROUNDING = Limits(0.501, 2.0)  # where it is one; the exact result is rounded, too
FUNCTIONS = {
    "exp": Function(
        kernel("exp_values", np.float32), double(np.exp), high=88, without=["numpy"]
    ),
    "logistic": activation("logistic", lambda z: 1 / (1 + np.exp(-z)), limits=QUOTIENT),
    "tanh": activation("tanh", np.tanh, limits=QUOTIENT),
    "elu": activation("elu", elu),
    "leaky_relu": activation("leaky_relu", lambda z: np.where(z < 0, 0.2 * z, z)),
    "relu": activation("relu", lambda z: np.where(z < 0, 0, z)),
    "logistic'": derivative(
        "logistic",
        lambda y: y * (1 - y),
        limits=ONE_ROUNDING,
        low=0,
        high=1,
        is_monotone=False,
    ),
    "tanh'": derivative(
        "tanh", lambda y: 1 - y * y, limits=ONE_ROUNDING, low=-1, high=1
    ),
    "elu'": derivative("elu", lambda y: np.where(y > 0, 1, y + 1), low=-1),
    "leaky_relu'": derivative("leaky_relu", lambda y: np.where(y > 0, 1, 0.2)),
    "relu'": derivative("relu", lambda y: np.where(y > 0, 1, 0), low=0),
    "log": Function(
        kernel("log_values", np.float64),
        lambda x: np.log(x.astype(np.longdouble)),
        low=1,
        high=F32_MAX,
        without=["numpy"],
    ),
    "gelu": activation(
        "gelu",
        gelu,
        # Phi is denormal below -12.9.
        limits=Limits(numpy=10.0),
        without=COMPILED,
        is_monotone=False,
    ),
    "gelu'": derivative(
        "gelu",
        gelu_derivative,
        # It is a difference, and 0 at -0.75.
        limits=Limits(numpy=INFINITY),
        without=COMPILED,
        is_monotone=False,
    ),
}
