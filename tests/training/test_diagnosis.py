"""Training that leaves the finite numbers, or learns nothing: what is to blame."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from seeds import SEED
from sklearn.exceptions import ConvergenceWarning

from skconv import ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter, Network
from skconv._training.diagnosis import (
    _describe_growth,
    _find_in_solver,
    _find_in_targets,
    _is_trained,
    _with_new_weights,
    find_out_of_range,
)
from skconv._training.optimizers import SGD, Adam
from skconv.augmentation import MixUp, RandomFlip
from skconv.layers import (
    Activation,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    MaxPool2D,
    Rescaling,
    Residual,
)

# Data out of range are what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:what reaches")
RNG = np.random.default_rng(SEED)
X, Y = RNG.random((60, 8, 8)), np.arange(60) % 3
T = RNG.random(60)


def net(*layers, **params):
    defaults = {"max_iter": 30, "random_state": SEED, "batch_size": 60}
    layers = list(layers) or [Conv2D(4, activation="relu"), Dense(8, "relu")]
    return ConvNetClassifier(layers, **{**defaults, **params})


def reg(*layers, **params):
    defaults = {"max_iter": 30, "random_state": SEED, "batch_size": 60}
    layers = list(layers) or [Conv2D(4, activation="relu"), Dense(8, "relu")]
    return ConvNetRegressor(layers, **{**defaults, **params})


def spoil(x, rng):
    return np.where(rng.random(x.shape) < 0.01, np.nan, x).astype(x.dtype)


def enlarge(x, rng):
    return x * np.float32(1e38)


def between(by):
    """Return the words on the range of X, multiplied, as a regular expression."""
    low, high = sorted((by * X.min(), by * X.max()))
    return re.escape(f"X between {low:.6g} and {high:.6g}")


CAUSES = {
    "alpha": (net(alpha=1e5), X, r"alpha=100000, as each step multiplies kernels by 1 - alpha \* learning rate = -99"),
    "alpha of sgd": (net(alpha=1e5, solver="sgd"), X, "alpha=100000"),
    "epsilon": (net(epsilon=1e-46), X, "epsilon=1e-46, which is 0 in float32"),
    "rate": (net(learning_rate_init=1e30), X, r"the learning rate, 1e\+30 \(lower learning_rate_init\)$"),
    "function": (net(learning_rate=lambda step: 1e30), X, r"the learning rate, 1e\+30"),
    "x": (net(), 1e30 * X, f"{between(1e30)} \\(scale X"),
    "x of sgd": (net(Conv2D(4), Dense(8), solver="sgd", learning_rate_init=0.1), 255 * X, between(255)),
    "x after a pool": (net(MaxPool2D(2), Conv2D(4), Dense(8), solver="sgd", learning_rate_init=0.1), 255 * X, between(255) + r" \(scale X to"),
    "x below zero": (net(Conv2D(4), Dense(8), solver="sgd", learning_rate_init=0.1), -255 * X, between(-255)),
    "penalty": (net(Conv2D(4, kernel_l2=1e30)), X, r"the penalty of layer 'conv2d_1' \(Conv2D\(filters=4, kernel_l2=1e\+30\)\)"),
    "layer": (net(Dense(8), Rescaling(1e30), Dense(4)), X, r"layer 'rescaling_1' \(Rescaling\(scale=1e\+30\)\) returned values up to"),
    "offset": (net(Rescaling(1.0, 1e35), Conv2D(4)), X, r"layer 'rescaling_1' \(.*\) returned values up to 1e\+35 for an input up to " f"{X.max():.3g}"),
    "augment": (net(augment=[RandomFlip(), ("spoil", spoil)]), X, r"augment: transform 'spoil' \(<function spoil.*\) returned infinity or NaN"),
    "augment after dropout": (net(Dropout(0.5), Dense(4), augment=enlarge), X, "augment: transform .*enlarge.* returned values up to .*e.3[78]"),
}  # fmt: skip


@pytest.mark.parametrize("case", CAUSES)
def test_cause_of_numbers_that_are_not_finite_is_named_alone(case):
    estimator, images, words = CAUSES[case]
    with pytest.raises(ValueError, match=f"became infinite or NaN in epoch .*{words}"):
        try:
            estimator.fit(images, Y)
        except ValueError as error:
            _, _, found = str(error).partition("out of range: ")
            assert found.count("; ") == 0, found
            raise


def test_several_causes_are_named_together():
    words = r"the learning rate, 1e\+30 .*; X between \S+ and 99"
    with pytest.raises(ValueError, match=words):
        net(learning_rate_init=1e30).fit(1000 * X, Y)


def test_scaled_images_are_not_blamed():
    layers = Rescaling(1e-6), Conv2D(4), Rescaling(1e30), Dense(4)
    with pytest.raises(ValueError, match=r"out of range: layer 'rescaling_2'"):
        net(*layers).fit(1e6 * X, Y)


def test_later_targets_far_from_the_first_are_named():
    model = reg(solver="sgd", learning_rate_init=0.5).partial_fit(X, T)
    with (
        pytest.warns(UserWarning, match="times its scale away from its center"),
        pytest.raises(ValueError, match=r"out of range: y between .* and 9.*e\+29"),
    ):
        for _ in range(20):
            model.partial_fit(X, 1e30 * T)


def test_weights_of_partial_fit_have_a_range():
    for scale in (1e20, 1e-20):
        with pytest.raises(ValueError, match="sample_weight must lie in the range"):
            net().partial_fit(X, Y, [0, 1, 2], np.full(60, scale))


def test_state_of_layers_is_no_cause():
    with pytest.raises(ValueError, match="out of range: the learning rate"):
        net(Conv2D(4), BatchNorm(), Dense(4), learning_rate_init=1e30).fit(X, Y)


def test_failure_without_a_cause_says_where_it_began():
    """Exponentials of a linear model overflow before anything else does."""
    words = (
        r"it began with .*The learning rate was 1: lower learning_rate_init, or limit"
    )
    linear = Dense(4, kernel_initializer="zeros")  # the first step decides its signs
    model = reg(linear, loss="poisson", solver="sgd", learning_rate_init=1.0)
    with pytest.raises(ValueError, match=words):
        model.fit(50 * X, 1e3 * T**8)


def test_loss_of_outputs_in_range_is_where_it_began():
    """An exponential of 100 is infinite in float32."""
    larger = [Dense(64, kernel_initializer="he_normal") for _ in range(2)]
    model = reg(*larger, loss="poisson", solver="sgd")
    words = (
        r"became infinite or NaN in epoch 1; it began with the loss, inf, of outputs"
    )
    with pytest.raises(ValueError, match=words):
        model.fit(198 * (np.random.default_rng(SEED).random((60, 16, 16)) - 0.5), T)


@pytest.mark.parametrize("kind", ["classes", "columns", "masks"])
def test_transforms_before_the_one_to_blame_see_what_training_showed_them(kind):
    """Mixed images have mixed targets, whose shape depends on their kind."""
    steps = [MixUp(), ("spoil", spoil)]
    targets = {"classes": Y, "columns": np.c_[Y, Y], "masks": (X > 0.5).astype(int)}
    estimator = ConvNetSegmenter if kind == "masks" else ConvNetClassifier
    model = estimator(augment=steps, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="out of range: augment: transform 'spoil'"):
        model.fit(X, targets[kind])


def test_mixed_masks_of_signals_have_the_shape_that_training_showed():
    """By its axes alone, (n, length), such a mask would be a row of classes."""
    masks = (X[..., 0] > 0.5).astype(int)
    steps = {"augment": MixUp(), "learning_rate_init": 1e30}
    model = ConvNetSegmenter([Conv1D(4), Conv1D(2)], random_state=0, **steps)
    with pytest.raises(ValueError, match="out of range: the learning rate"):
        model.fit(X, masks)


def test_fit_that_fails_changes_nothing():
    model = net().fit(X, Y)
    expected = model.predict_proba(X)
    with pytest.raises(ValueError, match="alpha"):
        model.set_params(alpha=1e5).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


# Training that ends with finite numbers ------------------------------------------------


def test_divergence_gives_a_warning_that_names_the_cause():
    with pytest.warns(
        ConvergenceWarning,
        match=r"training diverged: it ended after 4 epochs with a loss of .*, where the "
        r"same prediction for all samples has 1\.099; out of range: alpha=10000",
    ):
        net(alpha=1e4, max_iter=4).fit(X, Y)


DEAD = Rescaling(1.0, -1e3), Activation("relu"), Dense(4)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("make", [net, reg])
def test_network_that_has_learnt_nothing_gives_a_warning(make, early_stopping):
    model = make(*DEAD, early_stopping=early_stopping, max_iter=400, batch_size=50)
    with pytest.warns(
        ConvergenceWarning,
        match=r"learnt nothing: training stopped after \d+ epochs with a loss of .* Try "
        "another random_state, a lower learning_rate_init",
    ):
        model.fit(X, Y)
    assert model.n_iter_ < 400


def test_network_that_learns_gives_no_warning():
    images = X + Y[:, None, None]
    long = {"max_iter": 400, "learning_rate_init": 0.01}
    net(Conv2D(4, activation="elu"), Dense(8, "elu"), **long).fit(images, Y)
    net(*DEAD, max_iter=3).fit(X, Y)  # it did not stop by itself
    reg(max_iter=100).fit(X, np.full(60, 3.0))  # nothing to learn
    penalized = Dense(8, "elu", kernel_l2=10.0)  # the penalty is no loss
    net(penalized, **long).fit(images, Y)


def test_validation_data_on_another_scale_are_named():
    params = {"filters": (4,), "early_stopping": True, "random_state": SEED}
    clf = ConvNetClassifier(max_iter=3, **params)
    words = f"{between(1e5)}, where X is between".replace("X", "X_val", 1)
    with pytest.warns(ConvergenceWarning, match=words):
        clf.fit(X, Y, X_val=1e5 * X, y_val=Y)
    assert len(clf.loss_curve_) == 3


def test_later_data_on_another_scale_get_another_way_out():
    clf = ConvNetClassifier(filters=(4,), random_state=SEED, shuffle=False)
    clf.partial_fit(X, Y, [0, 1, 2])
    far = X.copy()
    far[-6:] *= 1e9  # of which the first batch has none
    words = r"X between .*\(layer 'normalization' keeps the scale of the first call"
    with pytest.warns(ConvergenceWarning, match=words):
        clf.partial_fit(far, Y)


def test_an_epsilon_that_compiled_ops_flush_to_zero_is_named():
    optimizer = Adam(np.zeros(3, np.float32), epsilon=1e-40)
    step = SimpleNamespace(optimizer=optimizer)
    (words,) = _find_in_solver(step, 0.001, np.dtype("float32"))
    assert words == "epsilon=1e-40, which is 0 in float32 (increase it)"
    assert not [*_find_in_solver(step, 0.001, np.dtype("float64"))]


def test_betas_that_do_not_limit_the_steps_of_adam_are_named():
    step = SimpleNamespace(optimizer=Adam(np.zeros(3), beta_1=0.9, beta_2=0.5))
    (words,) = _find_in_solver(step, 0.001, np.dtype("float64"))
    assert words.startswith("beta_1=0.9 with beta_2=0.5") and "increase" in words
    step = SimpleNamespace(optimizer=SGD(np.zeros(3)))
    assert not [*_find_in_solver(step, 0.001, np.dtype("float64"))]


# Where a range ends: the pieces ---------------------------------------------------------


def solver_causes(rate=0.001, alpha=None, dtype="float64", **options):
    decay = None if alpha is None else np.array([0.0, alpha])
    optimizer = Adam(np.zeros(2), decay=decay, **options)
    step = SimpleNamespace(optimizer=optimizer)
    return [
        words.split("=")[0] for words in _find_in_solver(step, rate, np.dtype(dtype))
    ]


@pytest.mark.parametrize(
    ("options", "causes"),
    [
        ({"rate": 1.0}, []),
        ({"rate": 1.1}, ["the learning rate, 1.1 (lower learning_rate_init)"]),
        ({"rate": 0.5, "alpha": 3.0}, []),
        ({"rate": 1.0, "alpha": 2.0}, []),
        ({"rate": 1.0, "alpha": 2.5}, ["alpha"]),
        ({"epsilon": float(np.finfo("f4").tiny), "dtype": "float32"}, []),
        ({"beta_1": 0.5, "beta_2": 0.25}, []),
        ({"beta_1": 0.9, "beta_2": 0.8}, ["beta_1"]),
    ],
)
def test_solver_is_blamed_beyond_its_range_alone(options, causes):
    assert solver_causes(**options) == causes


@pytest.mark.parametrize(
    ("before", "after", "is_cause"),
    [
        (0.5, 1e4, None),
        (0.5, 1.5e4, True),
        (3.0, 3e4, None),
        (3.0, 3.5e4, True),
        (1.0, np.finfo("f4").max, True),
        (1e7, np.inf, True),
        (1e8, np.nan, True),
        (1e9, np.inf, False),
    ],
)
def test_growth_of_values_is_described(before, after, is_cause):
    x, y = np.full((2, 3), -before), np.full(4, after, np.float32)
    growth = _describe_growth(x, y)
    if is_cause is None:
        assert growth is None
    else:
        assert growth[0] is is_cause
        returned = f"up to {after:.3g}" if after < np.inf else "infinity or NaN"
        assert returned in growth[1]
        assert growth[1].endswith(f"for an input up to {before:.3g}")


@pytest.mark.parametrize(
    ("place", "value", "named"), [(0, 1e3, True), (599, -2e3, True), (0, 999.0, False)]
)
def test_targets_are_blamed_wherever_they_are(place, value, named):
    targets = np.zeros((600, 1))
    targets[place] = value
    samples = SimpleNamespace(
        targets=targets, sample_weight=None, numbers=lambda: targets
    )
    found = [*_find_in_targets(samples)]
    low, high = targets.min(), targets.max()

    assert found == (
        [(True, f"y between {low:g} and {high:g} (scale y)")] if named else []
    )
    codes = SimpleNamespace(targets=targets.astype(int), sample_weight=None)
    assert not [*_find_in_targets(codes)]


def test_sample_weights_are_blamed_where_they_are_large():
    samples = SimpleNamespace(
        targets=np.zeros(2, int), sample_weight=np.array([1, 1e4])
    )
    words = "sample_weight up to 10000 (scale it to about 1)"
    assert [*_find_in_targets(samples)] == [(True, words)]
    samples.sample_weight = np.array([1, 9e3])
    assert not [*_find_in_targets(samples)]


def test_network_that_is_lost_gets_other_weights_and_keeps_its_state():
    layers = [("norm", BatchNorm()), ("out", Dense(3))]
    network = Network.build(layers, (4,), 1, np.float64)
    network.state[...] = 7
    network.state[0] = np.nan
    network.parameters[...] = 1e30
    new = _with_new_weights(network)
    assert new.values.dtype == np.float64
    expected = Network.build(layers, (4,), 0, np.float64)
    np.testing.assert_array_equal(new.parameters, expected.parameters)
    assert new.state[0] == expected.state[0]
    assert (new.state[1:] == 7).all()
    assert np.isnan(network.state[0])  # not in place


def test_trained_layers_are_found_by_their_own_names():
    inner = Residual([("dense", Dense(4))])
    network = Network.build(
        [("block", inner), ("dense", Activation("relu")), ("norm", Rescaling(2.0))],
        (4,),
        0,
    )
    found = {name for name, _ in network.layers if _is_trained(network, name)}
    assert found == {"block"}


@pytest.mark.parametrize("kind", ["classes", "columns", "masks"])
def test_loss_of_mixed_targets_is_computed_again(kind):
    targets = {"classes": Y, "columns": np.c_[Y, Y], "masks": (X > 0.5).astype(int)}
    estimator = ConvNetSegmenter if kind == "masks" else ConvNetClassifier
    params = {"augment": MixUp(), "learning_rate_init": 1e30, "batch_size": 60}
    with pytest.raises(ValueError, match=r"out of range: the learning rate, 1e\+30"):
        estimator(**params, random_state=0).fit(X, targets[kind])


def first_is_large(step):
    return 1e30 if step == 1 else 0.001


@pytest.mark.parametrize(
    ("params", "rate"),
    [
        ({"learning_rate_multipliers": {"conv2d_1": 1e30}}, r"1e\+27"),
        ({"learning_rate": first_is_large}, r"1e\+30"),
    ],
)
def test_largest_rate_of_the_steps_is_named(params, rate):
    words = f"out of range: the learning rate, {rate}"
    with pytest.raises(ValueError, match=words):
        net(Conv2D(4), Dense(4), **params).fit(X, Y)


@pytest.mark.parametrize(
    ("value", "slope", "words"),
    [
        (1.0, 0.0, "each value is in range"),
        (np.inf, 0.0, "it began with the loss, inf, of outputs"),
        (1.0, np.nan, "it began with the loss, 1, of outputs"),
    ],
)
def test_step_in_range_may_have_a_loss_that_is_not(value, slope, words):
    network = Network.build([("out", Dense(3))], (4,), 0)
    x, codes = RNG.random((5, 4)).astype("f4"), np.zeros(5, int)
    step = SimpleNamespace(
        optimizer=Adam(network.parameters), learning_rate=lambda step: 0.001,
        augment=None, column_sizes=(), loss=lambda z, *_: (value, 0 * z + slope),
    )  # fmt: skip
    samples = SimpleNamespace(X=x, targets=codes, sample_weight=None)
    found = find_out_of_range(network, samples, (x, codes, None), step, 0, RNG)
    assert found.startswith(words)
    assert ". The learning rate was 0.001: lower learning_rate_init" in found
