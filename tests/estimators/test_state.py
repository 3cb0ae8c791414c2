"""Arrays that training keeps without a gradient: seen, copied and restored as weights."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier, Network, __version__, ops
from skconv.layers import Conv2D, Dense, Layer


class Counts(Layer):
    """Learns a shift, and counts samples and steps."""

    state = ("samples", "steps")

    def build(self, input_shape, rng, dtype):
        weights = {
            "samples": np.zeros(1, dtype),
            "shift": np.zeros(input_shape[-1], dtype),
            "steps": np.zeros((1, 1), dtype),
        }
        return weights, input_shape

    def predict(self, weights, x):
        return x + weights["shift"]

    def forward(self, weights, x, rng):
        weights["samples"] += len(x)
        weights["steps"] += 1
        return self.predict(weights, x), None

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {"shift": dy.sum(axis=tuple(range(dy.ndim - 1)))}


LAYERS = [("conv", Conv2D(2)), ("counts", Counts()), ("output", Dense(3))]


def step(network, n=4):
    x = (
        np.random.default_rng(SEED)
        .random((n, *network.input_shape))
        .astype(network.dtype)
    )
    return network.loss_and_gradient(
        x,
        np.arange(n) % 3,
        None,
        ops.softmax_cross_entropy,
        np.random.default_rng(SEED),
    )


def test_one_vector_holds_parameters_then_state():
    network = Network.build(LAYERS, (4, 4, 1), 0)
    assert list(network.arrays) == [
        "conv.kernel", "conv.bias", "counts.samples", "counts.shift", "counts.steps",
        "output.kernel", "output.bias",
    ]  # fmt: skip
    assert network.state.shape == (2,)
    assert network.parameters.size + network.state.size == network.values.size
    network.values[:] = np.arange(network.values.size)
    np.testing.assert_array_equal(
        np.concatenate([network.parameters, network.state]), network.values
    )
    is_state = {"counts.samples", "counts.steps"}
    for kept, vector in ((False, network.parameters), (True, network.state)):
        views = [a for name, a in network.arrays.items() if (name in is_state) == kept]
        np.testing.assert_array_equal(np.concatenate([*map(np.ravel, views)]), vector)
    assert network.weights["counts"]["steps"] is network.arrays["counts.steps"]


def test_training_updates_state_and_prediction_does_not():
    network = Network.build(LAYERS, (4, 4, 1), 0)
    _, gradient = step(network)
    assert gradient.shape == network.parameters.shape
    assert network.decayed(1.0).shape == network.parameters.shape
    np.testing.assert_array_equal(network.state, [4, 1])
    network.values.flags.writeable = False
    network.arrays["counts.samples"].flags.writeable = False
    x = np.ones((3, 4, 4, 1), np.float32)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(lambda _: network.predict(x), range(8)):
            np.testing.assert_array_equal(y, network.predict(x))


def test_copies_and_pickles_have_their_own_state():
    network = Network.build(LAYERS, (4, 4, 1), 0)
    step(network)
    for twin in (network.copy(), pickle.loads(data := pickle.dumps(network))):
        step(twin, 7)
        np.testing.assert_array_equal(twin.state, [11, 2])
        assert twin.arrays["counts.steps"] == 2
    np.testing.assert_array_equal(network.state, [4, 1])
    assert len(data) < network.values.nbytes + 4000


@pytest.fixture
def clf():
    return ConvNetClassifier(
        LAYERS[:-1],
        batch_size=32,
        max_iter=4,
        random_state=SEED,
        warm_start=True,
        tol=0,
    )


def test_state_without_a_version_says_so(clf):
    state = clf.__getstate__()
    del state["_skconv_version"]
    words = (
        f"^this ConvNetClassifier was saved by skconv an unknown version and is loaded by "
        f"{__version__}: its results may differ. Save it again with this version, or load "
        "it with that one$"
    )
    with pytest.warns(UserWarning, match=words):
        ConvNetClassifier().__setstate__(state)


def test_state_continues_with_partial_fit_and_warm_start(clf, digits):
    X, _, y, _ = digits
    clf.fit(X, y)
    np.testing.assert_array_equal(clf.network_.state, [1600, 52])
    clf.fit(X, y)
    np.testing.assert_array_equal(clf.network_.state, [3200, 104])
    clf.partial_fit(X, y)
    np.testing.assert_array_equal(clf.network_.state, [3600, 117])


def test_a_fit_that_fails_changes_no_state(clf, digits):
    X, _, y, _ = digits
    network = clf.fit(X, y).network_
    before = network.values.copy()
    with pytest.raises(ValueError, match="infinite or NaN"):
        clf.set_params(solver="sgd", learning_rate_init=1e30).fit(X, y)
    assert clf.network_ is network
    np.testing.assert_array_equal(network.values, before)


def test_the_best_epochs_state_is_restored_with_its_weights(clf, digits):
    X, _, y, _ = digits
    clf.set_params(early_stopping=True, max_iter=300, n_iter_no_change=3, tol=0.0)
    clf.set_params(learning_rate_init=0.03).fit(X, y)
    best = 1 + int(np.argmin(clf.validation_loss_curve_))
    assert best < clf.n_iter_
    np.testing.assert_array_equal(clf.network_.state, [360 * best, 12 * best])


def test_a_state_that_is_not_finite_ends_a_fit(digits):
    class Overflows(Counts):
        def forward(self, weights, x, rng):
            weights["samples"] += np.float32(np.inf)
            return super().forward(weights, x, rng)

    with pytest.raises(ValueError, match="a weight became infinite"):
        ConvNetClassifier([Overflows()], max_iter=2).fit(digits[0], digits[2])
