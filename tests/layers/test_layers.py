"""Contracts that every layer fulfils. A new layer's test is a row in LAYERS."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from tolerances import assert_same

from skconv import layers as L
from skconv import ops
from skconv.layers import chain
from skconv.models.costs import count_macs

LAYERS = [
    (L.Conv2D(4), (6, 5, 3)),
    (L.Conv2D(4, 5, padding="valid"), (6, 5, 3)),
    (L.Conv2D(4, (3, 2), stride=2, activation="relu"), (7, 6, 3)),
    (
        L.Conv2D(4, 3, stride=(1, 2), dilation=2, padding=2, activation="tanh"),
        (6, 6, 2),
    ),
    (L.Conv2D(6, 3, groups=3, use_bias=False, activation="gelu"), (5, 5, 3)),
    (L.Conv2D(4, 3, activation="softmax", padding=((0, 1), (1, 2))), (5, 5, 2)),
    (L.Conv2D(2, [3, 3], kernel_initializer="he_normal", activation="elu"), (1, 1, 30)),
    (L.MaxPool2D(), (6, 4, 3)),
    (L.MaxPool2D(3, stride=2, padding="same"), (5, 6, 2)),
    (L.MaxPool2D((2, 1), stride=(1, 2)), (4, 4, 2)),
    (L.AvgPool2D(), (6, 4, 3)),
    (L.AvgPool2D(3, stride=1, padding="same"), (4, 5, 2)),
    (L.GlobalAvgPool2D(), (4, 5, 3)),
    (L.GlobalMaxPool2D(), (4, 5, 3)),
    (L.Flatten(), (4, 5, 3)),
    (L.Dense(5), (7,)),
    (L.Dense(5, "relu"), (3, 4, 2)),
    (L.Dense(5, "gelu", use_bias=False, kernel_initializer="lecun_uniform"), (7,)),
    (L.Dropout(0.4), (4, 3, 2)),
    (L.Dropout(0), (7,)),
    *((L.Activation(name), (4, 3, 5)) for name in ops.ACTIVATIONS),
    (
        L.Sequential([L.Conv2D(4, activation="relu"), L.MaxPool2D(), L.Dense(3)]),
        (6, 4, 3),
    ),
    (L.Residual([("a", L.Conv2D(2)), L.Conv2D(3, activation="gelu")]), (5, 4, 3)),
    (L.Residual([L.Dense(7, "tanh")], "passthrough", activation="gelu"), (7,)),
    (
        L.Residual(
            [L.Conv2D(4, stride=2)], L.Conv2D(4, 1, stride=2), activation="relu"
        ),
        (5, 4, 3),
    ),
    (L.Residual([L.Conv2D(2)], [L.MaxPool2D(1), ("b", L.Conv2D(2, 1))]), (5, 4, 3)),
    (
        L.Branches(
            [("a", [L.Conv2D(2, 1), L.Residual([L.Conv2D(2)])]), L.Activation(None)]
        ),
        (4, 5, 3),
    ),
    (L.Branches([L.Dense(2), ("b", L.Dense(3, "relu")), L.Dropout(0.5)]), (7,)),
    (L.DepthwiseConv2D(), (6, 5, 3)),
    (
        L.DepthwiseConv2D((3, 2), stride=2, depth_multiplier=2, activation="relu"),
        (7, 6, 3),
    ),
    (
        L.DepthwiseConv2D(3, dilation=2, padding=2, use_bias=False, activation="gelu"),
        (6, 6, 17),
    ),
    (L.SeparableConv2D(4), (6, 5, 3)),
    (
        L.SeparableConv2D(5, 2, stride=(1, 2), depth_multiplier=2, activation="tanh"),
        (5, 6, 2),
    ),
    (
        L.SeparableConv2D(4, padding="valid", use_bias=False, activation="gelu"),
        (5, 5, 3),
    ),
    (L.Conv1D(4), (9, 3)),
    (L.Conv1D(4, 4, padding="causal", dilation=2, activation="relu"), (9, 3)),
    (L.Conv1D(6, 3, stride=2, groups=3, padding=(0, 2), activation="gelu"), (8, 3)),
    (
        L.Conv1D(
            2, 5, padding="valid", use_bias=False, kernel_initializer="orthogonal"
        ),
        (9, 1),
    ),
    (L.MaxPool1D(), (9, 3)),
    (L.MaxPool1D(3, stride=2, padding="same"), (8, 2)),
    (L.MaxPool1D(3, stride=1, padding="causal"), (8, 17)),
    (L.AvgPool1D(3), (9, 2)),
    (L.AvgPool1D(3, stride=2, padding=(2, 1)), (7, 2)),
    (L.GlobalAvgPool1D(), (9, 3)),
    (L.GlobalMaxPool1D(), (9, 3)),
    (L.Dropout(0.4), (9, 2)),
    (L.SpatialDropout1D(0.4), (9, 8)),
    (L.SpatialDropout2D(0.4), (4, 3, 8)),
    (L.Rescaling(1 / 255), (4, 3, 2)),
    (L.Rescaling(2, offset=-1), (7,)),
    (L.LayerNorm(), (4, 3, 5)),
    (L.LayerNorm((1, 2, 3), scale=False), (4, 3, 2)),
    (L.LayerNorm((-3, 2), epsilon=0.1, center=False), (4, 3, 2)),
    (L.LayerNorm(1, center=False, scale=False), (9, 3)),
    (L.PReLU(), (4, 3, 2)),
    (L.PReLU((1, 2)), (4, 3, 2)),
    (L.PReLU(-1, initial_alpha=-0.5), (9, 2)),
]
LAYERS += [
    (L.BatchNorm(), (4, 3, 5)),
    (L.BatchNorm(0.5, 0.1, center=False, activation="gelu"), (7,)),
    (L.BatchNorm(scale=False, activation="relu"), (3, 4, 2)),
    (L.Normalization(), (4, 3, 5)),
    (L.Normalization(), (7,)),
    (
        L.Residual([L.Conv2D(3, use_bias=False), L.BatchNorm(activation="relu")]),
        (5, 4, 3),
    ),
    (L.Branches([[L.Normalization(), L.Conv2D(2)], L.BatchNorm()]), (5, 4, 3)),
    (L.Conv2D(4, 3, kernel_l1=0.1, kernel_l2=0.2), (5, 5, 2)),
]
# Arguments with which these do in training what they predict; None: there are none.
DIFFER_IN_TRAINING = {
    L.BatchNorm: None,
    L.Dropout: {"rate": 0},
    L.SpatialDropout1D: {"rate": 0},
    L.SpatialDropout2D: {"rate": 0},
}
each_layer = pytest.mark.parametrize(
    ("layer", "shape"), LAYERS, ids=lambda value: repr(value).replace("\n", "")
)


def setup(layer, shape, dtype=np.float64, n=3):
    """Return weights, output shape and an input of distinct values, far from 0."""
    rng = np.random.default_rng(0)
    weights, output_shape = layer.build(shape, rng, np.dtype(dtype))
    for _, weight, is_trained in chain.named_weights(layer, weights):
        weight[...] = rng.standard_normal(weight.shape)
        if not is_trained:  # a variance or a count
            weight[...] = np.abs(weight) + 0.1
    values = rng.permutation(n * np.prod(shape)) - n * np.prod(shape) // 2 + 0.5
    x = (values / len(values)).reshape(n, *shape).astype(dtype)
    return weights, output_shape, x


def flat(nested, path=()):
    """Return the arrays in nested dicts, by the names that lead to them."""
    if not isinstance(nested, dict):
        return {path: nested}
    parts = [flat(value, (*path, key)) for key, value in nested.items()]
    return {key: value for part in parts for key, value in part.items()}


def parts(layer):
    yield layer
    for _, inner in layer.inner_layers():
        yield from parts(inner)


def trained(layer, weights):
    named = chain.named_weights(layer, weights)
    return {path: weight for path, weight, is_trained in named if is_trained}


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
    z, cache = layer.forward(weights, x, np.random.default_rng(0))
    dx, grads = layer.backward(weights, cache, np.ones_like(z))
    assert dx.shape == x.shape
    assert dx.dtype == dtype
    assert {k: (v.shape, v.dtype) for k, v in flat(grads).items()} == {
        k: (v.shape, dtype) for k, v in trained(layer, weights).items()
    }


@each_layer
def test_predict_equals_forward(layer, shape):
    weights, _, x = setup(layer, shape)
    layer = clone(layer)
    for part in parts(layer):
        changes = DIFFER_IN_TRAINING.get(type(part), {})
        if changes is None:
            pytest.skip("the layer normalises by its minibatch")
        part.set_params(**changes)
    y, _ = layer.forward(weights, x, np.random.default_rng(0))
    np.testing.assert_array_equal(layer.predict(weights, x), y)


@each_layer
def test_sample_does_not_depend_on_its_batch(layer, shape):
    weights, _, x = setup(layer, shape, n=40)
    together = layer.predict(weights, x)
    for part in (slice(0, 1), slice(7, 9), slice(39, 40)):
        np.testing.assert_array_equal(layer.predict(weights, x[part]), together[part])


@each_layer
def test_backward_is_the_adjoint_of_the_derivative(layer, shape):
    """<dy, J u> = <J^T dy, u>, with J u by central differences in a random direction."""
    weights, _, x = setup(layer, shape)
    rng = np.random.default_rng(1)
    u = {
        path: rng.standard_normal(w.shape)
        for path, w in trained(layer, weights).items()
    }
    du = rng.standard_normal(x.shape)

    def f(t):  # the same random stream each time, so that dropout draws the same
        there = moved(weights, u, t)
        return layer.forward(there, x + t * du, np.random.default_rng(2))[0]

    here = moved(weights, u, 0)
    y, cache = layer.forward(here, x, np.random.default_rng(2))
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(here, cache, dy)
    step = 1e-5
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
    rng = np.random.default_rng(1)
    du, step = rng.standard_normal(x.shape), 1e-5
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
        y, cache = layer.forward(weights, x, np.random.default_rng(0))
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
    y, cache = layer.forward(weights, x, np.random.default_rng(0))
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
        y, cache = layer.forward(weights, x, np.random.default_rng(0))
        dy = np.cos(np.arange(y.size)).reshape(y.shape).astype(dtype)
        dx, grads = layer.backward(weights, cache, dy)
        results.append(
            {"predict": layer.predict(weights, x), "y": y, "dx": dx, **flat(grads)}
        )
    for name, actual in results[0].items():
        assert_same(actual, results[1][name], np.float32, scale=4)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(L.SpatialDropout1D(0.3), (4, 500)), (L.SpatialDropout2D(0.3), (2, 3, 500))],
)
def test_spatial_dropout_drops_whole_channels(layer, shape, rng):
    y, _ = layer.forward({}, np.ones((200, *shape), np.float32), rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    channels = y.reshape(200, -1, 500)
    np.testing.assert_array_equal(
        channels, np.broadcast_to(channels[:, :1], channels.shape)
    )
    assert abs(np.mean(channels[:, 0] == 0) - 0.3) < 0.01


def test_dropout_keeps_the_expected_value_and_its_rate(rng):
    x = np.ones((200, 500), np.float32)
    y, cache = L.Dropout(0.3).forward({}, x, rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs(np.mean(y == 0) - 0.3) < 0.01
    dx, _ = L.Dropout(0.3).backward({}, cache, x)
    np.testing.assert_array_equal(dx, y)
    assert L.Dropout(0.3).predict({}, x) is x


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


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (L.Conv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (L.Conv2D(8.0), (5, 5, 1), "filters must be an int >= 1, got 8.0"),
        (L.Conv2D(8, -3), (5, 5, 1), "kernel_size must be an int >= 1 .* got -3"),
        (L.Conv2D(8, 3.5), (5, 5, 1), "kernel_size must be an int >= 1 .* got 3.5"),
        (L.Conv2D(8, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (
            L.Conv2D(8, 5, padding="valid"),
            (3, 3, 1),
            "kernel_size 5x5 does not fit its input 3x3; use padding='same'",
        ),
        (
            L.Conv2D(8, groups=2),
            (5, 5, 3),
            "groups must divide its 3 input channels .* got 2",
        ),
        (
            L.Conv2D(8, activation="rulu"),
            (5, 5, 1),
            "activation .* did you mean 'relu'",
        ),
        (
            L.Conv2D(8, kernel_initializer="he_norml"),
            (5, 5, 1),
            "kernel_initializer must be .* got 'he_norml'; did you mean 'he_normal'",
        ),
        (
            L.Conv2D(8),
            (25,),
            r"takes images \(h, w, c\), but its input has shape \(25,\)",
        ),
        (L.MaxPool2D(6), (5, 5, 1), "pool_size 6x6 does not fit its input 5x5"),
        (L.MaxPool2D(0), (5, 5, 1), "pool_size must be an int >= 1 .* got 0"),
        (L.AvgPool2D(2, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (L.GlobalAvgPool2D(), (5,), "takes images"),
        (L.Dense(-1), (5,), "units must be an int >= 1, got -1"),
        (L.Dropout(1), (5,), r"rate must be a number in \[0, 1\), got 1"),
        (L.Dropout("half"), (5,), r"rate must be a number in \[0, 1\), got 'half'"),
        (L.Activation("sotfmax"), (5,), "did you mean 'softmax'"),
        (
            L.Conv2D(8),
            (25, 3),
            r"takes images .* shape \(25, 3\); use Conv1D .* for signals \(l, c\)",
        ),
        (
            L.Conv1D(8),
            (5, 5, 1),
            r"takes signals \(l, c\), .* shape \(5, 5, 1\); use Conv2D .* for images",
        ),
        (L.Conv1D(8), (25,), "takes signals .* place it before layers that flatten"),
        (L.GlobalMaxPool1D(), (2, 3, 4, 5), r"shape \(2, 3, 4, 5\); reshape it"),
        (L.SpatialDropout1D(0.5), (5, 5, 1), "takes signals"),
        (L.SpatialDropout2D(0.5), (5, 5), "takes images"),
        (L.SpatialDropout2D(2), (5, 5, 1), r"rate must be a number in \[0, 1\), got 2"),
        (L.Conv1D(8, (3, 3)), (9, 1), r"kernel_size must be an int >= 1, got \(3, 3\)"),
        (L.Conv1D(8, stride=0), (9, 1), "stride must be an int >= 1, got 0"),
        (
            L.Conv1D(8, padding="casual"),
            (9, 1),
            "padding must be .*'causal', an int >= 0 or .left, right., got 'casual'",
        ),
        (L.Conv2D(8, padding="causal"), (9, 9, 1), "padding must be .* got 'causal'"),
        (
            L.Conv1D(8, 5, dilation=3, padding="valid"),
            (9, 1),
            r"kernel_size 5 \(dilated to 13\) does not fit its input 9; use",
        ),
        (L.MaxPool1D(6), (5, 1), "pool_size 6 does not fit its input 5"),
        (L.AvgPool1D(2, padding=(0, 2)), (5, 1), "padding must be less than pool_size"),
        (
            L.DepthwiseConv2D(5, padding="valid"),
            (3, 3, 1),
            "5x5 does not fit its input 3x3",
        ),
        (L.DepthwiseConv2D(3), (9, 9), "takes images"),
        (
            L.DepthwiseConv2D(depth_multiplier=0),
            (5, 5, 1),
            "depth_multiplier must be an int",
        ),
        (
            L.DepthwiseConv2D(depthwise_initializer="orthogonl"),
            (5, 5, 1),
            "depthwise_initializer must be .* did you mean 'orthogonal'",
        ),
        (L.SeparableConv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (L.SeparableConv2D(4, activation="rulu"), (5, 5, 1), "did you mean 'relu'"),
        (
            L.SeparableConv2D(4, pointwise_initializer="zero"),
            (5, 5, 1),
            "pointwise_initializer must be .* did you mean 'zeros'",
        ),
        (L.Rescaling("a"), (5,), "scale must be a finite number, got 'a'"),
        (L.Rescaling(1, float("inf")), (5,), "offset must be a finite number, got inf"),
        (
            L.LayerNorm(0),
            (5, 4),
            r"axis must be distinct axes from 1 to 2, .* -1 to -2, .* \(5, 4\), got 0",
        ),
        (L.LayerNorm((1, -2)), (5, 4), r"axis must be distinct .* got \(1, -2\)"),
        (L.LayerNorm(1.0), (5, 4), "axis must be distinct .* got 1.0"),
        (L.LayerNorm(()), (5, 4), r"axis must name at least one axis, got \(\)"),
        (L.LayerNorm(epsilon=0), (5, 4), "epsilon must be a number > 0, got 0"),
        (L.PReLU(3), (5, 4), "shared_axes must be distinct axes from 1 to 2, .* got 3"),
        (
            L.PReLU(initial_alpha=None),
            (5,),
            "initial_alpha must be a finite number, got None",
        ),
    ],
)
def test_build_refuses_impossible_arguments(layer, shape, words, rng):
    with pytest.raises(ValueError, match=words):
        layer.build(shape, rng, np.dtype("float32"))


def test_layers_request_no_metadata():
    assert not [name for name in dir(L.Conv2D(8)) if name.startswith("set_predict")]


def test_layer_without_predict_or_backward_raises():
    with pytest.raises(NotImplementedError, match="Layer defines no predict"):
        L.Layer().predict({}, np.ones(1))
    with pytest.raises(NotImplementedError, match="Layer defines no backward"):
        L.Layer().backward({}, None, np.ones(1))


def test_misspelt_parameter_gets_a_suggestion():
    with pytest.raises(
        ValueError, match="'kernal_size' for Conv2D; did you mean 'kernel_size'"
    ):
        L.Conv2D(8).set_params(kernal_size=3)
