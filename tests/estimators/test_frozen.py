"""Layers that training leaves alone."""

from unittest.mock import patch

import numpy as np
import pytest
from frozen_layers import X, Y, deep, drawn, net
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor, Network, load_model, save_model
from skconv import layers as L
from skconv._training import front
from skconv._training.losses import find_loss
from skconv.augmentation import RandomShift
from skconv.callbacks import Checkpoint

pytestmark = [  # few filters with random weights may return small numbers only
    pytest.mark.filterwarnings("ignore:the frozen layers.*random weights"),
    pytest.mark.filterwarnings("ignore:what reaches"),
]

FROZEN = [
    "conv",
    ["conv", "norm", "block"],
    ["conv", "norm", "drop", "block"],
    ["block__conv1", "separable", "depthwise"],
    ["block__norm", "conv3", "dense"],
    ["conv", "norm", "drop", "block", "conv3", "separable", "depthwise", "dense"],
]


def is_inside(name, frozen):
    name, names = f"{name}.", [frozen] if isinstance(frozen, str) else frozen
    return name.startswith(tuple(f"{each.replace('__', '.')}." for each in names))


@pytest.mark.parametrize(
    ("frozen", "solver"), zip(FROZEN, ["adam", "sgd", "muon"] * 2, strict=True)
)
def test_frozen_layers_are_unchanged_and_others_learn(frozen, solver):
    clf = net(frozen=frozen, solver=solver, alpha=0.1, ema_momentum=0.5).fit(X, Y)
    before = drawn(clf).arrays
    for name, array in clf.network_.arrays.items():
        same = np.array_equal(array, before[name])
        assert same == is_inside(name, frozen), name


PARAMS = [
    {},
    {"early_stopping": True, "solver": "sgd", "scoring": "accuracy"},
    {"early_stopping": True, "ema_momentum": 0.9, "solver": "muon"},
    {"dtype": "float64", "clip_norm": 0.5},
    {"kind": ConvNetRegressor, "early_stopping": True},
]


@pytest.mark.parametrize(
    ("params", "frozen"),
    [
        pytest.param(p, f, marks=[pytest.mark.slow] * ((i + j) % 5 != 2))
        for i, p in enumerate(PARAMS)
        for j, f in enumerate(FROZEN)
    ],
)
def test_front_computed_once_gives_the_same_bits(params, frozen):
    once = net(frozen=frozen, **params).fit(X, Y)
    with patch.object(front, "LARGEST", -1):
        each = net(frozen=frozen, **params).fit(X, Y)
    np.testing.assert_array_equal(once.network_.values, each.network_.values)
    assert once.loss_curve_ == each.loss_curve_
    assert once.validation_loss_curve_ == each.validation_loss_curve_
    assert once.validation_scores_ == each.validation_scores_


def calls(method, **params):
    """Return how many samples a fit passes through the first convolution."""
    seen = []

    def count(self, weights, x, *rest):
        if self.filters == 4 and self.kernel_l2:
            seen.append(len(x))
        return original(self, weights, x, *rest)

    original = getattr(L.Conv2D, method)
    with patch.object(L.Conv2D, method, count):
        net(max_iter=5, **params).fit(X, Y)
    return sum(seen)


def test_front_is_computed_once_where_nothing_varies_it():
    frozen = ["conv", "norm", "drop", "block"]
    assert calls("forward", frozen=frozen) == 0
    once = calls("predict", frozen=frozen)
    varied = calls("predict", frozen=frozen, augment=RandomShift(1))
    with patch.object(front, "LARGEST", -1):
        each = calls("predict", frozen=frozen)
    assert once < 2 * len(X) < 5 * len(X) <= each <= varied + len(X)


def test_front_ends_where_dropout_is_not_frozen():
    assert net(frozen=["conv", "norm", "block"]).fit(X, Y).network_.n_fixed == 3
    everything = [name for name, _ in deep()]
    assert net(frozen=everything).fit(X, Y).network_.n_fixed == len(everything)
    inside = ["conv", "norm", "drop", "block__conv1", "block__drop", "block__norm"]
    assert net(frozen=inside).fit(X, Y).network_.n_fixed == 5
    assert net().fit(X, Y).network_.n_fixed == 0


@pytest.mark.parametrize("frozen", FROZEN)
def test_gradient_is_that_of_frozen_layers_as_in_prediction(frozen):
    """Central differences, with dropout off where it is not frozen."""
    layers = deep()
    layers[3] = ("drop", L.Dropout(0))
    layers[4][1].set_params(drop=L.Dropout(0))
    names = [frozen] if isinstance(frozen, str) else frozen
    network = Network.build(
        [*layers, ("output", L.Dense(3))], (8, 8, 1), 0, float, names
    )
    rng = np.random.default_rng(SEED)
    for array in network.arrays.values():
        if array.ndim == 1:  # else some values are where ReLU has no derivative
            array += rng.random(array.shape)
    x, targets = rng.random((5, 8, 8, 1)), np.array([0, 1, 2, 1, 0])
    loss = find_loss("softmax_cross_entropy")
    state = network.state.copy()

    def value():
        network.state[...] = state  # running means of what is not frozen
        return network.loss_and_gradient(x, targets, None, loss, rng)

    _, gradient = value()
    direction = rng.standard_normal(gradient.shape)
    moved, step = [], 1e-9  # across no place where ReLU or a pool has no derivative
    for sign in (1, -1):
        network.parameters += sign * step * direction
        moved.append(value()[0])
        network.parameters -= sign * step * direction
    difference = (moved[0] - moved[1]) / (2 * step)
    assert gradient @ direction == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_gradients_of_frozen_kernels_are_not_computed():
    layers = [L.Conv2D(4), ("a", L.Conv2D(4, activation="relu")), L.MaxPool2D()]
    layers += [("b", L.Conv2D(4)), ("c", L.Dense(5)), L.Dense(6)]
    from skconv import ops

    found = []
    for op in ("conv2d_backward", "dense_backward", "conv2d_max_pool2d_backward"):
        original = getattr(ops, op)

        def count(*args, _op=op, _original=original, **options):
            found.append(_op)
            return _original(*args, **options)

        patch.object(ops, op, count).start()
    try:
        ConvNetClassifier(
            layers, frozen=["a", "b", "c"], max_iter=1, batch_size=150
        ).fit(X, Y)
    finally:
        patch.stopall()
    assert found == ["dense_backward", "dense_backward", "conv2d_backward"]


def test_penalties_of_frozen_layers_do_not_count():
    network = drawn(net(max_iter=1).fit(X, Y))
    assert _penalty(network) > _penalty(network.freeze(["conv"])) > 0
    assert _penalty(network.freeze(["conv", "conv3"])) == 0


def _penalty(network):
    from skconv.layers.layer import total_penalty

    return total_penalty(network.layers, network.weights)[0]


def test_warm_start_may_thaw_and_freeze():
    clf = net(frozen=["conv", "norm"], warm_start=True, max_iter=2).fit(X, Y)
    before = {name: array.copy() for name, array in clf.network_.arrays.items()}
    predicted = clf.predict_proba(X)
    clf.set_params(frozen=["norm", "dense"]).fit(X, Y)
    assert clf.n_iter_ == 4
    for name, array in clf.network_.arrays.items():
        fixed = is_inside(name, ["norm", "dense", "scale"])
        assert np.array_equal(array, before[name]) == fixed, name
    assert not np.array_equal(clf.predict_proba(X), predicted)
    clf.set_params(frozen=None).fit(X, Y)
    assert clf.network_.frozen == ()
    clf.set_params(frozen="nowhere")
    with pytest.raises(ValueError, match=r"frozen must name layers .*'conv'.*nowhere"):
        clf.fit(X, Y)
    assert clf.n_iter_ == 6


def test_partial_fit_leaves_frozen_layers_alone():
    clf = net(frozen=["conv", "norm"])
    for part in np.split(np.arange(150), 3):
        clf.partial_fit(X[part], Y[part], classes=range(10))
    np.testing.assert_array_equal(
        clf.network_.arrays["conv.kernel"], drawn(clf).arrays["conv.kernel"]
    )


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (
            "conv9",
            ValueError,
            r"of \['scale', 'conv', .*'output'\].*did you mean 'conv'",
        ),
        (
            ["conv", "block__conv7"],
            ValueError,
            r"of \['block__conv1', .*'block__conv7'",
        ),
        ("block.conv1", ValueError, "did you mean 'block__conv1'"),
        (3, TypeError, "frozen must be the name"),
        ([L.Dense(2)], TypeError, "frozen must be the name"),
        ({"conv": True}, TypeError, "frozen must be the name"),
        (True, TypeError, "frozen must be the name"),
        ([*(name for name, _ in deep()), "output"], ValueError, "a layer that learns"),
    ],
)
def test_odd_frozen_is_an_error(value, error, words):
    clf = net(max_iter=1).fit(X, Y)
    before = clf.network_
    with pytest.raises(error, match=words):
        clf.set_params(frozen=value).fit(X, Y)
    assert clf.network_ is before


def test_layers_inside_of_an_unknown_container_cannot_be_frozen():
    class Container(L.Layer):
        def __init__(self, layer):
            self.layer = layer

        def inner_layers(self):
            return [("inner", self.layer)]

        def build(self, input_shape, rng, dtype):
            weights, shape = self.layer.build(input_shape, rng, dtype)
            return {"inner": weights}, shape

    layers = [("a", Container(L.Dense(3))), ("out", L.Dense(2))]
    with pytest.raises(ValueError, match=r"'a' .* not a skconv.layers.Composite"):
        Network.build(layers, (4,), 0, frozen=["a__inner"])
    assert Network.build(layers, (4,), 0, frozen=["a"]).parameters.size == 8


@pytest.mark.filterwarnings("error")
def test_frozen_layers_that_learn_from_the_data_give_no_warning():
    layers = [
        L.Normalization(),
        L.Conv2D(8, kernel_initializer="whitening"),
        L.Dense(9),
    ]
    names = ["normalization_1", "conv2d_1"]
    clf = ConvNetClassifier(layers, frozen=names, max_iter=3).fit(X, Y)
    assert clf.network_.arrays["normalization_1.mean"] != 0


def test_file_keeps_frozen_layers(tmp_path):
    clf = net(frozen=["conv", "block__norm"], learning_rate_multipliers={"dense": 0.5})
    save_model(clf.fit(X, Y), tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert loaded.get_params()["learning_rate_multipliers"] == {"dense": 0.5}
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    loaded.partial_fit(X, Y)
    for name in ("conv.kernel", "block.norm.moving_mean"):
        np.testing.assert_array_equal(
            loaded.network_.arrays[name], clf.network_.arrays[name]
        )


@pytest.mark.parametrize("solver", ["adam", "sgd", "muon"])
def test_fit_with_a_frozen_front_resumes_to_the_same_bits(solver, tmp_path):
    params = {
        "frozen": ["conv", "norm", "drop"], "learning_rate_multipliers": {"dense": 0.3},
        "solver": solver, "early_stopping": True, "ema_momentum": 0.5, "max_iter": 4,
    }  # fmt: skip
    whole = net(**params).fit(X, Y)
    path = tmp_path / "fit.ckpt"

    class Stop(Checkpoint):
        def on_fit_task_end(self, estimator, context, **more):
            super().on_fit_task_end(estimator, context, **more)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        net(**params).set_callbacks(Stop(path)).fit(X, Y)
    resumed = net(**params).set_callbacks(Checkpoint(path)).fit(X, Y)
    np.testing.assert_array_equal(resumed.network_.values, whole.network_.values)
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_


def test_summary_counts_what_is_trained():
    whole, frozen = net().fit(X, Y).summary(), net(frozen=["conv", "block"]).fit(X, Y)
    summary = frozen.summary()
    assert summary.parameters == frozen.network_.parameters.size < whole.parameters
    assert summary.macs == whole.macs
    assert summary.memory < whole.memory
    assert "frozen: conv, block" in str(summary)
