"""What a sum of products in float32 may err by, before anything is computed.

Every float32 operation returns its exact result times ``1 + d``, ``|d| <= u = 2^-24``, or
errs by less than ``t = 2^-126``, the smallest normal number, where the result is flushed
to 0. A term of ``sum a b`` passes through n such operations at most, in any order of the
sum and with products rounded or not: its own product, and n - 1 additions. So

    |error| <= gamma_n sum |a| |b| + 2 n t,     gamma_n = n u / (1 - n u)

(Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002, lemma 3.1
and section 3.1; 2.8 for underflow.) Each operation after the sum is one more of n: a
bias, a scale, the division of a mean. A denormal input is 0 for compiled ops; the sum
that they are compared with then has the zeros.
"""

import numpy as np

U = 2.0**-24
TINY = 2.0**-126


def gamma(n, u=U):
    """Return the relative error of n roundings in a row."""
    assert n * u < 0.5, "too many roundings for a bound"
    return n * u / (1 - n * u)


def bound(n, magnitude, underflow=0.0):
    """Return the bound of a sum of n roundings whose terms have this magnitude.

    The sum that a result is compared with is of float64, and errs as well.
    """
    return (gamma(n) + gamma(n, 2.0**-53)) * magnitude + 2 * n * TINY + underflow


def flushed(x):
    """Return an array with zeros in place of denormal numbers."""
    return np.where(np.abs(x) < TINY, 0, x).astype(x.dtype)


# Inputs ---------------------------------------------------------------------------------
#
# Each makes an array of a shape; `second` is for the second factor of a product. The last
# axis has results that are summed up apart from each other, where there are such.


def normal(rng, shape, second):
    return rng.standard_normal(shape, np.float32)


def cancelling(rng, shape, second):
    """Numbers that are nearly equal, times 1 and -1 in turn."""
    near = 1 + 1e-4 * rng.standard_normal(shape, np.float32)
    return near * rng.choice(np.float32([1, -1]), shape) if second else near


def huge(rng, shape, second):
    """Products are up to 2^110; with sums they do not reach 2^128."""
    return np.ldexp(normal(rng, shape, second), 52)


def tiny(rng, shape, second):
    """Products are near 2^-124: some are flushed, and some sums."""
    return np.ldexp(normal(rng, shape, second), -62)


def denormal(rng, shape, second):
    """About half of the numbers of a first factor are."""
    return normal(rng, shape, second) * np.float32(1 if second else TINY)


def wide(rng, shape, second):
    """Numbers from 2^-20 to 2^20."""
    return normal(rng, shape, second) * np.exp2(rng.uniform(-20, 20, shape)).astype(
        "f4"
    )


def one_way(rng, shape, second):
    """1, and numbers just above half of what it is rounded to: all sums round up."""
    x = np.ones(shape, np.float32)
    if second:
        rows = x.reshape(-1, shape[-1])
        rows[1:] = U * (1 + 2.0**-10)
    return x


NUMBERS = {
    make.__name__: make
    for make in (normal, cancelling, huge, tiny, denormal, wide, one_way)
}
