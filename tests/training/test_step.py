"""One step by itself: what it hands on, what it counts, and how it is planned."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from skconv._data.samples import Samples
from skconv._training import step
from skconv._training.loop import History
from skconv._training.optimizers import SGD
from skconv._training.step import Step, _clip_batch_size, plan_step

X, TARGETS, WEIGHT = np.ones((2, 3)), np.array([0, 1]), np.array([0.5, 1.5])


class FakeNetwork:
    """A network whose loss and gradient are given, and whose arguments are kept."""

    def __init__(self, value=2.0, shape=(4,)):
        self.values, self.gradient = np.zeros(3), np.array([3.0, 0.0, 4.0])
        self.parameters, self.value, self.output_shape = self.values, value, shape

    def loss_and_gradient(self, *arguments):
        self.arguments = arguments
        return self.value, self.gradient.copy()


def make(**options):
    optimizer = SimpleNamespace(taken=[])
    optimizer.step = lambda *arguments: optimizer.taken.append(arguments)
    rate = lambda n, adaptive_factor: 0.1 * n * adaptive_factor  # noqa: E731
    return Step(optimizer, "loss", rate, 2, **options)


def test_step_moves_the_parameters_by_the_gradient_at_the_next_rate(rng):
    network, history, taken = FakeNetwork(), History(steps=4, slowdown=0.5), make()
    assert taken.take(network, X, TARGETS, WEIGHT, history, rng) == 2.0
    assert network.arguments == (X, TARGETS, WEIGHT, "loss", rng)
    ((parameters, gradient, rate),) = taken.optimizer.taken
    assert parameters is network.parameters
    np.testing.assert_array_equal(gradient, network.gradient)
    assert (history.steps, rate) == (5, 0.25)
    assert taken.rate(history) == 0.25


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_loss_that_is_not_finite_takes_no_step(value, rng):
    history, taken = History(), make()
    found = taken.take(FakeNetwork(value), X, TARGETS, None, history, rng)
    np.testing.assert_equal(found, value)
    assert (history.steps, taken.optimizer.taken) == (0, [])


def test_gradient_is_clipped_to_its_largest_norm(rng):
    taken = make(clip_norm=1.0)
    taken.take(FakeNetwork(), X, TARGETS, None, History(), rng)
    np.testing.assert_allclose(taken.optimizer.taken[0][1], [0.6, 0, 0.8])


def test_average_is_of_another_network_which_steps_change(rng):
    network, inner, seen = FakeNetwork(), FakeNetwork(), []
    average = SimpleNamespace(trained=inner, update=seen.append)
    taken = make(average=average)
    taken.take(network, X, TARGETS, None, History(), rng)
    assert taken.trained(network) is inner
    assert make().trained(network) is network
    assert taken.optimizer.taken[0][0] is inner.parameters
    assert seen[0] is network.values


@pytest.mark.parametrize(("shape", "by_pixel"), [((4,), False), ((5, 5, 4), True)])
def test_transforms_get_all_that_is_known_of_a_minibatch(
    shape, by_pixel, rng, monkeypatch
):
    def augment(batch, transforms, generator):
        seen.append((batch, transforms, generator))
        return SimpleNamespace(x="x", targets="targets", sample_weight="weight")

    seen, network, which = [], FakeNetwork(shape=shape), np.array([7, 9])
    monkeypatch.setattr(step, "augment", augment)
    taken, history = make(augment="transforms", column_sizes=(2, 2)), History([1.0] * 3)
    taken.take(network, X, TARGETS, WEIGHT, history, rng, which)
    assert network.arguments == ("x", "targets", "weight", "loss", rng)
    ((batch, *others),) = seen
    assert others == ["transforms", rng]
    assert batch.x is X
    assert batch.targets is TARGETS
    assert batch.sample_weight is WEIGHT
    assert (batch.indices is which, batch.epoch, batch.n_outputs) == (True, 3, 4)
    assert (batch.column_sizes, batch.by_pixel) == ((2, 2), by_pixel)


def test_batch_size_is_clipped_to_the_samples():
    assert _clip_batch_size(5, 5) == 5
    assert _clip_batch_size(4, 5) == 4
    assert _clip_batch_size("auto", 5) == 5
    words = "^batch_size=6 is larger than the 5 samples to train on and is clipped to"
    with pytest.warns(UserWarning, match=words):
        assert _clip_batch_size(6, 5) == 5


PARAMS = {
    "batch_size": 4, "max_iter": 5, "solver": "sgd", "momentum": 0.5, "alpha": 0.0,
    "nesterovs_momentum": True, "learning_rate": "cosine", "learning_rate_init": 1.0,
    "warmup_steps": 0, "power_t": 0.5, "clip_norm": 3.0, "augment": "transforms",
    "ema_momentum": None, "learning_rate_multipliers": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "epochs", "total"),
    [
        (0, 0, 15),  # five epochs of three steps
        (7, 0, 22),  # after seven steps of an earlier fit
        (13, 2, 22),  # the same, after two epochs
        (13, None, 15),  # five epochs from the first step on
    ],
)
def test_schedule_is_planned_over_all_steps(steps, epochs, total):
    params = SimpleNamespace(**PARAMS, _encoder=SimpleNamespace(column_sizes=(2, 3)))
    network = SimpleNamespace(
        parameters=np.zeros(3), layers=[], weights={}, decayed=lambda strength: None,
        arrays={}, rate_multipliers=lambda *_: None,
    )  # fmt: skip
    samples = Samples(np.zeros((9, 2)), np.zeros(9))
    options = {"steps": steps, "epochs": epochs, "state": None, "average_state": None}
    planned = plan_step(params, network, samples, "loss", **options)
    half = (total + 1) / 2  # steps count from 1
    if half == int(half):
        assert planned.learning_rate(int(half)) == pytest.approx(
            (1 + math.cos(math.pi * (half - 1) / total)) / 2
        )
    assert planned.learning_rate(total) == pytest.approx(
        (1 + math.cos(math.pi * (total - 1) / total)) / 2
    )
    assert isinstance(planned.optimizer, SGD)
    assert (planned.loss, planned.batch_size, planned.adaptive) == ("loss", 4, False)
    assert (planned.clip_norm, planned.augment) == (3.0, "transforms")
    assert (planned.average, planned.column_sizes) == (None, (2, 3))
    params.learning_rate = "adaptive"
    assert plan_step(params, network, samples, "loss", **options).adaptive


def test_states_to_continue_with_are_handed_on(monkeypatch):
    seen = []
    monkeypatch.setattr(step, "make_optimizer", lambda *given: seen.append(given))
    monkeypatch.setattr(step, "Average", lambda *given: seen.append(given))
    params = SimpleNamespace(
        **{**PARAMS, "ema_momentum": 0.9}, _encoder=SimpleNamespace(column_sizes=())
    )
    samples = Samples(np.zeros((9, 2)), np.zeros(9))
    options = {"steps": 3, "epochs": 1, "state": "mine", "average_state": "its"}
    plan_step(params, "network", samples, "loss", **options)
    assert seen == [("network", 0.9, "its"), (params, "network", "mine")]
