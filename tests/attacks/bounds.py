"""Check sums in float32 against the bounds of what they may err by.

    python -m tests.attacks bounds --n 100000000

Random layers get random and adversarial numbers (`rounding`): numbers that cancel, huge,
tiny and denormal ones, and sums all of whose roundings go one way. On every instruction
set, and with NumPy's ops, each of n outputs must be within its bound of the result in
float64, which is the definition, or of a bound that is stated beside an op. The tables
are of the largest error, as a part of its bound. If all went well, the last line says
"finished".
"""

from collections import defaultdict

import numpy as np
from threadpoolctl import threadpool_limits

from skconv import ops

from .rounding import NUMBERS, flushed
from .sums import SUMS


def main(n=10**8, seed=0):
    """Check n outputs."""
    rng, before, done = np.random.default_rng(seed), ops.in_use(), 0
    found = defaultdict(lambda: [0, 0.0])  # outputs, and the largest part of a bound
    names, every = [*SUMS], max(n // 10, 1)
    try:
        with threadpool_limits(1), np.errstate(all="ignore"):
            while done < n:
                name = names[rng.integers(len(names))]
                numbers = [*NUMBERS][rng.integers(len(NUMBERS))]
                outputs, parts = attack(
                    SUMS[name], NUMBERS[numbers], rng, name, numbers
                )
                if (done + outputs) // every > done // every:
                    print(f"{done + outputs} outputs", flush=True)
                done += outputs
                found[name, "any"][0] += outputs
                for use, part in parts.items():
                    for row in ("any", numbers), (name, use):
                        found[row][1] = max(found[row][1], part)
    finally:
        use_rules()
        ops.use(before)
    show(found)
    print(f"finished: {done} outputs, none beyond its bound")


def use_rules():
    """Let shapes choose the algorithms of convolutions again."""
    if ops.compiled:
        kernels = ops.compiled._kernels
        for use in kernels.use_winograd, kernels.use_thin, kernels.use_kept:
            use(None)


def attack(make, numbers, rng, name="", kind=""):
    """Try a layer; return the number of its outputs, and the largest part of a bound."""
    use_rules()
    problem = make(rng, lambda shape, second=False: numbers(rng, shape, second))
    parts, expected = {}, {}
    for use in ops.available():
        ops.use(use)
        results = problem.call(*problem.arrays)
        is_flushed = use != "numpy" and problem.has_denormals
        if is_flushed not in expected:
            arrays = [flushed(a) if is_flushed else a for a in problem.arrays]
            expected[is_flushed] = problem.exact(arrays), problem.bounds(arrays)
        pairs = zip(results, *expected[is_flushed], strict=True)
        parts[use] = max(part_of(*each) for each in pairs)
        assert parts[use] <= 1, (name, kind, use, parts[use], problem)
    return sum(np.size(each) for each in results), parts


def part_of(result, exact, bound):
    """Return the largest error as a part of its bound, infinite where it is no number."""
    errors = np.abs(result - exact)
    parts = np.divide(errors, bound, out=np.zeros_like(errors), where=errors != 0)
    return np.inf if np.isnan(errors).any() else float(parts.max(initial=0))


def show(found):
    """Print the tables."""
    for numbers in NUMBERS:
        print(f"{numbers:24} {found['any', numbers][1]:.3f}")
    sets = ops.available()
    print(f"{'':24} {'outputs':>11} " + " ".join(f"{use:>8}" for use in sets))
    for name in SUMS:
        parts = " ".join(f"{found[name, use][1]:8.3f}" for use in sets)
        print(f"{name:24} {found[name, 'any'][0]:11} {parts}")
