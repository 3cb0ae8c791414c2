"""Every network of the zoo, at its default size, in each format and back."""

import copy
import math

import numpy as np
import pytest
from seeds import SEED
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from zoo_shapes import NETWORKS, SHAPES

import skconv
from skconv import ConvNetClassifier, ops, zoo
from skconv import layers as L
from skconv.models.weights import build_blank

pytestmark = pytest.mark.slow

CASES = [(name, shape) for name in NETWORKS for shape in SHAPES[name]]


@pytest.fixture(scope="module", params=CASES, ids=str)
def fitted(request):
    """A network after one epoch, and the samples of that epoch."""
    name, shape = request.param
    rng = np.random.default_rng(SEED)
    y = np.arange(18) % 3
    X = rng.random((18, *shape), np.float32)
    X *= 1 + y.reshape(-1, *[1] * len(shape))
    clf = ConvNetClassifier(
        getattr(zoo, name)(),
        max_iter=1,
        batch_size=6,
        random_state=SEED,
        input_shape=shape,
    )
    proba = clf.fit(X, y).predict_proba(X)
    assert proba.std() > 1e-3, "the probabilities are all alike: no test of a format"
    return clf, X


# Without loss ------------------------------------------------------------------------


def test_model_file_restores_the_network(fitted, tmp_path):
    clf, X = fitted
    skconv.save_model(clf, tmp_path / "model.safetensors")
    loaded = skconv.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(loaded.network_.values, clf.network_.values)
    assert repr(loaded) == repr(clf)


def test_skops_restores_the_network(fitted):
    sio = pytest.importorskip(
        "skops.io", reason="skops is not installed: extra `skops`"
    )
    clf, X = fitted
    loaded = sio.loads(sio.dumps(clf), trusted=skconv.trusted_types())
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def blank_twin(clf):
    twin = copy.deepcopy(clf)
    twin.set_weights([w * 0 for w in twin.get_weights()])
    return twin


def test_weights_of_keras_and_torch_restore_the_network(fitted):
    clf, X = fitted
    for twin in (
        blank_twin(clf).set_weights(clf.get_weights()),
        skconv.from_torch(blank_twin(clf), skconv.to_torch(clf)),
    ):
        np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


# ONNX --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rows", "images", "a pipeline of rows"])
def test_onnx_model_agrees(kind, fitted):
    pytest.importorskip("onnxruntime")
    from test_onnx import assert_agrees, run

    model, X = fitted
    if kind != "images":
        X = X.reshape(len(X), -1)
    if kind == "a pipeline of rows":
        pytest.importorskip("skl2onnx")
        model = make_pipeline(MinMaxScaler().fit(X), model)
    onnx_model = skconv.to_onnx(model, image=kind == "images")
    for n in 1, 5, len(X):
        outputs = run(onnx_model, X[:n])
        assert list(outputs) == ["label", "probabilities"]
        assert_agrees(model, X[:n], outputs)


# The same layers, elsewhere ----------------------------------------------------------


def assert_outputs_agree(theirs, clf, X):
    ours = clf.decision_function(X)
    scale = max(1, np.abs(ours).max())
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5 * scale)


def in_keras(keras, layers):
    """Return our layers as layers of Keras."""
    return [made for _, layer in layers for made in one_in_keras(keras, layer)]


def one_in_keras(keras, layer):
    make = keras.layers
    match layer:
        case L.HandcraftedConv1D():
            yield make.Conv1D(
                layer.filters,
                layer.kernel_size,
                padding="same",
                use_bias=False,
                trainable=False,
            )
        case L.Conv1D() | L.Conv2D() | L.SeparableConv2D():
            yield getattr(make, type(layer).__name__)(
                layer.filters,
                layer.kernel_size,
                strides=layer.stride,
                padding=layer.padding,
                dilation_rate=layer.dilation,
                use_bias=layer.use_bias,
                **groups_in_keras(layer),
            )
        case L.Conv2DTranspose():
            yield make.Conv2DTranspose(
                layer.filters,
                layer.kernel_size,
                strides=layer.stride,
                padding=layer.padding,
                output_padding=layer.output_padding,
            )
        case L.Reshape():
            yield make.Reshape(layer.target_shape)
        case L.Activation():
            yield make.Identity()
        case L.BatchNorm():
            yield make.BatchNormalization(epsilon=layer.epsilon)
        case L.Dense():
            yield from (make.Flatten(), make.Dense(layer.units))
        case L.MaxPool1D():
            yield make.MaxPooling1D(layer.pool_size, layer.stride, layer.padding)
        case L.MaxPool2D():
            yield make.MaxPooling2D(layer.pool_size)
        case L.AvgPool2D():
            yield make.AveragePooling2D(layer.pool_size)
        case L.GlobalAvgPool1D():
            yield make.GlobalAveragePooling1D()
        case L.GlobalAvgPool2D():
            yield make.GlobalAveragePooling2D()
        case L.GlobalMaxPool2D():
            yield make.GlobalMaxPooling2D()
        case L.Dropout() | L.Flatten():
            yield make.Flatten() if isinstance(layer, L.Flatten) else make.Dropout(0.5)
        case L.Residual():
            yield keras_residual(keras, layer)
        case L.Sequential():
            yield from in_keras(keras, layer.inner_layers())
        case L.Branches():
            yield keras_branches(keras, layer)
    if getattr(layer, "activation", None):
        yield make.Activation(layer.activation)


def groups_in_keras(layer):
    return {"groups": layer.groups} if hasattr(layer, "groups") else {}


def keras_branches(keras, layer):
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            sides = [in_keras(keras, [side]) for side in layer.inner_layers()]
            self.sides = [keras.Sequential(side) for side in sides]

        def build(self, shape):
            for side in self.sides:
                side.build(shape)

        def call(self, x):
            sides = [side(x) for side in self.sides]
            return keras.layers.concatenate(sides)

    return Block()


def keras_residual(keras, layer):
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.main = keras.Sequential(in_keras(keras, layer.layers))
            side = in_keras(keras, layer.shortcut or [])
            self.side = keras.Sequential(side or [keras.layers.Identity()])

        def build(self, shape):
            self.main.build(shape)
            self.side.build(shape)

        def call(self, x):
            return self.main(x) + self.side(x)

    return Block()


@pytest.mark.extras
def test_keras_model_with_our_weights_agrees(fitted):
    keras = pytest.importorskip("keras", reason="Keras is not installed: extra `peers`")
    clf, X = fitted
    layers = in_keras(keras, clf.network_.layers)
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
    model.set_weights(clf.get_weights())
    assert_outputs_agree(np.asarray(model(X)), clf, X)
    twin = blank_twin(clf).set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


def in_torch(nn, layers, shape):
    """Return our layers as a module of torch."""
    modules = []
    for _, layer in layers:
        modules += one_in_torch(nn, layer, shape)
        shape = tuple(build_blank(layer, shape)[1])
    return nn.Sequential(*modules)


def one_in_torch(nn, layer, shape):
    c, axes = shape[-1], len(shape) - 1
    match layer:
        case L.Conv1D() | L.Conv2D() | L.SeparableConv2D() | L.HandcraftedConv1D():
            yield from convolution_in_torch(nn, layer, shape)
        case L.Conv2DTranspose():
            yield from transposed_in_torch(nn, layer, shape)
        case L.Reshape():
            yield channels_last(nn, layer.target_shape)
        case L.BatchNorm():
            yield [nn.BatchNorm1d, nn.BatchNorm2d][axes - 1](c, eps=layer.epsilon)
        case L.Dense():
            yield from (nn.Flatten(), nn.Linear(math.prod(shape), layer.units))
        case L.MaxPool1D():  # "same" of odd windows, as in the zoo
            margin = layer.pool_size // 2 if layer.padding == "same" else 0
            yield nn.MaxPool1d(layer.pool_size, layer.stride, margin)
        case L.MaxPool2D():
            yield nn.MaxPool2d(layer.pool_size)
        case L.AvgPool2D():
            yield nn.AvgPool2d(layer.pool_size)
        case L.GlobalAvgPool1D():
            yield from (nn.AdaptiveAvgPool1d(1), nn.Flatten())
        case L.GlobalAvgPool2D():
            yield from (nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case L.GlobalMaxPool2D():
            yield from (nn.AdaptiveMaxPool2d(1), nn.Flatten())
        case L.Dropout() | L.Flatten():
            yield nn.Flatten() if isinstance(layer, L.Flatten) else nn.Dropout()
        case L.Residual():
            yield torch_residual(nn, layer, shape)
        case L.Sequential():
            yield in_torch(nn, layer.inner_layers(), shape)
        case L.Branches():
            yield torch_branches(nn, layer, shape)
    if getattr(layer, "activation", None):
        yield {"relu": nn.ReLU, "tanh": nn.Tanh}[layer.activation]()


def convolution_in_torch(nn, layer, shape):
    """Yield a layer that pads and one that convolves; torch pads all sides alike."""
    c, axes = shape[-1], len(shape) - 1
    conv = [nn.Conv1d, nn.Conv2d][axes - 1]
    win = ops.window(
        shape[:-1],
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    sides = tuple(int(side) for pair in reversed(win.padding) for side in pair)
    yield [nn.ConstantPad1d, nn.ConstantPad2d][axes - 1](sides, 0)
    size, how = tuple(win.size), {"stride": tuple(win.stride), "bias": layer.use_bias}
    how["dilation"] = tuple(win.dilation)
    if isinstance(layer, L.SeparableConv2D):
        yield conv(c, c, size, how["stride"], groups=c, bias=False)
        yield conv(c, layer.filters, 1, bias=layer.use_bias)
    else:
        yield conv(c, layer.filters, size, **how, groups=layer.groups)


def transposed_in_torch(nn, layer, shape):
    """Yield a layer that makes all windows, and one that cuts some of them off."""
    size = build_blank(layer, shape)[1][:-1]
    kernel, stride = ops.pair(layer.kernel_size, ""), ops.pair(layer.stride, "")
    win = ops.window(size, kernel, stride=stride, padding=layer.padding)
    yield nn.ConvTranspose2d(shape[-1], layer.filters, kernel, stride)
    (top, _), (left, _) = win.padding
    below, right = (
        (before - 1) * s + k - after
        for before, s, k, after in zip(shape, stride, kernel, size, strict=False)
    )
    yield nn.ZeroPad2d((-left, left - right, -top, top - below))


def channels_last(nn, shape):
    """Return a layer that reshapes flat samples in skconv's order."""

    class Images(nn.Module):
        def forward(self, x):
            return x.reshape(len(x), *shape).movedim(-1, 1)

    return Images()


def torch_branches(nn, layer, shape):
    import torch

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            sides = [in_torch(nn, [side], shape) for side in layer.inner_layers()]
            self.sides = nn.ModuleList(sides)

        def forward(self, x):
            return torch.cat([side(x) for side in self.sides], dim=1)

    return Block()


def torch_residual(nn, layer, shape):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = in_torch(nn, layer.layers, shape)
            self.side = in_torch(nn, layer.shortcut or [], shape)

        def forward(self, x):
            return self.main(x) + self.side(x)

    return Block()


@pytest.mark.extras
def test_torch_module_with_our_weights_agrees(fitted):
    torch = pytest.importorskip("torch", reason="torch is not installed: extra `peers`")
    clf, X = fitted
    module = in_torch(torch.nn, clf.network_.layers, X.shape[1:]).eval()
    state = skconv.to_torch(clf, module.state_dict())
    module.load_state_dict({key: torch.from_numpy(v) for key, v in state.items()})
    with torch.no_grad():
        x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(X, -1, 1)))
        assert_outputs_agree(module(x).numpy(), clf, X)
    state = {key: v.numpy() for key, v in module.state_dict().items()}
    twin = skconv.from_torch(blank_twin(clf), state)
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
