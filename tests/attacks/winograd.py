"""Convolve random shapes by Winograd's algorithm, whatever its rule says.

    python -m tests.attacks winograd --n 1000

On every instruction set all three passes must be as defined, in units of the largest
sum of |a| |b|; a fused pool must be that of all outputs, and a sample alone that of its
batch. AVX2 and AVX-512 must give the same bits. If all went well, the last line says
"finished".
"""

import numpy as np

from skconv import ops

# Of the largest sum of |a| |b|. The largest of thousands of errors comes near it, where few
# channels are summed up; their root mean square is twice that of direct convolution.
MOST = 4e-6
ACTIVATIONS = [None, "relu", "leaky_relu", "elu", "tanh", "logistic"]


def main(n, seed):
    """Try n shapes."""
    rng = np.random.default_rng(seed)
    before, worst = ops.in_use(), 0.0
    ops.compiled._kernels.use_winograd(True)
    try:
        for i in range(n):
            worst = max(worst, attack(rng))
            if i % 100 == 99:
                print(f"{i + 1} shapes", flush=True)
    finally:
        ops.compiled._kernels.use_winograd(None)
        ops.use(before)
    print(f"finished: the largest error is {worst:.1e} of the sum of |a| |b|")


def attack(rng):
    """Try a shape on all instruction sets; return the largest error."""
    arrays, slide = problem(rng)
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    pool = rng.integers(1, 6, 2)
    worst, found = 0.0, {}
    for name in ops.compiled.instruction_sets():
        ops.use(name)
        errors, found[name] = check(*arrays, slide, activation, pool)
        worst = max(worst, *errors)
        assert worst < MOST, (worst, [a.shape for a in arrays], slide, activation)
    if {"avx2", "avx512"} <= {*found}:
        for ours, theirs in zip(found["avx2"], found["avx512"], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return worst


def problem(rng):
    """Return x, kernel, bias, scale and dy, and how the kernel slides."""
    n, h, w = rng.integers(1, [5, 21, 21])
    c, filters = rng.integers(1, rng.integers(2, [100, 150]))
    size = 3, 3
    if rng.random() < 0.6:  # a row, of an image or of a signal, or a column of a signal
        size, h, w = (1, int(rng.integers(2, 18))), rng.choice([1, h]), 2 * w
        if h == 1 and rng.random() < 0.3:
            size, h, w = size[::-1], w, h
    sides = rng.integers(0, 7, (2, 2))
    fits = (np.add(sides.sum(1), (h, w)) >= size).all()
    padding = (
        tuple(map(tuple, sides.tolist())) if fits and rng.random() < 0.7 else "same"
    )
    shapes = (n, h, w, c), (*size, c, filters), filters, filters
    x, kernel, bias, scale = (rng.standard_normal(s, np.float32) for s in shapes)
    kernel /= np.float32((kernel[..., 0].size) ** 0.5)
    window = ops.window((int(h), int(w)), size, padding=padding)
    dy = rng.standard_normal((n, *window.output, filters), np.float32)
    return (x, kernel, bias, scale, dy), {"padding": padding}


def check(x, kernel, bias, scale, dy, slide, activation, pool):
    """Return the error of each result, and the results."""
    act = {"activation": activation, **slide}
    z = ops.conv2d(x, kernel, bias, scale, **slide)
    y = ops.conv2d(x, kernel, bias, scale, **act)
    results = z, *ops.conv2d_backward(dy, y, x, kernel, **act)
    args = [a.astype(float) for a in (x, kernel, bias, scale, dy, y)]
    expected = passes(*args, act)
    magnitudes = passes(*map(np.abs, args), slide)
    errors = [
        np.abs(ours - right).max() / magnitude.max()
        for ours, right, magnitude in zip(results, expected, magnitudes, strict=True)
    ]
    size = tuple(int(each) for each in np.minimum(pool, y.shape[1:3]))
    pooled = ops.conv2d_max_pool2d(x, kernel, bias, scale, pool_size=size, **act)
    np.testing.assert_array_equal(pooled, ops.max_pool2d(y, size))
    alone = ops.conv2d(x[-1:], kernel, bias, scale, **act)
    np.testing.assert_array_equal(alone, y[-1:])
    return errors, [*results, y]


def passes(x, kernel, bias, scale, dy, y, act):
    """Return what the definitions give: z, dx, dkernel and dbias."""
    z = ops.conv2d(x, kernel, bias, scale, padding=act["padding"])
    return z, *ops.conv2d_backward(dy, y, x, kernel, **act)
