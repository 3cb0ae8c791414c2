"""What is read from a file at the limits of what it may be, and tasks of callbacks."""

import datetime
import functools

import numpy as np
import pytest

from skconv import ConvNetClassifier
from skconv.callbacks import compat, fingerprint, fitted

IMAGES = {
    "loss": "squared_error", "shape": [4, 6], "output_shape": [4, 3, 2],
    "center": [0.0, 1.0], "scale": [0.5, 2.0],
}  # fmt: skip
NUMBERS = {"loss": "squared_error", "n_outputs": 2, "flat": False}
CLASSES = {"classes": [0, 1], "dtype": "int64", "multilabel": False}


def parse(described):
    return fitted._parse_encoder(described, "float32")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"shape": [24]},
        {"shape": [2, 4, 3]},
        {"shape": [24], "output_shape": [12, 2]},
        {"center": [0.5], "scale": [1e-9]},
    ],
)
def test_encoder_of_images_is_read(change):
    described = {**IMAGES, **change}
    encoder = parse(described)
    assert fitted.describe_encoder(encoder) == described


def test_encoder_of_numbers_is_read():
    encoder = parse(NUMBERS)
    assert (encoder.center, encoder.scale) == ((0.0,), (1.0,))
    full = {**NUMBERS, "center": [3.0, -1], "scale": [0.5, 1e-9]}
    full["center"] = [3.0, -1.0]
    assert fitted.describe_encoder(parse(full)) == full
    flat = {**NUMBERS, "n_outputs": 1, "flat": True, "center": [0.0], "scale": [1.0]}
    assert fitted.describe_encoder(parse(flat)) == flat
    interval = {**NUMBERS, "loss": "quantile", "quantile": [0.1, 0.9]}
    interval |= {"center": [0.0], "scale": [1.0]}
    assert fitted.describe_encoder(parse(interval)) == interval
    assert parse(interval).quantile == (0.1, 0.9)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({**IMAGES, "shape": []}, r"the shape of its targets must have 1 to 3 axes, got \[\]"),
        ({**IMAGES, "shape": [1, 2, 3, 4]}, "must have 1 to 3 axes"),
        ({**IMAGES, "shape": "24"}, "must have 1 to 3 axes, got '24'"),
        ({**IMAGES, "shape": [0, 6]}, "the shape of its targets must be .*1, got 0"),
        ({**IMAGES, "output_shape": [24]}, "must have 2 to 3 axes"),
        ({**IMAGES, "output_shape": [1, 4, 3, 2]}, "must have 2 to 3 axes"),
        ({**IMAGES, "center": [0.0, 1.0, 2.0]}, "the center of its encoder must be a list of 2"),
        ({**IMAGES, "scale": [1.0, 0.0]}, "the scale of its encoder must be positive, got 0.0"),
        ({**NUMBERS, "n_outputs": 0}, "n_outputs must be .*1, got 0"),
        ({**NUMBERS, "n_outputs": "2"}, "n_outputs must be"),
        ({**NUMBERS, "flat": 0}, "flat must be"),
        ({**NUMBERS, "flat": True}, "2 outputs cannot be flat"),
        ({**NUMBERS, "loss": "gaussian", "n_outputs": 3}, "3 outputs cannot be those of the loss 'gaussian'"),
        ({**NUMBERS, "scale": [0.0]}, "the scale of its encoder must be positive, got 0.0"),
        ({**NUMBERS, "scale": [1]}, "the scale of its encoder must be a list of 2 numbers"),
        ({**NUMBERS, "center": [np.nan]}, "the center of its encoder must be a list of 2"),
        ({**NUMBERS, "quantile": 0.5}, "quantile"),
        ({"columns": [CLASSES]}, "must be two or more of classes"),
        ({"columns": (CLASSES, CLASSES)}, "must be two or more of classes"),
        ({"columns": [CLASSES, 3]}, "must be two or more of classes"),
        ({"columns": [CLASSES, {"classes": [0, 1]}]}, "must be two or more of classes"),
    ],
)  # fmt: skip
def test_encoder_that_cannot_be_is_refused(described, words):
    with pytest.raises(ValueError, match=words):
        parse(described)


def test_names_of_features_are_objects():
    names = fitted._parse_names(["a", "bc"], 2)
    assert names.dtype == object and names.tolist() == ["a", "bc"]
    for wrong in (["a"], ["a", 1], ("a", "b"), None):
        with pytest.raises(ValueError, match="its feature_names must be 2 texts"):
            fitted._parse_names(wrong, 2)


# Fingerprints -------------------------------------------------------------------------


def test_files_in_a_folder_have_short_digests():
    name = fingerprint.file_name({"estimator": "ConvNetClassifier"})
    kind, _, digest = name.removesuffix(".ckpt").partition("-")
    assert kind == "ConvNetClassifier" and len(digest) == 16
    assert int(digest, 16) >= 0


def test_texts_of_errors_are_short_and_plain():
    assert fingerprint._brief("a" * 100) == "a" * 100
    assert fingerprint._brief("a" * 101) == "a" * 100 + "..."
    assert fingerprint._brief("a\x1b[2J") == ascii("a\x1b[2J")


def test_values_are_shown_from_where_they_differ():
    assert fingerprint._different(1, 2) == ("1", "2")
    for n in (18, 19, 20, 40):
        long = ["a" * n + "b" + "c" * 200, "a" * n + "d" + "c" * 200]
        mine, other = fingerprint._different(*long)
        start = max(n + 1 - 20, 0)
        lead = "..." if start else ""
        for found, value in zip((mine, other), long, strict=True):
            assert found == lead + repr(value)[start : start + 100] + "..."
    assert fingerprint._different("c" * 500, "c" * 501)[0].startswith("...")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (np.array(["2020-01-02"], "datetime64[D]"), ["2020-01-02"]),
        (np.array([1.5, 2]), [1.5, 2.0]),
        (np.float32(0.5), "0.5"),
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (np.mean, "numpy.mean"),
        (functools.partial(np.mean), "partial"),
        (len, "builtins.len"),
        (ConvNetClassifier, "skconv.estimators.classifier.ConvNetClassifier"),
    ],
)
def test_parameters_are_encoded_by_name(value, encoded):
    assert fingerprint._without_types(fingerprint._by_name(value, "it")) == encoded


# Tasks before scikit-learn 1.9 --------------------------------------------------------


class Recorder:
    """A callback that may stop the fit."""

    def __init__(self, stop=False):
        self.stop, self.calls = stop, []

    def setup(self, estimator, context):
        self.calls.append(("setup", context))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.calls.append(("end", fitted_estimator))
        return self.stop

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context))


class Older(compat.CallbackSupportMixin):
    """An estimator with callbacks."""


@pytest.mark.parametrize("stops", [(False, True), (True, False), (False, False)])
def test_tasks_know_their_place_and_one_callback_stops_all(stops):
    callbacks = [Recorder(stop) for stop in stops]
    estimator = Older().set_callbacks(*callbacks)
    whole = estimator._init_callback_context(max_subtasks=7)
    assert (whole.estimator_name, whole.task_name) == ("Older", "fit")
    assert (whole.max_subtasks, whole.parent, whole.task_id) == (7, None, 0)
    assert whole.source_estimator_name is whole.source_task_name is None
    parts = [whole.subcontext("epoch", max_subtasks=n) for n in range(3)]
    assert [part.task_id for part in parts] == [0, 1, 2]
    assert [part.max_subtasks for part in parts] == [0, 1, 2]
    assert {(part.task_name, part.parent) for part in parts} == {("epoch", whole)}
    assert whole.subcontext("epoch").max_subtasks == 0
    assert estimator._init_callback_context().max_subtasks == 0
    assert parts[0].call_on_fit_task_begin(estimator=estimator) is parts[0]
    ended = parts[0].call_on_fit_task_end(
        estimator=estimator, reconstruction_attributes=lambda: {"a_": 3}, X=None
    )
    assert ended is any(stops)
    for callback in callbacks:
        kinds = [kind for kind, _ in callback.calls]
        assert kinds == ["setup", "setup", "begin", "end"]
        assert callback.calls[-1][1].a_ == 3
    given = object()
    parts[1].call_on_fit_task_end(estimator=estimator, fitted_estimator=given)
    assert callbacks[0].calls[-1] == ("end", given)
    whole.tear_down()
    whole.tear_down()  # once for each
    assert [kind for kind, _ in callbacks[1].calls].count("teardown") == 1
