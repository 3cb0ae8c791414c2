"""Defaults of ops are those of their pages: a result does not change when they are given."""

from functools import partial

import numpy as np
import pytest
from seeds import SEED

from skconv import ops

SLIDE = {"stride": 1, "padding": "valid", "dilation": 1, "groups": 1}
POOL = {"pool_size": 2, "stride": None, "padding": "valid"}
POOLED = {"pool_size": 2, "pool_stride": None, "pool_padding": "valid"}
LINEAR, LABELS = {"activation": None}, {"smoothing": 0.0, "gamma": 0.0}
TRANSPOSED = {"stride": 1, "padding": "valid", "dilation": 1, "activation": None}
NORM = {"gamma": None, "axis": (-1,)}
X, KERNEL = (
    (2, 6, 6, 3),
    (3, 3, 3, 4),
)  # of arrays that are drawn; others are given
Y, HALF = (2, 4, 4, 4), (2, 3, 3, 3)
ROWS, ROW, TAPS = (5, 3), (3,), np.zeros((2, 2, 2, 4), np.uint8)

# Op -> its first arguments, and what the others are if they are not given.
DEFAULTS = {
    "add": ([X, X], LINEAR),
    "affine_transform": ([X, (2, 2, 2), (2, 2)], {"fill": 0.0}),
    "avg_pool2d": ([X], POOL),
    "avg_pool2d_grad": ([HALF, list(X)], POOL),
    "batch_norm_backward": ([ROWS, ROWS, ROWS, ROW, ROW, ROW], {"shift": None, **LINEAR}),
    "conv2d": ([X, KERNEL], {"bias": None, "scale": None, **SLIDE, **LINEAR}),
    "conv2d_backward": ([Y, Y, X, KERNEL], {**SLIDE, **LINEAR}),
    "conv2d_grad_input": ([Y, KERNEL, list(X)], SLIDE),
    "conv2d_grad_kernel": ([Y, X, list(KERNEL)], SLIDE),
    "conv2d_max_pool2d": ([X, KERNEL], {**SLIDE, **POOLED, **LINEAR}),
    "conv2d_max_pool2d_backward": (
        [(2, 2, 2, 4), (2, 2, 2, 4), TAPS, X, KERNEL], {**SLIDE, **POOLED, **LINEAR},
    ),
    "conv2d_max_pool2d_with_argmax": ([X, KERNEL], {**SLIDE, **POOLED, **LINEAR}),
    "conv2d_transpose": ([Y, KERNEL], TRANSPOSED),
    "conv2d_transpose_backward": ([X, X, Y, KERNEL], TRANSPOSED),
    "dense": ([ROWS, (3, 2)], {"bias": None, **LINEAR}),
    "dense_backward": ([(5, 2), (5, 2), ROWS, (3, 2)], LINEAR),
    "huber": ([ROWS, ROWS], {"sample_weight": None, "delta": 1.0}),
    "layer_norm": ([ROWS], {**NORM, "beta": None, "epsilon": 0.001}),
    "layer_norm_backward": ([ROWS, ROWS, (5, 1)], NORM),
    "layer_norm_with_statistics": ([ROWS], {**NORM, "beta": None, "epsilon": 0.001}),
    "max_pool2d": ([X], POOL),
    "max_pool2d_grad": ([HALF, np.zeros(HALF, np.uint8), list(X)], POOL),
    "max_pool2d_with_argmax": ([X], POOL),
    "normalize": ([ROWS, ROW, ROW, ROW], LINEAR),
    "quantile": ([ROWS, ROWS], {"sample_weight": None, "quantile": 0.5}),
    "sigmoid_cross_entropy": ([ROWS, ROWS], {"sample_weight": None, **LABELS}),
    "softmax_cross_entropy": ([ROWS, ROWS], {"sample_weight": None, **LABELS}),
    "upsample2d": ([X], {"size": 2, "interpolation": "nearest"}),
    "upsample2d_grad": ([X], {"size": 2, "interpolation": "nearest"}),
}  # fmt: skip

REQUIRED = {"conv2d_transpose": {"output_size": (6, 6)}}


@pytest.mark.parametrize("op", DEFAULTS)
def test_defaults_of_ops(op):
    rng = np.random.default_rng(SEED)
    given, defaults = DEFAULTS[op]
    arguments = [
        rng.random(each) if isinstance(each, tuple) else each for each in given
    ]
    function = partial(getattr(ops, op), **REQUIRED.get(op, {}))
    results = [function(*arguments), function(*arguments, **defaults)]
    results = [each if isinstance(each, tuple) else (each,) for each in results]
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_defaults_of_windows():
    size = (7, 6)
    slide = {"stride": 1, "padding": "valid", "dilation": 1}
    assert ops.window(size, 3) == ops.window(size, 3, **slide, size_name="kernel_size")
    assert ops.pool_window(size, 3) == ops.pool_window(
        size, 3, stride=3, padding="valid"
    )
    made = ops.transposed_size(size, 3, **slide, output_padding=None)
    assert ops.transposed_size(size, 3) == made == (9, 8)
    assert ops.pair(1, "size") == (1, 1)
    with pytest.raises(ValueError, match="size must be an int >= 1 or a pair of them"):
        ops.pair(0, "size")
    with pytest.raises(ValueError, match="kernel_size 8x8 does not fit its input 7x6"):
        ops.window(size, 8)
