"""Give each function of one number all 2^32 float32 numbers; report the largest errors.

    python -m tests.attacks floats --n 4294967296

An error is in units in the last place (ULP): the distance between neighbouring float32
numbers at the exact result, or at the smallest normal number if the exact result is
below it. 0.5 is correctly rounded. The exact result is the function in float64, whose
own error is below 1e-8 of these units except where the table has a note. For `n` below
2^32 the numbers are evenly spaced, beginning at `seed`, with all special ones among
them. If no error exceeds its limit, the last line says "finished".

Compiled ops take denormal numbers for 0, and may give 0 in place of a denormal result:
that is no error here. NumPy's do neither.
"""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from skconv import ops

from .float_functions import FUNCTIONS

ALL = 2**32
CHUNK = 2**17  # numbers, whose arrays stay in cache
F32 = np.float32
# 0, 1, infinity and the smallest and largest normal number, and what is around them.
EDGES = [0, 0x7F800000, 0x3F800000, 0x00800000, 0x7F7FFFFF, 0x7FC00000]


def main(n=ALL, seed=0):
    """Try n numbers, 2^32 at most."""
    print(f"{'function':12} {'set':8} {'largest error':>14}  at")
    beyond = []
    with threadpool_limits(1):
        for name, function in FUNCTIONS.items():
            start = time.perf_counter()
            for chosen, (error, at) in attack(function, n, seed).items():
                row = f"{name:12} {chosen:8} {error:10.3f} ULP  {at}"
                print(row)
                if not error <= function.limit(chosen):
                    beyond.append(row)
            print(f"{time.perf_counter() - start:.0f} s", flush=True)
    assert not beyond, beyond
    print(f"finished: {n} numbers")


def attack(function, n, seed):
    """Return the largest error of each instruction set, and where it is."""
    before = ops.in_use()
    sets = filter(function.runs_on, ops.available())
    worst = dict.fromkeys(sets, (0.0, None))
    try:
        with np.errstate(all="ignore"):
            for x in inputs(n, seed):
                taken = function.takes(x)
                if taken.any():
                    compare(function, x if taken.all() else x[taken], worst)
    finally:
        ops.use(before)
    return worst


def inputs(n, seed):
    """Yield float32 numbers in chunks: the special ones, then n of all."""
    near = np.add.outer([*EDGES, *(e + 2**31 for e in EDGES)], np.arange(-40, 41))
    yield (near.ravel() % ALL).astype(np.uint32).view(F32)
    step = np.uint32(max(ALL // n, 1) | 1)  # odd: all last bits come
    for first in range(0, n, CHUNK):
        bits = np.arange(min(CHUNK, n - first), dtype=np.uint32) * step
        bits += np.uint32((first * int(step) + seed) % ALL)
        yield bits.view(F32)


def compare(function, x, worst):
    """Raise the largest errors by those at x. Sets that give equal bits are one."""
    exact, done = exact_results(function, x), []
    for name in worst:
        ops.use(name)
        y = function.call(x)
        equal = [found for other, found in done if same_bits(y, other)]
        found = equal[0] if equal else largest_error(function, x, y, exact)
        done.append((y, found))
        worst[name] = max(worst[name], found, key=lambda each: each[0])


def exact_results(function, x):
    """All functions rise and fall with x alone where it has one sign.

    So neighbouring numbers have one result if the first and the last have the same, as
    many do: they are too large, or too small, to make a difference.
    """
    low, high = x[[0, -1]].view(np.uint32).tolist()
    if len(x) > 2 and function.is_monotone and high - low == len(x) - 1:
        first, last = function.exact(x[[0, -1]])
        if first == last:
            return np.full(len(x), first)
    return function.exact(x)


def same_bits(a, b):
    return np.array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))


def largest_error(function, x, y, exact):
    """Return the largest error in ULP, and the number it is at."""
    rounded = exact.astype(y.dtype)
    wrong = np.flatnonzero(rounded != y)
    found = largest_of(function, x[wrong], y[wrong], exact[wrong])
    if found[0] < 0.5:  # others are rounded correctly, or are exact
        inexact = np.flatnonzero((rounded != exact) & (rounded == y))
        found = (0.5, x[inexact[0]]) if len(inexact) else found
    return found


def largest_of(function, x, y, exact):
    if not len(x):
        return 0.0, None
    errors = ulps(y, exact)
    denormal = np.abs(x) < np.finfo(x.dtype).smallest_normal
    if denormal.any():  # they are numbers, or zeros
        zeros = function.exact(np.copysign(x.dtype.type(0), x))
        errors = np.where(denormal, np.minimum(errors, ulps(y, zeros)), errors)
    at = np.argmax(errors)
    return (float(errors[at]), x[at]) if errors[at] else (0.0, None)


def ulps(y, exact):
    """Return errors, infinite where one of two is no number."""
    info, one = np.finfo(y.dtype), exact.dtype.type(1)
    tiny, beyond = info.smallest_normal, np.ldexp(one, info.maxexp)
    y, right = (np.clip(a.astype(exact.dtype), -beyond, beyond) for a in (y, exact))
    unit = power_of_two(np.maximum(np.abs(right), tiny)) * np.ldexp(one, -info.nmant)
    errors = np.abs(y - right) / unit
    errors[(y == 0) & (np.abs(right) < tiny)] = 0  # flushed
    errors[np.isnan(errors)] = np.inf
    errors[np.isnan(y) & np.isnan(right)] = 0
    return errors


def power_of_two(x):
    """Return the largest power of two that is no larger than x, a positive number."""
    if x.dtype == np.float64:  # its exponent, without the rest
        return (x.view(np.uint64) & np.uint64(0x7FF << 52)).view(np.float64)
    return np.ldexp(x.dtype.type(1), np.frexp(x)[1] - 1)
