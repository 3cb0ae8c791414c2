"""Every layer keeps the same contracts. A new layer's test is a row in LAYERS."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from tolerances import assert_same

from skconv import layers, ops
from skconv.layers import (
    Activation,
    AvgPool1D,
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    Layer,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Normalization,
    PReLU,
    Rescaling,
    Residual,
    SeparableConv2D,
    Sequential,
    SpatialDropout1D,
    SpatialDropout2D,
    chain,
)

LAYERS = [
    (Conv2D(4), (6, 5, 3)),
    (Conv2D(4, 5, padding="valid"), (6, 5, 3)),
    (Conv2D(4, (3, 2), stride=2, activation="relu"), (7, 6, 3)),
    (Conv2D(4, 3, stride=(1, 2), dilation=2, padding=2, activation="tanh"), (6, 6, 2)),
    (Conv2D(6, 3, groups=3, use_bias=False, activation="gelu"), (5, 5, 3)),
    (Conv2D(4, 3, activation="softmax", padding=((0, 1), (1, 2))), (5, 5, 2)),
    (Conv2D(2, [3, 3], kernel_initializer="he_normal", activation="elu"), (1, 1, 30)),
    (MaxPool2D(), (6, 4, 3)),
    (MaxPool2D(3, stride=2, padding="same"), (5, 6, 2)),
    (MaxPool2D((2, 1), stride=(1, 2)), (4, 4, 2)),
    (AvgPool2D(), (6, 4, 3)),
    (AvgPool2D(3, stride=1, padding="same"), (4, 5, 2)),
    (GlobalAvgPool2D(), (4, 5, 3)),
    (GlobalMaxPool2D(), (4, 5, 3)),
    (Flatten(), (4, 5, 3)),
    (Dense(5), (7,)),
    (Dense(5, "relu"), (3, 4, 2)),
    (Dense(5, "gelu", use_bias=False, kernel_initializer="lecun_uniform"), (7,)),
    (Dropout(0.4), (4, 3, 2)),
    (Dropout(0), (7,)),
    *((Activation(name), (4, 3, 5)) for name in ops.ACTIVATIONS),
    (Sequential([Conv2D(4, activation="relu"), MaxPool2D(), Dense(3)]), (6, 4, 3)),
    (Residual([("a", Conv2D(2)), Conv2D(3, activation="gelu")]), (5, 4, 3)),
    (Residual([Dense(7, "tanh")], "passthrough", activation="gelu"), (7,)),
    (
        Residual([Conv2D(4, stride=2)], Conv2D(4, 1, stride=2), activation="relu"),
        (5, 4, 3),
    ),
    (Residual([Conv2D(2)], [MaxPool2D(1), ("b", Conv2D(2, 1))]), (5, 4, 3)),
    (
        Branches([("a", [Conv2D(2, 1), Residual([Conv2D(2)])]), Activation(None)]),
        (4, 5, 3),
    ),
    (Branches([Dense(2), ("b", Dense(3, "relu")), Dropout(0.5)]), (7,)),
    (DepthwiseConv2D(), (6, 5, 3)),
    (
        DepthwiseConv2D((3, 2), stride=2, depth_multiplier=2, activation="relu"),
        (7, 6, 3),
    ),
    (
        DepthwiseConv2D(3, dilation=2, padding=2, use_bias=False, activation="gelu"),
        (6, 6, 17),
    ),
    (SeparableConv2D(4), (6, 5, 3)),
    (
        SeparableConv2D(5, 2, stride=(1, 2), depth_multiplier=2, activation="tanh"),
        (5, 6, 2),
    ),
    (SeparableConv2D(4, padding="valid", use_bias=False, activation="gelu"), (5, 5, 3)),
    (Conv1D(4), (9, 3)),
    (Conv1D(4, 4, padding="causal", dilation=2, activation="relu"), (9, 3)),
    (Conv1D(6, 3, stride=2, groups=3, padding=(0, 2), activation="gelu"), (8, 3)),
    (
        Conv1D(2, 5, padding="valid", use_bias=False, kernel_initializer="orthogonal"),
        (9, 1),
    ),
    (MaxPool1D(), (9, 3)),
    (MaxPool1D(3, stride=2, padding="same"), (8, 2)),
    (MaxPool1D(3, stride=1, padding="causal"), (8, 17)),
    (AvgPool1D(3), (9, 2)),
    (AvgPool1D(3, stride=2, padding=(2, 1)), (7, 2)),
    (GlobalAvgPool1D(), (9, 3)),
    (GlobalMaxPool1D(), (9, 3)),
    (Dropout(0.4), (9, 2)),
    (SpatialDropout1D(0.4), (9, 8)),
    (SpatialDropout2D(0.4), (4, 3, 8)),
    (Rescaling(1 / 255), (4, 3, 2)),
    (Rescaling(2, offset=-1), (7,)),
    (LayerNorm(), (4, 3, 5)),
    (LayerNorm((1, 2, 3), scale=False), (4, 3, 2)),
    (LayerNorm((-3, 2), epsilon=0.1, center=False), (4, 3, 2)),
    (LayerNorm(1, center=False, scale=False), (9, 3)),
    (PReLU(), (4, 3, 2)),
    (PReLU((1, 2)), (4, 3, 2)),
    (PReLU(-1, initial_alpha=-0.5), (9, 2)),
]
LAYERS += [
    (BatchNorm(), (4, 3, 5)),
    (BatchNorm(0.5, 0.1, center=False, activation="gelu"), (7,)),
    (BatchNorm(scale=False, activation="relu"), (3, 4, 2)),
    (Normalization(), (4, 3, 5)),
    (Normalization(), (7,)),
    (Residual([Conv2D(3, use_bias=False), BatchNorm(activation="relu")]), (5, 4, 3)),
    (Branches([[Normalization(), Conv2D(2)], BatchNorm()]), (5, 4, 3)),
    (Conv2D(4, 3, kernel_l1=0.1, kernel_l2=0.2), (5, 5, 2)),
]
# What has these do in training what they predict, if anything does.
DIFFER_IN_TRAINING = {
    BatchNorm: None,
    Dropout: {"rate": 0},
    SpatialDropout1D: {"rate": 0},
    SpatialDropout2D: {"rate": 0},
}
each_layer = pytest.mark.parametrize(
    ("layer", "shape"), LAYERS, ids=lambda value: repr(value).replace("\n", "")
)


def setup(layer, shape, dtype=np.float64, n=3):
    """Weights and an input of distinct values, far from ties and from 0."""
    rng = np.random.default_rng(0)
    weights, output_shape = layer.build(shape, rng, np.dtype(dtype))
    for _, weight, learnt in chain.leaves(layer, weights):
        weight[...] = rng.standard_normal(weight.shape)
        if not learnt:  # a variance or a count
            weight[...] = np.abs(weight) + 0.1
    values = rng.permutation(n * np.prod(shape)) - n * np.prod(shape) // 2 + 0.5
    x = (values / len(values)).reshape(n, *shape).astype(dtype)
    return weights, output_shape, x


def flat(nested, path=()):
    """Arrays in nested dicts, by the names that lead to them."""
    if not isinstance(nested, dict):
        return {path: nested}
    parts = [flat(value, (*path, key)) for key, value in nested.items()]
    return {key: value for part in parts for key, value in part.items()}


def parts(layer):
    yield layer
    for _, inner in layer.inner_layers():
        yield from parts(inner)


def learnt(layer, weights):
    return {path: w for path, w, learnt in chain.leaves(layer, weights) if learnt}


def moved(weights, u, t, path=()):
    """A copy of weights, those that u has moved by t times it."""
    if isinstance(weights, dict):
        return {key: moved(w, u, t, (*path, key)) for key, w in weights.items()}
    return weights + t * u.get(path, 0)


def test_every_public_layer_is_in_the_table():
    tested = {type(layer).__name__ for layer, _ in LAYERS}
    assert tested == set(layers.__all__) - {"Layer"}


@each_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_produces_the_shape_and_dtype_it_builds(layer, shape, dtype):
    weights, output_shape, x = setup(layer, shape, dtype)
    y = layer.predict(weights, x)
    assert y.shape == (len(x), *output_shape)
    assert y.dtype == dtype
    z, cache = layer.forward(weights, x, np.random.default_rng(0))
    dx, grads = layer.backward(weights, cache, np.ones_like(z))
    assert dx.shape == x.shape
    assert dx.dtype == dtype
    assert {k: (v.shape, v.dtype) for k, v in flat(grads).items()} == {
        k: (v.shape, dtype) for k, v in learnt(layer, weights).items()
    }


@each_layer
def test_predict_is_forward(layer, shape):
    weights, _, x = setup(layer, shape)
    layer = clone(layer)
    for part in parts(layer):
        changes = DIFFER_IN_TRAINING.get(type(part), {})
        if changes is None:
            pytest.skip("it normalises by its minibatch")
        part.set_params(**changes)
    y, _ = layer.forward(weights, x, np.random.default_rng(0))
    np.testing.assert_array_equal(layer.predict(weights, x), y)


@each_layer
def test_a_sample_does_not_depend_on_its_batch(layer, shape):
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
        path: rng.standard_normal(w.shape) for path, w in learnt(layer, weights).items()
    }
    du = rng.standard_normal(x.shape)

    def f(t):  # the same random stream each time, or dropout would change its mind
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
def test_input_gradient_is_that_of_predict(layer, shape):
    weights, _, x = setup(layer, shape)
    rng = np.random.default_rng(1)
    du, step = rng.standard_normal(x.shape), 1e-5
    ahead, behind = (layer.predict(weights, x + t * du) for t in (step, -step))
    dy = rng.standard_normal(ahead.shape)
    dx = layer.input_gradient(weights, x, dy)
    assert dx.shape == x.shape
    np.testing.assert_allclose(
        np.vdot(dx, du),
        np.vdot(dy, (ahead - behind) / (2 * step)),
        rtol=1e-6,
        atol=1e-8,
    )


@each_layer
def test_backward_spares_what_nobody_reads(layer, shape):
    weights, _, x = setup(layer, shape)
    results = []
    for need_dx in (True, False):
        y, cache = layer.forward(weights, x, np.random.default_rng(0))
        results += [layer.backward(weights, cache, np.ones_like(y), need_dx=need_dx)]
    (_, expected), (dx, grads) = results
    assert dx is None or not weights
    assert flat(grads).keys() == flat(expected).keys() == learnt(layer, weights).keys()


@each_layer
def test_it_leaves_its_arguments_alone(layer, shape):
    weights, _, x = setup(layer, shape)
    arrays = [x, *learnt(layer, weights).values()]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    y, cache = layer.forward(weights, x, np.random.default_rng(0))
    dy = np.ones_like(y)
    dy.flags.writeable = False
    layer.backward(weights, cache, dy)
    for array in flat(weights).values():  # of state, too, from here on
        array.flags.writeable = False
    layer.predict(weights, x)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@each_layer
def test_multiply_adds_are_the_inputs_that_outputs_see(layer, shape):
    """Count them in the Jacobian of weights of one; padding counts as if it were seen."""
    weights, output_shape, _ = setup(layer, shape)
    count = layer.multiply_adds(shape, output_shape)
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
def test_it_is_a_recipe(layer, shape):
    """Clone, repr and pickle give the same layer, and building leaves no trace."""
    before = repr(layer), vars(layer).copy()
    weights, _, x = setup(layer, shape)
    layer.predict(weights, x)
    assert (repr(layer), vars(layer)) == before
    for twin in (
        clone(layer),
        pickle.loads(pickle.dumps(layer)),
        eval(repr(layer), vars(layers)),
    ):
        assert twin is not layer
        assert repr(twin) == repr(layer)
        np.testing.assert_array_equal(
            twin.predict(weights, x), layer.predict(weights, x)
        )


@each_layer
def test_threads_may_share_it(layer, shape):
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
def test_its_float32_is_its_float64_rounded(layer, shape, each_ops):
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
    [(SpatialDropout1D(0.3), (4, 500)), (SpatialDropout2D(0.3), (2, 3, 500))],
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
    y, cache = Dropout(0.3).forward({}, x, rng)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs(np.mean(y == 0) - 0.3) < 0.01
    dx, _ = Dropout(0.3).backward({}, cache, x)
    np.testing.assert_array_equal(dx, y)
    assert Dropout(0.3).predict({}, x) is x


def test_a_convolution_as_large_as_the_image_is_a_dense_layer(rng):
    conv = Conv2D(5, (4, 3), padding="valid", activation="tanh")
    weights, _ = conv.build((4, 3, 2), rng, np.float64)
    x = rng.standard_normal((6, 4, 3, 2))
    dense = {"kernel": weights["kernel"].reshape(-1, 5), "bias": weights["bias"]}
    assert_same(
        conv.predict(weights, x)[:, 0, 0], Dense(5, "tanh").predict(dense, x), scale=10
    )


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (Conv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (Conv2D(8.0), (5, 5, 1), "filters must be an int >= 1, got 8.0"),
        (Conv2D(8, -3), (5, 5, 1), "kernel_size must be an int >= 1 .* got -3"),
        (Conv2D(8, 3.5), (5, 5, 1), "kernel_size must be an int >= 1 .* got 3.5"),
        (Conv2D(8, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (
            Conv2D(8, 5, padding="valid"),
            (3, 3, 1),
            "kernel_size 5x5 does not fit its input 3x3; use padding='same'",
        ),
        (
            Conv2D(8, groups=2),
            (5, 5, 3),
            "groups must divide its 3 input channels .* got 2",
        ),
        (Conv2D(8, activation="rulu"), (5, 5, 1), "activation .* did you mean 'relu'"),
        (
            Conv2D(8, kernel_initializer="he_norml"),
            (5, 5, 1),
            "kernel_initializer must be .* got 'he_norml'; did you mean 'he_normal'",
        ),
        (
            Conv2D(8),
            (25,),
            r"takes images \(h, w, c\), but its input has shape \(25,\)",
        ),
        (MaxPool2D(6), (5, 5, 1), "pool_size 6x6 does not fit its input 5x5"),
        (MaxPool2D(0), (5, 5, 1), "pool_size must be an int >= 1 .* got 0"),
        (AvgPool2D(2, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (GlobalAvgPool2D(), (5,), "takes images"),
        (Dense(-1), (5,), "units must be an int >= 1, got -1"),
        (Dropout(1), (5,), r"rate must be a number in \[0, 1\), got 1"),
        (Dropout("half"), (5,), r"rate must be a number in \[0, 1\), got 'half'"),
        (Activation("sotfmax"), (5,), "did you mean 'softmax'"),
        (
            Conv2D(8),
            (25, 3),
            r"takes images .* shape \(25, 3\); for signals \(l, c\) there are Conv1D",
        ),
        (
            Conv1D(8),
            (5, 5, 1),
            r"takes signals \(l, c\), .* shape \(5, 5, 1\); for images .* Conv2D",
        ),
        (Conv1D(8), (25,), "takes signals .* place it before layers that flatten"),
        (GlobalMaxPool1D(), (2, 3, 4, 5), r"shape \(2, 3, 4, 5\); reshape it"),
        (SpatialDropout1D(0.5), (5, 5, 1), "takes signals"),
        (SpatialDropout2D(0.5), (5, 5), "takes images"),
        (SpatialDropout2D(2), (5, 5, 1), r"rate must be a number in \[0, 1\), got 2"),
        (Conv1D(8, (3, 3)), (9, 1), r"kernel_size must be an int >= 1, got \(3, 3\)"),
        (Conv1D(8, stride=0), (9, 1), "stride must be an int >= 1, got 0"),
        (
            Conv1D(8, padding="casual"),
            (9, 1),
            "padding must be .*'causal', an int >= 0 or .left, right., got 'casual'",
        ),
        (Conv2D(8, padding="causal"), (9, 9, 1), "padding must be .* got 'causal'"),
        (
            Conv1D(8, 5, dilation=3, padding="valid"),
            (9, 1),
            r"kernel_size 5 \(dilated to 13\) does not fit its input 9; use",
        ),
        (MaxPool1D(6), (5, 1), "pool_size 6 does not fit its input 5"),
        (AvgPool1D(2, padding=(0, 2)), (5, 1), "padding must be less than pool_size"),
        (
            DepthwiseConv2D(5, padding="valid"),
            (3, 3, 1),
            "5x5 does not fit its input 3x3",
        ),
        (DepthwiseConv2D(3), (9, 9), "takes images"),
        (
            DepthwiseConv2D(depth_multiplier=0),
            (5, 5, 1),
            "depth_multiplier must be an int",
        ),
        (
            DepthwiseConv2D(depthwise_initializer="orthogonl"),
            (5, 5, 1),
            "depthwise_initializer must be .* did you mean 'orthogonal'",
        ),
        (SeparableConv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (SeparableConv2D(4, activation="rulu"), (5, 5, 1), "did you mean 'relu'"),
        (
            SeparableConv2D(4, pointwise_initializer="zero"),
            (5, 5, 1),
            "pointwise_initializer must be .* did you mean 'zeros'",
        ),
        (Rescaling("a"), (5,), "scale must be a finite number, got 'a'"),
        (Rescaling(1, float("inf")), (5,), "offset must be a finite number, got inf"),
        (
            LayerNorm(0),
            (5, 4),
            r"axis must be distinct axes from 1 to 2, .* -1 to -2, .* \(5, 4\), got 0",
        ),
        (LayerNorm((1, -2)), (5, 4), r"axis must be distinct .* got \(1, -2\)"),
        (LayerNorm(1.0), (5, 4), "axis must be distinct .* got 1.0"),
        (LayerNorm(()), (5, 4), r"axis must name at least one axis, got \(\)"),
        (LayerNorm(epsilon=0), (5, 4), "epsilon must be a number above 0, got 0"),
        (PReLU(3), (5, 4), "shared_axes must be distinct axes from 1 to 2, .* got 3"),
        (
            PReLU(initial_alpha=None),
            (5,),
            "initial_alpha must be a finite number, got None",
        ),
    ],
)
def test_the_impossible_is_refused_at_build(layer, shape, words, rng):
    with pytest.raises(ValueError, match=words):
        layer.build(shape, rng, np.dtype("float32"))


def test_layers_ask_for_no_metadata():
    assert not [name for name in dir(Conv2D(8)) if name.startswith("set_predict")]


def test_a_layer_without_its_verbs_says_so():
    with pytest.raises(NotImplementedError, match="Layer defines no predict"):
        Layer().predict({}, np.ones(1))
    with pytest.raises(NotImplementedError, match="Layer defines no backward"):
        Layer().backward({}, None, np.ones(1))


def test_misspelt_parameters_get_a_suggestion():
    with pytest.raises(
        ValueError, match="'kernal_size' for Conv2D; did you mean 'kernel_size'"
    ):
        Conv2D(8).set_params(kernal_size=3)
