"""Schedules: their values at the corners, warm-up, and what is refused."""

import math

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from skconv import ConvNetClassifier
from skconv._training.schedules import (
    SCHEDULES,
    check_schedule,
    learning_rate_at,
    plan_learning_rate,
)


def rate(schedule, step, total_steps=100, **options):
    options = {"learning_rate_init": 0.2, **options}
    return learning_rate_at(schedule, step, total_steps=total_steps, **options)


CORNERS = {
    "constant": {1: 0.2, 50: 0.2, 100: 0.2, 1000: 0.2},
    "adaptive": {1: 0.2, 50: 0.2, 100: 0.2, 1000: 0.2},
    "invscaling": {1: 0.2, 4: 0.1, 100: 0.02, 10_000: 0.002},
    "cosine": {1: 0.2, 51: 0.1, 26: 0.1 * (1 + math.sqrt(0.5)), 101: None},
    "one_cycle": {1: 0.008, 16: 0.104, 31: 0.2, 66: 0.1 + 4e-7, 101: None},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_at_their_corners(name):
    for step, expected in CORNERS[name].items():
        if expected is None:  # past the end: the last rate stays, and it is small
            assert rate(name, step) == rate(name, 100) < 1e-3
        else:
            assert rate(name, step) == pytest.approx(expected, rel=1e-12)
            assert isinstance(rate(name, step), float)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_step_has_a_positive_rate(name):
    rates = [rate(name, step) for step in range(1, 101)]
    assert 0 < min(rates) <= max(rates) == pytest.approx(0.2)
    assert rate(name, 1, total_steps=1) > 0


def test_cosine_falls_and_one_cycle_climbs_first():
    falls = np.diff([rate("cosine", step) for step in range(1, 101)])
    assert (falls < 0).all()
    cycle = np.diff([rate("one_cycle", step) for step in range(1, 101)])
    assert (cycle[:30] > 0).all()
    assert (cycle[30:] < 0).all()


@pytest.mark.parametrize("power_t", [0.5, 1, np.int64(1), 0.25])
def test_invscaling_is_scikit_learns_in_steps(power_t):
    theirs = SGDOptimizer([np.zeros(1)], 0.2, "invscaling", power_t=power_t)
    for before in range(10):
        theirs.iteration_ends(before)
        ours = rate("invscaling", before + 1, power_t=power_t)
        assert ours == pytest.approx(theirs.learning_rate)


def test_adaptive_rates_are_multiplied_by_the_loops_factor():
    assert rate("adaptive", 7, adaptive_factor=1 / 25) == pytest.approx(0.008)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_comes_before_the_schedule(name):
    warm = {"total_steps": 110, "warmup_steps": 10}
    first = rate(name, 1)
    for step in range(1, 11):
        assert rate(name, step, **warm) == pytest.approx(first * step / 10)
    for step in range(1, 101):
        assert rate(name, step + 10, **warm) == rate(name, step)
    assert rate(name, 3, total_steps=3, warmup_steps=5) == pytest.approx(first * 0.6)


def test_a_callable_returns_the_rate():
    def halves(step):
        return np.float32(1 / step)

    assert rate(halves, 4) == 0.25
    assert isinstance(rate(halves, 4), float)
    assert rate(halves, 4, warmup_steps=8) == 0.125
    assert rate(lambda step: 0, 4) == 0


@pytest.mark.parametrize("returned", [math.nan, math.inf, -0.1, None, "0.1", [0.1], 1j])
def test_a_callable_must_return_a_finite_number(returned):
    words = "learning_rate, a callable, must return a finite number >= 0, got "
    with pytest.raises(ValueError, match=words) as caught:
        rate(lambda step: returned, 3)
    assert str(caught.value).endswith(f"got {returned!r} for step 3")


@pytest.mark.parametrize("kind", [TypeError, ValueError])
def test_error_of_a_callable_is_named(kind):
    def broken(step):
        raise kind("no rate today")

    words = "function of the step, a number, but .*broken.* raised, for step 3: no rate"
    with pytest.raises(kind, match=words) as caught:
        rate(broken, 3)
    assert type(caught.value) is kind
    assert str(caught.value.__cause__) == "no rate today"


def test_rate_of_a_callable_is_multiplied_by_the_loops_factor():
    assert rate(lambda step: 1 / step, 4, adaptive_factor=1 / 5) == 0.05


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (2, 1), (2, 0)])
def test_last_steps_rate_stays_after_the_end(name, total, warmup):
    short = {"total_steps": total, "warmup_steps": warmup}
    assert rate(name, total + 5, **short) == rate(name, total, **short)


@pytest.mark.parametrize(("warmup", "steps"), [(0, 0), (5, 5), (0.25, 10), (1.0, 40)])
def test_schedule_of_an_estimator_is_planned_from_its_parameters(warmup, steps):
    clf = ConvNetClassifier(
        learning_rate="invscaling",
        learning_rate_init=0.2,
        power_t=0.25,
        warmup_steps=warmup,
    )
    plan = plan_learning_rate(clf, 40)
    expected = {"total_steps": 40, "warmup_steps": steps, "power_t": 0.25}
    for step in (1, 5, 20, 40):
        assert plan(step) == rate("invscaling", step, **expected)
        slower = rate("invscaling", step, adaptive_factor=0.5, **expected)
        assert plan(step, adaptive_factor=0.5) == slower
    clf.set_params(learning_rate="cosine")
    assert plan_learning_rate(clf, 40)(30) == rate("cosine", 30, **expected)


def check_estimator(learning_rate):
    ConvNetClassifier(learning_rate=learning_rate)._check_options()


@pytest.mark.parametrize("check", [check_schedule, check_estimator])
def test_the_error_of_an_unknown_schedule_lists_the_known(check):
    words = (
        "learning_rate must be one of 'constant', 'invscaling', 'adaptive', 'cosine', "
        "'one_cycle' or a callable of the step, got 'cosin'; did you mean 'cosine'?"
    )
    with pytest.raises(ValueError) as caught:
        check("cosin")
    assert str(caught.value) == words
    with pytest.raises(ValueError, match="got 0.01; for a .* learning_rate_init=0.01$"):
        check(0.01)
    for schedule in (None, True, [], ["cosine"]):
        with pytest.raises(ValueError, match="learning_rate must be one of 'constant'"):
            check(schedule)


def test_known_schedules_pass():
    for schedule in [*SCHEDULES, lambda step: 0.1]:
        check_schedule(schedule)
