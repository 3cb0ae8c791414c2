"""Parts of the layers that normalise: numbers, words and first values."""

import re
import warnings

import numpy as np
import pytest

from skconv import ops
from skconv.layers import BatchNorm, LayerNorm, Rescaling
from skconv.layers.input_scale import (
    _largest,
    _Moments,
    _warn_of_lost_differences,
    inverse_scale,
)
from skconv.layers.naming import name_layers
from skconv.layers.whitening import whiten

F32, F64 = np.finfo("f4"), np.finfo("f8")
HOLD = "does not hold with enough digits:"


@pytest.mark.parametrize(
    ("mean", "std", "largest", "limits", "words"),
    [
        ([1e6], [1e-3], [1e6], F32, "channel 0 of the input varies by 0.001 about 1e+06, "
         f"which float32 {HOLD} subtract its mean from X, or use dtype='float64'"),
        ([1, 1e6, 1e6], [1, 1e-3, 1e-3], [2, 1e6, 1e6], F32, "channel 1 (and of 1 others) "
         f"of the input varies by 0.001 about 1e+06, which float32 {HOLD} subtract its "
         "mean from X, or use dtype='float64'"),
        ([0], [1], [2e38], F32, f"channel 0 of the input varies by 1 about 0, which "
         f"float32 {HOLD} scale X, or use dtype='float64'"),
        ([0], [1], [1.5e38], F32, "channel 0 of the input varies by 1 about 0, which "
         f"float32 {HOLD} subtract its mean from X, or use dtype='float64'"),
        ([0], [1e38], [1.5e38], F32, "channel 0 of the input varies by 1e+38 about 0, "
         f"which float32 {HOLD} scale X, or use dtype='float64'"),
        ([0], [5e37], [1.5e38], F32, None),
        ([0], [1e-320], [1e-320], F64, "channel 0 of the input varies by 1e-320 about 0, "
         f"which float64 {HOLD} scale X"),
        ([5], [0], [5], F32, None),
    ],
)  # fmt: skip
def test_lost_differences_in_words(mean, std, largest, limits, words):
    largest = np.array(largest, float)
    step = np.maximum(limits.eps * largest, limits.tiny)
    arguments = np.array(mean), np.array(std), largest, step, limits
    if words is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _warn_of_lost_differences(*arguments)
    else:
        with pytest.warns(UserWarning, match=f"^{re.escape(words)}$"):
            _warn_of_lost_differences(*arguments)


def test_values_at_the_end_of_float64_have_moments():
    moments = _Moments()
    moments.add(np.array([[1.6e308], [0.0]]), None)
    mean, std, largest = moments.result()
    np.testing.assert_allclose([mean[0], std[0], largest[0]], [8e307, 8e307, 1.6e308])


def test_rescaling_is_its_formula():
    layer, x = Rescaling(2, offset=-1), np.array([[3.0, 0.5]])
    assert layer.predict({}, x).tolist() == [[5, 0]]
    assert layer.backward({}, None, x)[0].tolist() == [[6, 1]]


def test_largest_value_has_either_sign():
    assert _largest(np.float32(-5), np.float32(3)) == 5
    assert _largest(np.int8(-128), np.int8(3)) == 128
    assert _largest(np.uint8(2), np.uint8(255)) == 255


def test_scale_of_zero_divides_by_one():
    scale = np.array([2.0, 0, 4])
    assert inverse_scale({"scale": scale}).tolist() == [0.5, 1, 0.25]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_normalizations_begin_as_identities(scale, center, rng):
    options, dtype = {"scale": scale, "center": center}, np.dtype(float)
    spread = {"gamma": [1] * 3} if scale else {}
    spread |= {"beta": [0] * 3} if center else {}
    moments = {"moving_mean": [0] * 3, "moving_variance": [1] * 3, "samples": [0]}
    x = rng.normal(size=(4, 3))
    for layer, expected in (
        (BatchNorm(epsilon=3.0, **options), {**spread, **moments}),
        (LayerNorm(**options), spread),
    ):
        weights, shape = layer.build((3,), rng, dtype)
        assert {name: array.tolist() for name, array in weights.items()} == expected
        assert shape == (3,)
        y = layer.predict(weights, x)
        if isinstance(layer, BatchNorm):
            np.testing.assert_allclose(y, x / 2)
            y, cache = layer.forward(weights, x, rng)
            dx, grads = layer.backward(weights, cache, y, need_dx=False)
            assert dx is None
            assert grads.keys() == spread.keys()
            y, cache = layer.forward(weights, x, None)
            assert layer.backward(weights, cache, y, need_dx=False)[0] is None


@pytest.mark.parametrize("activation", [None, "relu", "tanh", "gelu"])
def test_batch_norm_activates_in_training(activation, rng):
    x, dtype = rng.normal(size=(6, 3)), np.dtype(float)
    plain, layer = BatchNorm(), BatchNorm(activation=activation)
    weights, _ = layer.build((3,), rng, dtype)
    z, _ = plain.forward(plain.build((3,), rng, dtype)[0], x, rng)
    y, cache = layer.forward(weights, x, rng)
    np.testing.assert_allclose(y, ops.activate(z, activation), atol=1e-12)
    assert (cache[0] is None) == (activation == "relu")


def test_classes_and_numbers_in_a_list_of_layers_get_a_hint():
    with pytest.raises(TypeError, match=r"call it: LayerNorm\(\.\.\.\)"):
        name_layers([LayerNorm])
    with pytest.raises(TypeError, match=r"numbers, filters=\[8\]$"):
        name_layers([8])


def test_patches_by_rows_are_those_by_columns(rng):
    """Of an image that is turned over, with strides and dilations that are."""
    x, start = rng.normal(size=(20, 9, 11, 2)), rng.normal(size=(2, 1, 2, 4))
    kernel, turned = start.copy(), start.transpose(1, 0, 2, 3).copy()
    bias = whiten(kernel, lambda: [(x, None)], (1, 2), (2, 1))
    other = whiten(turned, lambda: [(x.transpose(0, 2, 1, 3), None)], (2, 1), (1, 2))
    np.testing.assert_allclose(turned, kernel.transpose(1, 0, 2, 3), atol=1e-9)
    np.testing.assert_allclose(other, bias, atol=1e-9)
