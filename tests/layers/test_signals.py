"""Signals (length, channels), from X to the layers, and layers on signals as on images."""

import inspect
import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tolerances import assert_same

from skconv import ConvNetClassifier, ConvNetRegressor, Network, layers, ops
from skconv.augmentation import (
    GaussianNoise,
    RandomAffine,
    RandomFlip,
    RandomRotation,
    RandomShift,
)
from skconv.layers import Conv1D, Conv2D, Dense, Dropout, GlobalAvgPool1D, MaxPool1D

LAYERS = [Conv1D(6, 5, activation="relu"), MaxPool1D(2), GlobalAvgPool1D()]


def waves(n=120, length=40, channels=1):
    """Slow and fast waves of any phase: a mean over windows can separate them."""
    rng = np.random.default_rng(SEED)
    y = np.arange(n) % 2
    time = np.arange(length)[:, None] + rng.uniform(0, 40, (n, 1, channels))
    X = np.sin(time * np.where(y, 0.3, 1.2)[:, None, None])
    return X.astype(np.float32), np.array(["slow", "fast"])[1 - y]


def net(**params):
    return ConvNetClassifier(
        LAYERS, max_iter=60, learning_rate_init=0.02, random_state=SEED, **params
    )


@pytest.mark.parametrize("shape", [(-1, 40), (-1, 40, 1)])
def test_rows_and_signals_train_the_same_network(shape):
    X, y = waves()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = net().fit(X.reshape(shape)[:80], y[:80])
    assert clf.input_shape_ == (40, 1)
    assert clf.n_features_in_ == 40
    assert clf.score(X[80:], y[80:]) > 0.9
    np.testing.assert_array_equal(
        clf.predict_proba(X.reshape(-1, 40)), clf.predict_proba(X)
    )


def test_rows_of_several_channels_need_their_shape():
    X, y = waves(channels=3)
    signals = net().set_params(max_iter=2).fit(X, y)
    rows = net(input_shape=(40, 3)).set_params(max_iter=2).fit(X.reshape(-1, 120), y)
    assert signals.input_shape_ == rows.input_shape_ == (40, 3)
    np.testing.assert_array_equal(signals.network_.parameters, rows.network_.parameters)
    rows.set_params(warm_start=True).fit(X, y)
    assert rows.n_iter_ == 4


def test_layers_decide_between_images_and_signals():
    X, y = np.random.default_rng(SEED).random((20, 8, 8)), np.arange(20) % 2
    image = ConvNetClassifier([Conv2D(2), Dense(3)], max_iter=1, batch_size=10)
    assert image.fit(X, y).input_shape_ == (8, 8, 1)
    signal = ConvNetClassifier([Dropout(0.1), Conv1D(2)], max_iter=1, batch_size=10)
    assert signal.fit(X, y).input_shape_ == (8, 8)
    signal.set_params(input_shape=(16, 4)).fit(X.reshape(20, -1), y)
    assert signal.input_shape_ == (16, 4)


def test_grid_search_and_pipeline_take_signals():
    X, y = waves()
    rows = X.reshape(len(X), -1)
    search = GridSearchCV(net(), {"conv1d_1__kernel_size": [3, 7]}, cv=2)
    assert search.fit(rows, y).best_score_ > 0.9
    pipeline = make_pipeline(StandardScaler(), net())
    assert cross_val_score(pipeline, rows, y, cv=2).mean() > 0.9


def test_regressor_takes_signals():
    X, _ = waves()
    y = np.abs(X).mean(axis=(1, 2))
    regressor = ConvNetRegressor(LAYERS, max_iter=2, random_state=SEED).fit(X, y)
    assert regressor.input_shape_ == (40, 1)
    assert regressor.predict(X[:, :, 0]).shape == y.shape


@pytest.mark.parametrize(
    ("X", "input_shape", "words"),
    [
        (
            np.ones((20, 8, 8, 1)),
            None,
            r"'conv1d_1' \(Conv1D.*takes signals \(length, channels\), but its input has shape "
            r"\(8, 8, 1\); use Conv2D and other 2D layers for images \(h, w, c\)",
        ),
        (np.ones((20, 30)), (10, 3, 1), r"'conv1d_1' .* takes signals .* \(10, 3, 1\)"),
        (
            np.ones((20, 30)),
            (10, 4),
            r"X has 30 features, but input_shape=\(10, 4\) is expecting 40 features as "
            "input, the 10x4 values of each signal",
        ),
        (
            np.ones((20, 10, 3)),
            (3, 10),
            r"X of shape \(20, 10, 3\) holds signals \(length, channels\) = \(10, 3\), but "
            r"input_shape=\(3, 10\) is expecting \(3, 10\)",
        ),
        (
            np.ones((20, 10, 3, 1)),
            (10, 3),
            r"X of shape \(20, 10, 3, 1\) holds images \(h, w, c\) = \(10, 3, 1\), but ",
        ),
        (
            np.ones((20, 30)),
            30,
            r"input_shape must be .* for layers on signals \(length, channels\)",
        ),
        (
            np.ones((2, 3, 4, 5, 6)),
            None,
            r"X must hold rows .* or signals .* \(n, length, channels\)",
        ),
    ],
)
def test_fit_refuses_inputs_that_do_not_fit(X, input_shape, words):
    with pytest.raises(ValueError, match=words):
        net(input_shape=input_shape).fit(X, np.arange(len(X)) % 2)


def test_layer_on_images_refuses_signals():
    with pytest.raises(
        ValueError, match=r"'conv2d_1' .*takes images .*\(6, 2\); use Co"
    ):
        Network.build([Conv2D(3)], (6, 2), 0)


def test_predict_refuses_other_signals():
    X, y = waves()
    clf = net().set_params(max_iter=1).fit(X, y)
    with pytest.raises(
        ValueError, match=r"signals \(length, channels\) = \(39, 1\), but ConvNetCl"
    ):
        clf.predict(X[:, 1:])


@pytest.mark.parametrize("shape", [(1, 40), (6, 100)])
def test_channels_first_are_warned_of(shape):
    X = np.random.default_rng(SEED).random((20, *shape))
    words = rf"signals of shape \({shape[0]}, {shape[1]}\) seem .* read as \(length, channels\). If "
    with pytest.warns(
        UserWarning, match=words + rf".*{shape[1]} values in (one|{shape[0]}) ch"
    ):
        ConvNetClassifier([Conv1D(2)], max_iter=1, batch_size=10).fit(
            X, np.arange(20) % 2
        )


# Augmentation --------------------------------------------------------------------------


def test_random_shift_moves_signals_along_their_length(rng):
    x = np.arange(1.0, 13).reshape(1, 6, 2).repeat(50, axis=0)
    y = RandomShift(2, fill=-1)(x, rng)
    assert y.shape == x.shape
    expected = [np.full((6, 2), -1.0) for _ in range(5)]
    for shift, signal in zip(range(-2, 3), expected, strict=True):
        signal[max(shift, 0) : 6 + min(shift, 0)] = x[
            0, max(-shift, 0) : 6 - max(shift, 0)
        ]
    assert {signal.tobytes() for signal in y} == {e.tobytes() for e in expected}


def test_random_flip_mirrors_signals_in_time(rng):
    x = np.arange(12.0).reshape(1, 6, 2).repeat(20, axis=0)
    y = RandomFlip()(x, rng)
    assert {signal.tobytes() for signal in y} == {x[0].tobytes(), x[0, ::-1].tobytes()}


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (
            RandomRotation(10),
            r"takes images .* \(\d+, 40, 1\); signals have no plane",
        ),
        (RandomAffine(10), "degrees must be 0 for signals"),
        (RandomFlip(vertical=True), "vertical must be False for signals"),
        (RandomShift((0, 2)), r"max_shift must be one number for signals .* \(0, 2\)"),
    ],
)
def test_transforms_for_images_refuse_signals(transform, words):
    X, y = waves()
    name = type(transform).__name__.lower()
    with pytest.raises(ValueError, match=f"augment: transform '{name}_1' .*" + words):
        net(augment=[transform]).fit(X, y)


def test_fit_with_transforms_for_signals():
    X, y = waves()
    transforms = [RandomShift(3), RandomFlip(), GaussianNoise(0.05)]
    assert net(augment=transforms).fit(X, y).score(X, y) > 0.9


# Layers on signals and on images -------------------------------------------

# The layer on signals, and the one on images that does the same along a row.
PAIRS = [
    ("Conv1D", {"filters": 4, "kernel_size": 5, "stride": 2, "activation": "tanh"}),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "dilation": 2, "padding": "valid"}),
    ("Conv1D", {"filters": 6, "kernel_size": 2, "groups": 2, "use_bias": False}),
    ("MaxPool1D", {"pool_size": 3, "stride": 2, "padding": "same"}),
    ("AvgPool1D", {"pool_size": 3, "stride": 1, "padding": "same"}),
    ("GlobalAvgPool1D", {}),
    ("GlobalMaxPool1D", {}),
    ("Conv1DTranspose", {"filters": 4, "stride": 2, "activation": "tanh"}),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 2, "dilation": 3}),
    ("UpSampling1D", {"size": 3}),
    ("ZeroPadding1D", {"padding": (0, 2)}),
    ("Cropping1D", {"cropping": (1, 2)}),
]


@pytest.mark.parametrize(("name", "arguments"), PAIRS)
def test_layer_on_signals_equals_layer_on_images_of_one_row_or_column(
    name, arguments, each_ops, rng
):
    on_signals = getattr(layers, name)(**arguments)
    on_images = getattr(layers, name.replace("1D", "2D"))
    x = rng.permutation(3 * 11 * 4).reshape(3, 11, 4).astype(np.float32) / 100
    weights, _ = on_signals.build((11, 4), rng, np.dtype("float32"))
    y, cache = on_signals.forward(weights, x, rng)
    dy = rng.standard_normal(y.shape, np.float32)
    dx, grads = on_signals.backward(weights, cache, dy)
    for axis in (1, 2):
        order = 1 if axis == 1 else -1
        along = {
            key: (1, value)[::order]
            if key in ("kernel_size", "stride", "dilation", "pool_size", "size")
            else ((0, 0), value)[::order]
            if isinstance(value, tuple)
            else value
            for key, value in {**on_signals.get_params(), **arguments}.items()
        }
        layer = on_images(**along)
        lifted = {
            key: np.expand_dims(w, axis - 1) if w.ndim == 3 else w
            for key, w in weights.items()
        }
        image = np.expand_dims(x, axis)
        z, kept = layer.forward(lifted, image, rng)
        dz = np.expand_dims(dy, axis) if dy.ndim == 3 else dy
        assert_same(z, np.expand_dims(y, axis) if y.ndim == 3 else y)
        dimage, by_name = layer.backward(lifted, kept, dz)
        assert_same(dimage.reshape(dx.shape), dx)
        for key, grad in grads.items():
            assert_same(by_name[key].reshape(grad.shape), grad, scale=4)


def test_causal_output_does_not_depend_on_later_input(each_ops, rng):
    layer = Conv1D(3, 4, dilation=2, padding="causal")
    weights, shape = layer.build((20, 2), rng, np.dtype("float32"))
    assert shape == (20, 3)
    x = rng.standard_normal((1, 20, 2), np.float32)
    y = layer.predict(weights, x)
    for t in (0, 7, 19):
        later = x.copy()
        later[:, t + 1 :] = 1e6
        np.testing.assert_array_equal(
            layer.predict(weights, later)[:, : t + 1], y[:, : t + 1]
        )
        now = x.copy()
        now[:, t] += 1
        assert (layer.predict(weights, now)[:, t] != y[:, t]).all()


def test_window_of_a_signal_is_that_of_a_row():
    for length in range(1, 12):
        for size in range(1, 5):
            for stride in (1, 2, 3):
                for padding, dilation in (("same", 1), ("valid", 2), (2, 1)):
                    slide = {"padding": padding, "dilation": dilation}
                    one = {**slide, "dilation": (1, dilation)}
                    if padding == 2:
                        one["padding"] = (0, 2)
                    try:
                        signal = ops.window((length,), size, stride=stride, **slide)
                    except ValueError:
                        with pytest.raises(ValueError, match="does not fit"):
                            ops.window(
                                (1, length), (1, size), stride=(1, stride), **one
                            )
                        continue
                    row = ops.window((1, length), (1, size), stride=(1, stride), **one)
                    for name in inspect.signature(ops.Window).parameters:
                        assert getattr(signal, name) == getattr(row, name)[1:]
