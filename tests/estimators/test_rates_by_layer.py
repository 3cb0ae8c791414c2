"""Layers with a learning rate of their own."""

import numpy as np
import pytest
from frozen_layers import X, Y, deep, drawn, net

pytestmark = pytest.mark.filterwarnings("ignore:the frozen layers.*random weights")


def one_step(**params):
    params = {"max_iter": 1, "batch_size": 150, "alpha": 0.1, **params}
    before = drawn(net(**params).fit(X, Y)).arrays
    after = net(**params).fit(X, Y).network_.arrays
    return {name: after[name] - before[name] for name in after}


@pytest.mark.parametrize("solver", ["adam", "sgd", "muon"])
def test_rate_of_a_layer_is_multiplied(solver):
    rates = {"block": 0.25, "block__conv1": 0.5, "dense": 2}
    plain = one_step(solver=solver, dtype="float64")
    varied = one_step(solver=solver, dtype="float64", learning_rate_multipliers=rates)
    for name in plain:
        factor = 1.0
        if name.startswith("block.norm") and "moving" not in name and "s.s" not in name:
            factor = 0.25 if name.endswith(("gamma", "beta")) else 1.0
        factor = 0.5 if name.startswith("block.conv1") else factor
        factor = 2.0 if name.startswith("dense") else factor
        np.testing.assert_allclose(
            varied[name], factor * plain[name], rtol=1e-6, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("solver", ["adam", "sgd", "muon"])
def test_multipliers_of_all_layers_are_the_rate_itself(solver):
    everything = {**{name: 0.5 for name, _ in deep()}, "output": 0.5}
    halved = net(solver=solver, learning_rate_multipliers=everything).fit(X, Y)
    plain = net(solver=solver, learning_rate_init=0.0005).fit(X, Y)
    np.testing.assert_array_equal(halved.network_.values, plain.network_.values)
    ones = net(solver=solver, learning_rate_multipliers={"conv": 1}).fit(X, Y)
    plain = net(solver=solver).fit(X, Y)
    np.testing.assert_array_equal(ones.network_.values, plain.network_.values)


def test_multiplier_of_a_frozen_layer_has_no_effect():
    both = net(frozen="conv", learning_rate_multipliers={"conv": 9.0}).fit(X, Y)
    plain = net(frozen="conv").fit(X, Y)
    np.testing.assert_array_equal(both.network_.values, plain.network_.values)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (
            {"conv": 0},
            ValueError,
            r"must be finite numbers > 0, got 0 for 'conv'; frozen=\['conv'\] leaves a "
            "layer alone$",
        ),
        ({"conv": -1}, ValueError, "must be finite numbers > 0, got -1 for 'conv'$"),
        ({"conv": np.True_}, ValueError, "finite numbers > 0, got "),
        (0.1, TypeError, "must be a dict"),
        ([("conv", 0.1)], TypeError, "must be a dict"),
        ({1: 0.1}, TypeError, "names of layers as keys"),
        ({"conv": "0.1"}, ValueError, "finite numbers > 0, got '0.1' for 'conv'"),
        ({"conv": -1.0}, ValueError, "finite numbers > 0"),
        ({"conv": np.nan}, ValueError, "finite numbers > 0"),
        ({"conv": np.inf}, ValueError, "finite numbers > 0"),
        ({"conv": True}, ValueError, "finite numbers > 0"),
        ({"cnv": 0.1}, ValueError, "must name layers .*did you mean 'conv'"),
    ],
)
def test_odd_multipliers_are_an_error(value, error, words):
    clf = net(max_iter=1, warm_start=True).fit(X, Y)
    before = clf.network_
    clf.set_params(learning_rate_multipliers=value)
    for warm in (True, False):
        with pytest.raises(error, match=f"learning_rate_multipliers {words}|{words}"):
            clf.set_params(warm_start=warm).fit(X, Y)
        assert clf.network_ is before
