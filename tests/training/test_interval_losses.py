"""The losses of quantiles and of normal distributions: formulas and derivatives."""

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import mean_pinball_loss

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")

LEVELS = (0.9, 0.05, 0.5)
LOSSES = {
    "quantile": (3, lambda *args: ops.quantile(*args, quantile=LEVELS)),
    "gaussian": (2, ops.gaussian),
}


def drawn(each, rng, dtype=np.float64):
    outputs = rng.standard_normal((7, 2 * each)).astype(dtype)
    return outputs, rng.standard_normal((7, 2)), rng.uniform(0, 2, 7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantile_is_the_pinball_loss(dtype, rng):
    outputs, targets, weight = drawn(3, rng, dtype)
    value, gradient = LOSSES["quantile"][1](outputs, targets, weight)
    expected = sum(
        mean_pinball_loss(
            targets[:, j], outputs[:, 3 * j + i], alpha=level, sample_weight=weight
        )
        for j in range(2)
        for i, level in enumerate(LEVELS)
    )
    assert value == pytest.approx(expected * weight.mean(), rel=1e-5)
    assert gradient.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gaussian_is_the_likelihood_of_a_normal_distribution(dtype, rng):
    outputs, targets, weight = drawn(2, rng, dtype)
    value, gradient = ops.gaussian(outputs, targets, weight)
    std = np.exp(7 * np.tanh(outputs[:, 1::2].astype(float) / 7))
    np.testing.assert_allclose(ops.gaussian_std(outputs[:, 1::2]), std, rtol=1e-12)
    each = -stats.norm(outputs[:, ::2], std).logpdf(targets) - np.log(2 * np.pi) / 2
    assert value == pytest.approx((each.sum(axis=1) * weight).mean(), rel=1e-5)
    assert gradient.dtype == dtype


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_interval_losses_are_their_derivatives(name, weighted, rng):
    each, loss = LOSSES[name]
    outputs, targets, weight = drawn(each, rng)
    outputs[0, 1] = 12  # where the deviation is nearly at its bound
    weight = weight if weighted else None
    numeric = optimize.approx_fprime(
        outputs.ravel(), lambda z: loss(z.reshape(7, -1), targets, weight)[0], 1e-7
    )
    np.testing.assert_allclose(
        loss(outputs, targets, weight)[1].ravel(), numeric, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("name", LOSSES)
def test_interval_losses_take_flat_targets_of_one_column(name, rng):
    each, loss = LOSSES[name]
    outputs, targets, weight = drawn(each, rng)
    flat, column = (
        loss(outputs[:, :each], t, weight) for t in (targets[:, 0], targets[:, :1])
    )
    assert flat[0] == column[0]
    np.testing.assert_array_equal(flat[1], column[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [-1e30, -200, 0, 200, 1e30])
@pytest.mark.parametrize("error", [0, 1, 1e6, 1e18])
def test_gaussian_of_extreme_outputs_is_finite(z, error, dtype):
    outputs = np.array([[0, z]], dtype)
    value, gradient = ops.gaussian(outputs, np.array([[error]]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_sorted_quantiles_never_have_a_larger_loss(rng):
    outputs, targets = rng.standard_normal((300, 3)), rng.standard_normal((300, 1))
    levels = (0.1, 0.5, 0.9)
    for z, t in zip(outputs, targets, strict=True):
        crossed, _ = ops.quantile(z[None], t[None], quantile=levels)
        value, _ = ops.quantile(np.sort(z)[None], t[None], quantile=levels)
        assert value <= crossed + 1e-12


def test_quantile_of_an_exact_output_has_no_gradient():
    value, gradient = ops.quantile(
        np.ones((1, 2)), np.ones((1, 1)), quantile=(0.1, 0.9)
    )
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("quantile", [0, 1, -0.1, True, "0.5", [], [0.5, 1.0], None])
def test_quantile_must_be_inside_of_0_and_1(quantile):
    with pytest.raises(ValueError, match="quantile must be"):
        ops.quantile(np.ones((1, 2)), np.ones((1, 1)), quantile=quantile)


def test_outputs_must_have_as_many_numbers_as_the_loss_reads():
    with pytest.raises(ValueError, match="outputs must have 2 numbers for each target"):
        ops.gaussian(np.ones((4, 3)), np.ones((4, 1)))
    with pytest.raises(ValueError, match="targets must have the shape of one for 2"):
        ops.gaussian(np.ones((4, 4)), np.ones((4, 1)))
