"""Encoders of masks and images by themselves, against numbers worked out by hand."""

import numpy as np
import pytest

from skconv._data import image_encoder, mask_encoder
from skconv._data.image_encoder import ImageEncoder, ScaledImages
from skconv._data.mask_encoder import MaskEncoder

MASKS = np.array([[[3, 5], [3, 3]], [[9, 3], [5, 3]]])
ENCODER = MaskEncoder.fit(MASKS)
CODES = np.array([[[0, 1], [0, 0]], [[2, 0], [1, 0]]])


@pytest.fixture(params=[1, 4, 2**20], ids=lambda n: f"{n} at a time")
def chunks(request, monkeypatch):
    """Read an image at a time, and all."""
    monkeypatch.setattr(mask_encoder, "_CHUNK", request.param)
    monkeypatch.setattr(image_encoder, "_CHUNK", request.param)


KINDS = {
    "int": MASKS,
    "negative": MASKS - 7,
    "int8 of the whole range": np.array([-128, 0, 127], np.int8)[CODES],
    "uint8 of the whole range": np.array([0, 7, 255], np.uint8)[CODES],
    "large": np.array([2**63, 2**63 + 3, 2**64 - 1], np.uint64)[CODES],
    "far apart": np.array([0, 1, 2**40])[CODES],
    "just within the table": np.array([5, 6, 5 + mask_encoder._TABLE - 1])[CODES],
    "just beyond it": np.array([5, 6, 5 + mask_encoder._TABLE])[CODES],
    "text": np.array(["a", "b", "c"])[CODES],
    "floats": MASKS.astype(float),
    "dates": np.array(["2020", "2021", "2022"], "M8[Y]")[CODES],
}


@pytest.mark.parametrize("masks", KINDS.values(), ids=KINDS)
def test_masks_become_codes_and_back(masks, chunks):
    encoder = MaskEncoder.fit(masks)
    assert (encoder.n_outputs, encoder.output_shape) == (3, (2, 2, 3))
    codes = encoder.transform(masks)
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_array_equal(encoder.inverse_transform(codes), masks)


def test_masks_of_booleans_become_codes(chunks):
    for one in (MASKS > 3, MASKS > 0):
        encoder = MaskEncoder.fit(MASKS > 3)
        np.testing.assert_array_equal(encoder.transform(one), one.astype(int))


@pytest.mark.parametrize(
    ("k", "dtype"),
    [(256, np.uint8), (257, np.uint16), (2**16, np.uint16), (2**16 + 1, np.int32)],
)
def test_codes_take_few_bytes(k, dtype):
    masks = np.arange(k)[None, None]
    codes = MaskEncoder.fit(masks).transform(masks)
    assert codes.dtype == dtype
    np.testing.assert_array_equal(codes, masks)


REFUSED = {
    "one class": (np.ones((2, 2, 2), int), None, r"2 classes, but y has one class only: \[1\]"),
    "one given": (MASKS, [4, 4], r"but classes has one class only: \[4\]"),
    "given that are missing": (MASKS, [1.0, np.nan], "^Input classes contains NaN"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "classes", "words"), REFUSED.values(), ids=REFUSED)
def test_masks_of_one_class_are_refused(y, classes, words):
    with pytest.raises(ValueError, match=words):
        MaskEncoder.fit(y, classes)


def test_later_masks_are_refused_by_name():
    with pytest.raises(ValueError, match="^y_val has masks of 2 x 1, .* are of 2 x 2$"):
        ENCODER.transform(MASKS[..., :1], "y_val")
    with pytest.raises(
        ValueError, match=r"^y_val has classes .* \[2, 4, 8\] are not among"
    ):
        ENCODER.transform(MASKS - 1, "y_val")


def test_further_labels_follow_the_known_ones():
    assert ENCODER.including(MASKS) is ENCODER
    assert ENCODER.including(MASKS + 4).classes.tolist() == [3, 5, 9, 7, 13]
    assert ENCODER.including(MASKS.astype(float) + 0.5) is ENCODER
    assert MaskEncoder.fit(MASKS, [9, 5, 3, 1]).classes.tolist() == [1, 3, 5, 9]


PIXELS = np.array([[[1.0, 2], [0, 0]], [[3, 0], [0, 4]]])
COUNTS = {
    "none": (None, [5, 2, 1]),
    "of samples": (np.array([1.0, 3]), [3 + 2 * 3, 1 + 3, 3]),
    "of pixels": (PIXELS, [1 + 4, 2, 3]),
}


@pytest.mark.parametrize(("weight", "counts"), COUNTS.values(), ids=COUNTS)
def test_pixels_count_with_their_weights(weight, counts, chunks):
    assert ENCODER.count(CODES, weight).tolist() == counts
    shares = np.exp(ENCODER.constant_outputs(CODES, weight))
    np.testing.assert_allclose(shares, np.array(counts) / sum(counts))
    outputs = np.zeros((2, 2, 2, 3))
    confusion = ENCODER.tally(outputs, CODES, weight)
    np.testing.assert_array_equal(confusion, np.c_[counts, np.zeros((3, 2))])
    assert confusion.dtype == np.float64
    score = ENCODER.score(outputs, CODES, weight)
    assert score == pytest.approx(counts[0] / sum(counts) / 3)
    factors = ENCODER.class_factors("balanced", CODES, weight)
    np.testing.assert_allclose(factors, sum(counts) / 3 / np.array(counts))


def test_masks_are_predicted_with_probabilities():
    outputs = np.log(np.array([[[[1.0, 2, 5], [6, 1, 1]]]]))
    encoder = MaskEncoder(ENCODER.classes, (1, 2))
    assert encoder.predict(outputs).tolist() == [[[9, 3]]]
    np.testing.assert_allclose(encoder.predict_proba(outputs), np.exp(outputs) / 8)
    assert encoder.stratify(CODES) is None
    assert encoder.find_gaps(CODES) == ""
    gaps = encoder.find_gaps(CODES, np.array([1.0, 0]))
    assert gaps == "none of them has the classes [9]"
    missing = np.log(np.finfo(float).tiny)
    assert ENCODER.constant_outputs(CODES[:1])[2] == pytest.approx(missing)


Y = np.array([[[[1.0, 4], [3, 4]]], [[[5, 8], [7, 16]]]])  # two images, 1 x 2 x 2


def images(loss="squared_error", dtype="float64", weight=None, y=Y):
    return ImageEncoder.fit(y, loss, dtype, (1, 2, 2), weight)


WEIGHT = np.array([[[1.0, 0]], [[1, 2]]])
SCALES = {
    "squared_error": (None, [4, 8], [np.sqrt(5), np.sqrt(24)]),
    "poisson": (None, [0, 0], [4, 8]),
    "squared_error of samples": (np.array([1.0, 0]), [2, 4], [1, 1]),
    "squared_error of pixels": (WEIGHT, [5, 11], [np.sqrt(6), np.sqrt(27)]),
    "poisson of pixels": (WEIGHT, [0, 0], [5, 11]),
    "poisson of weights that are large": (WEIGHT * 8e307, [0, 0], [5, 11]),
}


@pytest.mark.parametrize("case", SCALES)
def test_scales_are_of_all_pixels_of_a_channel(case, chunks):
    weight, center, scale = SCALES[case]
    encoder = images(case.split(" ")[0], weight=weight)
    np.testing.assert_allclose(encoder.center, center, atol=1e-12)
    np.testing.assert_allclose(encoder.scale, scale)
    assert all(type(each) is float for each in (*encoder.center, *encoder.scale))


def test_scales_of_robust_losses_are_medians_and_quartiles():
    encoder = images("huber")
    normal = 1.3489795003921634
    assert encoder.center == (3, 4)
    np.testing.assert_allclose(encoder.scale, [4 / normal, 4 / normal])
    weighted = images("absolute_error", weight=WEIGHT)
    assert weighted.center == (5, 8)


CONSTANT = {
    "0": (0.0, 0, 1),
    "less than 1": (0.25, 0.25, 0.25),
    "more than 1": (9.0, 9, 1),
    "negative": (-9.0, -9, 1),
    "with a mean that rounds": (0.1, 0.1, 0.1),
    "tiny": (1e-310, 1e-310, 1e-310),
}


@pytest.mark.parametrize(("value", "center", "scale"), CONSTANT.values(), ids=CONSTANT)
def test_constant_images_have_a_scale_of_1_or_their_size(value, center, scale, chunks):
    encoder = images(y=np.full((3, 1, 2, 2), value))
    assert encoder.center == (center,) * 2 and encoder.scale == (scale,) * 2
    counts = images("poisson", y=np.zeros((3, 1, 2, 2)))
    assert counts.scale == (1, 1)


def test_targets_are_scaled_when_they_are_read():
    encoder = images()
    targets = encoder.transform(Y)
    assert type(targets) is ScaledImages and len(targets) == 2
    expected = (Y - [4, 8]) / np.sqrt([5, 24])
    np.testing.assert_allclose(targets[np.array([1])], expected[1:])
    part = targets.part(np.array([1, 0])).part(np.array([1]))
    assert (len(part), part.shape) == (1, (1, 1, 2, 2))
    np.testing.assert_allclose(part[np.array([0])], expected[:1])
    np.testing.assert_array_equal(part.read(), Y[:1])
    np.testing.assert_array_equal(targets.read(), Y)
    np.testing.assert_allclose(encoder.inverse_transform(expected), Y)
    np.testing.assert_allclose(encoder.predict(expected), Y)
    assert encoder.inverse_transform(expected.astype("f4")).dtype == np.float64
    assert images(dtype="float32").predict(expected).dtype == np.float32
    plain = encoder.unscaled()
    assert (plain.center, plain.scale) == ((0.0,), (1.0,))
    np.testing.assert_array_equal(plain.transform(Y)[:2], Y)
    assert encoder.stratify(targets) is None


def test_images_without_channels_keep_their_shape():
    y = Y[..., 0]
    encoder = ImageEncoder.fit(y, "squared_error", "float64", (1, 2, 1))
    targets = encoder.transform(y)
    assert targets[:1].shape == (1, 1, 2, 1)
    np.testing.assert_allclose(encoder.predict(targets[:2]), y)


def test_predictions_of_counts_are_exponentials():
    encoder = images("poisson")
    assert (encoder.activation, images().activation) == ("exp", "identity")
    np.testing.assert_allclose(
        encoder.predict(np.log(np.full((1, 1, 2, 2), 3.0))), np.full((1, 1, 2, 2), [12, 24])
    )  # fmt: skip


TOO_LARGE = r"^predictions are too large for float32 for .*1 of 2 .*outputs are up to 200 with loss='poisson'\. Scale X"


def test_predictions_and_targets_out_of_range_are_errors():
    encoder = images("poisson", "float32")
    outputs = np.zeros((2, 1, 2, 2), np.float32)
    outputs[1, 0, 1, 0] = -200
    encoder.predict(outputs)
    outputs *= -1
    with pytest.raises(ValueError, match=TOO_LARGE):
        encoder.predict(outputs)
    for y, words in [
        (-Y, r"^y_val must be >= 0 with loss='poisson', got -16\. Use loss="),
        (Y * 1e39, r"^y_val has values from 1e\+39 to 1\.6e\+40, out of range for float32, .* first targets' scale, 8\. "),
        (Y[:, :, :1], r"^y_val of shape \(2, 1, 1, 2\) does not .* fit, \(n, 1, 2, 2\)$"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            encoder.transform(y, "y_val")
    encoder.transform(Y * 0)
    images("squared_error", "float32").transform(-Y)
    low = images("squared_error", "float32")
    with pytest.raises(ValueError, match=r"from -1\.6e\+40 to -1e\+39, out of range"):
        low.transform(-Y * 1e39)


SCORED = {
    "exact": (Y, None, 1),
    "mean": (np.full_like(Y, [4, 8]), None, 0),
    "one channel": (np.where([True, False], Y, [4, 8]), None, 0.5),
    "exact where they have weight": (np.where(WEIGHT[..., None] > 0, Y, 99), WEIGHT, 1),
    "mean of some": (np.full_like(Y, [5, 11]), WEIGHT, 0),
    "of one sample": (np.where(np.arange(2)[:, None, None, None], 99, [2, 4]), np.array([1.0, 0]), None),
}  # fmt: skip


@pytest.mark.parametrize(("y", "weight", "score"), SCORED.values(), ids=SCORED)
def test_scores_are_r2_of_pixels_the_mean_over_channels(y, weight, score):
    encoder = images()
    outputs, targets = ((each - [4, 8]) / np.sqrt([5, 24]) for each in (y, Y))
    found = encoder.score(outputs, targets, weight)
    if score is None:  # the second channel is the same everywhere
        assert np.isnan(found)
    else:
        assert found == pytest.approx(score, abs=1e-12)


def test_scores_of_constant_channels_are_1_or_0_if_they_must_be_finite():
    encoder = images()
    same = np.ones((2, 1, 2, 2))
    half = same * [1, 2]
    for outputs, expected in [(same, 1), (half, 0.5), (2 * same, 0)]:
        total = encoder.tally(outputs, same)
        assert np.isnan(encoder.score_of(total))
        assert encoder.score_of(total, force_finite=True) == expected
    infinite = encoder.tally(np.full_like(same, np.inf), Y)
    assert np.isnan(encoder.score_of(infinite, force_finite=True))


def test_tallies_are_sums_that_add_up():
    encoder = images().unscaled()
    total = encoder.tally(Y + 1, Y)
    np.testing.assert_array_equal(total, [[4, 4], [16, 32], [84, 352], [4, 4]])
    parts = sum(encoder.tally(Y[[i]] + 1, Y[[i]]) for i in (0, 1))
    np.testing.assert_array_equal(parts, total)
    weighted = encoder.tally(Y + 1, Y, WEIGHT)
    np.testing.assert_array_equal(weighted, [[4, 4], [20, 44], [124, 592], [4, 4]])


def test_gaps_of_images_are_constant_channels(chunks):
    encoder = images().unscaled()
    assert encoder.find_gaps(Y) == ""
    words = "a channel is the same everywhere"
    assert encoder.find_gaps(np.where([True, False], Y, 2)) == words
    assert encoder.find_gaps(Y, np.array([1.0, 0])) == words
    assert encoder.find_gaps(Y, WEIGHT) == ""


@pytest.mark.parametrize(
    ("loss", "expected"), [("squared_error", [0, 0]), ("poisson", [1, 1])]
)
def test_constants_of_images_are_the_mean(loss, expected, chunks):
    encoder = images(loss)
    targets = encoder.transform(Y)
    found = encoder.constant_outputs(targets)
    np.testing.assert_allclose(np.exp(found) if loss == "poisson" else found, expected)
    if loss == "poisson":
        first = encoder.constant_outputs(targets, np.array([1.0, 0]))
        np.testing.assert_allclose(np.exp(first), [2 / 4, 4 / 8])
        none = encoder.constant_outputs(encoder.transform(0 * Y))
        np.testing.assert_allclose(none, np.log(np.finfo(float).tiny))


def test_images_far_from_the_first_give_a_warning(chunks, recwarn):
    encoder = images()
    encoder.warn_if_far(Y + np.sqrt([5, 24]) * 29)
    assert not recwarn.list
    with pytest.warns(
        UserWarning,
        match=r"^y is 10\d times its scale away .* Scale and center, 2\.24 and 4,",
    ):
        encoder.warn_if_far(Y + np.array([100, 0]) * np.sqrt([5, 24]))


def test_values_that_hardly_differ_have_the_scale_of_constants():
    y = np.ones((3, 1, 2, 2))
    y[1] += 2**-51
    assert images(y=y).scale == (1, 1) and images(y=y).center == (1, 1)
    tiny = np.array([5e-324, 1e-323])[:, None, None, None] * np.ones((2, 1, 2, 2))
    assert min(images(y=tiny).scale) > 0


def test_means_are_of_all_pixels_and_quartiles_of_some(monkeypatch):
    monkeypatch.setattr(image_encoder, "_PIXELS_FOR_QUARTILES", 1)
    for loss, center in [("squared_error", (4, 8)), ("poisson", (0, 0))]:
        assert images(loss).center == pytest.approx(center)
    assert images("poisson").scale == (4, 8)
    assert images("huber").center[0] in Y[..., 0]


def test_differences_from_the_center_may_leave_the_range():
    encoder = images(dtype="float32", y=np.full_like(Y, 3e38))
    encoder.transform(np.full_like(Y, 3e38))
    with pytest.raises(ValueError, match="out of range for float32"):
        encoder.transform(np.full_like(Y, -3e38))


def test_scores_of_channels_that_differ_by_rounding_only():
    encoder = ImageEncoder("squared_error", (1, 1), (1, 1, 1), "float64")
    for squares, errors, score in [
        (1000 + 1e-10, 0.0, 1),
        (1000, 0.5, 0),
        (1001, 0.5, 0.5),
    ]:
        total = np.array([[10.0], [100], [squares], [errors]])
        assert encoder.score_of(total, force_finite=True) == pytest.approx(score)
    nothing = np.array([[10.0], [0], [0], [0]])
    assert encoder.score_of(nothing, force_finite=True) == 1


def test_gaps_are_of_pixels_with_weight():
    encoder = images().unscaled()
    y = Y.copy()
    y[0, 0, 1], y[1] = 5, 5
    weight = np.array([[[0, 0.5]], [[0.5, 0.5]]])
    assert encoder.find_gaps(y) == ""
    assert encoder.find_gaps(y, weight) == "a channel is the same everywhere"
    assert encoder.find_gaps(Y, WEIGHT / 2) == ""
