"""Contracts that every layer fulfils. A new layer's test is a row in layer_table.py."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from layer_table import LAYERS, each_layer, flat, parts, setup, trained
from seeds import SEED
from sklearn.base import clone
from tolerances import assert_same

from skconv import layers as L
from skconv.layers import chain
from skconv.layers.marks import mark
from skconv.models.costs import count_macs

# Arguments with which these do in training what they predict; None: there are none.
DIFFER_IN_TRAINING = {
    L.BatchNorm: None,
    L.Dropout: {"rate": 0},
    L.SpatialDropout1D: {"rate": 0},
    L.SpatialDropout2D: {"rate": 0},
}

# Weights that are not 0 before training.
FIRST_VALUES = {"gamma": 1, "moving_variance": 1, "scale": 1}


def moved(weights, u, t, path=()):
    """Return a copy of weights, each moved by t times its entry in u, if there is one."""
    if isinstance(weights, dict):
        return {key: moved(w, u, t, (*path, key)) for key, w in weights.items()}
    return weights + t * u.get(path, 0)


def test_table_has_every_public_layer():
    tested = {type(layer).__name__ for layer, _ in LAYERS}
    assert tested == set(L.__all__) - {"Composite", "Layer"}


@each_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_returns_the_shape_and_dtype_of_build(layer, shape, dtype):
    weights, output_shape, x = setup(layer, shape, dtype)
    y = layer.predict(weights, x)
    assert y.shape == (len(x), *output_shape)
    assert y.dtype == dtype
    z, cache = layer.forward(weights, x, np.random.default_rng(SEED))
    dx, grads = layer.backward(weights, cache, np.ones_like(z))
    assert dx.shape == x.shape
    assert dx.dtype == dtype
    assert {k: (v.shape, v.dtype) for k, v in flat(grads).items()} == {
        k: (v.shape, dtype) for k, v in trained(layer, weights).items()
    }


@each_layer
def test_weights_but_kernels_begin_with_one_value(layer, shape):
    weights, _ = layer.build(shape, np.random.default_rng(SEED), np.dtype(float))
    for path, inner, own in chain.leaves([("it", layer)], {"it": weights}):
        for name, weight in own.items():
            if not name.endswith("kernel"):
                first = getattr(inner, "initial_alpha", FIRST_VALUES.get(name, 0))
                assert (weight == first).all(), f"{path}.{name}"


@each_layer
def test_predict_equals_forward(layer, shape):
    weights, _, x = setup(layer, shape)
    layer = clone(layer)
    for part in parts(layer):
        changes = DIFFER_IN_TRAINING.get(type(part), {})
        if changes is None:
            pytest.skip("the layer normalises by its minibatch")
        part.set_params(**changes)
    y, _ = layer.forward(weights, x, np.random.default_rng(SEED))
    np.testing.assert_array_equal(layer.predict(weights, x), y)


@each_layer
def test_sample_does_not_depend_on_its_batch(layer, shape):
    weights, _, x = setup(layer, shape, n=40)
    together = layer.predict(weights, x)
    for part in (slice(0, 1), slice(7, 9), slice(39, 40)):
        np.testing.assert_array_equal(layer.predict(weights, x[part]), together[part])


@each_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frozen_layer_returns_the_same_gradient_in_x_as_one_that_learns(
    layer, shape, dtype
):
    weights, _, x = setup(layer, shape, dtype)
    y, cache = layer.forward(weights, x, None)
    dy = np.random.default_rng(SEED + 2).standard_normal(y.shape).astype(dtype)
    expected, _ = layer.backward(weights, cache, dy)
    frozen = mark({"a": weights}, ["a"], frozen=True)
    layers = [("a", layer)]
    z, caches = chain.forward(layers, frozen, x, np.random.default_rng(SEED))
    np.testing.assert_array_equal(z, y)
    dx, grads = chain.backward(layers, frozen, caches, dy)
    assert_same(dx, expected, dtype)
    assert grads == {"a": {}}
    assert not any(t for *_, t in chain.named_weights(layer, frozen["a"]))


@each_layer
def test_backward_is_the_adjoint_of_the_derivative(layer, shape):
    """<dy, J u> = <J^T dy, u>, with J u by central differences in a random direction."""
    weights, _, x = setup(layer, shape)
    rng = np.random.default_rng(SEED + 1)
    u = {
        path: rng.standard_normal(w.shape)
        for path, w in trained(layer, weights).items()
    }
    du = rng.standard_normal(x.shape)

    def f(t):  # the same random stream each time, so that dropout draws the same
        there = moved(weights, u, t)
        return layer.forward(there, x + t * du, np.random.default_rng(SEED + 2))[0]

    here = moved(weights, u, 0)
    y, cache = layer.forward(here, x, np.random.default_rng(SEED + 2))
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(here, cache, dy)
    step = 1e-7  # across no place where a layer has no derivative
    forward = np.vdot(dy, (f(step) - f(-step)) / (2 * step))
    grads = flat(grads)
    backward = np.vdot(dx, du) + sum(np.vdot(grads[path], u[path]) for path in u)
    np.testing.assert_allclose(forward, backward, rtol=1e-6, atol=1e-8)


@each_layer
def test_forward_without_generator_gives_the_gradient_of_predict(layer, shape):
    weights, _, x = setup(layer, shape)
    before = {path: weight.copy() for path, weight in flat(weights).items()}
    y, cache = layer.forward(weights, x, None)
    assert_same(layer.predict(weights, x), y)  # which may fuse layers
    rng = np.random.default_rng(SEED + 1)
    du, step = rng.standard_normal(x.shape), 1e-7
    ahead, behind = (layer.predict(weights, x + t * du) for t in (step, -step))
    dy = rng.standard_normal(ahead.shape)
    dx, _ = layer.backward(weights, cache, dy)
    assert dx.shape == x.shape
    for path, weight in flat(weights).items():
        np.testing.assert_array_equal(weight, before[path])
    np.testing.assert_allclose(
        np.vdot(dx, du),
        np.vdot(dy, (ahead - behind) / (2 * step)),
        rtol=1e-6,
        atol=1e-8,
    )


@each_layer
def test_backward_without_need_dx_returns_the_same_gradients(layer, shape):
    weights, _, x = setup(layer, shape)
    results = []
    for need_dx in (True, False):
        y, cache = layer.forward(weights, x, np.random.default_rng(SEED))
        results += [layer.backward(weights, cache, np.ones_like(y), need_dx=need_dx)]
    (_, expected), (dx, grads) = results
    assert dx is None or not weights
    assert flat(grads).keys() == flat(expected).keys() == trained(layer, weights).keys()


@each_layer
def test_layer_does_not_change_its_arguments(layer, shape):
    weights, _, x = setup(layer, shape)
    arrays = [x, *trained(layer, weights).values()]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    y, cache = layer.forward(weights, x, np.random.default_rng(SEED))
    dy = np.ones_like(y)
    dy.flags.writeable = False
    layer.backward(weights, cache, dy)
    for array in flat(weights).values():  # state as well, from here on
        array.flags.writeable = False
    layer.predict(weights, x)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@each_layer
def test_macs_are_the_inputs_that_outputs_see(layer, shape):
    """Count them in the Jacobian with weights of 1; padding counts as if it were seen."""
    weights, output_shape, _ = setup(layer, shape)
    count = count_macs([layer], shape)
    assert isinstance(count, int)
    if layer.inner_layers():
        return  # see test_composites.py
    kernels = [weights[key].size for key in weights if key.endswith("kernel")]
    pixels = np.prod(output_shape[:-1], dtype=int)
    if "kernel" not in weights:  # or several, one applied after the other
        assert count == pixels * sum(kernels)
        return
    plain = clone(layer).set_params(activation=None)
    ones = {key: np.full(w.shape, float(key == "kernel")) for key, w in weights.items()}
    inputs = np.eye(np.prod(shape)).reshape(-1, *shape)
    seen = np.count_nonzero(plain.predict(ones, inputs))
    if getattr(layer, "padding", "valid") == "valid":
        assert count == seen
    elif hasattr(layer, "output_padding"):  # its padding may cut off nothing
        assert seen <= count == weights["kernel"].size * np.prod(shape[:-1])
    else:
        assert seen < count == weights["kernel"].size * np.prod(output_shape[:-1])


@each_layer
def test_layer_is_its_configuration(layer, shape):
    """Clone, repr and pickle return the same layer; building does not change it."""
    before = repr(layer), vars(layer).copy()
    weights, _, x = setup(layer, shape)
    layer.predict(weights, x)
    assert (repr(layer), vars(layer)) == before
    for twin in (
        clone(layer),
        pickle.loads(pickle.dumps(layer)),
        eval(repr(layer), vars(L)),
    ):
        assert twin is not layer
        assert repr(twin) == repr(layer)
        np.testing.assert_array_equal(
            twin.predict(weights, x), layer.predict(weights, x)
        )


@each_layer
def test_threads_may_share_a_layer(layer, shape):
    weights, _, x = setup(layer, shape, n=20)
    expected = layer.predict(weights, x)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(lambda _: layer.predict(weights, x), range(16)):
            np.testing.assert_array_equal(y, expected)


def cast(weights, dtype):
    if isinstance(weights, dict):
        return {name: cast(value, dtype) for name, value in weights.items()}
    return weights.astype(dtype)


@each_layer
def test_float32_results_are_float64_results_rounded(layer, shape, each_ops):
    """On NumPy and on every instruction set: forward and all gradients."""
    results = []
    drawn, _, values = setup(layer, shape)
    for dtype in (np.float32, np.float64):
        weights = cast(drawn, dtype)
        x = values.astype(dtype)
        y, cache = layer.forward(weights, x, np.random.default_rng(SEED))
        dy = np.cos(np.arange(y.size)).reshape(y.shape).astype(dtype)
        dx, grads = layer.backward(weights, cache, dy)
        results.append(
            {"predict": layer.predict(weights, x), "y": y, "dx": dx, **flat(grads)}
        )
    for name, actual in results[0].items():
        assert_same(actual, results[1][name], np.float32, scale=4)


def test_convolution_as_large_as_the_image_is_a_dense_layer(rng):
    conv = L.Conv2D(5, (4, 3), padding="valid", activation="tanh")
    weights, _ = conv.build((4, 3, 2), rng, np.float64)
    x = rng.standard_normal((6, 4, 3, 2))
    dense = {"kernel": weights["kernel"].reshape(-1, 5), "bias": weights["bias"]}
    assert_same(
        conv.predict(weights, x)[:, 0, 0],
        L.Dense(5, "tanh").predict(dense, x),
        scale=10,
    )


def test_layers_request_no_metadata():
    assert not [name for name in dir(L.Conv2D(8)) if name.startswith("set_predict")]
