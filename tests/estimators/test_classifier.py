"""X and labels of every form, and what the classifier learns from them."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from small_classifiers import small
from tolerances import same_bits

from skconv import ConvNetClassifier
from skconv.layers import Conv2D, Normalization


def test_classifier_learns_digits(digits):
    X, X_test, y, y_test = digits
    clf = small(max_iter=40).fit(X, y)
    assert clf.score(X_test, y_test) > 0.9
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


@pytest.mark.slow
def test_large_x_is_never_copied_or_cast_whole(tmp_path):
    """60,000 images of a memory map take no more than 3,000 do, but for their labels."""
    shape = (60_000, 28, 28)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, shape)
    X[::7, 4:9, 6:20] = 200
    X.flush()
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = np.arange(len(X)) % 10
    layers = [Normalization(0.5), Conv2D(2, 4, stride=4, activation="relu")]
    clf = ConvNetClassifier(layers, batch_size=500, max_iter=1, random_state=SEED)
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
    X, Y = make_multilabel_classification(300, 16, n_classes=4, random_state=SEED)
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
    X, Y = make_multilabel_classification(200, 16, n_classes=3, random_state=SEED)
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
