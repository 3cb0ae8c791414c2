"""Bad input gets a clear error, and a fitted model stays as it was."""

import pickle

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import Activation, Conv2D, Dense, Flatten, MaxPool2D

RNG = np.random.default_rng(SEED)
X = RNG.random((40, 8, 8))
Y = np.arange(40) % 4


def with_value(value):
    bad = X.copy()
    bad[3, 2, 1] = value
    return bad


def net(*layers, **params):
    return {"layers": list(layers), **params}


# What is changed, how, and what the error says.
BAD_FITS = {
    "nan": ({}, with_value(np.nan), Y, "Input X contains NaN"),
    "infinity": ({}, with_value(np.inf), Y, "Input X contains infinity"),
    "text": ({}, [["a", "b"], ["c", "d"]], [0, 1], "X must hold numbers, got text: .a."),
    "1-D X": ({}, X[:, 0, 0], Y, "Expected 2D array, got 1D array"),
    "5-D X": ({}, X[..., None, None], Y, r"X must hold rows .* got an array of shape \(40, 8, 8, 1, 1\)"),
    "no samples": ({}, X[:0], Y[:0], "Found array with 0 sample"),
    "no pixels": ({}, X[:, :, :0], Y, r"X must hold at least one pixel, got an array of \(40, 8, 0\)"),
    "no y": ({}, X, None, "requires y to be passed, but the target y is None"),
    "too few labels": ({}, X, Y[:30], "inconsistent numbers of samples: .*40.*30"),
    "numbers for labels": ({}, X, Y + 0.5, "Unknown label type: continuous"),
    "nan in y": ({}, X, np.where(Y == 1, np.nan, Y), "Input y contains NaN"),
    "mixed labels": ({}, X, np.array(["a", 1] * 20, object), "y must hold labels of one type"),
    "too large for float32": ({}, with_value(1e39), Y, "X has values too large for float32, .* dtype='float64'"),
    "no channels": (net(Dense(4)), np.zeros((40, 8, 8, 0)), Y, "X must hold at least one pixel"),
    "a parameter's name": (net(("alpha", Dense(4))), X, Y, "a layer may not be called 'alpha', as a parameter is"),
    "one class": ({}, X, np.zeros(40, int), "at least 2 classes, but y has one class only: .*0"),
    "input_shape of other size": (
        {"input_shape": (4, 4, 3)}, X.reshape(40, 64), Y,
        r"X has 64 features, but input_shape=\(4, 4, 3\) is expecting 48 features",
    ),
    "input_shape of other images": (
        {"input_shape": (4, 16)}, X, Y,
        r"X of shape \(40, 8, 8\) holds images \(h, w, c\) = \(8, 8, 1\), but input_shape=\(4, 16, 1\)",
    ),
    "input_shape of nonsense": ({"input_shape": 8}, X, Y, r"input_shape must be .* got 8"),
    "input_shape of fractions": ({"input_shape": (8, 8.0)}, X, Y, "each of input_shape must be an int >= 1, got 8.0"),
    "kernel too large": (
        net(("conv1", Conv2D(4)), ("conv2", Conv2D(4, 9, padding="valid"))), X, Y,
        r"layer 'conv2' \(Conv2D\(filters=4, kernel_size=9, padding='valid'\)\): kernel_size 9x9 does "
        "not fit its input 8x8; use padding='same' or a smaller kernel_size",
    ),
    "pool too large": (net(MaxPool2D(9)), X, Y, r"layer 'maxpool2d_1' .*pool_size 9x9 does not fit its input 8x8"),
    "stride 0": (net(Conv2D(4, stride=0)), X, Y, "layer 'conv2d_1' .*stride must be an int >= 1 .* got 0"),
    "negative size": (net(Conv2D(-4)), X, Y, "filters must be an int >= 1, got -4"),
    "fraction": (net(Dense(4.5)), X, Y, "units must be an int >= 1, got 4.5"),
    "activation": (net(Dense(4, "rulu")), X, Y, "activation must be one of .* got 'rulu'; did you mean 'relu'"),
    "order of layers": (net(Flatten(), Conv2D(4)), X, Y, r"takes images \(h, w, c\), but its input has shape \(64,\)"),
    "two of one name": (net(("a", Dense(4)), ("a", Dense(5))), X, Y, "layers must have distinct names, got 2 of 'a'"),
    "name with __": (net(("a__b", Dense(4))), X, Y, "name must be an identifier without '__' .* got 'a__b'"),
    "no layer": (net("dense"), X, Y, "each of layers must be a layer .* or a tuple .name, layer., got 'dense'"),
    "class for layer": (net(Dense), X, Y, r"got <class .*Dense'>; call it: Dense\(...\)"),
    "numbers for layers": ({"layers": (32, 64)}, X, Y, r"got 32; for the default network's numbers, filters=\(32, 64\)"),
    "empty list": (net(), X, Y, "layers must hold at least one layer that is not 'passthrough', got \\[\\]"),
    "no list": ({"layers": Dense(4)}, X, Y, "layers must be a list of layers or of .name, layer., got Dense"),
    "numbers and a list": (net(Dense(4), kernel_size=5), X, Y, "kernel_size=5 describes the default network, but layers"),
    "filters": ({"filters": (8, 0)}, X, Y, "each of filters must be an int >= 1, got 0"),
    "hidden_layer_sizes": ({"hidden_layer_sizes": 1.5}, X, Y, "each of hidden_layer_sizes must be an int >= 1, got 1.5"),
    "pool_size": ({"pool_size": 0}, X, Y, "pool_size must be an int >= 1 or a pair of them, got 0"),
    "kernel_size": ({"kernel_size": "3"}, X, Y, "kernel_size must be an int >= 1 or a pair of them, got '3'"),
    "max_iter": ({"max_iter": 0}, X, Y, "'max_iter' parameter of ConvNetClassifier must be an int"),
    "batch_size": ({"batch_size": "all"}, X, Y, "'batch_size' parameter .* got 'all'|Got 'all'"),
    "learning rate": ({"learning_rate_init": 0}, X, Y, "'learning_rate_init' parameter .* Got 0"),
    "dtype": ({"dtype": "float16"}, X, Y, "'dtype' parameter .* Got 'float16'"),
    "nothing to validate with": (
        {"early_stopping": True, "validation_fraction": 0.0}, X, Y, "validation_fraction must be above 0 with early_stopping=True",
    ),
    "overflow": (
        {"learning_rate_init": 1e30}, X * 1e6, Y,
        r"became infinite or NaN in epoch \d+; out of range: the learning rate, 1e\+30 \(lower "
        r"learning_rate_init\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FITS)
def test_errors_of_fit_name_the_cause_and_change_nothing(case):
    params, X_bad, y_bad, words = BAD_FITS[case]
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=SEED).fit(X, Y)
    expected = clf.predict_proba(X)
    if "layers" in params:
        clf.set_params(
            filters="auto"
        )  # the default: numbers and a list exclude each other
    clf.set_params(**params)
    before = pickle.dumps(vars(clf))
    with pytest.raises((ValueError, TypeError), match=words):
        clf.fit(X_bad, y_bad)
    assert pickle.dumps(vars(clf)) == before
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (
            np.zeros(40),
            "sample_weight must be positive for at least one sample, got all zeros",
        ),
        (np.full(40, -1.0), "sample_weight must be >= 0 for all samples, got -1"),
        (
            np.ones(39),
            r"sample_weight must hold one number for each of the 40 samples, got an array of shape \(39,\)",
        ),
        ("balanced", "sample_weight must be an array, .* got str: 'balanced'"),
        (["a"] * 40, "sample_weight must hold numbers, got text: 'a'"),
        ([None] * 40, "Input sample_weight contains NaN"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
        (np.full(40, np.inf), "sample_weight contains infinity"),
    ],
)
def test_bad_sample_weights_are_refused(weight, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ConvNetClassifier(max_iter=1).fit(X, Y, weight)


@pytest.mark.parametrize("scale", [1e308, 1e-300, 1e-320])
def test_fit_uses_only_the_ratios_of_sample_weights(scale):
    plain = ConvNetClassifier(max_iter=1, random_state=SEED).fit(X, Y)
    scaled = ConvNetClassifier(max_iter=1, random_state=SEED).fit(
        X, Y, np.full(40, scale)
    )
    np.testing.assert_array_equal(plain.predict_proba(X), scaled.predict_proba(X))


def test_sample_weights_of_partial_fit_must_be_in_range():
    for scale in (1e-60, 1e60):
        with pytest.raises(
            ValueError, match="sample_weight must lie in the range of float32"
        ):
            ConvNetClassifier().partial_fit(X, Y, [0, 1, 2, 3], np.full(40, scale))


@pytest.fixture(scope="module")
def fitted():
    return ConvNetClassifier(filters=(4,), max_iter=1, random_state=SEED).fit(X, Y)


@pytest.mark.parametrize(
    ("X_bad", "words"),
    [
        (X.reshape(40, 64)[:, :60], "X has 60 features, but ConvNetClassifier is expecting 64 features as input"),
        (X[:, :7], r"X of shape \(40, 7, 8\) holds images .* = \(7, 8, 1\), but ConvNetClassifier is expecting \(8, 8, 1\)"),
        (np.repeat(X[..., None], 3, axis=3), r"= \(8, 8, 3\), but ConvNetClassifier is expecting \(8, 8, 1\)"),
        (X[0], "X has 8 features, but ConvNetClassifier is expecting 64"),
        (with_value(np.nan), "Input X contains NaN"),
        ([[None] + [1] * 63], "Input X contains NaN"),
        (X[:0], "Found array with 0 sample"),
        (with_value(1e39), "X has values too large for float32"),
    ],
)  # fmt: skip
def test_predict_refuses_other_images(X_bad, words, fitted):
    with pytest.raises(ValueError, match=words):
        fitted.predict(X_bad)


def test_batches_larger_than_the_data_are_clipped_with_a_warning():
    with pytest.warns(
        UserWarning, match="batch_size=100 is larger than the 40 samples"
    ):
        clipped = ConvNetClassifier(batch_size=100, max_iter=1, random_state=SEED).fit(
            X, Y
        )
    exact = ConvNetClassifier(batch_size=40, max_iter=1, random_state=SEED).fit(X, Y)
    np.testing.assert_array_equal(clipped.predict_proba(X), exact.predict_proba(X))


def test_errors_of_partial_fit_name_the_cause(fitted):
    with pytest.raises(
        ValueError, match="classes must be passed on the first call to partial_fit"
    ):
        ConvNetClassifier().partial_fit(X, Y)
    with pytest.raises(
        ValueError,
        match=r"classes that are not in classes_: \[9\] are not among \[0, 1, 2, 3\]",
    ):
        fitted.partial_fit(X, np.where(Y == 3, 9, Y))
    with pytest.raises(
        ValueError, match="classes must have the same classes as in the first fit"
    ):
        fitted.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(
        ValueError, match="partial_fit does not support early_stopping=True"
    ):
        ConvNetClassifier(early_stopping=True).partial_fit(X, Y, classes=Y)
    with pytest.raises(
        ValueError, match=r"y of shape \(40, 2\) does not match the 4 classes"
    ):
        fitted.partial_fit(X, np.c_[Y > 1, Y > 2].astype(int))


def test_partial_fit_checks_the_classes_it_is_given():
    with pytest.raises(ValueError, match=r"classes has one class only: \[0\]"):
        ConvNetClassifier().partial_fit(X, Y, classes=[0])
    with pytest.raises(
        ValueError, match="classes must name each of the 2 labels .* got 3"
    ):
        ConvNetClassifier().partial_fit(
            X, np.c_[Y > 1, Y % 2].astype(int), classes=[0, 1, 2]
        )
    multilabel = ConvNetClassifier(filters=(4,)).partial_fit(
        X, np.c_[Y > 1, Y % 2].astype(int)
    )
    with pytest.raises(
        ValueError, match="classes must have the same classes as in the first"
    ):
        multilabel.partial_fit(X, Y % 2, classes=[0, 1])


def test_warm_start_refuses_another_problem():
    clf = ConvNetClassifier(
        filters=(4,), max_iter=1, warm_start=True, random_state=SEED
    ).fit(X, Y)
    expected = clf.predict_proba(X)
    with pytest.raises(
        ValueError, match="y must have the same classes as in the first fit"
    ):
        clf.fit(X, Y % 3)
    with pytest.raises(
        ValueError, match=r"layers must be the same as in the last fit (.|\n)*filters=8"
    ):
        clf.set_params(filters=(8,)).fit(X, Y)
    clf.set_params(filters=(4,))
    with pytest.raises(
        ValueError,
        match="dtype must be the same as in the last fit .* float32, got float64",
    ):
        clf.set_params(dtype="float64").fit(X, Y)
    clf.set_params(dtype="float32")
    with pytest.raises(
        ValueError, match="input_shape must be the same as in the last fit"
    ):
        clf.set_params(input_shape=(4, 16)).fit(X.reshape(40, -1), Y)
    clf.set_params(input_shape=None)
    with pytest.raises(ValueError, match=r"expecting \(8, 8, 1\)"):
        clf.fit(X[:, :7], Y)
    with pytest.raises(
        ValueError,
        match="became infinite or NaN in epoch [23]; out of range: the learning rate",
    ):
        clf.set_params(learning_rate_init=1e30, max_iter=5).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    assert clf.n_iter_ == 1


def test_names_that_do_not_exist_get_a_suggestion():
    clf = ConvNetClassifier([("conv1", Conv2D(4))])
    with pytest.raises(
        ValueError,
        match="Invalid parameter 'max_iters' for ConvNetClassifier; did you mean 'max_iter'",
    ):
        clf.set_params(max_iters=3)
    with pytest.raises(
        ValueError,
        match="Invalid parameter 'conv__stride' for .*; did you mean 'conv1__stride'",
    ):
        clf.set_params(conv__stride=2)
    with pytest.raises(
        ValueError, match="Invalid parameter 'strid' for Conv2D; did you mean 'stride'"
    ):
        clf.set_params(conv1__strid=2)
    with pytest.raises(
        ValueError, match="Invalid parameter 'conv1__stride' for ConvNetClassifier"
    ):
        ConvNetClassifier().set_params(conv1__stride=2)


@pytest.mark.parametrize(
    "ending",
    [[Dense(4, "softmax")], [Dense(4)], [Dense(4), Activation("softmax")]],
    ids=str,
)
def test_a_second_output_layer_gives_a_warning(ending):
    with pytest.warns(
        UserWarning, match=r"adds its own output layer .* leave out layer 'dense_2'"
    ):
        ConvNetClassifier([Dense(8, "relu"), *ending], max_iter=1).fit(X, Y)
    ConvNetClassifier([Dense(8, "sigmoid")], max_iter=1).fit(X, Y)  # a hidden layer


def test_constructors_suggest_the_nearest_parameter():
    with pytest.raises(
        TypeError,
        match="ConvNetClassifier has no parameter 'learning_rte'; did you mean 'learning_rate'",
    ):
        ConvNetClassifier(learning_rte=0.1)
    with pytest.raises(
        TypeError, match="Conv2D has no parameter 'strides'; did you mean 'stride'"
    ):
        Conv2D(8, 3, strides=2)
    with pytest.raises(ValueError, match="got 'ReLU'; did you mean 'relu'"):
        ConvNetClassifier([Dense(8, "ReLU")]).fit(X, Y)
