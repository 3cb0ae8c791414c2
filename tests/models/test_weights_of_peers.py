"""Weights from and to Keras and torch: the same outputs."""

import numpy as np
import pytest
from fitted_layers import fit
from seeds import SEED

import skconv
from skconv import layers as L


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


def enlarged(keras):
    layers = [
        L.ZeroPadding2D(((1, 0), (0, 2))),
        L.Conv2DTranspose(4, 3, stride=2, activation="tanh"),
        L.UpSampling2D((1, 2), interpolation="bilinear"),
        L.Cropping2D((2, 1)),
        L.Reshape((-1, 7)),
        L.Conv1DTranspose(3, 2, stride=3, padding="valid"),
        L.UpSampling1D(2),
        L.Cropping1D((1, 0)),
    ]
    K = keras.layers
    theirs = [
        K.ZeroPadding2D(((1, 0), (0, 2))),
        K.Conv2DTranspose(4, 3, strides=2, padding="same", activation="tanh"),
        K.UpSampling2D((1, 2), interpolation="bilinear"),
        K.Cropping2D((2, 1)),
        K.Reshape((-1, 7)),
        K.Conv1DTranspose(3, 2, strides=3),
        K.UpSampling1D(2),
        K.Cropping1D((1, 0)),
        K.Flatten(),
    ]
    return layers, theirs, (4, 2, 2)


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
@pytest.mark.parametrize("network", [vgg_like, depthwise, signal, normalized, enlarged])
def test_keras_predicts_the_same(network, keras):
    layers, theirs, shape = network(keras)
    clf, X = fit(layers, shape)
    model = keras.Sequential([keras.Input(shape), *theirs, keras.layers.Dense(3)])
    give(model, clf.get_weights())
    assert_agree(np.asarray(model(X)), clf.decision_function(X))
    rng = np.random.default_rng(SEED + 2)
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


def torch_enlarged(nn):
    layers = [
        L.ZeroPadding2D(((1, 0), (0, 2))),
        L.Conv2DTranspose(4, 4, stride=2, padding=1, output_padding=1),
        L.UpSampling2D(2),
        L.Cropping2D(((0, 1), (1, 0))),
    ]
    theirs = [
        nn.ZeroPad2d((0, 2, 1, 0)),
        nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1, output_padding=1),
        nn.Upsample(scale_factor=2), nn.ZeroPad2d((-1, 0, 0, -1)), nn.Flatten(),
        nn.Linear(4 * 17 * 21, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (3, 3, 3)


def torch_longer(nn):
    class Last(nn.Module):
        def forward(self, x):
            return x.movedim(1, -1).reshape(len(x), 4, 6).movedim(-1, 1)

    layers = [
        L.Conv1DTranspose(2, 3, stride=2, activation="relu"),
        L.Reshape((4, -1)),
        L.Conv1DTranspose(5, 2),
    ]
    theirs = [
        nn.ConvTranspose1d(2, 2, 3, stride=2), nn.ConstantPad1d((0, -1), 0.0),
        nn.ReLU(), Last(), nn.ConvTranspose1d(6, 5, 2), nn.ConstantPad1d((0, -1), 0.0),
        nn.Flatten(), nn.Linear(20, 3),
    ]  # fmt: skip
    return layers, nn.Sequential(*theirs), (6, 2)


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
    torch_enlarged,
    torch_longer,
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
