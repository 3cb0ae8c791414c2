"""Updates in place: many parameters, shared memory, defaults, and denormal moments."""

import numpy as np
import pytest
from seeds import SEED

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")
MANY = 2**15 + 3  # more than the definitions update at a time


def adam(arrays, gradient, **others):
    ops.adam_step(arrays[0], gradient, *arrays[1:], step=3, learning_rate=0.1, **others)


def sgd(arrays, gradient, **others):
    ops.sgd_step(*arrays[:1], gradient, arrays[1], learning_rate=0.1, **others)


each_step = pytest.mark.parametrize("step", [adam, sgd])


@each_step
@pytest.mark.parametrize("decayed", [False, True])
def test_many_parameters_are_updated_as_few_are(step, decayed):
    arrays = np.random.default_rng(SEED).random((5, MANY), np.float32)
    *whole, gradient, decay = arrays.copy()
    step(whole, gradient, decay=decay if decayed else None)
    for part in (slice(0, 9), slice(MANY - 9, MANY)):
        *some, gradient, decay = arrays[:, part].copy()
        step(some, gradient, decay=decay if decayed else None)
        for ours, theirs in zip(some, whole, strict=True):
            np.testing.assert_allclose(ours, theirs[part], rtol=1e-6)


@each_step
@pytest.mark.parametrize("name", ["gradient", "decay"])
def test_gradient_or_decay_that_is_a_moment_is_as_apart(step, name):
    """It is read as it was before."""
    start = np.random.default_rng(SEED).random((4, 50), np.float32)
    apart, alias = start.copy(), start.copy()
    others = {"gradient": apart[3], "decay": apart[3], name: apart[1].copy()}
    step(apart[:3], **others)
    step(alias[:3], **{**others, name: alias[1]})
    # A difference may cancel: it is as exact as its terms, which are below 1.
    np.testing.assert_allclose(alias[:3], apart[:3], rtol=1e-6, atol=1e-7)


def test_sgd_has_the_defaults_of_its_docstring(rng):
    start = rng.random((3, 20))
    ours, theirs = start.copy(), start.copy()
    ops.sgd_step(*ours, learning_rate=0.1)
    ops.sgd_step(*theirs, learning_rate=0.1, momentum=0.9, nesterov=True, decay=None)
    np.testing.assert_array_equal(ours, theirs)
    ops.sgd_step(*theirs, learning_rate=0.1, nesterov=False)
    ops.sgd_step(*ours, learning_rate=0.1)
    assert (ours[0] != theirs[0]).all()


def test_adam_has_the_defaults_of_the_paper(rng):
    start = rng.random((4, 20)) * 1e-6  # where epsilon matters
    ours, theirs = start.copy(), start.copy()
    ops.adam_step(*ours, step=1, learning_rate=0.1)
    numbers = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "decay": None}
    ops.adam_step(*theirs, step=1, learning_rate=0.1, **numbers)
    np.testing.assert_array_equal(ours, theirs)


def test_denormal_moments_are_flushed_in_each_32nd_step():
    tiny = np.full((2, 4), 1e-40, np.float32)
    for step, left in ((31, 4), (32, 0), (33, 4), (64, 0)):
        moments, ones = tiny.copy(), np.ones((2, 4), np.float32)
        ops.adam_step(
            ones[0], 0 * ones[1], *moments, step=step, learning_rate=0.1, beta_1=0.999
        )
        if ops.in_use() != "numpy":  # these flush as they compute
            left = 0
        assert [np.count_nonzero(each) for each in moments] == [left] * 2


def test_smallest_normal_number_is_no_denormal():
    tiny = np.finfo(np.float32).smallest_normal
    x = np.array([tiny, -tiny, tiny / 2, -tiny / 2], np.float32)
    assert ops.flush_denormals(x) is x
    np.testing.assert_array_equal(x, np.array([tiny, -tiny, 0, 0], np.float32))


@pytest.mark.parametrize("rows", [slice(0, 3), np.array([2, 0])])
@pytest.mark.parametrize("order", ["C", "F"])
def test_minibatch_is_contiguous(rows, order, rng):
    x = np.asarray(rng.random((4, 5, 3)), order=order)
    for dtype in (np.float32, np.float64):
        batch = ops.gather(x, rows, dtype)
        assert batch.flags.c_contiguous
        assert batch.dtype == dtype
        np.testing.assert_array_equal(batch, x[rows].astype(dtype))
