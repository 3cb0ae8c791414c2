"""The benchmarks start, refuse NumPy ops, and describe the zoo's networks correctly."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from zoo_shapes import MAKE_IMAGES, NETWORKS

from skconv import Network, zoo
from skconv.layers import Conv2D, Dense
from skconv.models.costs import count_macs

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks import ablation, images, imbalance  # noqa: E402
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
    assert set(ZOO) == {*NETWORKS}


@pytest.mark.parametrize("name", ZOO)
def test_a_net_of_the_zoo_is_described_correctly(name):
    net = ZOO[name]
    out = Conv2D(10, 1) if name in MAKE_IMAGES else Dense(10)
    layers = [*getattr(zoo, name)(), ("out", out)]
    network = Network.build(layers, net.shape, 0)
    assert network.parameters.size == net.parameters()
    macs = sum(size.macs for size in net.sizes())
    assert macs == count_macs(layers, net.shape)
    outputs = {size.output for size in net.sizes()}
    assert {shape for shape in network.shapes if len(shape) > 1} <= outputs


def quarters(rng, n=40):
    """Return training and validation data, as `train_test_split` does."""
    y = np.arange(2 * n) % 4
    X = rng.random((2 * n, 6, 6, 1)) + y[:, None, None, None]
    return X[:n], X[n:], y[:n], y[n:]


CHANGES = {**ablation.ROWS, **ablation.VARIED}


@pytest.mark.parametrize("row", CHANGES)
def test_rows_of_the_ablation_are_trained(row, rng):
    budget = {"max_iter": 1, "batch_size": 20}
    layers = zoo.resnet((4, 8), pool_size=1)
    accuracy, loss, seconds = ablation._fit(
        [*quarters(rng), layers, budget], CHANGES[row], 0
    )
    assert 0 <= accuracy <= 1
    assert loss > 0
    assert seconds > 0


def test_ablation_prints_a_row_for_each_change(rng, monkeypatch, capsys):
    def tiny(seed):
        """Tiny data."""
        return [*quarters(rng), zoo.resnet((4,)), {"max_iter": 1, "batch_size": 20}]

    monkeypatch.setitem(ablation.DATA, "tiny", (tiny, ablation.ROWS))
    ablation.run(2, ["no weight decay"], ["tiny"])
    printed = capsys.readouterr().out
    assert "2 seeds: Tiny data." in printed
    assert [line.split(" |")[0] for line in printed.splitlines()[-2:]] == [
        "| base",
        "| no weight decay",
    ]


@pytest.mark.parametrize("row", ["ConvNetClassifier", "repeated samples"])
def test_imbalance_scores_a_rare_class(row, rng):
    X, X_val, y, y_val = quarters(rng, 80)
    parts = X.reshape(80, -1), X_val.reshape(80, -1), y == 3, y_val == 3
    budget = {"filters": (4,), "max_iter": 1}
    scores = imbalance._score(imbalance.ROWS[row], parts, budget, 10, 0)
    assert all(score >= 0 for score in scores)
    assert len(scores) == 3


def test_segmentation_is_scored_on_other_images():
    name, score, *times = images.segment(12, n_test=4, max_iter=1, filters=(2,))
    assert name == "U-Net"
    assert 0 <= float(score) <= 1
    assert len(times) == 2


def test_noise_is_measured_in_decibels():
    clean = np.full((2, 4, 4), 0.5)
    assert images.psnr(clean + 0.1, clean) == pytest.approx(20)
