"""What the classifier does with good input."""

import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Dense, Dropout, Layer, MaxPool2D, Normalization

LAYERS = [
    ("conv1", Conv2D(8, 3, activation="relu")),
    ("pool1", MaxPool2D(2)),
    Dense(16, "relu"),
]


def small(**params):
    """A classifier that trains in a moment."""
    defaults = {
        "filters": (16,), "hidden_layer_sizes": (32,), "max_iter": 15,
        "learning_rate_init": 0.003, "batch_size": 32, "random_state": 0,
    }  # fmt: skip
    return ConvNetClassifier(**{**defaults, **params})


def same_bits(a, b):
    return np.array_equal(a.network_.parameters, b.network_.parameters)


def test_classifier_learns_digits(digits):
    X, X_test, y, y_test = digits
    clf = small(max_iter=40).fit(X, y)
    assert clf.score(X_test, y_test) > 0.93
    assert clf.score(X, y) > 0.99


def test_fitted_attributes(digits):
    X, _, y, _ = digits
    clf = small(max_iter=3).fit(X, y)
    np.testing.assert_array_equal(clf.classes_, np.arange(10))
    assert clf.input_shape_ == (8, 8, 1)
    assert clf.n_features_in_ == 64
    assert clf.n_iter_ == len(clf.loss_curve_) == 3
    assert clf.loss_ == clf.loss_curve_[-1] == clf.best_loss_ == min(clf.loss_curve_)
    assert clf.validation_scores_ is None
    assert clf.best_validation_score_ is None
    assert clf.t_ == 3 * len(X)
    assert clf.n_layers_ == len(clf.network_.layers) == 5
    assert clf.n_outputs_ == 10
    assert clf.out_activation_ == "softmax"
    assert not hasattr(clf, "feature_names_in_")
    assert [name for name, _ in clf.network_.layers] == [
        "normalization",
        "conv1",
        "pool1",
        "dense1",
        "output",
    ]


# X of every form ---------------------------------------------------------------------


def test_x_of_every_form_is_the_same_images(digits, tmp_path):
    X, X_test, y, _ = digits
    X, X_test = (X * 16).astype(np.uint8), (X_test * 16).astype(np.uint8)
    np.save(tmp_path / "X.npy", X.reshape(-1, 8, 8))
    forms = {
        "rows": lambda a: a,
        "images": lambda a: a.reshape(-1, 8, 8),
        "images with channels": lambda a: a.reshape(-1, 8, 8, 1),
        "float64": lambda a: a.astype(np.float64),
        "list": lambda a: a.tolist(),
        "fortran": lambda a: np.asfortranarray(a.reshape(-1, 8, 8)),
        "int64": lambda a: a.astype(np.int64),
        "object": lambda a: a.astype(object),
    }
    reference = small(max_iter=2).fit(X, y)
    expected = reference.predict_proba(X_test)
    for name, form in forms.items():
        clf = small(max_iter=2).fit(form(X), y)
        assert same_bits(clf, reference), name
        np.testing.assert_array_equal(
            reference.predict_proba(form(X_test)), expected, name
        )
    memmap = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert same_bits(small(max_iter=2).fit(memmap, y), reference)


def test_data_frames_have_names(digits):
    X, X_test, y, _ = digits
    names = [f"pixel{i}" for i in range(64)]
    clf = small(max_iter=2).fit(
        pd.DataFrame(X, columns=names), pd.Series(y, name="digit")
    )
    np.testing.assert_array_equal(clf.feature_names_in_, names)
    clf.predict(pd.DataFrame(X_test, columns=names))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        clf.predict(X_test)
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(pd.DataFrame(X_test, columns=names[::-1]))


def test_colour_images_and_their_rows(rng):
    X, y = rng.random((30, 6, 5, 3)), np.arange(30) % 3
    images = small(max_iter=2, batch_size=10).fit(X, y)
    rows = small(max_iter=2, batch_size=10, input_shape=(6, 5, 3)).fit(
        X.reshape(30, -1), y
    )
    assert images.input_shape_ == rows.input_shape_ == (6, 5, 3)
    assert images.n_features_in_ == 90
    assert same_bits(images, rows)
    np.testing.assert_array_equal(images.predict(X.reshape(30, -1)), rows.predict(X))
    gray = small(max_iter=1, batch_size=10, input_shape=(6, 15)).fit(
        X.reshape(30, -1), y
    )
    assert gray.input_shape_ == (6, 15, 1)


def test_rows_that_make_no_square_are_images_of_one_row(rng):
    X, y = rng.random((20, 12)), np.arange(20) % 2
    with pytest.warns(
        UserWarning,
        match=r"12 features, .* images of one row, \(1, 12, 1\). Pass input_shape",
    ):
        clf = small(max_iter=1, batch_size=10).fit(X, y)
    assert clf.input_shape_ == (1, 12, 1)


def test_channels_first_give_a_warning(rng):
    X, y = rng.random((10, 3, 8, 9)), np.arange(10) % 2
    words = r"If they are 8x9 pixels in 3 channels, pass np.moveaxis\(X.reshape\(-1, 3, 8, 9\), 1, -1\)"
    clf = small(max_iter=1, batch_size=10)
    with pytest.warns(UserWarning, match=words):
        clf.fit(X, y)
    with pytest.warns(UserWarning, match=words):
        clone(clf).set_params(input_shape=(3, 8, 9)).fit(X.reshape(10, -1), y)
    clone(clf).fit(np.moveaxis(X.reshape(-1, 3, 8, 9), 1, -1), y)
    clone(clf).fit(rng.random((10, 1, 60, 6)), y)  # signals of six channels


def test_one_hot_labels_give_a_warning(digits):
    X, _, y, _ = digits
    with pytest.warns(
        UserWarning, match=r"exactly one label .* one-hot, pass y.argmax\(axis=1\)"
    ):
        small(max_iter=1).fit(X, np.eye(10)[y])


def test_kernels_are_clipped_to_what_can_see_the_image(rng):
    """Taps that see only padding, at all places of the window, are left out."""
    X, y = rng.random((10, 2, 30, 1)), np.arange(10) % 2
    clf = small(kernel_size=7, filters=(4, 4), max_iter=1, batch_size=10).fit(X, y)
    sizes = [layer.kernel_size for name, layer in clf.network_.layers if "conv" in name]
    assert sizes == [(3, 7), (1, 7)]


def peak_of(function):
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_large_x_is_never_copied_or_cast_whole(tmp_path):
    """60,000 images of a memory map take no more than 3,000 do, but for their labels."""
    shape = (60_000, 28, 28)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, shape)
    X[::7, 4:9, 6:20] = 200
    X.flush()
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = np.arange(len(X)) % 10
    layers = [Normalization(0.5), Conv2D(2, 4, stride=4, activation="relu")]
    clf = ConvNetClassifier(layers, batch_size=500, max_iter=1, random_state=0)
    few = peak_of(lambda: clf.fit(X[:3000], y[:3000]))
    many = peak_of(lambda: clf.fit(X, y))
    minibatch = 500 * 28 * 28 * 4
    labels = 5 * y.nbytes  # codes, order, and what sorting them takes
    assert many < few + labels + 2 * minibatch
    assert many < X.nbytes / 4

    few = peak_of(lambda: clf.predict(X[:6000]))
    many = peak_of(lambda: clf.predict(X))
    assert many < few + 60_000 * (10 * 4 + 8 + 8)


# Labels of every type ------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", "dog", "owl"],
        np.array(["b", "a", "c"], object),
        [-3, 100, 7],
        [0.0, 1.0, 2.0],
        [False, True],
        ["no", "yes"],
        [1, -1],
    ],
    ids=str,
)
def test_labels_of_any_type(labels, digits):
    X, _, y, _ = digits
    few = y < len(labels)
    y = np.asarray(labels)[y[few]]
    clf = small(max_iter=20).fit(X[few], y)
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    predicted = clf.predict(X[few])
    assert predicted.dtype == y.dtype
    assert np.mean(predicted == y) > 0.95
    np.testing.assert_array_equal(
        predicted, clf.classes_[clf.predict_proba(X[few]).argmax(axis=1)]
    )


def test_two_classes_have_one_output(digits):
    X, _, y, _ = digits
    X, y = X[y < 2], y[y < 2]
    clf = small().fit(X, y)
    assert (clf.n_outputs_, clf.out_activation_) == (1, "logistic")
    scores, probabilities = clf.decision_function(X), clf.predict_proba(X)
    assert scores.shape == (len(X),)
    assert probabilities.shape == (len(X), 2)
    np.testing.assert_array_equal(clf.predict(X), (scores > 0).astype(int))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        probabilities[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5
    )


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, np.ndarray.tolist])
def test_multilabel_targets_are_learnt(kind):
    X, Y = make_multilabel_classification(300, 16, n_classes=4, random_state=0)
    X = X / X.max()
    clf = small(max_iter=150).fit(X, kind(Y))
    np.testing.assert_array_equal(clf.classes_, np.arange(4))
    assert clf.out_activation_ == "logistic"
    predicted, probabilities = clf.predict(X), clf.predict_proba(X)
    assert np.mean(predicted == Y) > 0.85
    np.testing.assert_array_equal(predicted, (probabilities > 0.5).astype(int))
    assert clf.decision_function(X).shape == (300, 4)
    clf.partial_fit(X, kind(Y))


def test_multilabel_targets_with_early_stopping_and_partial_fit():
    X, Y = make_multilabel_classification(200, 16, n_classes=3, random_state=0)
    clf = small(early_stopping=True).fit(X, Y)
    assert 0 <= clf.best_validation_score_ <= 1
    assert small().partial_fit(X, Y).n_outputs_ == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_have_the_parameter_dtype_for_any_dtype_of_x(dtype, digits):
    X, X_test, y, _ = digits
    clf = small(dtype=dtype, max_iter=2)
    for x_dtype in (np.float32, np.float64, np.uint8):
        clf.fit((16 * X).astype(x_dtype), y)
        x = (16 * X_test).astype(x_dtype)
        for verb in (clf.predict_proba, clf.predict_log_proba, clf.decision_function):
            assert verb(x).dtype == dtype
        assert clf.network_.parameters.dtype == dtype


def test_log_probabilities_stay_finite_and_agree(digits):
    X, X_test, y, _ = digits
    clf = small(max_iter=5).fit(X, y)
    log = clf.predict_log_proba(X_test)
    np.testing.assert_allclose(log, np.log(clf.predict_proba(X_test)), rtol=1e-6)
    assert np.isfinite(clf.predict_log_proba(1e4 * X_test)).all()


# Reproducible -------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits(digits):
    X, X_test, y, _ = digits
    layers = [*LAYERS, Dropout(0.2)]
    first = ConvNetClassifier(layers, max_iter=3, random_state=1).fit(X, y)
    again = clone(first).fit(X, y)
    other = clone(first).set_params(random_state=2).fit(X, y)
    assert same_bits(first, again)
    assert first.loss_curve_ == again.loss_curve_
    assert not same_bits(first, other)
    np.testing.assert_array_equal(
        first.predict_proba(X_test), again.predict_proba(X_test)
    )


def test_random_state_may_be_an_instance_or_numpys_global_one(digits):
    X, _, y, _ = digits

    def with_instance():
        return small(max_iter=1, random_state=np.random.RandomState(3)).fit(X, y)

    def with_global():
        np.random.seed(3)  # noqa: NPY002
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


# Equivalences -------------------------------------------------------------------------


def test_network_without_hidden_layers_is_multinomial_logistic_regression(digits):
    X, X_test, y, _ = digits
    few = y < 4
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.3, rng.integers(0, 4, len(y)), y)[
        few
    ]  # overlap
    X = X[few].reshape(-1, 8, 8)[:, ::4, ::4].reshape(-1, 4)
    clf = ConvNetClassifier(
        filters=(), hidden_layer_sizes=(), alpha=0, dtype="float64", random_state=0,
        batch_size=len(X), max_iter=4000, learning_rate_init=0.01, tol=1e-12,
    ).fit(X, y)  # fmt: skip
    exact = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-8).fit(X, y)
    x = X_test.reshape(-1, 8, 8)[:, ::4, ::4].reshape(-1, 4)
    np.testing.assert_allclose(clf.predict_proba(x), exact.predict_proba(x), atol=1e-3)


def test_a_convolution_over_the_whole_image_is_a_dense_layer(digits):
    X, _, y, _ = digits
    dense = ConvNetClassifier([Dense(12, "relu")], max_iter=3, random_state=0)
    conv = ConvNetClassifier(
        [Conv2D(12, 8, padding="valid", activation="relu")], max_iter=3, random_state=0
    )
    # The same draws, and the same first weights where the fans agree (lecun: fan in).
    dense.layers[0].kernel_initializer = "lecun_uniform"
    conv.layers[0].kernel_initializer = "lecun_uniform"
    np.testing.assert_allclose(
        conv.fit(X, y).predict_proba(X), dense.fit(X, y).predict_proba(X), atol=1e-5
    )


def test_integer_weights_are_repetitions(digits):
    X, X_test, y, _ = digits
    weight = np.arange(len(X)) % 3
    params = {"dtype": "float64", "shuffle": False, "max_iter": 8}
    repeated = small(batch_size=weight.sum(), **params)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    weighted = small(batch_size=np.count_nonzero(weight), **params)
    weighted.fit(X, y, sample_weight=5.0 * weight)
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


# Training -----------------------------------------------------------------------------


def test_early_stopping_restores_the_best_weights(digits):
    X, _, y, _ = digits
    scores = []

    def noting(estimator, X, y):
        """The score, and the weights that it is of."""
        score = estimator.score(X, y)
        scores.append((score, estimator.network_.parameters.copy()))
        return score

    clf = ConvNetClassifier(
        filters=(8,), early_stopping=True, scoring=noting, max_iter=200, n_iter_no_change=5,
        learning_rate_init=0.03, random_state=0,
    ).fit(X, y)  # fmt: skip
    curve = [score for score, _ in scores]
    assert clf.validation_scores_ == curve
    assert len(curve) == clf.n_iter_ < 200
    assert clf.best_validation_score_ == max(curve)
    assert clf.best_loss_ is None
    results = [*zip(curve, np.negative(clf.validation_loss_curve_), strict=True)]
    best = results.index(max(results))
    np.testing.assert_array_equal(clf.network_.parameters, scores[best][1])
    assert best < len(curve) - 1, "it should have continued past its best"


def test_training_stops_when_the_loss_improves_no_more(digits):
    X, _, y, _ = digits
    clf = small(max_iter=300, tol=0.5, n_iter_no_change=2).fit(X, y)
    assert clf.n_iter_ < 30
    assert small(max_iter=20, tol=0.5, n_iter_no_change=np.inf).fit(X, y).n_iter_ == 20


def test_partial_fit_is_a_long_fit_in_parts(digits):
    """Moments and the random stream continue: n calls are one fit of n epochs, to the bit."""
    X, _, y, _ = digits
    params = {"layers": [*LAYERS, Dropout(0.2)], "random_state": 0}
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


def test_warm_start_with_early_stopping_keeps_the_split_and_the_best_weights(digits):
    """Nothing held out is ever trained on, and a worse refit does not win."""
    X, _, y, _ = digits
    clf = small(max_iter=8, warm_start=True, early_stopping=True).fit(X, y)
    best, weights = clf.best_validation_score_, clf.network_.parameters.copy()
    losses = clf.validation_loss_curve_
    clf.set_params(learning_rate_init=0.5, max_iter=2).fit(X, y)
    assert min(clf.validation_loss_curve_[8:]) > min(losses), "it should be worse"
    assert clf.best_validation_score_ == best
    np.testing.assert_array_equal(clf.network_.parameters, weights)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.validation_scores_) == 10


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
            {}, np.ones((2, 3), np.float32), np.random.default_rng(0)
        )
        assert y_drop.dtype == np.float32


def test_layers_with_any_arguments_are_compared_on_partial_fit(digits):
    """Arrays, objects without equality, and layers that are no estimators."""
    X, _, y, _ = digits

    class Thing:
        def __init__(self, values):
            self.values = values

    class Duck(Layer):
        def __init__(self, thing):
            self.thing = thing

        def predict(self, weights, x):
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, {}

    duck = Duck(Thing(np.arange(5000)))
    clf = ConvNetClassifier([duck, Dense(4)], random_state=0)
    clf.partial_fit(X, y, np.arange(10)).partial_fit(X, y)
    duck.thing.values[2500] = 0
    with pytest.raises(ValueError, match="layers must be the same as in the last fit"):
        clf.partial_fit(X, y)


def test_parameters_set_during_a_fit_are_kept_and_curves_are_copies(digits):
    X, _, y, _ = digits
    clf = small(max_iter=2)

    class Sets(Layer):
        def predict(self, weights, x):
            clf.set_params(alpha=0.5)
            return x

        def backward(self, weights, cache, dy, need_dx=True):
            return dy, {}

    clf.set_params(layers=[Sets(), Dense(4)], filters="auto", hidden_layer_sizes=(128,))
    clf.fit(X, y)
    assert clf.alpha == 0.5
    clf.loss_curve_.append(9)
    assert clf.partial_fit(X, y).n_iter_ == 3


def test_a_subclass_may_have_fewer_parameters(digits):
    X, _, y, _ = digits

    class Mine(ConvNetClassifier):
        def __init__(self, layers=None, max_iter=1):
            super().__init__(layers, max_iter=max_iter)

    assert Mine([Dense(3)]).fit(X, y).n_iter_ == 1


def test_a_layer_cannot_write_to_x(digits):
    X, _, y, _ = digits
    X = X.astype(np.float32)

    class Writes(Layer):
        def predict(self, weights, x):
            x *= 2
            return x

    with pytest.raises(ValueError, match="read-only"):
        ConvNetClassifier([Writes()]).fit(X, y)


def test_partial_fit_accepts_batches_that_lack_classes(digits):
    X, X_test, y, y_test = digits
    clf = small()
    order = np.argsort(y, kind="stable")
    clf.partial_fit(X[order[:40]], y[order[:40]], classes=np.arange(10))
    assert clf.predict_proba(X_test).shape == (len(X_test), 10)
    for _ in range(30):
        clf.partial_fit(X, y)
    assert clf.score(X_test, y_test) > 0.9


def test_sample_weights_of_partial_fit_are_not_scaled(digits):
    X, _, y, _ = digits
    plain = small().partial_fit(X, y, classes=np.arange(10))
    ones = small().partial_fit(X, y, np.arange(10), np.ones(len(X)))
    half = small().partial_fit(X, y, np.arange(10), np.full(len(X), 0.5))
    assert same_bits(plain, ones)
    np.testing.assert_allclose(half.loss_, plain.loss_ / 2, rtol=0.02)
    assert same_bits(
        small(max_iter=1).fit(X, y), small(max_iter=1).fit(X, y, np.full(len(X), 0.5))
    )


def test_verbose_prints_a_line_for_each_epoch(digits, capsys):
    X, _, y, _ = digits
    small(max_iter=2, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch    2  loss ")
    assert "validation score" in lines[1]
    small(max_iter=2).fit(X, y)
    assert not capsys.readouterr().out
