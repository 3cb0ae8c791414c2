"""Loss and score of images, and what a warning about the outcome looks at."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skconv._data.samples import Samples
from skconv._training import pixels
from skconv._training.outcome import _compare, _is_constant, _loss_of_constant

# Outputs that are images --------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("largest", [-3.0, math.inf])
def test_loss_of_images_is_the_mean_over_chunks(weighted, largest, monkeypatch):
    n, tallied = 5, []
    x, weight = np.arange(1.0, n + 1)[:, None], np.arange(n) / 2
    x[2] = largest
    samples = Samples(x, np.arange(n), weight if weighted else None)
    network = SimpleNamespace(
        predict=lambda x: x, dtype=np.dtype(float), input_shape=(1,)
    )

    def loss(outputs, targets, in_loss):
        each = targets if in_loss is None else targets * in_loss
        return each.mean(), None

    def tally(outputs, targets, sample_weight):
        tallied.append((len(outputs), targets.tolist(), sample_weight))
        return len(outputs)

    monkeypatch.setattr(pixels, "chunk_size", lambda network: 2)
    encoder = SimpleNamespace(tally=tally, score_of=lambda total: total / 10)
    in_loss = 2 * weight if weighted else None
    value, score, found = pixels.evaluate_pixels(
        network, samples, encoder, loss, in_loss
    )
    expected = np.arange(n) * (2 * weight if weighted else 1)
    assert value == pytest.approx(expected.mean())
    assert found == max(abs(largest), 5.0)
    np.testing.assert_equal(score, 0.5 if largest == -3.0 else math.nan)
    assert [count for count, *_ in tallied] == [2, 2, 1]
    assert [part for _, part, _ in tallied] == [[0, 1], [2, 3], [4]]
    weights = [None if each is None else each.tolist() for *_, each in tallied]
    assert weights == ([[0, 0.5], [1, 1.5], [2]] if weighted else [None] * 3)


def test_outputs_out_of_range_have_no_score_and_give_no_warning_of_numpy(monkeypatch):
    def predict(x):
        return x * 1e300 * 1e300 - x * 1e300 * 1e300

    network = SimpleNamespace(predict=predict, dtype=np.dtype(float), input_shape=(1,))
    encoder = SimpleNamespace(tally=lambda *_: 1, score_of=lambda total: total)
    monkeypatch.setattr(pixels, "chunk_size", lambda network: 2)
    samples, loss = Samples(np.ones((3, 1)), np.ones(3)), lambda *_: (0.5, None)
    found = pixels.evaluate_pixels(network, samples, encoder, loss, None)
    np.testing.assert_equal(found, (0.5, math.nan, math.nan))
    network.predict = lambda x: x / 4
    found = pixels.evaluate_pixels(network, samples, encoder, loss, None)
    assert found == (0.5, 2, 0.25)


@pytest.mark.parametrize(
    ("shape", "n", "left"),
    [
        ((5,), 1000, 1000),
        ((2, 5, 1), 100, 100),
        ((2, 5, 1), 101, 51),
        ((2, 5, 1), 201, 67),
    ],
)
def test_predictions_of_large_images_are_looked_at_here_and_there(
    shape, n, left, monkeypatch
):
    monkeypatch.setattr(pixels, "_MOST_OUTPUTS", 1000)
    samples = Samples(np.zeros((n, 1)), np.arange(n))
    some = pixels.some_samples(samples, SimpleNamespace(output_shape=shape))
    assert len(some) == left
    assert (some is samples) == (left == n)
    step = math.ceil(n / left)
    np.testing.assert_array_equal(some.targets, np.arange(0, n, step))


# What is said of the outcome ----------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "constant"),
    [
        ([[1.0, 2], [1, 2], [1, 2]], True),
        ([[0.0, 3e-5], [0, 0]], False),
        ([[[1.0, 2], [1, 2], [1, 2]]] * 4, True),
        ([[1.0, 2], [1, 2.1]], False),
        ([[1e6, 2], [1e6 + 1, 2]], True),  # next to what is there
        ([[0.0, 1e-6], [0, 0]], True),
        ([[0.0, 1e-4], [0, 0]], False),
        ([[[1.0, 2], [1, 3]]], False),  # of pixels
    ],
)
def test_outputs_are_constant_next_to_the_largest(outputs, constant):
    assert _is_constant(np.array(outputs)) is constant


def samples_of(x, y):
    return Samples(np.array([x]), np.array([[float(y)], [0.0]]))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([0.0, 20], 1, ""),
        ([0.0, 21], 1, "out of range: X_val between 0 and 21, where X is between -2 and 1 "
         "(scale both alike)"),
        ([-21.0, 0], 1, "out of range: X_val between -21 and 0, where X is between -2 and "
         "1 (scale both alike)"),
        ([0.0, 1], 31, "out of range: y_val between 0 and 31, where y is between 0 and 3 "
         "(scale both alike)"),
    ],
)  # fmt: skip
def test_validation_data_are_compared_with_the_training_data(x, y, words):
    assert _compare(samples_of([-2.0, 1], 3), samples_of(x, y)) == words


def test_arrays_that_are_alike_or_no_numbers_are_not_compared():
    train, other = samples_of([-2.0, 1], 3), samples_of([0.0, 999], 31)
    words = _compare(train, Samples(train.X, other.targets))
    assert words.startswith("out of range: y_val between 0 and 31")
    classes, others = (Samples(train.X, np.array([0, n])) for n in (0, 5))
    assert _compare(classes, others) == ""
    assert _compare(classes, Samples(train.X, other.targets)) == ""
    assert _compare(train, others) == ""


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_of_a_constant_is_the_mean_over_chunks(weighted, rng):
    n, shape = 2**13 + 3, (2, 2, 1)  # more than are computed at a time
    targets, weight = rng.random((n, *shape)), rng.random(n) if weighted else None
    outputs = np.full(shape, 0.25, np.float32)

    def loss(same, targets, part):
        assert same.shape == targets.shape
        assert same.dtype == np.float64
        assert len(same) <= 2**14 // 4
        each = (same - targets).mean(axis=(1, 2, 3))
        return (each if part is None else each * part).mean(), None

    samples = Samples(np.zeros(n), targets, weight)
    expected = (0.25 - targets).mean(axis=(1, 2, 3)) * (1 if weight is None else weight)
    found = _loss_of_constant(samples, outputs, loss)
    assert found == pytest.approx(expected.mean())
