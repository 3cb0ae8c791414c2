"""Compare ops with plain sums, for every small geometry: equal, without a tolerance.

    python -m tests.attacks geometries --n 1000000

Images have up to 6 x 6 pixels, windows up to 4 x 4 taps, with strides and dilations up to
3, each axis by itself; 1 and 2 images, and every number of channels, filters and groups up
to 4. All numbers are small integers, with which float32 makes no error in any order of a
sum: forward passes and all gradients must be equal to those of `geometry_sums.py`, on each
instruction set. The NumPy ops, which are slow, take each window with one of its
configurations, in turn.

Algorithms that the rules do not choose for layers of this size are tried wherever they can
be used. Winograd's divides by 225 or by 90, which is not exact: its results must be equal
when they are rounded to integers.

The geometries are a list, in an order in which any part of it is spread over the whole.
With ``--n`` N and ``--seed`` K the attack tries the configurations from K * N on: so it can
be done in parts, and on several machines. If all went well, the last line says "finished".
"""

import collections
import functools
import itertools
import math
import time

import numpy as np

from skconv import ops

from . import geometry_cases as cases
from .geometry_sums import Axis

REPORT_EVERY = 250  # windows
STRIDES = DILATIONS = range(1, 4)
FACTORS = range(1, cases.FACTOR + 1)
SIZES, TAPS = range(1, cases.SIZE + 1), range(1, cases.TAPS + 1)

# Padding ---------------------------------------------------------------------------------


def valid(size, taps, stride, extent):
    return [(0, 0)]


def same(size, taps, stride, extent):
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return [(total // 2, total - total // 2)]


def full(size, taps, stride, extent):
    """A pixel in each place of a window."""
    return [(extent - 1, extent - 1)]


def every(size, taps, stride, extent):
    """On each side up to that of `full`: more adds windows of nothing else."""
    return [(before, after) for before in range(extent) for after in range(extent)]


def of_pools(size, taps, stride, extent):
    """On each side less than a window, as pools have it."""
    return [(before, after) for before in range(taps) for after in range(taps)]


PADDINGS = valid, same, full, every


def axes(padding, dilations=DILATIONS, strides=STRIDES):
    """Return all axes that a window fits."""
    found = []
    for size in SIZES:
        for taps in TAPS:
            for dilation in dilations if taps > 1 else dilations[:1]:
                for stride in strides:
                    extent = (taps - 1) * dilation + 1
                    for sides in padding(size, taps, stride, extent):
                        axis = Axis(size, taps, stride, dilation, *sides)
                        if size + sum(sides) >= extent:
                            found.append(axis)
    return found


# Blocks ----------------------------------------------------------------------------------


class Block:
    """Geometries of a kind: each of some axes, as rows, with each as columns.

    Parameters
    ----------
    make : callable
        Returns the cases of a row and a column.
    cases : int
        How many there are of each window.
    axes : list
    before : tuple of Block
        Their windows are not tried again.
    """

    def __init__(self, make, cases, axes, before=()):
        self.make, self.cases = make, cases
        self.axes, self.before = axes, [frozenset(block.axes) for block in before]

    def __len__(self):
        return len(self.axes) ** 2

    def window(self, i):
        """Return the i-th window, of an order that spreads any part over the whole.

        None if another block has it.
        """
        row, column = divmod(i * self._step % len(self), len(self.axes))
        window = self.axes[row], self.axes[column]
        if any(others.issuperset(window) for others in self.before):
            return None
        return window

    @functools.cached_property
    def _step(self):
        step = round(0.618 * len(self)) or 1
        while math.gcd(step, len(self)) > 1:
            step += 1
        return step


def with_pools(padding, stride, dilation):
    """Return axes, each with each pool that fits its output, as pairs."""
    return [
        (axis, pool)
        for axis in axes(padding, [stride], range(dilation, dilation + 1))
        for pool in TAPS
        if pool <= axis.output
    ]


def fused(row, column):
    (rows, ph), (columns, pw) = row, column
    return cases.fused_pools(rows, columns, (ph, pw)) if ph * pw > 1 else []


def blocks():
    """Return all blocks by name; those of a name follow each other."""
    enlarged = [(n, by) for n in SIZES for by in FACTORS]
    pooled = axes(of_pools, dilations=[1])
    plain = {}
    for padding in PADDINGS:
        before = tuple(plain.values())
        name = f"convolutions, {padding.__name__} padding"
        plain[name] = Block(
            cases.convolutions, cases.PER_WINDOW, axes(padding), before=before
        )
    before_pools = []
    for stride, dilation in itertools.product(STRIDES, DILATIONS):
        of_valid = Block(fused, cases.PER_FUSED, with_pools(valid, stride, dilation))
        rows = with_pools(same, stride, dilation)
        before_pools += of_valid, Block(fused, cases.PER_FUSED, rows, before=[of_valid])
    valid_name, same_name, *others = plain
    return {
        "upsampling": [Block(cases.upsamplings, cases.PER_POOL, enlarged)],
        "global pools": [Block(cases.global_pools, cases.PER_POOL, SIZES)],
        valid_name: [plain[valid_name]],
        same_name: [plain[same_name]],
        "pools": [Block(cases.pools, cases.PER_POOL, pooled)],
        "convolutions before pools": before_pools,
        **{name: [plain[name]] for name in others},
    }


# Comparison ------------------------------------------------------------------------------


def winograd_fits(rows, columns):
    """As in winograd_rule.h: 3 x 3, a row, or a column of images of one column."""
    strides = rows.stride, columns.stride, rows.dilation, columns.dilation
    row = rows.taps == 1 < columns.taps
    column = columns.taps == columns.size == columns.output == 1 < rows.taps
    is_column = column and not columns.before
    return strides == (1,) * 4 and (rows.taps == columns.taps == 3 or row or is_column)


# Name -> whether it can be used for two axes, and which of a case's calls it takes.
ALGORITHMS = {
    "winograd": (winograd_fits, slice(None)),
    "thin": (lambda rows, columns: rows.stride == columns.stride == 1, slice(-1)),
    "kept": (lambda rows, columns: columns.dilation == 1, slice(-1, None)),
}


class Comparison:
    """Calls ops, compares what they return, and counts."""

    def __init__(self):
        self.sets = ops.available()
        self.configurations = 0
        self.calls = collections.Counter()  # by instruction set and algorithm
        self.distance = 0.0  # of Winograd's results from integers

    def window(self, block, i):
        """Compare the cases of a block's i-th window."""
        window = block.window(i)
        its_cases = block.make(*window) if window else []
        if not its_cases:
            return
        for name in self.sets:
            ops.use(name)
            # Each window and, in turn, each case.
            some = [its_cases[i % len(its_cases)]] if name == "numpy" else its_cases
            for case in some:
                self.calls_of(case.calls, window, name, "rule")
        self.configurations += len(its_cases)
        if ops.compiled and block.make in (cases.convolutions, fused):
            self.algorithms(window, its_cases)

    def algorithms(self, window, its_cases):
        """Compare wherever an algorithm can be used, against the rule."""
        pooled = isinstance(window[0][0], Axis)
        window_axes = [axis for axis, _ in window] if pooled else window
        for algorithm, (fits, part) in ALGORITHMS.items():
            if not fits(*window_axes) or (algorithm == "kept" and not pooled):
                continue
            use = getattr(ops.compiled._kernels, f"use_{algorithm}")
            use(True)
            try:
                for name in ops.compiled.instruction_sets():
                    ops.use(name)
                    for case in its_cases:
                        if case.groups == 1:
                            self.calls_of(case.calls[part], window, name, algorithm)
            finally:
                use(None)

    def calls_of(self, calls, window, name, algorithm):
        for op, arrays, options, expected in calls:
            found = getattr(ops, op)(*arrays, **options)
            found = found if type(found) is tuple else (found,)
            if algorithm == "winograd":
                found, expected = self.rounded(found, expected)
            for ours, right in zip(found, expected, strict=True):
                if not equal(ours, right):
                    shapes = [getattr(a, "shape", a) for a in arrays]
                    raise AssertionError(
                        f"{op} of {shapes}, {options}, {window}, {name}, {algorithm}: "
                        f"{ours.tolist()} instead of {right.tolist()}"
                    )
            self.calls[name, algorithm] += 1

    def rounded(self, found, expected):
        """Return float results as integers; a tie's place may be another one."""
        pairs = [pair for pair in zip(found, expected, strict=True)
                 if pair[0].dtype == np.float32]  # fmt: skip
        integers = []
        for ours, _ in pairs:
            integers.append(np.rint(ours) + np.float32(0))  # not -0
            self.distance = max(self.distance, float(np.abs(ours - integers[-1]).max()))
        return integers, [right for _, right in pairs]


def equal(ours, right):
    if ours.shape != right.shape or ours.dtype.kind != right.dtype.kind:
        return False
    # Of small arrays, bytes are faster; 0 and -0 have others and are equal.
    return ours.tobytes() == right.tobytes() or np.array_equal(ours, right)


def compare(block, windows):
    """Compare some windows of a block, by their numbers; return what was counted."""
    before, comparison = ops.in_use(), Comparison()
    try:
        for i in windows:
            comparison.window(block, i)
    finally:
        ops.use(before)
    return comparison


def parts(n, first):
    """Yield (name, block, its windows) of n configurations from the first-th on."""
    end = first + n
    for name, its_blocks in blocks().items():
        for block in its_blocks:
            start, stop = (
                min(max(-(-place // block.cases), 0), len(block))
                for place in (first, end)
            )
            if start < stop:
                yield name, block, range(start, stop)
            first, end = (place - len(block) * block.cases for place in (first, end))


def main(n, seed):
    """Try n configurations, from the seed * n-th on."""
    done, calls, distance = collections.Counter(), collections.Counter(), 0.0
    start = time.monotonic()
    for name, block, windows in parts(n, n * seed):
        for first in range(0, len(windows), REPORT_EVERY):
            comparison = compare(block, windows[first : first + REPORT_EVERY])
            done[name] += comparison.configurations
            calls += comparison.calls
            distance = max(distance, comparison.distance)
            seconds = time.monotonic() - start
            print(f"{seconds:.0f} s, {name}: {done[name]} configurations", flush=True)
    for (name, algorithm), count in sorted(calls.items()):
        print(f"{name}, by {algorithm}: {count} calls")
    print(f"Winograd's results are at most {distance:.1e} from integers")
    print(f"finished: {done.total()} configurations, 0 differences: {dict(done)}")
