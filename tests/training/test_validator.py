"""What a validator computes and asks a scorer, of an estimator that is a fake."""

import math
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, make_scorer, max_error

from skconv._data.samples import Samples
from skconv._training import validation
from skconv._training.validation import Validator, _takes_weight, find_scorer

X = np.arange(8.0).reshape(4, 2)
TARGETS = np.array([0, 1, 1, 0])
WAYS_OUT = (
    "Pass other X_val and y_val, hold out more with validation_fraction, or choose "
    "another scoring; None compares epochs by their loss"
)


class FakeNetwork:
    """A network whose outputs are twice its inputs."""

    dtype, input_shape, shapes, output_shape = np.dtype("f4"), (2,), [(2,)], (2,)

    def predict(self, x, upto=None):
        return 2 * x


class FakeEstimator:
    """What a validator needs of an estimator; it notes what it is asked for."""

    def __init__(self, scoring=None, gaps="", output_shape=(2,)):
        self.scoring, self.network_ = scoring, FakeNetwork()
        self.feature_names_in_, self.tta, self.asked = ["a", "b"], "views", []
        self._encoder = SimpleNamespace(
            output_shape=output_shape,
            score_name="accuracy",
            find_gaps=lambda targets, weight: gaps and f"{gaps} {targets} {weight}",
            score=lambda outputs, targets, weight: float(
                outputs.sum() + (0 if weight is None else 1000)
            ),
            inverse_transform=lambda targets: targets + 10,
        )

    def _draft(self):
        copy = object.__new__(type(self))
        vars(copy).update(vars(self))
        return copy

    def _outputs(self, X):
        self.asked.append(X)
        return "computed", self._encoder


@pytest.fixture(autouse=True)
def loss(monkeypatch):
    """Let the loss be the mean of the weights, or a number."""

    def loss(outputs, targets, weight):
        calls.append((outputs, targets, weight))
        return loss.value if loss.value is not None else float(weight @ targets), None

    calls = loss.calls = []
    loss.value = 0.5
    monkeypatch.setattr(validation, "loss_of", lambda encoder: loss)
    return loss


def test_loss_and_score_are_of_one_prediction(loss):
    validator = Validator(FakeEstimator(), Samples(X, TARGETS))
    assert validator() == (0.5, 2 * X.sum())
    ((outputs, targets, weight),) = loss.calls
    np.testing.assert_array_equal(outputs, 2 * X)
    assert targets is TARGETS
    assert weight is None
    assert Validator(FakeEstimator(), Samples(X, TARGETS), "loss")() == (0.5, -0.5)


def test_rest_of_the_network_is_enough(loss):
    rest = FakeNetwork(), 10 * X
    assert (
        Validator(FakeEstimator(), Samples(X, TARGETS), None, rest)()[1] == 20 * X.sum()
    )


@pytest.mark.parametrize("size", [1.0, 1e-300, 5e307])
def test_weights_in_the_loss_have_the_mean_1_and_the_networks_dtype(size, loss):
    weight = np.array([1.0, 3, 3, 1]) * size
    validator = Validator(FakeEstimator(), Samples(X, TARGETS, weight))
    assert validator() == (0.5, 2 * X.sum() + 1000)
    assert loss.calls[0][2].dtype == np.float32
    np.testing.assert_allclose(loss.calls[0][2], [0.5, 1.5, 1.5, 0.5])


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_outputs_that_are_not_finite_have_no_score(value):
    estimator, outputs = FakeEstimator(), X.copy()
    outputs[1, 1] = value
    estimator.network_.predict = lambda x, upto: outputs + outputs - outputs
    validator = Validator(estimator, Samples(X, TARGETS), None)
    with pytest.warns(UserWarning, match="is NaN") as caught:
        loss, score = validator()
    assert len(caught) == 1
    assert loss == 0.5
    assert math.isnan(score)


# Scorers ------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [None, np.array([3, 1])])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("numbers", [False, True])
def test_scorer_gets_the_samples_and_has_their_outputs(rows, weighted, named, numbers):
    def plain(estimator, x, y):
        seen.append(
            (estimator, x, y, estimator._outputs(x)[0], estimator._outputs([x]))
        )
        return np.float32(0.25)

    def with_weight(estimator, x, y, sample_weight=None):
        weights.append(sample_weight)
        return plain(estimator, x, y)

    seen, weights, n = [], [], 4 if rows is None else 2
    weight = np.arange(1.0, n + 1) if weighted else None
    samples = Samples(
        X, TARGETS[:n], weight, rows, np.arange(n) / 2 if numbers else None
    )
    estimator = FakeEstimator()
    score = Validator(estimator, samples, with_weight if named else plain)()[1]
    assert score == 0.25
    assert type(score) is float
    ((copy, x, y, outputs, others),) = seen
    np.testing.assert_array_equal(x, X if rows is None else X[rows])
    np.testing.assert_array_equal(y, samples.y if numbers else TARGETS[:n] + 10)
    np.testing.assert_array_equal(outputs, 2 * x)
    assert others == ("computed", estimator._encoder)
    assert copy is not estimator
    assert not hasattr(copy, "feature_names_in_")
    assert copy.tta is None
    assert (weights == [weight]) if named else not weights


def test_scorers_say_whether_they_take_weights():
    assert _takes_weight(get_scorer("accuracy"))
    assert not _takes_weight(make_scorer(max_error))
    assert _takes_weight(lambda estimator, X, y, sample_weight: 1)
    assert not _takes_weight(lambda estimator, X, y: 1)


def test_warning_that_a_metric_is_undefined_is_not_shown():
    def undefined(*_):
        warnings.warn("no positive samples", UndefinedMetricWarning, stacklevel=1)
        return 0.5

    def old(*_):
        warnings.warn("use another", UserWarning, stacklevel=1)
        return 0.5

    assert Validator(FakeEstimator(), Samples(X, TARGETS), undefined)()[1] == 0.5
    with pytest.warns(UserWarning, match="use another"):
        Validator(FakeEstimator(), Samples(X, TARGETS), old)()


@pytest.mark.parametrize("gaps", ["", "there are no"])
@pytest.mark.parametrize("scoring", [None, "f1"])
def test_error_of_a_scorer_says_of_what(gaps, scoring):
    def fail(*_):
        raise ZeroDivisionError("..no such X.")

    validator = Validator(FakeEstimator(scoring, gaps), Samples(X, TARGETS), fail)
    note = f" (note that there are no {TARGETS} None)" if gaps else ""
    what = "accuracy" if scoring is None else "scoring='f1'"
    words = (
        f"{what} "
        f"cannot be computed of the 4 validation samples{note}: ZeroDivisionError: "
        f"..no such X. {WAYS_OUT}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        validator()


def test_score_must_be_a_number():
    with pytest.raises(
        ValueError, match="scoring must return one number, got 'good' fr"
    ):
        Validator(FakeEstimator(), Samples(X, TARGETS), lambda *_: "good")()


@pytest.mark.parametrize(
    ("scoring", "words"),
    [
        ("los", "'loss', None, a callable .*, got 'los'; did you mean 'loss'"),
        ("acuracy", "got 'acuracy'; did you mean 'accuracy'"),
    ],
)
def test_unknown_scoring_is_refused(scoring, words):
    assert find_scorer("loss") == "loss"
    with pytest.raises(ValueError, match=words):
        find_scorer(scoring)


# Warnings -----------------------------------------------------------------------------


def warning_of(validator):
    with pytest.warns(UserWarning) as caught:
        validator()
    validator()  # no second one
    (warning,) = caught
    return str(warning.message)


@pytest.mark.parametrize("gaps", ["", "all are"])
def test_score_that_is_nan_gives_one_warning(gaps):
    validator = Validator(
        FakeEstimator("mine", gaps), Samples(X, TARGETS), lambda *_: math.nan
    )
    reason = f", as all are {TARGETS} None" if gaps else ""
    assert warning_of(validator) == (
        f"scoring='mine' of the 4 validation samples is NaN{reason}. Epochs without a "
        f"score are compared by their loss. {WAYS_OUT}"
    )


@pytest.mark.parametrize("n", [1, 2])
def test_default_score_of_one_sample_may_be_nan(n):
    estimator = FakeEstimator()
    estimator._encoder.score = lambda *_: math.nan
    validator = Validator(estimator, Samples(X[:n], TARGETS[:n]))
    if n == 1:
        assert math.isnan(validator()[1])
    else:
        assert warning_of(validator).startswith(
            "accuracy of the 2 validation samples is"
        )
    named = Validator(estimator, Samples(X[:1], TARGETS[:1]), lambda *_: math.nan)
    estimator.scoring = "r2"
    assert warning_of(named).startswith(
        "scoring='r2' of the 1 validation samples is NaN"
    )


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_loss_that_is_not_finite_gives_one_warning(value, loss):
    loss.value = value
    assert warning_of(Validator(FakeEstimator(), Samples(-1 - X, TARGETS))) == (
        f"the loss of the validation data is {value}, of outputs up to 16, as a network "
        "makes them of X between -8 and -1: such epochs count as the worst. Scale the "
        "validation data like the training data"
    )


@pytest.mark.parametrize("scoring", ["r2", "explained_variance", "max_error"])
@pytest.mark.parametrize("gaps", ["", "a target is"])
def test_scores_of_constant_targets_are_not_asked_for(scoring, gaps):
    validator = Validator(
        FakeEstimator(scoring, gaps), Samples(X, TARGETS), lambda *_: 0.75
    )
    if gaps and scoring != "max_error":
        assert "is NaN, as a target is" in warning_of(validator)
    else:
        assert validator()[1] == 0.75


# Outputs that are images --------------------------------------------------------------


@pytest.mark.parametrize(
    ("scoring", "largest", "score"),
    [
        (None, 3.0, 0.7),
        ("loss", 3.0, -0.2),
        (lambda *_: 0.9, 3.0, 0.9),
        (lambda *_: 0.9, math.inf, 0.7),
    ],
)
def test_images_are_evaluated_a_few_at_a_time(scoring, largest, score, monkeypatch):
    def evaluate(*given):
        assert given == (
            estimator.network_, samples, estimator._encoder, validator.loss,
            validator.loss_weight,
        )  # fmt: skip
        return 0.2, 0.7, largest

    monkeypatch.setattr(validation, "evaluate_pixels", evaluate)
    for shape in ((4, 4), (4, 4, 3)):
        estimator = FakeEstimator(output_shape=shape)
        samples = Samples(X, TARGETS, np.ones(4))
        validator = Validator(estimator, samples, scoring)
        assert validator() == (0.2, score)


def test_images_whose_loss_is_not_finite_give_a_warning(monkeypatch):
    monkeypatch.setattr(validation, "evaluate_pixels", lambda *_: (math.inf, 0.7, 99.0))
    validator = Validator(FakeEstimator(output_shape=(4, 4)), Samples(X, TARGETS))
    assert "of outputs up to 99, as" in warning_of(validator)
