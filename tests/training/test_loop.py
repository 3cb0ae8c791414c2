"""The parts of the loop by themselves: when to stop, what is best, what is printed."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skconv._training.loop import (
    Epoch,
    History,
    StoppingRule,
    _begin,
    _ends,
    _judge,
    _print_epoch,
)

NAN, INF = math.nan, math.inf


def rule(**fields):
    return StoppingRule(**{"tol": 0.5, "patience": 2, **fields})


def epoch(number=1, loss=1.0, validation_loss=NAN, score=NAN, rate=0.01):
    return Epoch(number, loss, validation_loss, score, rate, 1.5, 12345.6)


# Figures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "figure", "rank"),
    [
        ({}, -1.0, (-2.0, -2.0)),
        ({"by_score": True}, -1.0, (3.0, -2.0)),
        ({"by_validation": True}, -2.0, (-2.0, -2.0)),
        ({"by_validation": True, "by_score": True}, 3.0, (3.0, -2.0)),
    ],
)
def test_epochs_are_compared_by_what_is_chosen(fields, figure, rank):
    assert rule(**fields).figure(1.0, 2.0, 3.0) == figure
    assert rule(**fields).rank(2.0, 3.0) == rank


def test_nan_ranks_last():
    assert rule().rank(NAN, 3.0) == (-INF, -INF)
    assert rule(by_score=True).rank(NAN, 3.0) == (3.0, -INF)
    assert rule(by_score=True).rank(2.0, NAN) == (-INF, -2.0)


def test_patience_ends_with_epochs_that_do_not_improve_by_tol():
    stopping = rule()
    seen = []
    for figure in (1.0, 1.5, 1.75, 2.125, 2.625, 2.5, 2.5, 2.5):
        stopping.update(figure)
        seen.append((stopping.best, stopping.idle, stopping.stops))
    assert seen == [
        (1.0, 0, False),
        (1.5, 0, False),  # better by just tol
        (1.75, 1, False),  # better by less: the best, all the same
        (2.125, 2, False),
        (2.625, 0, False),
        (2.625, 1, False),
        (2.625, 2, False),
        (2.625, 3, True),
    ]


def test_epochs_without_a_figure_are_judged_by_the_loss():
    stopping = rule(best=1.0, idle=1)
    stopping.update(NAN)
    assert (stopping.best, stopping.idle) == (1.0, 2)
    stopping.update(NAN, True)
    assert (stopping.best, stopping.idle) == (1.0, 0)
    stopping.update(0.0, True)
    assert stopping.idle == 1


def test_best_weights_are_restored_once():
    network = SimpleNamespace(values=np.zeros(3))
    stopping = rule(best_values=np.ones(3))
    stopping.restore_best(network)
    assert network.values.tolist() == [1, 1, 1]
    network.values[:] = 2
    stopping.restore_best(network)
    assert network.values.tolist() == [2, 2, 2]


# History ------------------------------------------------------------------------------


def test_history_is_cut_to_an_earlier_size():
    history = History(samples=5)
    for number in (1, 2, 3):
        history.add(
            epoch(number, 10.0 * number, 20.0 * number, 30.0 * number, number), 7
        )
        if number == 1:
            size = history.size
    assert history.samples == 26
    assert size == (1, 12)
    curves = "loss_curve", "validation_losses", "validation_scores", "learning_rates"
    values = [getattr(history, name) for name in curves]
    assert values == [[10, 20, 30], [20, 40, 60], [30, 60, 90], [1, 2, 3]]
    history.cut(size)
    assert [getattr(history, name) for name in curves] == [[10], [20], [30], [1]]
    assert history.samples == 12


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("by_validation", [False, True])
@pytest.mark.parametrize("curve", [[], [3.0]])
def test_a_call_begins_with_the_network_as_the_best(validated, by_validation, curve):
    network = SimpleNamespace(values=np.arange(3.0))
    history = History(curve, slowdown=0.2, best_score=0.9, best_loss=0.1)
    stopping = rule(by_validation=by_validation, by_score=True)
    _begin(network, history, stopping, (lambda: (2.0, 0.5)) if validated else None)
    assert history.slowdown == 1
    if validated and by_validation and curve:
        assert (history.best_loss, history.best_score, stopping.best) == (2.0, 0.5, 0.5)
        network.values[:] = 0
        assert stopping.best_values.tolist() == [0, 1, 2]
    else:
        assert (history.best_loss, history.best_score) == (INF, -INF)
        assert stopping.best == -INF
        assert stopping.best_values is None


def test_a_call_that_resumes_keeps_its_progress():
    history = History([3.0], slowdown=0.2, best_score=0.9, best_loss=0.1)
    _begin(None, history, rule(epochs=1, by_validation=True), lambda: (2.0, 0.5))
    assert (history.slowdown, history.best_score, history.best_loss) == (0.2, 0.9, 0.1)


@pytest.mark.parametrize(
    ("fields", "loss", "ends"),
    [
        ({"epochs": 1}, 1.0, False),
        ({"epochs": 1, "idle": 3}, 1.0, True),
        ({"epochs": 1, "ended": True}, 1.0, True),
        ({"epochs": 1, "enough": 1.0}, 1.0, False),
        ({"epochs": 1, "enough": 1.0}, 0.9, True),
        ({"epochs": 0, "enough": 1.0}, 0.9, False),  # of an earlier call
    ],
)
def test_training_ends_before_an_epoch(fields, loss, ends):
    assert _ends(rule(**fields), History([2.0, loss])) is ends
    assert _ends(rule(**{**fields, "idle": 3}), History()) is True


# Judging ------------------------------------------------------------------------------


def judge(stopping, history=None, adaptive=False, **figures):
    history = history or History(best_score=0.5, best_loss=1.0)
    network = SimpleNamespace(values=np.arange(3.0))
    step = SimpleNamespace(adaptive=adaptive)
    _judge(epoch(**figures), network, step, history, stopping)
    network.values[:] = 9
    return history


@pytest.mark.parametrize(
    ("score", "validation_loss", "is_best"),
    [
        (0.6, 2.0, True),
        (0.5, 0.9, True),  # an equal score, a lower loss
        (0.5, 1.0, False),
        (0.4, 0.1, False),
        (NAN, 0.1, False),
        (0.6, NAN, True),
    ],
)
def test_best_epoch_is_that_of_the_best_score(score, validation_loss, is_best):
    stopping = rule(by_validation=True, by_score=True, best=0.5, epochs=4)
    history = judge(stopping, score=score, validation_loss=validation_loss)
    assert stopping.epochs == 5
    if is_best:
        assert stopping.best_values.tolist() == [0, 1, 2]
        np.testing.assert_equal(history.best_loss, validation_loss)
        assert history.best_score == score
    else:
        assert stopping.best_values is None
        assert (history.best_loss, history.best_score) == (1.0, 0.5)


def test_without_validation_no_weights_are_kept():
    stopping = rule()
    judge(stopping, score=0.9, validation_loss=0.1, loss=2.0)
    assert stopping.best_values is None
    assert stopping.best == -2.0


@pytest.mark.parametrize(("validation_loss", "idle"), [(0.5, 0), (0.51, 2), (NAN, 2)])
def test_without_a_score_the_loss_must_fall_by_tol(validation_loss, idle):
    stopping = rule(by_validation=True, by_score=True, best=0.5, idle=1)
    judge(stopping, score=NAN, validation_loss=validation_loss)
    assert stopping.idle == idle


@pytest.mark.parametrize(
    ("adaptive", "rate", "idle", "slowdown", "left"),
    [
        (True, 0.1, 2, 0.2, 0),
        (True, 1.1e-6, 2, 0.2, 0),
        (True, 1e-6, 2, 1.0, 3),
        (True, 0.1, 1, 1.0, 2),
        (False, 0.1, 2, 1.0, 3),
    ],
)
def test_adaptive_rate_falls_where_training_would_stop(
    adaptive, rate, idle, slowdown, left
):
    stopping = rule(best=0.0, idle=idle)
    history = judge(stopping, adaptive=adaptive, rate=rate)
    assert (history.slowdown, stopping.idle) == (slowdown, left)


@pytest.mark.parametrize(
    ("verbose", "figures", "line"),
    [
        (1, {}, "Epoch    1  loss 1.000000     1.50 s     12,346 images/s\n"),
        (
            2,
            {"validation_loss": 2.0, "score": 0.75},
            "Epoch    1  loss 1.000000  validation loss 2.000000  validation score "
            " 0.7500  learning rate 0.01          1.50 s     12,346 images/s\n",
        ),
    ],
)
def test_line_of_an_epoch(verbose, figures, line, capsys):
    _print_epoch(epoch(**figures), verbose)
    assert capsys.readouterr().out == line
