"""Encoders of class labels by themselves, against numbers that are worked out by hand."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

from skconv._data.class_encoder import ClassEncoder, log_softmax, softmax
from skconv._data.image_encoder import ImageEncoder
from skconv._data.labels import check_labels, check_masks
from skconv._data.mask_encoder import MaskEncoder
from skconv._data.multioutput_encoder import MultiOutputEncoder
from skconv._data.regression_encoder import RegressionEncoder, check_target_values

COLUMNS = MultiOutputEncoder.fit(np.array([["a", "x"], ["b", "y"], ["c", "x"]]))
MANY = ClassEncoder.fit(np.array(["b", "a", "c"]))
TWO = ClassEncoder.fit(np.array([7, 3]))
LABELS = ClassEncoder(np.arange(2), multilabel=True)
LOG3 = np.log(3)

FORMS = {
    "many": (MANY, (3,), "softmax", "softmax_cross_entropy"),
    "two": (TWO, (1,), "logistic", "sigmoid_cross_entropy"),
    "labels": (LABELS, (2,), "logistic", "sigmoid_cross_entropy"),
}


@pytest.mark.parametrize(
    ("encoder", "shape", "activation", "loss"), FORMS.values(), ids=FORMS
)
def test_two_classes_have_one_output_and_labels_one_each(
    encoder, shape, activation, loss
):
    assert encoder.output_shape == shape and encoder.n_outputs == shape[0]
    assert (encoder.activation, encoder.loss_name) == (activation, loss)


CODES = {
    "many": (MANY, ["c", "a", "a"], [2, 0, 0]),
    "two": (TWO, [7, 7, 3], [[1], [1], [0]]),
    "labels": (LABELS, [[0, 1], [1, 1]], [[0, 1], [1, 1]]),
    "dates in another unit": (
        ClassEncoder.fit(np.array(["2020", "2021", "2022"], "M8[Y]")),
        np.array(["2022-01-01", "2020-01-01"], "M8[D]"),
        [2, 0],
    ),
    "finer dates": (
        ClassEncoder.fit(np.array(["2020-01-01", "2021-01-01"], "M8[D]")),
        np.array(["2021", "2020"], "M8[Y]"),
        [[1], [0]],
    ),
}


@pytest.mark.parametrize(("encoder", "y", "targets"), CODES.values(), ids=CODES)
def test_labels_become_codes_and_back(encoder, y, targets):
    y = np.asarray(y)
    found = encoder.transform(y)
    assert found.tolist() == targets
    np.testing.assert_array_equal(encoder.inverse_transform(found), y)


UNKNOWN = {
    "label": (MANY, ["z", "a"], r"^y_val has .*: \['z'\] are not among \['a', 'b', 'c'\]"),
    "columns of classes": (MANY, [["a", "b"]], r"^y_val of shape \(1, 2\) does not match the 3 classes of"),
    "rows of labels": (LABELS, [0, 1], r"^y_val of shape \(2,\) does not match the 2 labels of"),
    "one label more": (LABELS, [[0, 1, 1]], r"^y_val of shape \(1, 3\) does not match the 2 labels"),
    "a date": (CODES["finer dates"][0], np.array(["2023"], "M8[Y]"), r"2023.* are not among .*2020-01-01"),
    "dates for numbers": (TWO, np.array(["2023"], "M8[Y]"), "are not among"),
    "a number for dates": (CODES["finer dates"][0], [3], r"\[3\] are not among"),
}  # fmt: skip


@pytest.mark.parametrize(("encoder", "y", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_labels_are_refused_by_name(encoder, y, words):
    with pytest.raises(ValueError, match=words):
        encoder.transform(np.asarray(y), "y_val")


def test_one_hot_labels_give_a_warning():
    with pytest.warns(UserWarning, match=r"pass y.argmax\(axis=1\)"):
        encoder = ClassEncoder.fit(np.eye(3, dtype=int))
    assert encoder.multilabel and encoder.classes.tolist() == [0, 1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ClassEncoder.fit(np.array([[1, 0], [1, 1]]))
        ClassEncoder.fit(np.array([[0, 0], [1, 0]]), classes=[0, 1])


REFUSED = {
    "labels": (np.array([[1, 0], [1, 1]]), [0, 1, 2], r"each of the 2 labels .*, got 3"),
    "classes": (np.array([1, 2]), [1, 1], r"but classes has one class only: \[1\]"),
    "y": (np.array([1, 1]), None, r"but y has one class only: \[1\]"),
    "missing classes": (np.array([1, 2]), [1, np.nan], "^Input classes contains NaN"),
}  # fmt: skip


@pytest.mark.parametrize(("y", "classes", "words"), REFUSED.values(), ids=REFUSED)
def test_classes_that_do_not_fit_are_refused(y, classes, words):
    with pytest.raises(ValueError, match=words):
        ClassEncoder.fit(y, classes)


def test_classes_may_be_more_than_y_has():
    assert ClassEncoder.fit(np.array([5, 6]), [9, 6, 5]).classes.tolist() == [5, 6, 9]


WEIGHTS = {
    "balanced": ("balanced", None, [2 / 3, 2 / 3, 4 / 3, 4 / 3]),
    "balanced with weights": ("balanced", [1, 1, 1, 3], [3 / 2, 3 / 2, 3, 1]),
    "of some": ({"b": 3}, None, [1, 1, 3, 1]),
    "zero": ({"a": 0}, None, [0, 0, 1, 1]),
    "of more than y has": ({"a": 1, "b": 2, "c": 4, "d": 8}, None, [1, 1, 2, 4]),
}


@pytest.mark.parametrize(("given", "weight", "factors"), WEIGHTS.values(), ids=WEIGHTS)
def test_factors_of_classes(given, weight, factors):
    targets = MANY.transform(np.array(["a", "a", "b", "c"]))
    weight = None if weight is None else np.array(weight, float)
    found = MANY.class_factors(given, targets, weight)
    np.testing.assert_allclose(found / found.sum(), np.array(factors) / sum(factors))
    masks = MaskEncoder(MANY.classes, (2, 2))
    by_class = masks.class_factors(given, targets.reshape(1, 2, 2), None)
    if weight is None:
        np.testing.assert_allclose(by_class[targets], found)


def test_balanced_factors_have_the_mean_one_of_all_samples():
    targets = MANY.transform(np.array(["a", "a", "a", "c"]))
    np.testing.assert_allclose(
        MANY.class_factors("balanced", targets), [2 / 3, 2 / 3, 2 / 3, 2]
    )
    huge = MANY.class_factors("balanced", targets, np.full(4, 1e308))
    np.testing.assert_allclose(huge, [2 / 3, 2 / 3, 2 / 3, 2])


WRONG = {
    "labels": (LABELS, "balanced", "class_weight is for samples of one class each"),
    "list": (MANY, [{"a": 1}], r"got a list: \[\{'a': 1\}\]"),
    "unknown": (MANY, {"z": 2, "a": 1}, r"not in y: \['z'\] are not among \['a', 'b', 'c'\]"),
    "negative": (MANY, {"a": -1}, r">= 0, not all 0, got \{'a': -1\}"),
    "infinite": (MANY, {"a": np.inf}, "finite numbers >= 0"),
    "not a number": (MANY, {"a": np.nan}, "finite numbers >= 0"),
    "all 0": (MANY, {"a": 0, "b": 0, "c": 0}, "not all 0"),
}  # fmt: skip


@pytest.mark.parametrize(("encoder", "given", "words"), WRONG.values(), ids=WRONG)
def test_weights_of_classes_that_make_no_sense_are_refused(encoder, given, words):
    with pytest.raises(ValueError, match=words):
        encoder.class_factors(given, np.array([0, 1, 2]))


def test_predictions_and_probabilities_of_many_classes():
    outputs = np.log([[1.0, 2.0, 5.0], [6.0, 1.0, 1.0]])
    assert MANY.predict(outputs).tolist() == ["c", "a"]
    expected = [[1 / 8, 2 / 8, 5 / 8], [6 / 8, 1 / 8, 1 / 8]]
    np.testing.assert_allclose(MANY.predict_proba(outputs), expected)
    np.testing.assert_allclose(MANY.predict_log_proba(outputs), np.log(expected))
    np.testing.assert_array_equal(MANY.decision_function(outputs), outputs)
    assert MANY.score(outputs, np.array([2, 1])) == 0.5
    assert MANY.score(outputs, np.array([2, 1]), np.array([3.0, 1.0])) == 0.75


def test_predictions_and_probabilities_of_two_classes():
    outputs = np.array([[LOG3], [-LOG3], [0.0]])
    assert TWO.predict(outputs).tolist() == [7, 3, 3]
    expected = [[1 / 4, 3 / 4], [3 / 4, 1 / 4], [1 / 2, 1 / 2]]
    np.testing.assert_allclose(TWO.predict_proba(outputs), expected)
    np.testing.assert_allclose(TWO.predict_log_proba(outputs), np.log(expected))
    np.testing.assert_array_equal(TWO.decision_function(outputs), outputs[:, 0])
    assert TWO.score(outputs, np.array([[1], [1], [0]])) == pytest.approx(2 / 3)


def test_predictions_and_probabilities_of_labels():
    outputs = np.array([[LOG3, -LOG3], [0.0, 40.0]], np.float32)
    assert LABELS.predict(outputs).tolist() == [[1, 0], [0, 1]]
    found = LABELS.predict_proba(outputs)
    np.testing.assert_allclose(found, [[3 / 4, 1 / 4], [1 / 2, 1]], rtol=1e-6)
    np.testing.assert_allclose(
        LABELS.predict_log_proba(outputs), np.log(found), atol=1e-9
    )
    np.testing.assert_array_equal(LABELS.decision_function(outputs), outputs)
    assert LABELS.score(outputs, np.array([[1, 0], [0, 0]])) == 0.5
    # A label that is predicted has more than a half.
    close = LABELS.predict_proba(np.array([[1e-30, -1e-30]]))
    assert close[0, 0] == np.nextafter(0.5, 1) and close[0, 1] == 0.5


def test_probabilities_that_round_to_the_same_keep_the_order_of_outputs():
    outputs = np.array([[0, 1e-9, 0], [1, 2, 3]], np.float32)
    found = softmax(outputs)
    assert found.argmax(axis=1).tolist() == outputs.argmax(axis=1).tolist() == [1, 2]
    assert found[0, 1] == np.nextafter(found[0, 0], np.float32(1))
    far = np.array([[0.0, -1000.0]])
    np.testing.assert_allclose(log_softmax(far), far)


def test_constants_are_logarithms_of_shares():
    targets = np.array([0, 0, 2, 0])
    np.testing.assert_allclose(
        MANY.constant_outputs(targets), np.log([3 / 4, np.finfo(float).tiny, 1 / 4])
    )
    weighted = MANY.constant_outputs(targets, np.array([1.0, 0, 1, 0]))
    np.testing.assert_allclose(np.exp(weighted), [1 / 2, 0, 1 / 2], atol=1e-9)
    labels = np.array([[1, 1], [0, 1], [1, 1], [1, 1]])
    np.testing.assert_allclose(
        LABELS.constant_outputs(labels), [LOG3, np.log(1e12)], rtol=1e-4
    )
    np.testing.assert_allclose(
        LABELS.constant_outputs(1 - labels, np.array([1.0, 3, 0, 0])),
        [LOG3, -np.log(1e12)], rtol=1e-4,
    )  # fmt: skip


GAPS = {
    "none": (MANY, [0, 1, 2], None, ""),
    "many": (MANY, [0, 1, 1], None, "none of them has the classes ['c']"),
    "of weight 0": (MANY, [0, 1, 2], [1, 0, 1], "none of them has the classes ['b']"),
    "both": (TWO, [[0], [1]], None, ""),
    "only the second": (TWO, [[1], [1]], None, "none of them has the classes [3]"),
    "only the first": (TWO, [[0], [1]], [1, 0], "none of them has the classes [7]"),
    "labels": (LABELS, [[0, 1], [1, 0]], None, ""),
    "all have one": (LABELS, [[0, 1], [1, 1]], None, "all or none of them have the labels [1]"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("encoder", "targets", "weight", "words"), GAPS.values(), ids=GAPS
)
def test_gaps_name_what_is_missing(encoder, targets, weight, words):
    weight = None if weight is None else np.array(weight)
    assert encoder.find_gaps(np.array(targets), weight) == words


def test_splits_are_stratified_by_classes_and_not_by_labels():
    assert MANY.stratify(np.array([2, 0])).tolist() == ["c", "a"]
    assert TWO.stratify(np.array([[1], [0]])).tolist() == [7, 3]
    assert LABELS.stratify(np.array([[1, 0]])) is None


def test_encoders_are_the_same_if_their_classes_are():
    assert MANY.same_classes(ClassEncoder(np.array(["a", "b", "c"]), multilabel=False))
    assert not MANY.same_classes(ClassEncoder(np.array(["a", "b"]), multilabel=False))
    assert not LABELS.same_classes(ClassEncoder(np.arange(2), multilabel=False))
    columns = MultiOutputEncoder((TWO, MANY))
    assert columns.same_classes(MultiOutputEncoder((TWO, MANY)))
    for other in (MultiOutputEncoder((MANY, TWO)), MultiOutputEncoder((TWO,)), TWO):
        assert not columns.same_classes(other)
        assert not MANY.same_classes(columns)


def test_outputs_between_0_and_1_decide_too():
    half = np.array([[0.5], [-0.5]])
    assert TWO.predict(half).tolist() == [7, 3]
    assert TWO.score(half, np.array([[1], [0]])) == 1
    assert LABELS.predict(half * [1, -1]).tolist() == [[1, 0], [0, 1]]
    assert LABELS.predict_proba(np.zeros((1, 2))).tolist() == [[0.5, 0.5]]


def test_logarithms_of_probabilities_that_are_0_are_right():
    found = TWO.predict_log_proba(np.array([[800.0], [-900.0]]))
    np.testing.assert_allclose(found, [[-800, 0], [0, -900]])
    far = np.array([[0.0, -1000.0], [-5.0, 5.0]])
    np.testing.assert_allclose(log_softmax(far), [[0, -1000], [-10, 0]], atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("encoder", "outputs"),
    [
        (MANY, [[900.0, 0.0, -900.0]]),
        (TWO, [[900.0]]),
        (TWO, [[-900.0]]),
        (LABELS, [[900.0, -900.0]]),
    ],
)
def test_no_probability_is_0(encoder, outputs, dtype):
    probabilities = encoder.predict_proba(np.array(outputs, dtype))
    assert probabilities.min() == np.finfo(probabilities.dtype).tiny
    assert probabilities.max() == 1
    assert np.isfinite(np.log(probabilities)).all()


def test_classes_that_are_missing_at_the_end_count():
    targets = np.array([0, 1, 1, 0])
    assert MANY.class_factors({"c": 5}, targets).tolist() == [1, 1, 1, 1]
    assert MANY.class_factors("balanced", targets).tolist() == [1, 1, 1, 1]
    assert MANY.constant_outputs(targets).shape == (3,)
    assert (
        LABELS.find_gaps(np.array([[0, 1]]))
        == "all or none of them have the labels [0, 1]"
    )


def test_weights_of_classes_may_be_any_numbers():
    weights = {"a": Fraction(1, 2), "b": np.float32(2)}
    assert MANY.class_factors(weights, np.array([0, 1])).tolist() == [0.5, 2]
    assert MANY.class_factors({}, np.array([0, 1])).tolist() == [1, 1]


DEFAULTS = [
    (MANY.transform, np.array(["z"]), "^y has classes"),
    (COLUMNS.transform, np.array(["a"]), r"^y of shape \(1,\)"),
    (MaskEncoder(np.arange(2), (1, 1)).transform, np.zeros((1, 2, 2)), "^y has masks"),
    (check_labels, 3, "^y must be an array"),
    (check_masks, 3, "^y must be an array"),
    (check_target_values, np.zeros((2, 0)), "^y must hold numbers"),
    (
        RegressionEncoder("huber", 1, True, "float64").transform,
        np.ones((2, 2)),
        "^y of",
    ),
    (
        ImageEncoder("huber", (1, 1), (1, 1, 1), "float64").transform,
        np.ones(2),
        "^y of",
    ),
]


@pytest.mark.parametrize(("check", "y", "words"), DEFAULTS)
def test_targets_are_called_y_by_default(check, y, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check(y)
