"""When a warning says that training diverged, or that nothing was learnt."""

import math
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from skconv._data.samples import Samples
from skconv._training import outcome
from skconv._training.loop import History, StoppingRule

N = 6


class FakeNetwork:
    dtype, input_shape, shapes, output_shape = np.dtype("f4"), (1,), [(1,)], (1,)

    def __init__(self, outputs):
        self.outputs = np.array(outputs, "f4")[:, None]

    def predict(self, x, upto=None):
        return self.outputs[x[:, 0].astype(int)]


def words_of(
    curve=(0.9,),
    stops=True,
    constant=1.0,
    predicted=0.9,
    outputs=(0.5,) * N,
    tol=0.0,
    best_loss=0.1,
    by_validation=False,
    validated=False,
    monkeypatch=None,
):
    """Return what is said after a training with these figures."""
    weight = np.arange(1.0, N + 1)
    samples = Samples(np.arange(float(N))[:, None], np.zeros((N, 1)), weight)
    held_out = SimpleNamespace(
        samples=Samples(samples.X, np.ones((N, 1)), 2 * weight), loss_weight=3 * weight
    )
    used = held_out.samples if by_validation and validated else samples

    def loss(outputs, targets, part):
        of_constant = outputs.dtype == np.float64
        if of_constant:
            assert (outputs == 0.25).all()
            assert targets[0] == used.targets[0]
            expected = held_out.loss_weight if used is held_out.samples else weight
            np.testing.assert_array_equal(part, expected)
        return constant if of_constant else predicted, None

    def find(network, samples, batch, step, steps, rng):
        assert rng.random() == np.random.default_rng(0).random()
        assert batch[0].ravel().tolist() == [4, 1], "the largest outputs first"
        return "because"

    def constant_outputs(targets, sample_weight):
        assert targets is samples.targets
        assert sample_weight is weight
        return np.full(1, 0.25)

    monkeypatch.setattr(outcome, "find_out_of_range", find)
    own = "of the encoder" if by_validation and validated else loss
    step = SimpleNamespace(loss=own, batch_size=2)
    plain = loss if by_validation and validated else None
    monkeypatch.setattr(outcome, "loss_of", lambda encoder: plain)
    stopping = StoppingRule(tol, 0.0, by_validation, idle=int(stops), epochs=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome.warn_of_outcome(
            FakeNetwork(outputs),
            SimpleNamespace(constant_outputs=constant_outputs, output_shape=(1,)),
            samples,
            held_out if validated else None,
            step,
            stopping,
            History(list(curve), best_loss=best_loss, steps=9),
        )
    return str(caught[0].message) if caught else ""


VARIED = (0.0, -7, 2, 3, 9, 1)
NOTHING = (
    "the network has learnt nothing: training stopped after 3 epochs with a loss of"
)
DIVERGED = "training diverged: it ended after 3 epochs with a loss of"


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, f"{NOTHING} 0.9, where the same prediction for all samples has 1. Try"),
        ({"outputs": VARIED}, ""),
        ({"outputs": VARIED, "predicted": 1.6}, f"{NOTHING} 1.6"),
        ({"outputs": VARIED, "predicted": 1.4}, ""),
        ({"outputs": VARIED, "predicted": 2.5, "constant": 2.0, "curve": [2.5]}, ""),
        ({"stops": False}, ""),
        ({"curve": [0.8]}, NOTHING),
        ({"curve": [0.79]}, ""),
        ({"curve": [0.9], "constant": 2.0}, ""),
        ({"curve": [1.0, 500.0, 0.5]}, ""),
        ({"curve": [500.0, 0.5]}, ""),
        ({"curve": []}, ""),
        ({"tol": 0.1}, ""),
        ({"tol": 0.095}, NOTHING),
        ({"stops": False, "curve": [101.0], "predicted": 150.0, "outputs": VARIED}, f"{DIVERGED} 150, where the same prediction for all samples has 1; because"),
        ({"stops": False, "curve": [101.0], "predicted": 150.0, "constant": 0.005, "outputs": VARIED}, DIVERGED),
        ({"stops": False, "curve": [101.0], "predicted": 150.0, "constant": 2.0}, ""),
        ({"outputs": (0.0, -7, 2, 3, math.inf, 1), "predicted": math.nan}, f"{DIVERGED} nan"),
        ({"curve": [101.0], "predicted": 150.0, "constant": 2.0}, NOTHING),
        ({"validated": True}, NOTHING),
        ({"by_validation": True}, NOTHING),
        ({"validated": True, "by_validation": True}, ""),
        ({"validated": True, "by_validation": True, "best_loss": 0.9}, f"{NOTHING} 0.9"),
        ({"validated": True, "by_validation": True, "best_loss": math.inf}, ""),
    ],
)  # fmt: skip
def test_outcome_in_words(figures, words, monkeypatch):
    found = words_of(**figures, monkeypatch=monkeypatch)
    assert re.match(re.escape(words) if words else "$", found)
