"""ConvNetSegmenter: its tags, and what it refuses."""

import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)
from small_images import (
    CONVOLUTIONS,
    LABELS,
    images_and_masks,
    segmenter,
)

from skconv import ConvNetSegmenter, ops
from skconv._data.inputs import find_input_shape
from skconv._data.labels import check_labels
from skconv.augmentation import RandomAffine
from skconv.layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAvgPool2D,
    MaxPool2D,
    UpSampling2D,
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


def test_segmenter_is_no_classifier_to_scikit_learn():
    """Metrics and splits of classifiers take one label for each sample."""
    seg = ConvNetSegmenter()
    assert not is_classifier(seg)
    assert not is_regressor(seg)
    tags = seg.__sklearn_tags__()
    assert tags.input_tags.two_d_array is False
    assert tags.target_tags.two_d_labels is True
    assert tags.input_tags.three_d_array
    assert tags.target_tags.required


def test_common_checks_that_its_tags_promise():
    """Those of estimators of rows do not apply: masks have the pixels of images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check in estimator_checks_generator(segmenter()):
            check(estimator)


class OfRows(ConvNetSegmenter):
    """Takes what the checks pass, rows and labels: each mask has one label."""

    def _targets(self, X, y, name="y"):
        labels = check_labels(y, name)
        h, w, _ = find_input_shape(X)
        return np.broadcast_to(labels[:, None, None], (len(labels), h, w))

    def partial_fit(self, X, y):
        classes = None if hasattr(self, "network_") else np.arange(10)
        return super().partial_fit(X, y, classes=classes)

    def predict(self, X):
        return super().predict(X)[:, 0, 0]

    def predict_proba(self, X):
        return super().predict_proba(X)[:, 0, 0]

    def score(self, X, y, sample_weight=None):
        return float((self.predict(X) == y).mean())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        tags.target_tags.two_d_labels = False
        return tags


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:X has .* features, which make no square")
@parametrize_with_checks([OfRows(filters=(2, 4), max_iter=3, random_state=SEED)])
def test_common_checks_pass_for_masks_of_one_label(estimator, check):
    check(estimator)


BAD_MASKS = {
    "end in images .* of the size of the masks, 6 x 8, but layer .* returns "
    r"\(8, 8, 8\)": MASKS[:, :6],
    r"\(n, h, w\), .* got an array of shape \(40, 8, 8, 1\). Pass y\[..., 0\]": MASKS[
        ..., None
    ],
    r"shape \(40, 8, 8, 3\). If it is one-hot, pass y.argmax": np.eye(3)[MASKS],
    "For one label for each image use ConvNetClassifier": MASKS[:, 0, 0],
    "labels, got fractions such as 0.5": MASKS / 2,
    "y has missing values in 1 of 40 samples, first in sample 3": np.where(
        np.arange(40 * 64).reshape(40, 8, 8) == 3 * 64 + 5, np.nan, MASKS
    ),
    "at least 2 classes, but y has one class only": np.zeros_like(MASKS),
    "y has 39, .*|X has 40, y has 39": MASKS[1:],
    "requires y to be passed": None,
    "labels of one type": LABELS.astype(object)[MASKS],
    "Complex data not supported": MASKS * 1j,
}
BAD_MASKS["labels of one type"][0, 0, 0] = 3


@pytest.mark.parametrize("words", BAD_MASKS)
def test_bad_masks_get_one_clear_error_and_the_model_stays(words):
    seg = segmenter().fit(X, MASKS)
    before = seg.predict(X)
    with pytest.raises((ValueError, TypeError), match=words):
        seg.fit(X, BAD_MASKS[words])
    np.testing.assert_array_equal(seg.predict(X), before)
    np.testing.assert_array_equal(seg.classes_, [0, 1, 2])


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("classes must be passed", lambda s: clone(s).partial_fit(X, MASKS)),
        ("y has classes that are not in", lambda s: s.partial_fit(X, MASKS + 1)),
        (
            "y has masks of 4 x 8, but those of the first fit are of 8 x 8",
            lambda s: s.partial_fit(X, MASKS[:, :4]),
        ),
        (
            "y_val has classes that are not in classes_: .9. are not",
            lambda s: s.fit(X, MASKS, X_val=X, y_val=np.where(MASKS == 1, 9, MASKS)),
        ),
        (
            "y_val has masks of 8 x 4",
            lambda s: s.fit(X, MASKS, X_val=X, y_val=MASKS[..., :4]),
        ),
        (
            r"one number for each of the 40 samples, or for each pixel, \(40, 8, 8\)",
            lambda s: s.fit(X, MASKS, np.ones((40, 8))),
        ),
        ("must be >= 0 for all", lambda s: s.fit(X, MASKS, MASKS - 1)),
        ("y has masks of 2 x 8", lambda s: s.score(X, MASKS[:, :2])),
        (
            "class_weight='balanced' is not supported for partial_fit",
            lambda s: s.set_params(class_weight="balanced").partial_fit(X, MASKS),
        ),
        (
            "class_weight has classes that are not in y",
            lambda s: s.set_params(class_weight={7: 1}).fit(X, MASKS),
        ),
        (
            r"must end in images .* but layer 'dense_1', the last, returns \(4,\)",
            lambda s: s.set_params(layers=[*CONVOLUTIONS, Dense(4)]).fit(X, MASKS),
        ),
        (
            r"must end in images .* 8 x 8, but layer .* returns \(16, 16, 8\)",
            lambda s: s.set_params(layers=[*CONVOLUTIONS, UpSampling2D(2)]).fit(
                X, MASKS
            ),
        ),
        (
            "must end in images",
            lambda s: s.set_params(layers=[*CONVOLUTIONS, GlobalAvgPool2D()]).fit(
                X, MASKS
            ),
        ),
        (
            "^y must have the same classes as in the first fit",
            lambda s: s.set_params(warm_start=True).fit(X, MASKS > 0),
        ),
        (
            "^classes must have the same classes as in the first fit",
            lambda s: s.partial_fit(X, MASKS, classes=[0, 1, 2, 3]),
        ),
        (
            r"\. y_val must hold labels, got fractions",
            lambda s: s.fit(X, MASKS, X_val=X, y_val=MASKS / 2),
        ),
        (r"\. y must hold labels, got fractions", lambda s: s.score(X, MASKS / 2)),
        (
            "filters=4 describes the default network",
            lambda s: s.set_params(filters=4).fit(X, MASKS),
        ),
        (
            "tta='shift' moves images by a pixel, which the network's outputs",
            lambda s: (
                segmenter([*CONVOLUTIONS, MaxPool2D(4)], tta="shift")
                .fit(X, MASKS[:, ::4, ::4])
                .predict(X)
            ),
        ),
    ],
)
def test_errors_say_the_rule(words, act):
    seg = segmenter().fit(X, MASKS)
    values = seg.network_.values.copy()
    with pytest.raises(ValueError, match=words):
        act(seg)
    np.testing.assert_array_equal(seg.network_.values, values)


def test_output_layer_in_the_list_gives_a_warning():
    with pytest.warns(UserWarning, match="adds its own output layer after those"):
        segmenter([*CONVOLUTIONS, Conv2D(3, 1)], max_iter=1).fit(X, MASKS)


def test_outputs_that_are_not_finite_are_an_error():
    seg = segmenter().fit(X, MASKS)
    huge = X.copy()
    huge[3] = np.random.default_rng(SEED).choice([-3e38, 3e38], huge[3].shape)
    with pytest.raises(
        ValueError, match="infinite or NaN for 1 of 40 samples, first in"
    ):
        seg.predict(huge)
    with pytest.raises(ValueError, match="infinite or NaN for 1 of 40"):
        seg.score(huge, MASKS)


def test_network_that_learns_nothing_gives_a_warning():
    layers = [Activation("relu"), Conv2D(2, 1)]
    dead = segmenter(layers, max_iter=60, n_iter_no_change=2)
    with pytest.warns(UserWarning, match="the network has learnt nothing"):
        dead.fit(-np.abs(X), MASKS)


@pytest.mark.skipif("avx512" not in ops.available(), reason="compares instruction sets")
def test_instruction_sets_give_the_same_bits():
    before, found = ops.in_use(), []
    for name in ("avx512", "avx2"):
        ops.use(name)
        found.append(segmenter(augment=RandomAffine(20)).fit(X, MASKS).network_.values)
    ops.use(before)
    np.testing.assert_array_equal(*found)
