"""ConvNetAutoencoder: codes and images, in pipelines, for signals, its errors."""

import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from small_images import CODER, autoencoder, images_and_masks

from skconv import ConvNetAutoencoder
from skconv.augmentation import GaussianNoise, RandomFlip
from skconv.layers import Conv2D, Dense, MaxPool2D, Reshape, UpSampling2D

X, _ = images_and_masks(80)
DIGITS, LABELS = load_digits(return_X_y=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:X has .* features, which make no square")
@parametrize_with_checks(
    [
        ConvNetAutoencoder(max_iter=5, random_state=SEED),
        autoencoder(dtype="float64", batch_size=10**9, shuffle=False, max_iter=20),
    ]
)
@pytest.mark.filterwarnings("ignore:batch_size=1000000000 is larger")
def test_common_checks_pass(estimator, check):
    check(estimator)


SHAPES = {
    "images": X,
    "images of one channel": X[..., None],
    "colours": np.stack([X, 100 * X], axis=-1),
    "rows": X.reshape(80, 64),
    "integers": (X * 10).astype(np.int16),
}


@pytest.mark.parametrize("form", ["images of one channel", "rows"])
def test_later_images_may_have_another_form(form):
    auto, images = autoencoder(warm_start=True), SHAPES[form]
    auto.fit(X, X_val=images[:10])
    assert auto.score(images) == auto.score(X)
    same = clone(auto).fit(X, X_val=X[:10])
    assert auto.validation_scores_ == same.validation_scores_
    for method in ("fit", "partial_fit"):
        codes = [
            getattr(a, method)(x).transform(X) for a, x in [(auto, images), (same, X)]
        ]
        np.testing.assert_array_equal(*codes)
    assert auto.inverse_transform(codes[0]).shape == X.shape


@pytest.mark.parametrize("method", ["fit", "score", "X_val"])
def test_errors_name_X_which_is_the_target(method):
    auto = autoencoder(loss="poisson", max_iter=1).fit(np.abs(X))
    with pytest.raises(ValueError, match="^X"):
        if method == "fit":
            auto.fit(np.abs(X) - 9)
        elif method == "score":
            auto.score(X[:, :5])
        else:
            auto.fit(np.abs(X), X_val=np.abs(X) - 9)


@pytest.mark.parametrize("form", SHAPES)
def test_images_come_back_in_the_shape_of_X(form):
    images = SHAPES[form]
    auto = autoencoder()
    codes = auto.fit_transform(images)
    assert codes.shape == (80, 3)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(codes, auto.transform(images))
    back = auto.inverse_transform(codes)
    assert back.shape == images.shape
    k = auto.input_shape_[-1]
    expected = r2_score(images.reshape(-1, k), back.reshape(-1, k))
    assert auto.score(images) == pytest.approx(expected, abs=1e-5)
    assert expected > 0.3
    assert auto.n_features_in_ == images[0].size
    np.testing.assert_array_equal(
        auto.get_feature_names_out(), ["code_0", "code_1", "code_2"]
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 7), (5, 12), (9, 6)])
@pytest.mark.parametrize("kernel_size", [2, 3])
def test_default_network_takes_images_of_any_size(size, kernel_size):
    images = np.random.default_rng(SEED).random((6, *size, 2))
    auto = autoencoder(
        kernel_size=kernel_size, filters=(3, 4, 5), max_iter=1, batch_size=6
    )
    codes = auto.fit(images).transform(images)
    assert auto.inverse_transform(codes).shape == images.shape


def test_code_is_a_layer_by_name_or_the_smallest():
    by_name = [Dense(2), ("code", Dense(9)), Dense(64), Reshape((8, 8, 1))]
    assert autoencoder_of(by_name).get_feature_names_out()[0] == "code_0"
    layers = [("a", Dense(9)), ("b", Dense(2)), Dense(64), Reshape((8, 8, 1))]
    assert autoencoder_of(layers).get_feature_names_out().tolist() == ["b_0", "b_1"]
    auto = autoencoder_of(layers, transform_layer="a")
    assert auto.transform(X).shape == (80, 9)
    assert auto.get_feature_names_out()[0] == "a_0"
    assert auto.inverse_transform(auto.transform(X)).shape == X.shape
    assert auto.transform(X, layer="b").shape == (80, 2)


def autoencoder_of(layers, **params):
    return ConvNetAutoencoder(layers, max_iter=1, random_state=SEED, **params).fit(X)


def test_code_that_is_an_image_is_flat():
    layers = [Conv2D(2, 3, activation="relu"), MaxPool2D(4), UpSampling2D(4)]
    auto = autoencoder_of([*layers, Conv2D(4, 3, activation="relu")])
    codes = auto.transform(X)
    assert codes.shape == (80, 8)
    assert auto.inverse_transform(codes).shape == X.shape


def test_signals_are_coded():
    signals = X.reshape(-1, 16)
    auto = ConvNetAutoencoder(CODER, max_iter=5, random_state=SEED)
    codes = auto.fit(signals[..., None]).transform(signals)
    assert codes.shape == (len(signals), 3)
    assert auto.inverse_transform(codes).shape == (len(signals), 16, 1)
    assert auto.network_.output_shape == (16, 1)


def test_pipeline_before_a_classifier():
    auto = ConvNetAutoencoder(n_components=8, max_iter=5, random_state=SEED)
    pipe = make_pipeline(auto, LogisticRegression(max_iter=500))
    pipe.fit(DIGITS[:1000], LABELS[:1000])
    assert pipe.score(DIGITS[1000:], LABELS[1000:]) > 0.7
    search = GridSearchCV(
        make_pipeline(clone(auto), LogisticRegression(max_iter=500)),
        {"convnetautoencoder__n_components": [1, 8]},
        cv=2,
    )
    search.fit(DIGITS[:400], LABELS[:400])
    assert search.best_params_ == {"convnetautoencoder__n_components": 8}


def test_search_without_labels_uses_the_score():
    search = GridSearchCV(autoencoder(), {"n_components": [1, 6]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": 6}


def test_frames_in_and_out():
    frame = pd.DataFrame(X.reshape(80, 64)).add_prefix("p")
    auto = autoencoder().set_output(transform="pandas")
    codes = auto.fit_transform(frame)
    assert list(codes.columns) == ["code_0", "code_1", "code_2"]
    assert auto.inverse_transform(codes).shape == (80, 64)


def test_transforms_of_values_leave_the_target():
    """With noise it learns to remove noise."""
    rng = np.random.default_rng(SEED)
    clean = np.repeat(rng.random((80, 1, 1)), 64, axis=1).reshape(80, 8, 8)
    noisy = clean + rng.normal(0, 0.3, clean.shape)
    auto = autoencoder(augment=[GaussianNoise(0.3), RandomFlip()], max_iter=30)
    auto.fit(clean)
    back = auto.inverse_transform(auto.transform(noisy))
    assert np.mean((back - clean) ** 2) < np.mean((noisy - clean) ** 2) / 3


def test_early_stopping_weights_and_continued_fits():
    weight = np.linspace(0, 1, 80)
    auto = autoencoder(early_stopping=True).fit(X, None, weight)
    assert auto.best_validation_score_ > 0
    auto.fit(X, X_val=X[:9], sample_weight_val=weight[:9])
    assert auto.best_validation_score_ == pytest.approx(
        auto.score(X[:9], None, weight[:9]), abs=1e-5
    )
    auto.fit(X, sample_weight=np.ones(X.shape))
    bright = np.where(np.arange(80) < 40, 1, 1000)[:, None, None]
    weight = np.where(np.arange(80) < 40, 1, 0)
    half = autoencoder(max_iter=1).fit(X * bright, sample_weight=weight)
    codes = half.transform(X)
    assert half.inverse_transform(codes).max() < 10  # the scale of those that count
    one = autoencoder(max_iter=4).fit(X)
    two = autoencoder(max_iter=2, warm_start=True).fit(X).fit(X)
    three = autoencoder()
    for _ in range(4):
        three.partial_fit(X)
    np.testing.assert_array_equal(one.network_.values, two.network_.values)
    np.testing.assert_array_equal(one.network_.values, three.network_.values)


def test_rows_and_images_of_a_fit_are_the_same():
    rows = X.reshape(80, 64)
    auto = autoencoder(max_iter=2).fit(rows, X_val=X)
    assert auto.validation_scores_[-1] == pytest.approx(auto.score(X), abs=1e-6)
    assert auto.score(X[..., None]) == auto.score(rows)


def test_y_is_ignored():
    one = autoencoder(max_iter=1).fit(X, np.arange(80))
    two = autoencoder(max_iter=1).fit(X)
    np.testing.assert_array_equal(one.network_.values, two.network_.values)


def test_autoencoder_predicts_nothing():
    auto = autoencoder(max_iter=1).fit(X)
    assert not hasattr(auto, "predict")
    assert auto.__sklearn_tags__().target_tags.required is False
    with pytest.raises(NotFittedError):
        clone(auto).inverse_transform(np.zeros((1, 3)))


def test_score_checks_X_and_leaves_the_model():
    names = [f"pixel {i}" for i in range(64)]
    auto = autoencoder(max_iter=1).fit(pd.DataFrame(X.reshape(80, 64), columns=names))
    other = pd.DataFrame(X.reshape(80, 64), columns=[*names[1:], "one"])
    with pytest.raises(ValueError, match="feature names should match"):
        auto.score(other)
    assert auto.feature_names_in_.tolist() == names


@pytest.mark.parametrize(
    ("words", "act"),
    [
        (
            r"X must hold codes \(n, 3\), as transform returns them of layer 'code', got",
            lambda a: a.inverse_transform(X),
        ),
        ("X must hold codes", lambda a: a.inverse_transform(np.zeros((0, 3)))),
        ("X must hold codes", lambda a: a.inverse_transform(np.zeros((2, 3, 1)))),
        ("X must hold codes", lambda a: a.inverse_transform(np.zeros((3, 2)))),
        (
            "^X must hold numbers, got text",
            lambda a: a.inverse_transform([["a", "b", "c"]]),
        ),
        (
            "^Input X contains NaN",
            lambda a: a.inverse_transform(np.full((2, 3), np.nan)),
        ),
        (
            "makes infinite or NaN of some codes",
            lambda a: a.inverse_transform(np.full((2, 3), 3e38)),
        ),
        (
            "must end in images .* of the size of X, 8 x 8, but layer",
            lambda a: a.set_params(
                layers=[Conv2D(2, 3), MaxPool2D(2)],
                n_components=32,
                filters=(16, 32),
            ).fit(X),
        ),
        (
            "n_components=3 describes the default network, but layers lists another",
            lambda a: a.set_params(layers=[Dense(3)]).fit(X),
        ),
        (
            "n_components must be an int >= 1",
            lambda a: a.set_params(n_components=0).fit(X),
        ),
        ("X_val of shape", lambda a: a.fit(X, X_val=X[:, :4])),
        (
            "^loss must be the same as in the first fit to continue it, 'squared_error'",
            lambda a: a.set_params(warm_start=True, loss="huber").fit(X),
        ),
        (
            "^dtype must be the same as in the first fit to continue it, ",
            lambda a: a.set_params(warm_start=True, dtype="float64").fit(X),
        ),
        (
            "^X must be >= 0 with loss='poisson'",
            lambda a: a.set_params(loss="poisson").fit(X - 9),
        ),
        (
            "^X_val must be >= 0 with loss='poisson'",
            lambda a: a.set_params(loss="poisson").fit(abs(X), X_val=X - 9),
        ),
        ("X_val must be passed", lambda a: a.fit(X, sample_weight_val=np.ones(3))),
    ],
)
def test_errors_say_the_rule(words, act):
    auto = autoencoder(max_iter=1).fit(X)
    values = auto.network_.values.copy()
    with pytest.raises(ValueError, match=words):
        act(auto)
    np.testing.assert_array_equal(auto.network_.values, values)
