"""Layer normalization and PReLU: axes, shapes of gradients, and values at the edges."""

import numpy as np
import pytest

from skconv import ops


@pytest.mark.parametrize(
    ("axis", "is_taken"),
    [
        ((-1,), True),
        ((1, 2), True),
        ([-2, -1], True),
        ((np.int64(1),), True),
        ((0,), False),
        ((-3,), False),
        ((3,), False),
        ((1, 1), False),
        ((1, -2), False),
        ((1.0,), False),
        ((True,), False),
        ((None,), False),
        (1, False),
        ({1}, False),
    ],
)
def test_axes_are_those_of_a_sample(axis, is_taken):
    x = np.arange(24.0).reshape(2, 3, 4)
    calls = (
        lambda: ops.layer_norm(x, axis=axis),
        lambda: ops.layer_norm_backward(x, x, x[..., :1], axis=axis),
    )
    for call in calls:
        if is_taken:
            call()
        else:
            with pytest.raises(
                ValueError, match="axis must be different axes of 3, as"
            ):
                call()


def test_variance_out_of_range_is_nan():
    x = np.array([[1e200, -1e200], [1.0, 3.0]])
    with np.errstate(over="ignore"):
        y, normalized, inverse = ops.layer_norm_with_statistics(x, epsilon=0.0)
    np.testing.assert_array_equal(y, [[np.nan, np.nan], [-1, 1]])
    np.testing.assert_array_equal(normalized, y)
    np.testing.assert_array_equal(inverse, [[np.nan], [1]])


def test_gradients_keep_the_axes_that_are_summed(rng):
    dy, normalized = rng.random((2, 3, 4, 5))
    _, dgamma, dbeta = ops.layer_norm_backward(dy, normalized, dy[..., :1])
    assert dgamma.shape == dbeta.shape == (1, 1, 5)
    np.testing.assert_allclose(dbeta.ravel(), dy.sum((0, 1)))
    alpha = rng.random((4, 1))
    dz, dalpha = ops.prelu_backward(dy, normalized - 0.5, alpha)
    assert dz.shape == dy.shape
    assert dalpha.shape == alpha.shape


def test_zero_has_the_slope_of_negative_numbers():
    dz, dalpha = ops.prelu_backward(*np.array([[[3.0]], [[0.0]]]), np.array([0.5]))
    assert (dz.item(), dalpha.item()) == (1.5, 0)
    assert ops.prelu(np.array([[0.0, -2.0]]), np.array([0.5])).tolist() == [[0, -1]]
