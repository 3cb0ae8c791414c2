"""The loop with a step that is a fake: order, losses, times, and how it ends."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from seeds import SEED

from skconv._data.samples import Samples
from skconv._training import loop
from skconv._training.loop import History, NonFiniteLossError, StoppingRule, train

NETWORK = {"input_shape": (1,), "dtype": np.dtype(float)}


class FakeStep:
    """A step that notes its samples, and returns one loss after the other."""

    batch_size, adaptive, optimizer = 2, False, None

    def __init__(self, *values, act=lambda network: None):
        self.values = itertools.cycle(values or [1.0])
        self.seen, self.rows, self.act = [], [], act

    def take(self, network, x, targets, sample_weight, history, rng, rows):
        self.seen += targets.tolist()
        self.rows += rows.tolist()
        rng.random()
        self.act(network)
        return next(self.values)

    def rate(self, history):
        return 0.5

    def trained(self, network):
        return network


def run(step, n=5, rows=None, history=None, max_iter=1, rng=None, **options):
    samples = Samples(np.zeros((9, 1)), np.arange(n), rows=rows)
    history = History() if history is None else history
    network = SimpleNamespace(values=np.zeros(3), **NETWORK)
    rng = rng or np.random.default_rng(SEED)
    train(
        network, samples, step, max_iter=max_iter, rng=rng, history=history, **options
    )
    return history


def test_samples_are_taken_in_a_drawn_order_or_in_their_own():
    step = FakeStep()
    run(step)
    assert step.seen == np.random.default_rng(SEED).permutation(5).tolist()
    step = FakeStep()
    run(step, shuffle=False, rows=np.array([8, 3, 1, 0, 2]), max_iter=2)
    assert step.seen == [0, 1, 2, 3, 4] * 2
    assert step.rows == [8, 3, 1, 0, 2] * 2


def test_loss_of_an_epoch_is_the_mean_of_its_samples():
    history = run(FakeStep(1.0, 4.0, 16.0), history=History([9.0], samples=3))
    assert history.loss_curve == [9.0, (2 * 1 + 2 * 4 + 16) / 5]
    assert history.samples == 8


def test_epochs_that_improve_nothing_are_trained_all_the_same():
    stopping = StoppingRule(0.0, math.inf)
    for options in ({}, {"stopping": stopping}):
        assert run(FakeStep(1.0), max_iter=20, **options).loss_curve == [1.0] * 20
    assert stopping.ended is True
    assert stopping.idle == 0, "an equal loss is better by a tol of 0"
    assert (
        len(run(FakeStep(), max_iter=20, stopping=StoppingRule(0.1, 2)).loss_curve) == 4
    )


def test_training_ends_where_after_epoch_says_so(capsys):
    answers = iter([None, False, True, None])
    stopping = StoppingRule(0.0, math.inf)
    ended = []

    def after_epoch():
        ended.append(stopping.ended)
        return next(answers)

    history = run(FakeStep(), max_iter=9, stopping=stopping, after_epoch=after_epoch)
    assert len(history.loss_curve) == 3
    assert ended == [False] * 3
    assert capsys.readouterr().out == ""


def test_line_of_an_epoch_has_its_number_and_its_times(monkeypatch, capsys):
    times = iter([10.0, 14.0, 16.0])
    monkeypatch.setattr(loop.time, "perf_counter", lambda: next(times))
    run(
        FakeStep(2.0),
        history=History([3.0, 2.5]),
        verbose=2,
        validate=lambda: (4.0, 0.5),
    )
    assert capsys.readouterr().out == (
        "Epoch    3  loss 2.000000  validation loss 4.000000  validation score  0.5000  "
        "learning rate 0.5           6.00 s          1 images/s\n"
    )


def test_epoch_that_takes_no_time_has_a_speed(monkeypatch, capsys):
    monkeypatch.setattr(loop.time, "perf_counter", lambda: 10.0)
    run(FakeStep(), verbose=1)
    assert capsys.readouterr().out.endswith("  0.00 s  5,000,000,000 images/s\n")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("where", ["loss", "weights"])
def test_training_ends_where_a_number_is_not_finite(where, value, monkeypatch):
    def spoil(network):
        network.values[1] = value

    def find(network, samples, batch, step, steps, generator):
        # What is drawn now is what the last step drew.
        assert generator.bit_generator.state == before[-1]
        return f"batch of {len(batch[0])} after {steps}"

    class Noting(FakeStep):
        def take(self, *arguments):
            before.append(arguments[5].bit_generator.state)
            return super().take(*arguments)

    before, stopping = [], StoppingRule(0.0, math.inf)
    monkeypatch.setattr(loop, "find_out_of_range", find)
    step = Noting(1.0, 1.0, value) if where == "loss" else Noting(1.0, act=spoil)
    history = History([1.0], steps=7)
    words = "became infinite or NaN in epoch 2; batch of 1 after 7$"
    with pytest.raises(NonFiniteLossError, match=words):
        run(step, history=history, stopping=stopping)
    assert history.loss_curve == [1.0]
    assert stopping.ended is False


def test_steps_give_no_warning_of_numpy():
    def overflow(network):
        large, zero = np.full(1, 1e300), np.zeros(1)
        assert np.isinf(large * large)
        assert np.isinf(large / zero)
        assert np.isnan(zero / zero)

    run(FakeStep(1.0, act=overflow))
