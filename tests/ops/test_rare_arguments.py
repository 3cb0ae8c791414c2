"""Arguments at the edge of what ops take: numbers for arrays, and buffers of other kinds."""

import warnings

import numpy as np
import pytest

from skconv import ops
from skconv.ops import dispatch, geometry
from skconv.ops._source_tree import warn_if_not_built

F32 = np.float32
ONES = np.ones(3, F32)
NUMBER = np.float32(1)
REFUSED = {
    "^x must have an axis of channels, got a single number": lambda: (
        ops.channel_moments(NUMBER)
    ),
    "^dz must have an axis of channels, got a single number": lambda: ops.grad_bias(
        NUMBER
    ),
    "^x must have an axis of channels, got a single": lambda: ops.normalize(
        NUMBER, *[ONES] * 3
    ),
    "^x must have an axis of channels, got a": lambda: ops.batch_norm_backward(
        *[NUMBER] * 3, *[ONES] * 3
    ),
    "softmax runs over the last axis; z is a single number": lambda: ops.activate(
        NUMBER, "softmax"
    ),
    "softmax runs over the last axis; dy is a single number": lambda: ops.activate_grad(
        NUMBER, NUMBER, "softmax"
    ),
    "^bias must have a value for each of 2 units, got": lambda: ops.dense(
        np.ones((2, 3), F32), np.ones((3, 2), F32), ONES
    ),
    "^smoothing must be a number >= 0 and less than 1, got 1": lambda: (
        ops.softmax_cross_entropy(np.ones((2, 3), F32), np.zeros(2, int), smoothing=1)
    ),
    r"^saved must have the shape of dy, \(4, 3\)": lambda: ops.batch_norm_backward(
        np.ones((4, 3), F32),
        ONES,
        np.ones((4, 3), F32),
        *[ONES] * 3,
        shift=ONES,
        activation="relu",
    ),
    "^argmax must be at least 0 and less than 4, got -1": lambda: ops.max_pool2d_grad(
        np.ones((1, 1, 1, 1)), np.full((1, 1, 1, 1), -1), (1, 2, 2, 1)
    ),
    "softmax runs over the last axis; x is a single number": lambda: ops.add(
        NUMBER, NUMBER, "softmax"
    ),
    "x must have rows, got a single number": lambda: ops.gather(
        NUMBER, np.array([0]), np.dtype(F32)
    ),
    r"dy must hold 2 images of 3 channels": lambda: ops.conv2d_transpose_backward(
        np.ones((1, 4, 4, 3), F32),
        None,
        np.ones((2, 3, 3, 2), F32),
        np.ones((2, 2, 3, 2), F32),
    ),
    "saved must be an array like dy, as 'relu'": lambda: ops.dense_backward(
        np.ones((2, 3), F32),
        None,
        np.ones((2, 4), F32),
        np.ones((4, 3), F32),
        activation="relu",
    ),
    "activation must be one of .* got 'relu6'": lambda: ops.activate_grad(
        np.ones((2, 3), F32), None, "relu6"
    ),
    r"saved must have the shape of dy, \(2, 3\)": lambda: ops.batch_norm_backward(
        np.ones((2, 3), F32), ONES, np.ones((2, 3), F32), *[ONES] * 3, activation="relu"
    ),
    r"shape \(99999, 99999, 99999, 99999\) has more numbers": lambda: geometry.shape_of(
        (99999,) * 4, "shape", "(n, h, w, c)"
    ),
    "images of 99999x99999 are too large; take less": lambda: geometry.check_room(
        (99999, 99999, 99999, 99999), "take less"
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_rare_argument_is_refused_in_words(words):
    with pytest.raises(ValueError, match=words):
        REFUSED[words]()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (np.ones(3, int), "of floats, got ndarray of dtype int64"),
        (np.float32(1), "of floats, got float32 of dtype float32"),
    ],
)
def test_only_arrays_of_floats_are_updated(parameters, words):
    words = f"^parameters is written to: it must be an array {words}"
    with pytest.raises(TypeError, match=words):
        ops.sgd_step(parameters, ONES, ONES.copy(), learning_rate=0.1)


def test_arrays_that_lie_between_each_other_are_updated(each_ops):
    both = np.zeros(6)
    ops.sgd_step(both[::2], np.ones(3), both[1::2], learning_rate=0.5, nesterov=False)
    assert both.tolist() == [-0.5] * 6


def test_probabilities_of_another_dtype_are_taken(each_ops, rng):
    logits, targets = rng.random((4, 3), F32), rng.random((4, 3))
    expected = ops.softmax_cross_entropy(logits, targets.astype(F32))
    value, gradient = ops.softmax_cross_entropy(logits, targets)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    masked = np.ma.masked_array(targets, targets > 0.5)
    with pytest.raises(
        TypeError, match="^targets must be a NumPy array of numbers, got"
    ):
        ops.softmax_cross_entropy(logits, masked)


def test_levels_may_be_an_array(rng):
    outputs, targets = rng.random((5, 6)), rng.random((5, 3))
    expected = ops.quantile(outputs, targets, quantile=(0.1, 0.9))
    value, gradient = ops.quantile(outputs, targets, quantile=np.array([0.1, 0.9]))
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


@pytest.mark.parametrize("activation", [None, "identity", "linear"])
def test_identity_needs_nothing_saved(activation, each_ops, rng):
    dy, x, kernel = (rng.random(shape, F32) for shape in ((2, 4), (2, 3), (3, 4)))
    assert ops.activate_grad(dy, None, activation) is not None
    dx, *_ = ops.dense_backward(dy, None, x, kernel, activation=activation)
    np.testing.assert_allclose(dx, dy @ kernel.T, rtol=1e-5)


def test_output_of_another_dtype_is_filled(each_ops):
    z, out = np.array([-1, 2], F32), np.empty(2)
    assert dispatch.run("activate", (z,), "relu", out) is out
    np.testing.assert_array_equal(out, [0, 2])


def test_step_of_a_matrix_is_refused(each_ops):
    with pytest.raises(ValueError, match=r"parameters must be \(p,\), got .*\(2, 3\)"):
        ops.adam_step(*np.ones((4, 2, 3), F32), step=1, learning_rate=0.1)


def test_rows_in_a_grid_are_refused(each_ops):
    rows = np.array([[0, 0], [0, 0]])
    with pytest.raises(
        ValueError, match=r"rows must be an array of int of shape \(n,\), got"
    ):
        ops.gather(np.ones((4, 3), F32), rows, np.dtype(F32))


def test_source_tree_warns_unless_ops_were_chosen(tmp_path):
    folder = tmp_path / "skconv" / "ops"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "CMakeLists.txt").touch()
    words = (
        rf"tree, {tmp_path}, in which the compiled ops were not built.* -e {tmp_path}\."
    )
    with pytest.warns(UserWarning, match=words):
        warn_if_not_built(None, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_not_built("numpy", folder)
