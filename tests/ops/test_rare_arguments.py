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
    "must have an axis of channels, got a single number": lambda: ops.channel_moments(
        NUMBER
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


def test_output_of_another_dtype_is_filled(each_ops):
    z, out = np.array([-1, 2], F32), np.empty(2)
    assert dispatch.run("activate", (z,), "relu", out) is out
    np.testing.assert_array_equal(out, [0, 2])


def test_step_of_a_matrix_is_refused(each_ops):
    with pytest.raises(ValueError, match=r"parameters must be \(p,\), got .*\(2, 3\)"):
        ops.adam_step(*np.ones((4, 2, 3), F32), step=1, learning_rate=0.1)


def test_rows_in_a_grid_are_refused(each_ops):
    rows = np.array([[0, 0], [0, 0]])
    with pytest.raises(ValueError, match=r"rows must be an array of int of shape"):
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
