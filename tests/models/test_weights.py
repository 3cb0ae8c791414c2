"""Weights in the order of Keras and torch: shapes, names, and what is refused."""

import numpy as np
import pytest
from fitted_layers import N, fit
from seeds import SEED

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, Network
from skconv import layers as L
from skconv.models.weights import (
    affine_shape,
    check_scale,
    check_weight,
    get_weights,
    leaf_layers,
    set_weights,
)

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
    clf = ConvNetClassifier(filters=(2,), max_iter=1, random_state=SEED)
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
        L.Branches([("a", [L.Conv2D(2, 1), L.GlobalAvgPool2D()]), L.Dense(3)]),
        L.Dense(4),
    ]
    clf, _ = fit([("mix", layers[0]), ("dense", layers[1])], (4, 4))
    assert list(skconv.to_torch(clf))[:3] == [
        "mix.a.conv2d_1.weight", "mix.a.conv2d_1.bias", "mix.dense_1.weight",
    ]  # fmt: skip


FLAT = ("flat", L.Flatten())
ORDERS = {
    "dense": ([FLAT], (2, 2, 2)),
    "value by value": ([FLAT, L.Activation("relu"), L.Dropout(0.1), L.BatchNorm()], (2, 2, 2)),
    "inside": ([L.Sequential([FLAT])], (2, 2, 2)),
    "sum": ([FLAT, L.Residual([L.Activation("relu")])], (2, 2, 2)),
    "dense of the same size": ([FLAT, L.Dense(8)], None),
    "one channel": ([L.Conv2D(1, 1), FLAT], None),
    "one row": ([L.AvgPool2D((2, 1)), FLAT], (1, 2, 2)),
    "one column": ([L.AvgPool2D((1, 2)), FLAT], (2, 1, 2)),
    "one pixel": ([L.AvgPool2D(2), FLAT], None),
    "means": ([L.Branches([[L.GlobalAvgPool2D()], [L.GlobalMaxPool2D()]])], None),
    "sum with a dense": ([FLAT, L.Residual([L.Dense(8)])], ()),
    "one beside the other": ([L.Branches([[L.Flatten()], [L.Flatten()]])], ()),
    "beside a dense": ([L.Branches([[L.Flatten()], [L.Dense(3)]])], ()),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "grid"), ORDERS.values(), ids=ORDERS)
def test_the_first_dense_layer_knows_the_order_of_its_input(layers, grid):
    network = Network.build([*layers, ("last", L.Dense(1))], (2, 2, 2), 0)
    assert leaf_layers(network)[-1].grid == grid


def test_dense_weights_are_in_torchs_order_after_an_image_only():
    clf, _ = fit([FLAT, ("one", L.Dense(8)), ("two", L.Dense(8))], (2, 2, 2))
    arrays, state = clf.network_.arrays, skconv.to_torch(clf)
    by_channel = np.arange(8).reshape(2, 2, 2).transpose(2, 0, 1).ravel()
    np.testing.assert_array_equal(
        state["one.weight"].T, arrays["one.kernel"][by_channel]
    )
    for name in ("two", "output"):
        np.testing.assert_array_equal(
            state[f"{name}.weight"].T, arrays[f"{name}.kernel"]
        )


def test_torch_has_no_order_of_joined_flat_images():
    clf, _ = fit([FLAT, ("sum", L.Residual([L.Dense(8)]))], (2, 2, 2))
    words = r"^layer 'output' .* gets flattened images joined .* flatten after they are"
    for convert in (skconv.to_torch, lambda clf: skconv.from_torch(clf, {})):
        with pytest.raises(ValueError, match=words):
            convert(clf)


def test_weights_of_other_libraries_are_checked_by_name():
    assert check_weight(np.array([True, False]), (2,), "w", "f4").tolist() == [1, 0]
    assert check_scale([0.0, 4.0], (2,), "v", "f4").dtype == np.float32
    for check, given, words in [
        (check_weight, ["a", "b"], "^w must hold numbers, got <U1"),
        (check_weight, [1j, 2], "^w must hold numbers, got complex128"),
        (check_weight, [1.0], r"^w must be of shape \(2,\), got \(1,\)"),
        (check_weight, [1.0, 1e39], "^w must hold numbers that are finite in float32"),
        (check_scale, [1.0, -1.0], "^w must not be negative, got -1"),
    ]:
        with pytest.raises(ValueError, match=words):
            check(given, (2,), "w", "f4")


def test_arrays_that_keras_does_not_have_are_left_out():
    layers = [
        L.BatchNorm(),
        ("block", L.Sequential([("norm", L.BatchNorm())])),
        L.Dense(2),
    ]
    network = Network.build(layers, (3,), 0)
    assert [array.shape for array in get_weights(network)] == [(3,)] * 8 + [
        (3, 2),
        (2,),
    ]
    with pytest.raises(
        ValueError, match=r"^weights must be 10 arrays, batchnorm_1.gamma, .*, got 1"
    ):
        set_weights(network, [1])


def test_axes_of_affine_layers_are_checked_by_name():
    assert affine_shape(L.PReLU((1,)), (2, 3, 4)) == (1, 3, 4)
    assert affine_shape(L.LayerNorm((1, -1)), (2, 3, 4)) == (2, 4)
    with pytest.raises(ValueError, match="^shared_axes"):
        affine_shape(L.PReLU((5,)), (2, 3, 4))
    with pytest.raises(ValueError, match="^axis"):
        affine_shape(L.LayerNorm(5), (2, 3, 4))


def order_of(shape):
    return np.moveaxis(np.arange(np.prod(shape)).reshape(shape), -1, 0).ravel()


def test_torch_has_channels_first_before_dense_layers_and_in_layer_norms():
    norm = ("norm", L.LayerNorm((1, 2, 3)))
    clf, _ = fit([norm, ("dense", L.Dense(4))], (2, 3, 2))
    arrays, state = clf.network_.arrays, skconv.to_torch(clf)
    order = order_of((2, 3, 2))
    np.testing.assert_array_equal(
        state["dense.weight"].T, arrays["dense.kernel"][order]
    )
    np.testing.assert_array_equal(
        state["norm.weight"].ravel(), arrays["norm.gamma"].ravel()[order]
    )
    assert state["norm.weight"].shape == (2, 2, 3)
    clf, _ = fit([FLAT, ("norm", L.LayerNorm())], (2, 3, 2))
    np.testing.assert_array_equal(
        skconv.to_torch(clf)["norm.weight"], clf.network_.arrays["norm.gamma"][order]
    )
    clf, _ = fit([("norm", L.LayerNorm((2, 3)))], (2, 3, 2))
    assert skconv.to_torch(clf)["norm.weight"].shape == (3, 2)
    layers = [
        ("conv", L.Conv1D(2, 1)),
        ("norm", L.LayerNorm((1, 2))),
        ("dense", L.Dense(4)),
    ]
    clf, _ = fit(layers, (3, 2))
    arrays, state = clf.network_.arrays, skconv.to_torch(clf)
    order = order_of((3, 2))
    np.testing.assert_array_equal(
        state["dense.weight"].T, arrays["dense.kernel"][order]
    )
    np.testing.assert_array_equal(
        state["norm.weight"].ravel(), arrays["norm.gamma"].ravel()[order]
    )
    flat = [*layers[:1], FLAT, ("dense", L.Dense(4))]
    clf, _ = fit(flat, (3, 2))
    np.testing.assert_array_equal(
        skconv.to_torch(clf)["dense.weight"].T,
        clf.network_.arrays["dense.kernel"][order],
    )


def test_counts_of_nested_layers_are_left_out_and_slopes_of_pixels_refused():
    block = L.Sequential(
        [("norm", L.BatchNorm()), ("deep", L.Sequential([("in", L.BatchNorm())]))]
    )
    clf, _ = fit([("block", block)], (2, 2, 1))
    state = skconv.to_torch(clf)
    assert "block.deep.in.num_batches_tracked" in state
    before = clf.network_.values.copy()
    skconv.from_torch(clf, state)
    np.testing.assert_allclose(clf.network_.values, before, rtol=1e-6)
    for shared in ((1,), (2,), None):
        clf, _ = fit([("slope", L.PReLU(shared))], (2, 2, 1))
        with pytest.raises(
            ValueError, match="^layer 'slope' .* has a slope for each pixel"
        ):
            skconv.to_torch(clf)
    for convert in (skconv.to_torch, lambda model: skconv.from_torch(model, {})):
        with pytest.raises(TypeError, match="^(to|from)_torch takes a ConvNet"):
            convert(None)
