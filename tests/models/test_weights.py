"""Weights from and to Keras and torch: the same outputs, and errors that name layers."""

import numpy as np
import pytest

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv import layers as L

N = 12


def fit(layers, shape, n_classes=3):
    """Fit for an epoch, so that layers have shapes, and draw all weights."""
    rng = np.random.default_rng(0)
    X, y = rng.random((N, *shape), np.float32), np.arange(N) % n_classes
    clf = ConvNetClassifier(layers, max_iter=1, random_state=0).fit(X, y)
    for name, array in clf.network_.arrays.items():
        positive = name.endswith(("variance", ".scale"))
        array += rng.uniform(0.5 if positive else -0.5, 0.5, array.shape)
    return clf, X


def assert_agree(actual, outputs):
    scale = max(1, np.abs(outputs).max())
    np.testing.assert_allclose(actual, outputs, rtol=0, atol=1e-5 * scale)


# Keras -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras", reason="Keras is not installed: extra `peers`")


def vgg_like(keras):
    layers = [
        L.Conv2D(4, 3, activation="relu"),
        L.MaxPool2D(2),
        L.Conv2D(6, 3, stride=2, padding="valid", use_bias=False),
        L.Dropout(0.3),
        L.Flatten(),
        L.Dense(5, "gelu"),
    ]
    K = keras.layers
    theirs = [
        K.Conv2D(4, 3, padding="same", activation="relu"),
        K.MaxPool2D(2),
        K.Conv2D(6, 3, strides=2, use_bias=False),
        K.Dropout(0.3),
        K.Flatten(),
        K.Dense(5, activation=lambda z: keras.activations.gelu(z, approximate=False)),
    ]
    return layers, theirs, (10, 9, 3)


def depthwise(keras):
    layers = [
        L.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh"),
        L.PReLU((1, 2)),
        L.LayerNorm(),
        L.SeparableConv2D(5, 2, depth_multiplier=3),
        L.PReLU(),
        L.LayerNorm((1, 2, 3)),
        L.GlobalAvgPool2D(),
    ]
    K = keras.layers
    theirs = [
        K.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="tanh"),
        K.PReLU(shared_axes=(1, 2)),
        K.LayerNormalization(),
        K.SeparableConv2D(5, 2, padding="same", depth_multiplier=3),
        K.PReLU(),
        K.LayerNormalization(axis=(1, 2, 3)),
        K.GlobalAveragePooling2D(),
    ]
    return layers, theirs, (6, 5, 2)


def signal(keras):
    layers = [L.Conv1D(4, 3, padding="causal", activation="relu"), L.MaxPool1D(2)]
    K = keras.layers
    theirs = [
        K.Conv1D(4, 3, padding="causal", activation="relu"),
        K.MaxPool1D(2),
        K.Flatten(),
    ]
    return layers, theirs, (11, 2)


def normalized(keras):
    layers = [
        L.Normalization(),
        L.Conv2D(4, use_bias=False),
        L.BatchNorm(activation="relu"),
        L.Flatten(),
        L.BatchNorm(center=False, scale=False),
    ]
    K = keras.layers
    theirs = [
        K.Normalization(),
        K.Conv2D(4, 3, padding="same", use_bias=False),
        K.BatchNormalization(),
        K.ReLU(),
        K.Flatten(),
        K.BatchNormalization(center=False, scale=False),
    ]
    return layers, theirs, (5, 4, 2)


def give(model, weights):
    model.set_weights(weights)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # Normalization keeps copies
            layer.finalize_state()


@pytest.mark.extras
@pytest.mark.parametrize("network", [vgg_like, depthwise, signal, normalized])
def test_keras_predicts_the_same(network, keras):
    layers, theirs, shape = network(keras)
    clf, X = fit(layers, shape)
    model = keras.Sequential([keras.Input(shape), *theirs, keras.layers.Dense(3)])
    give(model, clf.get_weights())
    assert_agree(np.asarray(model(X)), clf.decision_function(X))
    rng = np.random.default_rng(2)
    weights = model.get_weights()
    give(
        model, [w * rng.uniform(0.8, 1.2, w.shape) for w in weights]
    )  # no sign changes
    clf.set_weights(model.get_weights())
    assert_agree(np.asarray(model(X)), clf.decision_function(X))


# torch -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nn():
    torch = pytest.importorskip("torch", reason="torch is not installed: extra `peers`")
    return torch.nn


def torch_vgg(nn):
    layers = [
        L.Conv2D(4, 3, activation="relu"),
        L.MaxPool2D(2),
        L.Conv2D(6, 3, stride=2, padding=1, groups=2, use_bias=False),
        L.Flatten(),
        L.Dropout(0.3),
        L.LayerNorm(epsilon=1e-5),
        L.PReLU(),
        L.Dense(5, "gelu"),
    ]
    theirs = [
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False), nn.Flatten(),
        nn.Dropout(0.3), nn.LayerNorm(36), nn.PReLU(36), nn.Linear(36, 5), nn.GELU(),
        nn.Linear(5, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (10, 9, 3)


def torch_straight_to_dense(nn):
    """No Flatten: our output layer flattens by itself."""
    layers = [
        L.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh"),
        L.PReLU((1, 2)),
        L.LayerNorm((1, 2, 3), epsilon=1e-5),
        ("mixed", L.SeparableConv2D(5, 2, padding="valid", depth_multiplier=3)),
        L.AvgPool2D(2),
    ]
    separable = nn.Sequential()
    separable.add_module("depthwise", nn.Conv2d(4, 12, 2, groups=4, bias=False))
    separable.add_module("pointwise", nn.Conv2d(12, 5, 1))
    theirs = [
        nn.Conv2d(2, 4, 3, padding=1, groups=2), nn.Tanh(), nn.PReLU(4),
        nn.LayerNorm((4, 7, 9)), separable, nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(5 * 3 * 4, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (7, 9, 2)


def torch_signal(nn):
    layers = [
        L.Conv1D(4, 3, activation="relu"),
        L.MaxPool1D(2),
        L.Sequential([L.Flatten(), L.Dense(6, "tanh")]),
    ]
    theirs = [
        nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(),
        nn.Linear(20, 6), nn.Tanh(), nn.Linear(6, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (10, 2)


def torch_residual(nn):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
            self.conv2 = nn.Conv2d(4, 5, 3, padding=1)
            self.shortcut = nn.Conv2d(3, 5, 1)

        def forward(self, x):
            y = self.conv2(nn.functional.relu(self.conv1(x)))
            return nn.functional.relu(y + self.shortcut(x))

    inner = [("conv1", L.Conv2D(4, activation="relu")), ("conv2", L.Conv2D(5))]
    layers = [("block", L.Residual(inner, L.Conv2D(5, 1), activation="relu"))]
    module = nn.Sequential(Block(), nn.Flatten(), nn.Linear(5 * 6 * 4, 3))
    return layers, module, (6, 4, 3)


def torch_batch_norm(nn):
    layers = [
        L.Conv2D(4, use_bias=False),
        L.BatchNorm(epsilon=1e-5, activation="relu"),
        L.Flatten(),
        L.BatchNorm(epsilon=1e-5),
        L.Dense(5, "tanh"),
        L.BatchNorm(epsilon=1e-5),
    ]
    theirs = [
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Flatten(), nn.BatchNorm1d(80), nn.Linear(80, 5), nn.Tanh(),
        nn.BatchNorm1d(5), nn.Linear(5, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (5, 4, 3)


def torch_normalization(nn):
    layers = [L.Normalization(0.5), L.Conv2D(4), L.Flatten(), L.Normalization()]
    theirs = [
        nn.BatchNorm2d(3, eps=0, affine=False), nn.Conv2d(3, 4, 3, padding=1),
        nn.Flatten(), nn.BatchNorm1d(80, eps=0, affine=False), nn.Linear(80, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (5, 4, 3)


TORCH = [
    torch_normalization,
    torch_vgg,
    torch_straight_to_dense,
    torch_signal,
    torch_residual,
    torch_batch_norm,
]


def channels_first(X):
    return np.ascontiguousarray(np.moveaxis(X, -1, 1))


@pytest.mark.extras
@pytest.mark.parametrize("network", TORCH)
def test_torch_predicts_the_same(network, nn):
    import torch

    layers, module, shape = network(nn)
    clf, X = fit(layers, shape)
    module.eval()

    def theirs():
        with torch.no_grad():
            return module(torch.from_numpy(channels_first(X))).numpy()

    state = skconv.to_torch(clf, module.state_dict())
    module.load_state_dict({key: torch.from_numpy(v) for key, v in state.items()})
    assert_agree(theirs(), clf.decision_function(X))

    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.rand_like(parameter), alpha=0.3)
    state = {key: v.numpy() for key, v in module.state_dict().items()}
    assert skconv.from_torch(clf, state) is clf
    assert_agree(theirs(), clf.decision_function(X))


# Without either ----------------------------------------------------------------------

LAYERS = [
    ("conv", L.Conv2D(4, 3)),
    ("norm", L.LayerNorm((1, 2, 3))),
    ("slope", L.PReLU((1, 2))),
    ("deep", L.DepthwiseConv2D(2)),
    ("flat", L.Flatten()),
    ("dense", L.Dense(5, "relu")),
]


def test_getting_and_setting_weights_changes_no_bit():
    clf, _ = fit(LAYERS, (5, 4, 2))
    expected = clf.network_.values.copy()
    for weights in clf.get_weights(), clf.get_weights():
        clf.set_weights(weights)
    skconv.from_torch(clf, skconv.to_torch(clf))
    np.testing.assert_array_equal(clf.network_.values, expected)


def test_weights_have_the_shapes_and_names_of_keras_and_torch():
    clf, _ = fit(LAYERS, (5, 4, 2))
    assert [w.shape for w in clf.get_weights()] == [
        (3, 3, 2, 4), (4,), (5, 4, 4), (5, 4, 4), (1, 1, 4), (2, 2, 4, 1), (4,),
        (80, 5), (5,), (5, 3), (3,),
    ]  # fmt: skip
    assert {key: w.shape for key, w in skconv.to_torch(clf).items()} == {
        "conv.weight": (4, 2, 3, 3), "conv.bias": (4,), "norm.weight": (4, 5, 4),
        "norm.bias": (4, 5, 4), "slope.weight": (4,), "deep.weight": (4, 1, 2, 2),
        "deep.bias": (4,), "dense.weight": (5, 80), "dense.bias": (5,),
        "output.weight": (3, 5), "output.bias": (3,),
    }  # fmt: skip


def test_scale_is_a_variance_in_keras_and_torch(rng):
    X = 40 * rng.random((N, 6, 6, 2))
    clf = ConvNetClassifier(filters=(2,), max_iter=1, random_state=0)
    expected = clf.fit(X, np.arange(N) % 3).predict_proba(X)
    scale = clf.network_.arrays["normalization.scale"].copy()
    mean, variance, count, *_ = clf.get_weights()
    np.testing.assert_array_equal(mean, clf.network_.arrays["normalization.mean"])
    np.testing.assert_array_equal(variance, scale.astype(float) ** 2)
    assert count == 0
    state = skconv.to_torch(clf)
    assert list(state)[:3] == [
        "normalization.running_mean",
        "normalization.running_var",
        "normalization.num_batches_tracked",
    ]
    np.testing.assert_allclose(state["normalization.running_var"], variance, rtol=1e-6)
    assert len(skconv.to_torch(clf, map(str, range(len(state))))) == len(state)
    clf.set_weights(clf.get_weights())
    np.testing.assert_array_equal(clf.network_.arrays["normalization.scale"], scale)
    skconv.from_torch(clf, state)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-5)


def test_variances_that_are_none_are_refused(rng):
    X, y = rng.random((N, 6, 6)), np.arange(N) % 3
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(X, y)
    weights, state = clf.get_weights(), skconv.to_torch(clf)
    weights[1] = -weights[1]
    with pytest.raises(ValueError, match=r"normalization.scale' must not be negative"):
        clf.set_weights(weights)
    state["normalization.running_var"] = np.array([-1.0])
    with pytest.raises(ValueError, match=r"normalization.scale', must not be negative"):
        skconv.from_torch(clf, state)
    for size in 1e-25, 1e25:
        small = ConvNetClassifier(filters=(2,), max_iter=1).fit(size * X, y)
        with pytest.raises(
            ValueError, match=r"normalization.scale is .*: its square, "
        ):
            skconv.to_torch(small)
        small.set_weights(small.get_weights())
        assert small.network_.arrays["normalization.scale"] > 0


def test_returned_weights_are_copies():
    clf, X = fit(LAYERS, (5, 4, 2))
    before = clf.predict_proba(X)
    for weight in [*clf.get_weights(), *skconv.to_torch(clf).values()]:
        weight[...] = 0
    np.testing.assert_array_equal(clf.predict_proba(X), before)


def test_training_resumes_from_set_weights():
    clf, X = fit(LAYERS, (5, 4, 2))
    y = np.arange(N) % 3
    clf.partial_fit(X, y)
    clf.set_weights([w * 0 for w in clf.get_weights()])
    assert not clf.network_.values.any()
    fresh = clf.partial_fit(X, y).network_.parameters
    assert np.isfinite(fresh).all()
    assert np.abs(fresh).max() < 1.1 * clf.learning_rate_init, "moments started anew"


def replaced(weights, i, value):
    return [value if j == i else w for j, w in enumerate(weights)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w[:-1], "weights must be 11 arrays, conv.kernel, conv.bias,.*, got 10"),
        (lambda w: replaced(w, 7, w[7].T), r"weight 'dense.kernel' must be of shape \(80, 5\), got \(5, 80\)"),
        (lambda w: replaced(w, 1, w[1] * np.nan), "weight 'conv.bias' must hold numbers that are finite in float32"),
        (lambda w: replaced(w, 1, np.full(4, 1e300)), "weight 'conv.bias' must hold numbers that are finite"),
        (lambda w: replaced(w, 10, np.array(["a"] * 3)), "weight 'output.bias' must hold numbers, got <U1"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_change_nothing(change, words):
    clf, _ = fit(LAYERS, (5, 4, 2))
    network = clf.network_
    weights = change([w + 1 for w in clf.get_weights()])
    with pytest.raises(ValueError, match=words):
        clf.set_weights(weights)
    assert clf.network_ is network


def test_torch_state_that_does_not_fit_changes_nothing():
    clf, _ = fit(LAYERS, (5, 4, 2))
    network, state = clf.network_, skconv.to_torch(clf)
    words = (
        r"'dense.weight', for weight 'dense.kernel', must be of shape \(5, 80\), got"
    )
    with pytest.raises(ValueError, match=words):
        skconv.from_torch(clf, {**state, "dense.weight": state["dense.weight"].T})
    with pytest.raises(
        ValueError, match="state must hold 11 arrays, .*, got 12: conv.w"
    ):
        skconv.from_torch(clf, {**state, "more": np.ones(3)})
    with pytest.raises(ValueError, match="keys must name 11 arrays, .*, got 2: a, b"):
        skconv.to_torch(clf, "ab")
    assert clf.network_ is network


def test_to_torch_refuses_layers_that_torch_does_not_have():
    class Own(L.Layer):
        def build(self, input_shape, rng, dtype):
            return {"w": np.ones(1, dtype)}, input_shape

        def predict(self, weights, x):
            return x * weights["w"]

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, {"w": np.zeros_like(weights["w"])}

    clf, _ = fit([("own", Own())], (4, 4))
    with pytest.raises(
        ValueError, match="layer 'own' .* has weights, but no counterpart"
    ):
        skconv.to_torch(clf)
    clf.set_weights(clf.get_weights())
    clf, _ = fit([("slope", L.PReLU())], (4, 4))
    with pytest.raises(ValueError, match="layer 'slope' .* a slope for each pixel"):
        skconv.to_torch(clf)


def test_unfitted_estimators_have_no_weights():
    for call in (
        lambda model: model.get_weights(),
        lambda model: model.set_weights([]),
        skconv.to_torch,
        lambda model: skconv.from_torch(model, {}),
    ):
        with pytest.raises(ValueError, match="not fitted"):
            call(ConvNetRegressor())


def test_to_torch_names_the_layers_of_branches():
    layers = [
        L.Branches([("a", [L.Conv2D(2, 1), L.Flatten()]), L.Dense(3)]),
        L.Dense(4),
    ]
    clf, _ = fit([("mix", layers[0]), ("dense", layers[1])], (4, 4))
    assert list(skconv.to_torch(clf))[:3] == [
        "mix.a.conv2d_1.weight", "mix.a.conv2d_1.bias", "mix.dense_1.weight",
    ]  # fmt: skip
