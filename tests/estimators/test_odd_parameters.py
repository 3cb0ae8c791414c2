"""Odd values of parameters do what is meant, or are refused by name."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model
from skconv.augmentation import RandomFlip
from skconv.layers import (
    BatchNorm,
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
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
)

RNG = np.random.default_rng(SEED)
X = RNG.random((24, 8, 8))
Y = np.arange(24) % 3
A = np.array


def small(**params):
    defaults = {"filters": (4,), "max_iter": 1, "random_state": SEED}
    if "layers" in params:
        del defaults["filters"]
    return ConvNetClassifier(**{**defaults, **params})


# What a parameter may be, and the plain value that gives the same network.
ALIKE = {
    "filters": [(A([4, 6]), (4, 6)), (range(2, 4), (2, 3)), ([np.int64(4)], (4,)), (4, (4,))],
    "kernel_size": [(A([3, 5]), (3, 5)), ([3, 5], (3, 5)), (np.int8(3), 3)],
    "stride": [(A([2, 1]), (2, 1))],
    "pool_size": [(A([2, 1]), (2, 1))],
    "hidden_layer_sizes": [(A([4, 3]), (4, 3)), (A([], int), ())],
    "input_shape": [(A([8, 8, 1]), (8, 8, 1)), ([8, 8], (8, 8, 1))],
    "layers": [
        ([Conv2D(4, A([3, 1]), stride=A([1, 2]), dilation=A([1, 1]))], [Conv2D(4, (3, 1), stride=(1, 2))]),
        ([Conv2D(4, padding=A([[1, 0], [0, 1]]))], [Conv2D(4, padding=((1, 0), (0, 1)))]),
        ([MaxPool2D(A([2, 1]), padding=A([1, 0]))], [MaxPool2D((2, 1), padding=(1, 0))]),
        ([LayerNorm(A([1, 2])), PReLU(A([1, 2]))], [LayerNorm((1, 2)), PReLU((1, 2))]),
    ],
    "warmup_steps": [(0.0, 0), (np.float64(0), 0), (np.float32(0), 0)],
    "validation_fraction": [(0, 0.1), (0.0, 0.1)],
    "alpha": [(np.float32(0), 0.0)],
}  # fmt: skip


def text(value):
    """Return a test's name for a value: the same in every process."""
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(
    ("name", "odd", "plain"),
    [(name, *pair) for name, pairs in ALIKE.items() for pair in pairs],
    ids=text,
)
def test_arrays_and_numbers_of_numpy_are_parameters_like_others(
    name, odd, plain, tmp_path
):
    expected = small(**{name: plain}).fit(X, Y).predict_proba(X)
    clf = clone(small(**{name: odd})).fit(X, Y)
    assert repr(clf)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    save_model(clf, tmp_path / "net")
    loaded = load_model(tmp_path / "net")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    np.testing.assert_array_equal(loaded.fit(X, Y).predict_proba(X), expected)


RANGES = {
    "alpha": [-1, "a", None, np.nan, np.inf, A([0.1])],
    "batch_size": [0, -1, 1.5, "Auto", None, A([4]), np.nan],
    "learning_rate_init": [0, -1, np.nan, np.inf, "a", None],
    "warmup_steps": [1.0, -1, 1.5, "a", None, np.nan],
    "power_t": [-1, np.nan, np.inf],
    "max_iter": [0, 1.5, 1.0, "a", None],
    "momentum": [-0.1, 1.1, np.nan, None],
    "nesterovs_momentum": [1, None, "a"],
    "shuffle": [1, None, "a"],
    "random_state": [1.5, "a", -1, np.random.default_rng(SEED)],
    "tol": [-1, np.nan, np.inf, "a"],
    "verbose": [-1, "a", None],
    "warm_start": [1, None],
    "early_stopping": [1, None, "auto"],
    "validation_fraction": [1, 1.0, -1, np.nan],
    "scoring": [1, ["accuracy"]],
    "beta_1": [1, -0.1, np.nan],
    "beta_2": [1.0],
    "epsilon": [0, -1, np.nan, np.inf],
    "n_iter_no_change": [0, 1.5, np.nan, "a", None],
    "clip_norm": [0, -1, np.nan, "a"],
    "transform_layer": [1],
    "dtype": ["float16", float, np.float32, None],
    "solver": ["Adam", "lbfgs", None],
    "class_weight": ["Balanced", 1],
    "label_smoothing": [-1, 1, np.nan, "a"],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in RANGES.items() for value in values],
    ids=text,
)
def test_values_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"The '{name}' parameter of .* Got "):
        small(**{name: value}).fit(X, Y)


REFUSED = {
    "filters": [
        (0, "each of filters must be an int >= 1, got 0"),
        ({4}, "each of filters must be an int >= 1, got .4."),
        (A(4), r"each of filters must be an int >= 1, got array\(4\)"),
        (A([4.0]), "each of filters must be an int >= 1, got 4.0|got np.float64"),
        ((4, (4,)), r"each of filters must be an int >= 1, got \(4,\)"),
        (True, "each of filters must be an int >= 1, got True"),
    ],
    "kernel_size": [
        (A([3]), r"kernel_size must be an int >= 1 or a pair of them, got array\(\[3\]\)"),
        (A([3.0, 3.0]), "kernel_size must be an int >= 1 or a pair of them"),
        (A(3), "kernel_size must be an int >= 1 or a pair of them"),
        ((3, 3, 3), "kernel_size must be an int >= 1 or a pair of them"),
    ],
    "hidden_layer_sizes": [(None, "each of hidden_layer_sizes must be an int >= 1, got None")],
    "input_shape": [
        ((8, None, 1), "each of input_shape must be an int >= 1, got None"),
        (A([8]), r"input_shape must be \(h, w\), .* got \[8\]|got array"),
        ((2, 2, 2, 8), "input_shape must be"),
    ],
    "activation": [
        (np.tanh, "activation must be one of .*ufunc"),
        (["relu"], r"activation must be one of .* got \['relu'\]"),
        ("ReLU", "got 'ReLU'; did you mean 'relu'"),
    ],
    "learning_rate": [
        ("cos", "learning_rate must be one of .* did you mean 'cosine'"),
        (0.1, "for a constant rate, learning_rate_init=0.1"),
        (None, r"got None$"),
        (lambda step: -1, "must return a finite number >= 0, got -1 for step 1"),
        (lambda: 1, r"learning_rate must be a function of the step, .* raised, for step 1: .*takes 0 pos"),
    ],
    "augment": [
        ("flip", "augment must be a callable .* got 'flip'"),
        (RandomFlip, r"call it: RandomFlip\(...\)"),
        (lambda x: x, r"augment: transform 'function_1' .*takes 1 positional argument"),
        (lambda x, rng: x[:1], r"must return an array of shape \(8, 8, 8, 1\) in float32"),
        (lambda x, rng: np.add(x, 1, out=x), "read-only; the input must not be changed: return a new array"),
    ],
    "class_weight": [
        ({0: "a"}, "class_weight must hold finite numbers >= 0, got 'a' for class 0"),
        ({0: [1, 2]}, r"class_weight must hold finite numbers >= 0, got \[1, 2\]"),
        ({0: -1, 1: 1, 2: 1}, "class_weight must hold finite numbers >= 0"),
        ({0: np.nan}, "class_weight must hold finite numbers >= 0"),
    ],
    "layers": [
        ([Dense(A([4]))], r"layer 'dense_1' .*units must be an int >= 1, got array\(\[4\]\)"),
        ([Conv2D(4, use_bias="no")], "layer 'conv2d_1' .*use_bias must be True or False, got 'no'"),
        ([DepthwiseConv2D(use_bias=2)], "use_bias must be True or False, got 2"),
        ([SeparableConv2D(4, use_bias=None)], "use_bias must be True or False, got None"),
        ([BatchNorm(center="yes")], "center must be True or False, got 'yes'"),
        ([LayerNorm(scale=1)], "scale must be True or False, got 1"),
        ([LayerNorm(epsilon=np.inf)], "epsilon must be a number > 0, got inf"),
        ([Rescaling(True)], "scale must be a finite number, got True"),
        ([Dropout(A(0.5))], r"rate must be a number in \[0, 1\), got array\(0.5\)"),
        ([Conv2D(4, padding="Same")], "padding must be 'valid', 'same', .* got 'Same'"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [(name, *pair) for name, pairs in REFUSED.items() for pair in pairs],
    ids=text,
)
def test_odd_values_are_refused_in_words(name, value, words):
    clf = small(**{name: value})
    with pytest.raises((ValueError, TypeError), match=words):
        clf.fit(X, Y)
    assert not hasattr(clf, "network_")


@pytest.mark.parametrize(
    ("scoring", "meant"),
    [
        ("acc", "accuracy"),
        ("Accuracy", "accuracy"),
        ("accuracy_score", "accuracy"),
        ("mse", "neg_mean_squared_error"),
        ("rmse", "neg_root_mean_squared_error"),
        ("mae", "neg_mean_absolute_error"),
        ("log_loss", "neg_log_loss"),
        ("auc", "roc_auc"),
        ("f1_score", "f1"),
        ("balanced", "balanced_accuracy"),
    ],
)
def test_scores_get_the_suggestion_that_is_meant(scoring, meant):
    with pytest.raises(ValueError, match=f"got {scoring!r}; did you mean {meant!r}"):
        small(scoring=scoring).fit(X, Y)


def test_early_stopping_needs_a_part_to_validate_with():
    clf = small(early_stopping=True, validation_fraction=0.0)
    with pytest.raises(ValueError, match=r"validation_fraction must be above 0 with "):
        clf.fit(X, Y)
    clf.fit(X, Y, X_val=X, y_val=Y)


class Twice(Layer):
    def predict(self, weights, x):
        return 2 * x


@pytest.mark.parametrize("layer", [GlobalAvgPool2D, Flatten, Twice])
def test_layers_without_parameters_refuse_arguments(layer):
    name = layer.__name__
    with pytest.raises(TypeError, match=f"{name} has no parameter 'keepdims'"):
        layer(keepdims=True)
    with pytest.raises(TypeError, match=f"{name} takes no arguments, got 3, 'a'"):
        layer(3, "a")
    assert repr(layer()) == f"{name}()"


def test_statistics_that_are_learned_are_no_arguments():
    with pytest.raises(TypeError, match="Normalization has no parameter 'mean'"):
        Normalization(mean=0.13, variance=0.09)


def test_memory_that_is_too_small_is_reported_with_the_layer():
    with pytest.raises(MemoryError, match="layer 'dense1' .*Unable to allocate"):
        small(hidden_layer_sizes=(2**50,)).fit(X, Y)


# One object in several places --------------------------------------------------------


def shared_conv():
    conv = Conv2D(4)
    return {
        "thrice": ([conv] * 3, "conv2d_2"),
        "by name": ([("a", conv), ("b", conv), ("c", conv)], "b"),
        "in a block": ([conv, Sequential([conv, conv])], "sequential_1__conv2d_2"),
        "in a shortcut": ([Residual([conv, Conv2D(8)], shortcut=conv)], "residual_1__shortcut"),
        "shared block": ([Sequential([conv])] * 2, "sequential_2__conv2d_1"),
        "shared list": ([Sequential(each) for each in [[conv]] * 2], "sequential_2__conv2d_1"),
    }  # fmt: skip


def filters_of(clf):
    params = clf.get_params()
    return {name: params[name] for name in params if name.endswith("filters")}


@pytest.mark.parametrize("case", shared_conv())
def test_a_repeated_layer_is_set_in_one_place_only(case):
    layers, name = shared_conv()[case]
    clf = small(layers=layers)
    before = filters_of(clf)
    expected = {**before, f"{name}__filters": 8}
    assert filters_of(clone(clf).set_params(**{f"{name}__filters": 8})) == expected
    assert filters_of(clf.set_params(**{f"{name}__filters": 8})) == expected
    # The list that was passed in is the user's.
    assert filters_of(small(layers=layers)) == before


def test_a_search_over_a_repeated_layer_finds_the_network_that_set_params_makes():
    clf = small(layers=[Conv2D(4)] * 3 + [Flatten()])
    search = GridSearchCV(clf, {"conv2d_2__filters": [8]}, cv=2).fit(X, Y)
    best = [layer.filters for layer in search.best_estimator_.layers[:3]]
    again = clf.set_params(**search.best_params_)
    assert [layer.filters for _, layer in clf.fit(X, Y).network_.layers[:3]] == best
    assert [each.filters for each in again.layers[:3]] == best == [4, 8, 4]


def test_a_transform_in_two_places_is_set_in_one_only():
    flip = RandomFlip()
    clf = small(augment=[flip, flip]).set_params(augment__randomflip_2__vertical=True)
    assert [each.vertical for each in clf.augment] == [False, True]


def test_layers_in_one_place_are_set_themselves():
    conv = Conv2D(4)
    clf = small(layers=[conv, Flatten()]).set_params(conv2d_1__filters=8)
    assert clf.layers[0] is conv and conv.filters == 8


# Features in containers ---------------------------------------------------------------


def test_frames_of_features_are_named_after_the_layer_that_was_asked_for():
    clf = small(hidden_layer_sizes=(8, 3)).fit(X, Y).set_output(transform="pandas")
    for layer, width in {"conv1": 256, "dense1": 8, "dense2": 3, "output": 3}.items():
        frame = clf.transform(X, layer=layer)
        assert list(frame.columns) == [f"{layer}_{i}" for i in range(width)]
    assert list(clf.transform(X).columns) == list(clf.get_feature_names_out())
    assert list(clf.fit_transform(X, Y).columns) == ["dense2_0", "dense2_1", "dense2_2"]
    plain = clf.set_output(transform="default").transform(X, layer="output")
    np.testing.assert_array_equal(plain, clf.decision_function(X))


# Shapes that no layer looks at --------------------------------------------------------


@pytest.mark.parametrize("make", [ConvNetClassifier, ConvNetRegressor])
@pytest.mark.parametrize(
    "params",
    [
        {"filters": ()},
        {"filters": [], "hidden_layer_sizes": ()},
        {"filters": A([], int)},
        {"layers": [Dense(4), Dense(4)]},
        {"layers": [Normalization(), Dropout(0.1), Flatten(), Dense(4)]},
        {"layers": [Rescaling(0.1), Dense(4), BatchNorm()]},
        {"layers": [("off", "passthrough"), PReLU(), Dense(4)]},
        {"layers": [Sequential([Normalization(), Sequential([Dense(4)])]), Dense(5)]},
        {"layers": [Branches([[Dense(4)], [Flatten()]]), Dense(5)]},
    ],
    ids=text,
)
def test_dense_networks_do_not_warn_of_shapes(make, params):
    for given in (RNG.random((24, 10)), RNG.random((24, 3, 8, 8))):
        make(max_iter=1, **params).fit(given, Y)  # a warning would be an error


@pytest.mark.parametrize(
    "layers", [[Conv2D(2)], [BatchNorm(), Dense(4)], [Twice(), Dense(4)], [Sequential([Conv2D(2)])], [Branches([[Flatten()], [Conv2D(2), Flatten()]]), Dense(4)], [Residual([Dropout(0.1)]), Conv2D(2)]], ids=text
)  # fmt: skip
def test_other_networks_warn_of_shapes(layers):
    with pytest.warns(UserWarning, match="10 features, which make no square image"):
        small(layers=layers).fit(RNG.random((24, 10)), Y)


# Signals --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 64), (1, 64, 1), A([1, 64])], ids=text)
def test_signals_of_length_1_are_refused_with_the_shape_that_is_meant(shape):
    layers = [Conv1D(4), MaxPool1D(2)]
    with pytest.raises(
        ValueError, match=r"If they have 64 values, pass input_shape=\(64, 1\)"
    ):
        small(layers=layers, input_shape=shape).fit(X.reshape(24, 64), Y)
    with pytest.raises(ValueError, match=r"64 values in 3 channels, .*\(64, 3\)"):
        small(layers=layers, input_shape=(1, 64, 3)).fit(X.reshape(24, 64), Y)
    clf = small(layers=layers, input_shape=(64, 1)).fit(X.reshape(24, 64), Y)
    assert clf.input_shape_ == (64, 1)
