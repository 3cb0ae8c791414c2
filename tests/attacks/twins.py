"""Call every op's twins with thousands of arguments: what one does, all must do.

    python -m tests.attacks twins --n 50000

Arguments are drawn, good ones and such with one or two changes: other dtypes, layouts and
shapes, read-only arrays, subclasses, numbers out of range or beyond 64 bits, overlapping
arrays. NumPy and each instruction set of the machine must give results of the same shapes
and dtypes whose numbers differ by rounding alone, or errors of the same type and words.
Then another thread overwrites arguments while ops run.
"""

import collections
import inspect
import sys
import threading
import time
import warnings

import numpy as np

from skconv import ops

from .files import growing_by_at_most
from .op_arguments import GOOD, one_of
from .op_changes import change

MEMORY = 2**30  # that the process may grow by: arguments ask for any amount
EXPECTED = TypeError, ValueError, MemoryError, OverflowError
ROUNDING = {"f": 4e-5, "d": 1e-11, "e": 5e-2, "g": 1e-11}


# One call --------------------------------------------------------------------------------


def copied(arguments):
    """Copy arrays with their layout; those that overlap still do."""
    memory = {}

    def copy(value):
        if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
            return value
        if value.dtype.kind not in "fiub":
            return value.copy()
        base = value
        while isinstance(base.base, np.ndarray):
            base = base.base
        if id(base) not in memory:
            memory[id(base)] = base.copy(order="K"), base
        new = memory[id(base)][0]
        offset = value.__array_interface__["data"][0]
        offset -= base.__array_interface__["data"][0]
        if base.size == 0 or not (base.flags.c_contiguous or base.flags.f_contiguous):
            return value.copy(order="K")
        view = np.ndarray(value.shape, value.dtype, new.data, offset, value.strides)
        view.flags.writeable = value.flags.writeable
        return view.view(type(value))

    return {name: copy(value) for name, value in arguments.items()}


def outcome(op, arguments, positional, in_use):
    """Return what an op returns and leaves in its arguments, or its error."""
    arguments = copied(arguments)
    rest, first = dict(arguments), []
    for name, parameter in inspect.signature(getattr(ops, op)).parameters.items():
        keyword_only = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if len(first) == positional or keyword_only or name not in rest:
            break
        first.append(rest.pop(name))
    ops.use(in_use)
    try:
        result = getattr(ops, op)(*first, **rest)
    except EXPECTED as error:
        return error
    returned = result if isinstance(result, tuple) else (result,)
    written = [arguments[name] for name in WRITTEN.get(op, ())]
    return *returned, *written


WRITTEN = {
    "adam_step": ("parameters", "moment_1", "moment_2"),
    "sgd_step": ("parameters", "velocity"),
    "activate": ("out",),
    "flush_denormals": ("x",),
}


# Comparison ------------------------------------------------------------------------------


def sizes(op, arguments, expected):
    """Return how large the terms are that each result is the sum of, at most."""
    absolute = {
        name: abs(value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fi"
        else value
        for name, value in arguments.items()
    }
    if absolute.get("activation") in ("softmax", "logistic", "sigmoid", "tanh", "gelu"):
        absolute["activation"] = None
    found = outcome(op, absolute, 0, "numpy")
    if isinstance(found, Exception) or len(found) != len(expected):
        found = expected
    least = 0.0
    if "softmax" in (op[:7], arguments.get("activation")):
        least = 1.0  # a difference of two numbers up to 1
    elif op == "batch_norm_backward":  # what is left of dy may be nothing
        u = largest(arguments["x"]) + largest(arguments["mean"])
        u *= largest(arguments["inverse"])
        least = largest(arguments["dy"]) * largest(arguments["scale"]) * (1 + u * u)
    return [
        largest(a) + largest(b) + least for a, b in zip(found, expected, strict=True)
    ]


def largest(value):
    if value is None or not np.size(value):
        return 0.0
    with np.errstate(all="ignore"):
        value = np.abs(np.asarray(value, np.float64))
    return float(np.max(value, where=np.isfinite(value), initial=0))


def same(op, arguments, expected, actual):
    """Raise AssertionError unless two outcomes agree."""
    if isinstance(expected, Exception) or isinstance(actual, Exception):
        if isinstance(expected, MemoryError):
            return  # a definition may need more
        assert type(expected) is type(actual), (expected, actual)
        assert str(expected) == str(actual), (expected, actual)
        return
    assert len(expected) == len(actual)
    bounds = sizes(op, arguments, expected)
    arrays = [a for a in (*arguments.values(), *expected) if isinstance(a, np.ndarray)]
    rounding = max(ROUNDING.get(a.dtype.char, 0) for a in arrays)
    for one, other, size in zip(expected, actual, bounds, strict=True):
        assert type(one) is type(other), (type(one), type(other))
        if isinstance(one, np.ndarray):
            assert one.shape == other.shape, (one.shape, other.shape)
            assert one.dtype == other.dtype, (one.dtype, other.dtype)
        if one is None or not np.size(one):
            continue
        inexact = isinstance(one, float) or one.dtype.kind == "f"
        tolerance = rounding * size + 1e-36 if inexact else 0
        np.testing.assert_allclose(other, one, rtol=0, atol=tolerance)


# Sums of products may leave out padding, and their order decides what meets an infinity.
_SUMS = "conv2d", "dense", "grad_bias", "batch", "channel", "normalize", "avg", "adam"


def draw(rng):
    """Return an op, its arguments and what was changed in them."""
    op = one_of(rng, *GOOD)
    arguments, changes = GOOD[op](rng), []
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        arguments, kind = change(arguments, rng)
        sums = (
            op.startswith(_SUMS)
            or "global" in op
            or "upsample" in op
            or "sample_weight" in kind
        )
        if "not finite" in kind and sums:
            return draw(rng)
        changes.append(kind)
    if rng.random() < 0.1:
        arguments, kind = overlap(arguments, rng)
        changes.append(kind)
    return op, arguments, changes


def overlap(arguments, rng):
    """Move two arrays into one buffer, the second a few numbers after the first."""
    names = [n for n, a in arguments.items() if isinstance(a, np.ndarray) and a.ndim]
    if len(names) < 2:
        return arguments, "nothing"
    one, other = rng.choice(names, 2, replace=False)
    a, b = arguments[one], arguments[other]
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return arguments, "nothing"
    shift = int(rng.integers(0, 5))
    buffer = np.zeros(max(a.size, b.size) + shift, a.dtype)
    buffer[: a.size] = np.abs(np.asarray(a)).ravel()
    moved = buffer[: a.size].reshape(a.shape), buffer[shift:][: b.size].reshape(b.shape)
    return {**arguments, one: moved[0], other: moved[1]}, f"{one} overlaps {other}"


def compare(n, seed, report_every=None):
    """Compare n calls; return the number of each kind of outcome."""
    rng, counts = np.random.default_rng(seed), collections.Counter()
    for i in range(n):
        state = rng.bit_generator.state
        op, arguments, changes = draw(rng)
        positional = int(rng.integers(0, 5))
        expected = outcome(op, arguments, positional, "numpy")
        for name in ops.available()[:-1]:
            try:
                actual = outcome(op, arguments, positional, name)
                same(op, arguments, expected, actual)
            except BaseException:
                print(
                    f"{op}({described(arguments)}), changed: {changes}; {name}, {state}"
                )
                raise
        error = isinstance(expected, Exception)
        counts[type(expected).__name__ if error else "result"] += 1
        if report_every and (i + 1) % report_every == 0:
            print(f"{i + 1}: {dict(counts)}", flush=True)
    return counts


def described(arguments):
    return ", ".join(
        f"{name}=<{value.dtype}{value.shape}>"
        if isinstance(value, np.ndarray)
        else f"{name}={value!r:.60}"
        for name, value in arguments.items()
    )


# Another thread --------------------------------------------------------------------------


def raced(seconds, seed):
    """Call ops whose indices another thread overwrites; return the outcomes' numbers."""
    rng = np.random.default_rng(seed)
    k, n = 10, 5000
    x, logits = rng.random((n, 30), np.float32), rng.random((n, k), np.float32)
    images = rng.random((50, 10, 10, 8), np.float32)
    y, argmax = ops.max_pool2d_with_argmax(images)
    codes, rows = rng.integers(0, k, n), rng.integers(0, n, n)
    top = ops.global_max_pool2d_with_argmax(images)[1]
    calls = {
        "codes": lambda: ops.softmax_cross_entropy(logits, codes),
        "rows": lambda: ops.gather(x, rows, np.dtype(np.float32)),
        "argmax": lambda: ops.max_pool2d_grad(y, argmax, images.shape),
        "top": lambda: ops.global_max_pool2d_grad(y[:, 0, 0], top, images.shape),
    }
    done, counts = threading.Event(), collections.Counter()

    def overwrite():
        good = [array.copy() for array in (codes, rows, top, argmax)]
        while not done.wait(1e-5):
            for array in (codes, rows, top):
                array[::7] = 2**34
            argmax[::7] = 255
            time.sleep(1e-5)
            for array, copy in zip((codes, rows, top, argmax), good, strict=True):
                array[...] = copy

    thread = threading.Thread(target=overwrite)
    thread.start()
    try:
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            for name in ops.available():
                ops.use(name)
                for argument, call in calls.items():
                    try:
                        call()
                        counts[f"{argument}: result"] += 1
                    except ValueError:
                        counts[f"{argument}: ValueError"] += 1
    finally:
        done.set()
        thread.join()
    return counts


def attack(n, seconds, seed, report_every=None):
    """Compare n calls and overwrite arguments for some seconds; return the counts."""
    before, interval = ops.in_use(), sys.getswitchinterval()
    try:
        with warnings.catch_warnings(), growing_by_at_most(MEMORY):
            warnings.simplefilter("ignore")  # NumPy's, of overflow; kernels give none
            counts = compare(n, seed, report_every)
            sys.setswitchinterval(1e-5)
            return counts, raced(seconds, seed)
    finally:
        sys.setswitchinterval(interval)
        ops.use(before)


def main(n, seed):
    counts, races = attack(n, n / 1000, seed, 5000)
    print(f"with a thread that overwrites arguments: {dict(races)}")
    print(f"finished, {n} calls of {len(GOOD)} ops, {ops.available()}: {dict(counts)}")
