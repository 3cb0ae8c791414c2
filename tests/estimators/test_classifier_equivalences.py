"""Fits that must be equal: the same seed, other forms of the same fit, other models."""

import threading

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from small_classifiers import LAYERS, small
from tolerances import same_bits

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, Dropout


def test_the_same_seed_gives_the_same_bits(digits):
    X, X_test, y, _ = digits
    layers = [*LAYERS, Dropout(0.2)]
    first = ConvNetClassifier(layers, max_iter=3, random_state=SEED + 1).fit(X, y)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=SEED + 2).fit(X, y)
    assert same_bits(first, again)
    assert first.loss_curve_ == again.loss_curve_
    assert not same_bits(first, other)
    np.testing.assert_array_equal(
        first.predict_proba(X_test), again.predict_proba(X_test)
    )


def test_random_state_may_be_an_instance_or_numpys_global_one(digits):
    X, _, y, _ = digits

    def with_instance():
        return small(max_iter=1, random_state=np.random.RandomState(SEED + 3)).fit(X, y)

    def with_global():
        np.random.seed(SEED + 3)  # noqa: NPY002
        return small(max_iter=1, random_state=None).fit(X, y)

    assert same_bits(with_instance(), with_instance())
    assert same_bits(with_global(), with_global())


def test_a_prediction_does_not_depend_on_its_batch(digits):
    X, X_test, y, _ = digits
    clf = small(max_iter=2).fit(X, y)
    together = clf.predict_proba(X_test)
    one_by_one = np.concatenate([clf.predict_proba(x[None]) for x in X_test])
    np.testing.assert_array_equal(together, one_by_one)


def test_predictions_continue_in_threads_during_a_refit(digits):
    X, X_test, y, _ = digits
    clf = small(max_iter=2).fit(X, y)
    before = clf.predict_proba(X_test)
    after = clone(clf).set_params(max_iter=4).fit(X, y).predict_proba(X_test)
    clf.set_params(max_iter=4)
    refit = threading.Thread(target=clf.fit, args=(X, y))
    refit.start()
    while refit.is_alive():
        answer = clf.predict_proba(X_test)
        assert np.array_equal(answer, before) or np.array_equal(answer, after)
    refit.join()
    np.testing.assert_array_equal(clf.predict_proba(X_test), after)


def test_network_without_hidden_layers_is_multinomial_logistic_regression(digits):
    X, X_test, y, _ = digits
    few = y < 4
    rng = np.random.default_rng(SEED)
    y = np.where(rng.random(len(y)) < 0.3, rng.integers(0, 4, len(y)), y)[
        few
    ]  # overlap
    X = X[few].reshape(-1, 8, 8)[:, ::4, ::4].reshape(-1, 4)
    clf = ConvNetClassifier(
        filters=(), hidden_layer_sizes=(), alpha=0, dtype="float64", random_state=SEED,
        batch_size=len(X), max_iter=4000, learning_rate_init=0.01, tol=1e-12,
    ).fit(X, y)  # fmt: skip
    exact = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-8).fit(X, y)
    x = X_test.reshape(-1, 8, 8)[:, ::4, ::4].reshape(-1, 4)
    np.testing.assert_allclose(clf.predict_proba(x), exact.predict_proba(x), atol=1e-3)


def test_a_convolution_over_the_whole_image_is_a_dense_layer(digits):
    X, _, y, _ = digits
    dense = ConvNetClassifier([Dense(12, "relu")], max_iter=3, random_state=SEED)
    conv = ConvNetClassifier(
        [Conv2D(12, 8, padding="valid", activation="relu")],
        max_iter=3,
        random_state=SEED,
    )
    # The same draws, and the same first weights where the fans agree (lecun: fan in).
    dense.layers[0].kernel_initializer = "lecun_uniform"
    conv.layers[0].kernel_initializer = "lecun_uniform"
    np.testing.assert_allclose(
        conv.fit(X, y).predict_proba(X), dense.fit(X, y).predict_proba(X), atol=1e-5
    )


@pytest.mark.parametrize("class_weight", [None, "balanced", {3: 2}])
def test_weights_that_are_whole_numbers_are_repetitions(class_weight, digits):
    X, _, y, _ = digits
    weight = np.arange(len(X)) % 3
    clf = small(batch_size=32, max_iter=3, class_weight=class_weight)
    repeated = clone(clf).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    weighted = clone(clf).fit(X, y, sample_weight=weight)
    assert same_bits(weighted, repeated)
    assert weighted.t_ == repeated.t_ >= 3 * weight.sum()
    assert not same_bits(weighted, clone(clf).fit(X, y))


def test_a_fit_does_not_depend_on_the_order_of_samples(digits):
    X, _, y, _ = digits
    order = np.random.default_rng(1).permutation(len(X))
    weight = np.random.default_rng(2).random(len(X))
    there = small(max_iter=3).fit(X, y, sample_weight=weight)
    back = small(max_iter=3).fit(X[order], y[order], sample_weight=weight[order])
    assert same_bits(there, back)
    in_order = small(max_iter=3, shuffle=False)
    assert not same_bits(
        clone(in_order).fit(X, y), clone(in_order).fit(X[order], y[order])
    )


def test_weights_are_repetitions_in_one_batch(digits):
    X, X_test, y, _ = digits
    weight = np.arange(len(X)) % 3
    params = {"dtype": "float64", "shuffle": False, "max_iter": 8}
    repeated = small(batch_size=weight.sum(), **params)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    weighted = small(batch_size=np.count_nonzero(weight), **params)
    weighted.fit(X, y, sample_weight=0.3 * weight)
    np.testing.assert_allclose(
        weighted.predict_proba(X_test), repeated.predict_proba(X_test), rtol=1e-7
    )
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_a_weight_of_zero_leaves_a_sample_out(digits):
    X, _, y, _ = digits
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    kept = weight > 0
    left_out = small(max_iter=3).fit(X, y, sample_weight=weight)
    assert same_bits(left_out, small(max_iter=3).fit(X[kept], y[kept]))


def test_partial_fit_is_a_long_fit_in_parts(digits):
    """Moments and the random stream continue: n calls are one fit of n epochs, to the bit."""
    X, _, y, _ = digits
    params = {"layers": [*LAYERS, Dropout(0.2)], "random_state": SEED}
    whole = ConvNetClassifier(max_iter=4, **params).fit(X, y)
    parts = ConvNetClassifier(**params).partial_fit(X, y, classes=np.arange(10))
    assert parts.n_iter_ == 1
    for _ in range(3):
        parts.partial_fit(X, y)
    assert same_bits(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.t_ == 4 * len(X)


def test_warm_start_is_a_long_fit_in_parts(digits):
    X, _, y, _ = digits
    whole = small(max_iter=5).fit(X, y)
    parts = small(max_iter=2, warm_start=True).fit(X, y)
    parts.set_params(max_iter=3).fit(X, y)
    assert same_bits(whole, parts)
    assert parts.n_iter_ == 5


def test_numpys_scalars_give_the_same_bits_as_python_numbers(digits):
    """A float64 scalar from np.logspace must not pull float32 up, or change the bits."""
    X, _, y, _ = digits
    numbers = {
        "learning_rate_init": 0.01,
        "alpha": 0.001,
        "beta_1": 0.8,
        "epsilon": 1e-7,
    }
    plain = small(max_iter=2, **numbers).fit(X, y)
    numpys = {name: np.float64(value) for name, value in numbers.items()}
    assert same_bits(plain, small(max_iter=2, **numpys).fit(X, y))
    for rate in (0.25, np.float64(0.25)):
        y_drop, _ = Dropout(rate).forward(
            {}, np.ones((2, 3), np.float32), np.random.default_rng(SEED)
        )
        assert y_drop.dtype == np.float32
