"""Take gradients behind pools from the numbers that the pools kept, for random shapes.

    python -m tests.attacks kept --n 1000

On every instruction set dx, dkernel and dbias must be as defined, in units of the largest
sum of |a| |b|; and AVX2 and AVX-512 must give the same bits. Where the kernel slides with a
stride of 1, its output along pixels must have the bits of the direct kernel. If all went
well, the last line says "finished".
"""

import numpy as np

from skconv import ops

MOST = 2e-6  # of the largest sum of |a| |b|
ACTIVATIONS = [None, "relu", "leaky_relu", "elu"]


def main(n, seed):
    """Try n shapes."""
    rng = np.random.default_rng(seed)
    before, worst = ops.in_use(), 0.0
    kernels = ops.compiled._kernels
    try:
        for i in range(n):
            worst = max(worst, attack(rng))
            if i % 100 == 99:
                print(f"{i + 1} shapes", flush=True)
    finally:
        for use in kernels.use_kept, kernels.use_thin, kernels.use_winograd:
            use(None)
        ops.use(before)
    print(f"finished: the largest error is {worst:.1e} of the sum of |a| |b|")


def attack(rng):
    """Try a shape on all instruction sets; return the largest error."""
    x, kernel, bias, act = problem(rng)
    worst, found = 0.0, {}
    for name in ops.compiled.instruction_sets():
        ops.use(name)
        y, argmax = outputs(x, kernel, bias, act)
        dy = np.random.default_rng(0).standard_normal(y.shape, np.float32)
        ops.compiled._kernels.use_kept(True)
        arrays = dy, y, argmax, x, kernel
        found[name] = ops.conv2d_max_pool2d_backward(*arrays, **act)
        worst = max(worst, *errors(found[name], arrays, act))
        assert worst < MOST, (worst, x.shape, kernel.shape, act)
    if {"avx2", "avx512"} <= {*found}:
        for ours, theirs in zip(found["avx2"], found["avx512"], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    return worst


def outputs(x, kernel, bias, act):
    """Return output and places, the same along pixels and directly."""
    ops.compiled._kernels.use_winograd(False)
    found = []
    for use in (False, True):
        ops.compiled._kernels.use_thin(use)
        found.append(ops.conv2d_max_pool2d_with_argmax(x, kernel, bias, **act))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    return found[0]


def problem(rng):
    """Return x, kernel and bias, and how kernel and pool slide."""
    while True:
        n, h, w = rng.integers(1, [6, 25, 25])
        c, filters = rng.integers(1, rng.integers(2, [60, 30]))
        kh, kw = rng.integers(1, 8, 2)
        stride, pool = rng.integers(1, 4, (2, 2)).tolist()
        dilation = int(rng.integers(1, 3)), 1
        act = {
            "stride": 1 if rng.random() < 0.5 else tuple(stride),
            "padding": tuple(map(tuple, rng.integers(0, 4, (2, 2)).tolist())),
            "dilation": dilation,
            "activation": ACTIVATIONS[rng.integers(len(ACTIVATIONS))],
            "pool_size": tuple(pool),
        }
        reach = np.array([(kh - 1) * dilation[0] + 1, kw])
        room = np.array([h, w]) + np.sum(act["padding"], axis=1) - reach
        if ((room // act["stride"] + 1) >= pool).all() and (room >= 0).all():
            break
    shapes = (n, h, w, c), (kh, kw, c, filters), filters
    x, kernel, bias = (rng.standard_normal(s, np.float32) for s in shapes)
    return x, kernel / np.float32((kh * kw * c) ** 0.5), bias, act


def errors(found, arrays, act):
    """Return those of dx, dkernel and dbias, in units of the largest sum of |a| |b|."""
    args = [a if a.dtype == np.uint8 else a.astype(float) for a in arrays]
    expected = ops.conv2d_max_pool2d_backward(*args, **act)
    dy, y, argmax, x, kernel = args
    dz = np.abs(ops.activate_grad(dy, y, act["activation"]))
    sums = dz, dz, argmax, np.abs(x), np.abs(kernel)
    magnitudes = ops.conv2d_max_pool2d_backward(*sums, **{**act, "activation": None})
    return [
        np.abs(ours - right).max() / max(magnitude.max(), 1e-30)
        for ours, right, magnitude in zip(found, expected, magnitudes, strict=True)
    ]
