"""The benchmarks start, and what peers build of the zoo is the zoo."""

import subprocess
import sys
from pathlib import Path

import pytest

from skconv import Network, zoo
from skconv.layers import Dense
from skconv.models.costs import count_macs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks.peers.nets import NETS, ZOO  # noqa: E402


def test_the_command_starts():
    command = [sys.executable, "-m", "benchmarks", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert set(NETS) <= set(run.stdout.replace(",", " ").split())


def test_the_whole_zoo_is_measured():
    assert set(ZOO) == set(zoo.__all__)


@pytest.mark.parametrize("name", ZOO)
def test_nets_are_described_as_they_are(name):
    net = ZOO[name]
    layers = [*getattr(zoo, name)(), ("out", Dense(10))]
    ours = Network.build(layers, net.shape, 0)
    assert ours.parameters.size == net.parameters()
    said = sum(size.multiply_adds for size in net.sizes())
    assert said == count_macs(layers, net.shape)
    outputs = {size.output for size in net.sizes()}
    assert {shape for shape in ours.shapes if len(shape) > 1} <= outputs
