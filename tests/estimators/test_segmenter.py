"""ConvNetSegmenter: masks of any labels, scores, weights, errors."""

import pickle

import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import jaccard_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from small_images import (
    CONVOLUTIONS,
    LABELS,
    SIGNALS,
    images_and_masks,
    segmenter,
)

from skconv import ConvNetSegmenter
from skconv.augmentation import CutMix, MixUp, RandomAffine, RandomFlip
from skconv.layers import (
    Conv2D,
    MaxPool2D,
)

X, MASKS = images_and_masks()

LABEL_TYPES = {
    "int": MASKS,
    "uint8": MASKS.astype(np.uint8),
    "negative": MASKS - 7,
    "far apart": np.array([-(2**40), 3, 2**62])[MASKS],
    "large unsigned": np.array([0, 2**63, 2**64 - 1], np.uint64)[MASKS],
    "bool": MASKS > 0,
    "float": MASKS * 0.0 + MASKS,
    "str": LABELS[MASKS],
    "object": LABELS.astype(object)[MASKS],
    "dates": np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")[MASKS],
}


@pytest.mark.parametrize("kind", LABEL_TYPES)
def test_labels_of_any_type_are_predicted_in_it(kind):
    y = LABEL_TYPES[kind]
    seg = segmenter().fit(X[:32], y[:32])
    predicted = seg.predict(X[32:])
    assert predicted.shape == (8, 8, 8)
    assert predicted.dtype == y.dtype
    np.testing.assert_array_equal(seg.classes_, np.unique(y))
    assert (predicted == y[32:]).mean() > 0.9
    # The same network, as the labels have the same order.
    codes = np.unique(y, return_inverse=True)[1].reshape(y.shape)
    twin = segmenter().fit(X[:32], codes[:32])
    np.testing.assert_array_equal(twin.network_.values, seg.network_.values)


def test_masks_are_kept_as_small_integers():
    seg = segmenter().fit(X, LABELS[MASKS])
    targets = seg._encoder.transform(LABELS[MASKS])
    assert targets.dtype == np.uint8
    many = np.arange(40 * 64).reshape(40, 8, 8) % 300
    assert (
        segmenter(max_iter=1).fit(X, many)._encoder.transform(many).dtype == np.uint16
    )


@pytest.mark.parametrize(
    "given",
    [
        MASKS.tolist(),
        list(MASKS),
        pd.Series(list(MASKS)),
        np.asfortranarray(MASKS),
        MASKS[:, ::-1][:, ::-1],
    ],
)
def test_masks_in_other_containers(given):
    expected = segmenter(max_iter=1).fit(X, MASKS)
    found = segmenter(max_iter=1).fit(X, given)
    np.testing.assert_array_equal(found.network_.values, expected.network_.values)
    assert found.score(X, given) == expected.score(X, MASKS)


def test_masks_in_pictures_with_a_palette_are_its_numbers():
    """As data sets of masks have them: PNG files with a colour for each class."""
    image = pytest.importorskip("PIL.Image")
    pictures = [image.fromarray(mask.astype(np.uint8)).convert("P") for mask in MASKS]
    for picture, mask in zip(pictures, MASKS, strict=True):
        picture.putdata(mask.ravel().tolist())
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    seg = segmenter(max_iter=1).fit(X, pictures)
    expected = segmenter(max_iter=1).fit(X, MASKS)
    np.testing.assert_array_equal(seg.network_.values, expected.network_.values)
    colours = [picture.convert("RGB") for picture in pictures]
    with pytest.raises(ValueError, match="if colours say the class, give each colour"):
        segmenter().fit(X, colours)


def test_probabilities_belong_to_the_predictions():
    seg = segmenter(tta=["flip", "vertical_flip"]).fit(X, LABELS[MASKS])
    p = seg.predict_proba(X)
    assert p.shape == (40, 8, 8, 3)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_array_equal(seg.classes_[p.argmax(axis=-1)], seg.predict(X))


@pytest.mark.parametrize("weighted", ["no", "samples", "pixels"])
def test_score_is_the_macro_jaccard_score_of_all_pixels(weighted):
    rng = np.random.default_rng(SEED)
    weight, by_pixel = None, None
    if weighted != "no":
        weight = rng.random((40, 1, 1) if weighted == "samples" else (40, 8, 8))
        by_pixel = np.broadcast_to(weight, (40, 8, 8)).ravel()
        weight = weight.squeeze()
    seg = segmenter(max_iter=1).fit(X, MASKS)
    y = np.where(rng.random(MASKS.shape) < 0.3, 1, MASKS)
    pairs = y.ravel(), seg.predict(X).ravel()
    expected = jaccard_score(
        *pairs, average="macro", sample_weight=by_pixel, labels=np.unique(pairs)
    )
    assert seg.score(X, y, weight) == pytest.approx(expected)


def test_score_counts_labels_that_training_lacked():
    seg = segmenter().fit(X, MASKS)
    y = np.where(MASKS == 2, 9, MASKS)
    predicted = seg.predict(X)
    expected = jaccard_score(y.ravel(), predicted.ravel(), average="macro")
    assert seg.score(X, y) == pytest.approx(expected)
    only = np.zeros_like(MASKS)
    assert 0 < seg.score(X, only) < 1  # of one class, with others predicted


def test_score_of_validation_is_that_of_the_estimator():
    seg = segmenter(early_stopping=True).fit(X, MASKS, X_val=X[:9], y_val=MASKS[:9])
    assert seg.best_validation_score_ == pytest.approx(seg.score(X[:9], MASKS[:9]))
    assert seg.validation_loss_curve_[0] > min(seg.validation_loss_curve_)


def test_loss_is_the_mean_over_pixels():
    seg = segmenter(max_iter=1, batch_size=40, shuffle=False)
    seg.fit(X, MASKS, X_val=X, y_val=MASKS)
    p = seg.predict_proba(X)
    codes = np.take_along_axis(p, MASKS[..., None], axis=-1)
    assert seg.validation_loss_curve_[0] == pytest.approx(
        -np.log(codes).mean(), rel=1e-5
    )


# Weights --------------------------------------------------------------------------------


def test_weights_of_pixels_are_those_of_samples():
    weight = np.linspace(0, 2, 40)
    one = segmenter().fit(X, MASKS, weight)
    other = segmenter().fit(
        X, MASKS, np.broadcast_to(weight[:, None, None], MASKS.shape)
    )
    np.testing.assert_allclose(one.network_.values, other.network_.values, atol=1e-3)


def test_pixels_without_weight_do_not_matter():
    unknown = np.random.default_rng(SEED).random(MASKS.shape) < 0.3
    one = segmenter().fit(X, np.where(unknown, 0, MASKS), ~unknown)
    other = segmenter().fit(X, np.where(unknown, 2, MASKS), ~unknown)
    np.testing.assert_array_equal(one.network_.values, other.network_.values)
    assert one.score(X, np.where(unknown, 2, MASKS), ~unknown) > 0.9


def test_class_weight_is_a_weight_of_pixels():
    factors = np.array([1.0, 4.0, 0.5])
    one = segmenter(class_weight=dict(enumerate(factors))).fit(X, MASKS)
    other = segmenter().fit(X, MASKS, factors[MASKS])
    np.testing.assert_allclose(one.network_.values, other.network_.values, atol=1e-3)


def test_balanced_classes_have_the_same_weight():
    rare = np.where(MASKS == 2, MASKS, 0)
    rare[2:] = 0
    counts = np.bincount(rare.ravel())[[0, 2]]
    by_hand = {0: rare.size / 2 / counts[0], 2: rare.size / 2 / counts[1]}
    one = segmenter(class_weight="balanced").fit(X, rare)
    other = segmenter(class_weight=by_hand).fit(X, rare)
    np.testing.assert_allclose(one.network_.values, other.network_.values, atol=1e-4)
    plain = segmenter().fit(X, rare)
    found = (one.predict(X)[rare == 2] == 2).mean()
    assert found > (plain.predict(X)[rare == 2] == 2).mean()


def test_balanced_classes_have_the_same_weight_in_pixels_that_count(rng):
    weight = rng.random(MASKS.shape) * np.array([1.0, 0.1, 3.0])[MASKS]
    totals = np.bincount(MASKS.ravel(), weight.ravel())
    by_hand = dict(enumerate(totals.sum() / 3 / totals))
    one = segmenter(class_weight="balanced").fit(X, MASKS, weight)
    other = segmenter(class_weight=by_hand).fit(X, MASKS, weight)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)


@pytest.mark.parametrize(
    "augment", [MixUp(1), CutMix(), RandomAffine(20), RandomFlip()]
)
def test_class_weight_and_augmentation_together(augment):
    seg = segmenter(
        class_weight={1: 3.0}, augment=augment, label_smoothing=0.1, max_iter=48
    )
    seg.fit(X, MASKS, np.linspace(0.5, 1, 40))
    most = np.bincount(MASKS.ravel()).max() / MASKS.size
    assert seg.score(X, MASKS) > most + 0.1


def test_class_weight_multiplies_weights_of_pixels(rng):
    factors, weight = np.array([1.0, 4.0, 0.5]), rng.random(MASKS.shape)
    one = segmenter(class_weight=dict(enumerate(factors))).fit(X, MASKS, weight)
    other = segmenter().fit(X, MASKS, weight * factors[MASKS])
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)


@pytest.mark.parametrize("params", [{"focal_gamma": 2.0}, {"label_smoothing": 0.1}])
def test_losses_of_classifiers_train_segmenters(params):
    assert segmenter(**params).fit(X, MASKS).score(X, MASKS) > 0.9


@pytest.mark.parametrize("params", [{"focal_gamma": 2.0}, {"label_smoothing": 0.3}])
def test_losses_of_classifiers_are_means_over_pixels(params):
    """One step of almost no length: the loss is that of the fitted network."""
    still = {"learning_rate_init": 1e-12, "alpha": 0, "max_iter": 1, "batch_size": 40}
    seg = segmenter(**params, **still).fit(X, MASKS)
    logs = np.log(seg.predict_proba(X))
    log = np.take_along_axis(logs, MASKS[..., None], axis=-1)[..., 0]
    smoothing, gamma = params.get("label_smoothing", 0), params.get("focal_gamma", 0)
    loss = -(1 - smoothing) * log - smoothing * logs.mean(axis=-1)
    loss = loss * (1 - np.exp(log)) ** gamma
    assert seg.loss_curve_[0] == pytest.approx(loss.mean(), rel=1e-4)


# Ways to train --------------------------------------------------------------------------


def test_partial_fit_continues_a_fit():
    fitted = segmenter(max_iter=3, shuffle=False).fit(X, MASKS)
    seg = segmenter(shuffle=False)
    for _ in range(3):
        seg.partial_fit(X, MASKS, classes=[0, 1, 2])
    np.testing.assert_array_equal(seg.network_.values, fitted.network_.values)


def test_partial_fit_may_lack_classes():
    seg = segmenter().partial_fit(X, np.zeros_like(MASKS), classes=[0, 1, 2])
    seg.partial_fit(X, MASKS)
    np.testing.assert_array_equal(seg.classes_, [0, 1, 2])
    assert seg.n_iter_ == 2


def test_warm_start_continues():
    seg = segmenter(max_iter=2, warm_start=True).fit(X, MASKS).fit(X, MASKS)
    fitted = segmenter(max_iter=4).fit(X, MASKS)
    np.testing.assert_array_equal(seg.network_.values, fitted.network_.values)


def test_default_network_takes_images_of_any_size():
    for shape in [(1, 1), (1, 9), (2, 3), (5, 17), (16, 16), (33, 20)]:
        y = np.arange(4 * shape[0] * shape[1]).reshape(4, *shape) % 2
        seg = segmenter(None, max_iter=1, batch_size=4, filters="auto").fit(y * 1.0, y)
        assert seg.predict(y * 1.0).shape == y.shape
        assert seg.network_.output_shape == (*shape, 2)


def test_flat_rows_are_images_of_input_shape():
    seg = segmenter(input_shape=(8, 8)).fit(X.reshape(40, 64), MASKS)
    expected = segmenter().fit(X, MASKS).predict(X)
    np.testing.assert_array_equal(seg.predict(X.reshape(40, 64)), expected)


def test_masks_may_be_smaller_than_images():
    layers = [*CONVOLUTIONS, MaxPool2D(4), Conv2D(8, 1, activation="elu")]
    seg = segmenter(layers, max_iter=15).fit(X, MASKS[:, ::4, ::4])
    assert seg.predict(X).shape == (40, 2, 2)
    assert seg.score(X, MASKS[:, ::4, ::4]) > 0.9


def test_signals_are_segmented():
    seg = segmenter(SIGNALS, tta=["flip", "shift"])
    signals, y = X.reshape(40, 64), LABELS[MASKS.reshape(40, 64)]
    seg.fit(signals, y)
    assert seg.predict(signals[..., None]).shape == (40, 64)
    assert seg.score(signals, y) > 0.9
    assert seg.network_.layers[-1][1].get_params()["filters"] == 3
    with pytest.raises(
        ValueError, match=r"y must hold masks \(n, length\), a label for each"
    ):
        segmenter(SIGNALS).fit(signals, MASKS)


def test_searches_and_pipelines_take_masks():
    pipe = make_pipeline(FunctionTransformer(lambda images: images / 2), segmenter())
    grid = {"convnetsegmenter__learning_rate_init": [1e-6, 0.02]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, LABELS[MASKS])
    assert search.best_params_["convnetsegmenter__learning_rate_init"] == 0.02
    assert search.score(X, LABELS[MASKS]) > 0.9
    predicted = cross_val_predict(segmenter(), X, MASKS, cv=2)
    assert (predicted == MASKS).mean() > 0.9


def test_callable_scoring_sees_masks():
    def accuracy(estimator, images, masks):
        return float((estimator.predict(images) == masks).mean())

    seg = segmenter(early_stopping=True, scoring=accuracy).fit(X, LABELS[MASKS])
    assert 0.5 < seg.best_validation_score_ <= 1


def test_predictions_do_not_depend_on_the_batch(monkeypatch):
    seg = segmenter().fit(X, MASKS)
    together, one_by_one = seg.predict_proba(X), [seg.predict_proba(x[None]) for x in X]
    np.testing.assert_array_equal(np.concatenate(one_by_one), together)
    loss, score = seg.loss_curve_[-1], seg.score(X, MASKS)
    monkeypatch.setattr("skconv._data.batches._BATCH_BYTES", 10**4)
    np.testing.assert_array_equal(seg.predict_proba(X), together)
    assert seg.score(X, MASKS) == score
    assert segmenter().fit(X, MASKS).loss_curve_[-1] == loss


def test_views_see_what_the_image_shows():
    """A network that copies its input returns it for each view, moved back."""
    seg = segmenter([Conv2D(1, 1)], max_iter=1).fit(X, MASKS)
    plain = seg.predict_proba(X)
    for tta in ("flip", "vertical_flip", ["flip", "vertical_flip"]):
        seg.set_params(tta=tta)
        np.testing.assert_allclose(seg.predict_proba(X), plain, atol=1e-6)
    seg.set_params(tta="shift")  # but for pixels at the edges
    inside = np.s_[:, 1:-1, 1:-1]
    np.testing.assert_allclose(seg.predict_proba(X)[inside], plain[inside], atol=1e-6)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score", "transform"])
def test_columns_of_X_are_checked(method):
    names = [f"pixel {i}" for i in range(64)]
    rows = pd.DataFrame(X.reshape(-1, 64), columns=names)
    seg = segmenter(max_iter=1).fit(rows, MASKS)
    given = (MASKS,) if method == "score" else ()
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(seg, method)(rows.rename(columns={"pixel 3": "three"}), *given)
    assert seg.feature_names_in_.tolist() == names


def test_pickled_and_cloned():
    seg = segmenter().fit(X, MASKS)
    twin = pickle.loads(pickle.dumps(seg))
    np.testing.assert_array_equal(twin.predict(X), seg.predict(X))
    assert clone(seg).get_params(deep=False).keys() == seg.get_params(deep=False).keys()
    with pytest.raises(NotFittedError):
        clone(seg).predict(X)
    with pytest.raises(NotFittedError):
        clone(seg).score(X, MASKS)


def test_summary_and_diagram_show_the_output_layer():
    seg = ConvNetSegmenter(input_shape=(32, 32, 3))
    assert "output (Conv2D)" in str(seg.summary(n_outputs=5))
    assert "Conv2D" in seg._repr_html_()
    assert "Conv1D" in segmenter(SIGNALS)._repr_html_()
