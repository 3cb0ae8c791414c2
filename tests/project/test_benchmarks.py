"""The benchmarks start, refuse NumPy ops, and describe the zoo's networks correctly."""

import os
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


def run_benchmarks(*arguments, **variables):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env)


@pytest.mark.slow
def test_benchmarks_help_lists_the_nets():
    run = run_benchmarks("--help")
    assert run.returncode == 0, run.stderr
    assert set(NETS) <= set(run.stdout.replace(",", " ").split())


@pytest.mark.slow
def test_benchmarks_refuse_numpy_ops_unless_asked():
    run = run_benchmarks("import", SKCONV_OPS="numpy")
    assert run.returncode == 1
    assert "runs on NumPy ops, which are several times slower" in run.stderr
    assert "or pass --ops numpy" in run.stderr
    assert run.stdout == ""


@pytest.mark.slow
def test_benchmarks_name_the_ops_and_the_missing_peers():
    arguments = ["--nets", "digits", "--threads", "1", "--rounds", "1"]
    run = run_benchmarks("steps", *arguments, "--ops", "numpy")
    assert run.returncode == 0, run.stderr
    assert (
        run.stdout.count("Ops of skconv: numpy") == 2
    )  # a table for each kind of step
    assert "Not measured: TensorFlow. Pass --tensorflow-python PATH." in run.stdout


@pytest.mark.slow
def test_comparison_with_another_tree_needs_one():
    run = run_benchmarks("against")
    assert run.returncode == 1
    assert "against needs --before FOLDER" in run.stderr


@pytest.mark.slow
def test_tree_is_compared_with_itself():
    arguments = ["--before", str(ROOT), "--nets", "digits", "--rounds", "1"]
    run = run_benchmarks("against", *arguments)
    assert "| digits | prediction of one batch |" in run.stdout, run.stderr


def test_benchmarks_measure_the_whole_zoo():
    assert set(ZOO) == set(zoo.__all__)


@pytest.mark.parametrize("name", ZOO)
def test_a_net_of_the_zoo_is_described_correctly(name):
    net = ZOO[name]
    layers = [*getattr(zoo, name)(), ("out", Dense(10))]
    network = Network.build(layers, net.shape, 0)
    assert network.parameters.size == net.parameters()
    macs = sum(size.macs for size in net.sizes())
    assert macs == count_macs(layers, net.shape)
    outputs = {size.output for size in net.sizes()}
    assert {shape for shape in network.shapes if len(shape) > 1} <= outputs
