"""Summaries against the network and against measured memory."""

import gc
import importlib
import re
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor, Network, ops
from skconv._data.batches import gather
from skconv._training.optimizers import make_optimizer
from skconv.estimators.building import build_unfitted
from skconv.layers import (
    AvgPool2D,
    BatchNorm,
    Composite,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    Sequential,
)
from skconv.models.costs import cost_of_layers
from skconv.models.summary import LayerSummary, Summary, _wrap, summarize

LAYERS = [
    ("conv1", Conv2D(16, 3, activation="gelu")),
    ("pool1", AvgPool2D()),
    ("conv2", Conv2D(32, 3, stride=2, activation="relu")),
    ("drop", Dropout(0.3)),
    ("dense1", Dense(64, "gelu")),
]
NETS = [
    (ConvNetClassifier(max_iter=1, random_state=SEED), (20, 20, 1), 32),
    (ConvNetClassifier(hidden_layer_sizes=1000, solver="sgd", alpha=0), (20, 20, 1), 8),
    (ConvNetClassifier(LAYERS, dtype="float64", early_stopping=True), (24, 24, 3), 32),
]


class Twice(Composite):
    """A custom composite: the sum of what its layers make of x."""

    def __init__(self, inner):
        self.inner = inner

    def paths(self):
        return [[entry] for entry in self.inner]

    def join(self, outputs):
        return sum(outputs), None

    def forward(self, weights, x, rng):
        return self.predict(weights, x), {"x": x, "more": [np.zeros_like(x)]}


@pytest.fixture
def clf(digits):
    params = {"max_iter": 1, "filters": (8,), "random_state": SEED}
    return ConvNetClassifier(**params).fit(digits[0], digits[2])


def test_summary_has_a_row_for_each_layer(clf):
    summary, network = clf.summary(), clf.network_
    assert [row.name for row in summary.rows] == [name for name, _ in network.layers]
    assert [row.type for row in summary.rows] == [
        "Normalization",
        "Conv2D",
        "MaxPool2D",
        "Dense",
        "Dense",
    ]
    assert [row.output_shape for row in summary.rows] == network.shapes
    assert [row.parameters for row in summary.rows] == [0] + [
        sum(w.size for w in network.weights[name].values())
        for name, _ in network.layers[1:]
    ]
    assert summary.parameters == network.parameters.size
    assert [row.macs for row in summary.rows] == [
        0, 64 * 9 * 8, 0, 128 * 128, 128 * 10,
    ]  # fmt: skip
    assert summary.macs == 64 * 72 + 128 * 138


def test_summary_before_fit_is_of_the_network_that_fit_would_build(clf):
    unfitted = ConvNetClassifier(filters=(8,), input_shape=(8, 8))
    before = vars(unfitted).copy()
    whole = unfitted.summary(n_outputs=10)
    assert vars(unfitted) == before
    assert repr(whole) == repr(clf.summary())
    is_open = unfitted.summary()
    assert is_open.rows[:-1] == whole.rows[:-1]
    assert is_open.rows[-1] == ("output", "Dense", None, None, None, None)
    assert is_open.parameters == clf.network_.parameters.size - 10 * 129
    assert is_open.weight_memory == 5 * 4 * is_open.parameters
    assert (
        "y determines its number of outputs, with 129 parameters and 128"
        in " ".join(str(is_open).split())
    )
    row = str(is_open).splitlines()[-7].split()
    assert row == ["output", "(Dense)", "(?,)", "?", "?", "?"]
    listed = ConvNetRegressor(LAYERS, input_shape=(24, 24, 3))
    assert listed.summary(n_outputs=2).rows[-1].output_shape == (2,)


@pytest.mark.parametrize("use", dict.fromkeys([ops.in_use(), "numpy"]))
@pytest.mark.parametrize(("clf", "shape", "batch_size"), NETS)
def test_memory_is_that_of_a_measured_step(clf, shape, batch_size, use, rng):
    """Within 15 % and 2 MB, as `summary` promises."""
    network = build_unfitted(clf.set_params(input_shape=shape), 10)
    X, codes = rng.random((batch_size, *shape)), np.arange(batch_size) % 10
    loss = ops.softmax_cross_entropy

    def step():
        trained = network.copy()
        optimizer = make_optimizer(clf, trained)
        best = trained.parameters.copy() if clf.early_stopping else None
        x = gather(X, np.arange(batch_size), trained)
        _, gradient = trained.loss_and_gradient(x, codes, None, loss, rng)
        optimizer.step(trained.parameters, gradient, 0.001)
        return best

    before = ops.in_use()
    ops.use(use)
    try:
        step()
        gc.collect()
        tracemalloc.start()
        step()
        _, measured = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        said = clf.summary(batch_size=batch_size, n_outputs=10).memory
    finally:
        tracemalloc.stop()
        ops.use(before)
    np.testing.assert_allclose(said, measured, rtol=0.15, atol=2e6)


def test_memory_grows_with_the_batch_and_the_solvers_moments():
    clf = ConvNetClassifier(input_shape=(8, 8), batch_size=50)
    kept = [clf.summary(batch_size=n).forward_memory for n in (10, 20, 40)]
    assert kept[2] - kept[1] == 2 * (kept[1] - kept[0])
    assert clf.summary().batch_size == 50
    assert ConvNetClassifier(input_shape=(8, 8)).summary().batch_size == 128
    copies = [
        (ConvNetClassifier(input_shape=(8, 8), **params).summary(), expected)
        for params, expected in [
            ({}, 5),
            ({"alpha": 0}, 4),
            ({"solver": "sgd"}, 4),
            ({"solver": "sgd", "alpha": 0, "early_stopping": True}, 4),
        ]
    ]
    for summary, expected in copies:
        assert summary.weight_memory == expected * 4 * summary.parameters


def test_arrays_that_neighbours_share_are_counted_once():
    """A convolution stores its input and output; the next one's input is that output."""
    layers = [("a", Conv2D(4)), ("b", Conv2D(4)), ("flat", Flatten())]
    summary = ConvNetClassifier(layers, input_shape=(8, 8), batch_size=1).summary()
    weights = 5 * 4 * summary.parameters
    image, maps = 4 * 64, 4 * 64 * 4
    rows = [row.memory - 5 * 4 * row.parameters for row in summary.rows[:3]]
    assert rows == [maps, maps, 0]
    # And the image, and of an output layer of one unit its output.
    assert summary.forward_memory == image + 2 * maps + 4
    assert summary.memory > weights + summary.forward_memory


def test_layers_inside_of_layers_have_rows():
    deep = Twice([("p", Conv2D(3, 1)), ("q", Conv2D(3, 3))])
    block = Twice([("conv", Conv2D(3)), ("deep", deep)])
    network = SimpleNamespace(
        layers=[("pool", MaxPool2D()), ("block", block), ("output", Dense(3))],
        input_shape=(8, 8, 2), shapes=[(4, 4, 2), (4, 4, 3), (3,)], weights={},
        dtype=np.dtype("float32"), copy=lambda: network, n_fixed=0, frozen=(),
    )  # fmt: skip
    shape, rng = network.input_shape, np.random.default_rng(SEED)
    for name, layer in network.layers:
        network.weights[name], shape = layer.build(shape, rng, network.dtype)
    costs = cost_of_layers(network, batch_size=32)
    rows = {row.name: row for row in costs.layers}
    inside = ["block", "block.conv", "block.deep", "block.deep.p", "block.deep.q"]
    assert list(rows) == ["pool", *inside, "output"]
    assert rows["block.deep.q"].output_shape == (4, 4, 3)
    assert [rows[name].parameters for name in inside] == [123, 57, 66, 9, 57]
    assert [rows[name].macs // 16 for name in inside] == [114, 54, 60, 6, 54]
    # Its cache is x, a new array here, and as much again; its parts have no rows of cache.
    assert [rows[name].cache for name in inside] == [2 * 4 * 32 * 32, 0, 0, 0, 0]
    assert type(block.inner[0][1]) is Conv2D
    total = LayerSummary("block", "Twice", (4, 4, 3), 123, 0, 0)
    part = total._replace(name="block.conv", parameters=57)
    summary = Summary("A net", [total, part], 1, 0, 0, 0)
    assert summary.parameters == 123
    assert [line.index("(") for line in str(summary).splitlines()[3:5]] == [6, 7]


def test_parts_that_prediction_fuses_have_separate_rows():
    layers = [("conv", Conv2D(4, 3)), ("norm", BatchNorm()), ("pool", MaxPool2D(2))]
    network = Network.build([("block", Sequential(layers))], (8, 8, 1), 0)
    costs = cost_of_layers(network, 1)
    shapes = [(8, 8, 4), (8, 8, 4), (4, 4, 4)]
    assert [row.output_shape for row in costs.layers[1:]] == shapes
    assert [row.macs for row in costs.layers[1:]] == [64 * 36, 0, 0]


def test_summary_as_html_and_as_data_frame(clf, monkeypatch):
    summary = clf.summary()
    shown = summary._repr_html_()
    cells = re.findall(r"<(?:td|th)[^>]*>([^<]*)</t", shown)
    assert cells[10:14] == ["conv1 (Conv2D)", "(8, 8, 8)", "80", "4,608"]
    assert cells[14] == ("0.00" if ops.in_use() == "numpy" else "1.6")  # MB, kB
    frame = summary.to_frame()
    assert list(frame.index) == [
        *("normalization", "conv1", "pool1", "dense1", "output")
    ]
    assert frame.parameters.sum() == summary.parameters
    open_frame = ConvNetClassifier(input_shape=(8, 8)).summary().to_frame()
    assert pd.isna(open_frame.loc["output", "memory"])

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match="pip install pandas, or read the summary's"):
        summary.to_frame()


def test_table_fits_a_terminal(clf):
    lines = str(clf.summary()).splitlines()
    assert max(map(len, lines)) <= 80
    assert (
        lines[0] == "ConvNetClassifier: input (8, 8, 1), batches of 128, float32, adam"
    )
    memory = "1.16" if ops.in_use() == "numpy" else "833.3"  # MB, kB
    assert lines[-3].split() == ["total", "17,882", "22,272", memory]


def test_summary_without_shapes_raises():
    with pytest.raises(ValueError, match=r"input_shape is None, .* pass input_shape="):
        ConvNetClassifier().summary()
    clf = ConvNetClassifier(input_shape=(8, 8))
    with pytest.raises(ValueError, match="batch_size must be an int >= 1, got 0"):
        clf.summary(batch_size=0)
    with pytest.raises(ValueError, match="n_outputs must be an int >= 1, got 'ten'"):
        clf.summary(n_outputs="ten")
    with pytest.raises(ValueError, match=r"layer 'conv2d_1' .* use padding='same'"):
        ConvNetClassifier([Conv2D(4, 9, padding="valid")], input_shape=(8, 8)).summary()


ROW = LayerSummary("block", "Sequential", (2, 3, 4), 1234, 56789, 0)
PART = ROW._replace(name="block.deep.conv", type="Conv2D", output_shape=(2,))


def table(memory):
    return Summary("A net", [ROW, PART], 8, memory - 30, 20, 10)


def test_tables_align_words_left_and_numbers_right():
    lines = str(table(99_940)).splitlines()
    assert lines[:7] == [
        "A net",
        "layer (type)        output shape   parameters     MACs   memory [kB]",
        "--------------------------------------------------------------------",
        "block (Sequential)  (2, 3, 4)           1,234   56,789           0.0",
        "    conv (Conv2D)   (2,)                1,234   56,789           0.0",
        "--------------------------------------------------------------------",
        "total                                   1,234   56,789          99.9",
    ]
    footer = " ".join(lines[7:])
    assert footer.startswith("Memory of training in kB: 99.9 for weights and their")
    assert max(map(len, lines[7:])) == len(lines[7]) == 80


@pytest.mark.parametrize(
    ("memory", "shown"),
    [
        (999_940, "999.9 kB"),
        (1_000_000, "1.00 MB"),
        (1_234_567_890, "1,234.57 MB"),
        (10**12, "1,000,000.00 MB"),
    ],
)
def test_memory_is_in_units_of_its_size(memory, shown):
    number, unit = shown.split()
    lines = str(table(memory)).splitlines()
    assert lines[1].endswith(f"memory [{unit}]") and lines[6].split()[-1] == number


def test_parts_are_indented_in_html_too():
    page = table(99_940)._repr_html_()
    rows = re.findall(r"padding-left:([0-9.]+)em'>([^<]*)<", page)
    assert rows == [("0.5", "block (Sequential)"), ("2.5", "conv (Conv2D)"), ("0.5", "total")]  # fmt: skip


def test_frames_have_counts_that_may_be_missing():
    frame = Summary("A net", [ROW._replace(memory=None)], 8, 0, 0, 0).to_frame()
    assert list(frame.dtypes[["parameters", "macs", "memory"]]) == ["Int64"] * 3


def test_open_output_is_not_counted():
    network = Network.build([Dense(2), ("out", Dense(1))], (3,), 0)
    whole = summarize(network, "A net", batch_size=1, copies=4)
    assert (whole.rows[-1].parameters, whole.per_output) == (3, None)
    assert whole.weight_memory == 4 * 4 * (8 + 3)
    assert whole.rows[0].memory == 4 * 4 * 8 + 4 * 2
    is_open = summarize(network, "A net", batch_size=1, copies=4, open_output=True)
    assert is_open.weight_memory == 4 * 4 * 8
    frozen = network.freeze(["out"])
    is_open = summarize(frozen, "A net", batch_size=1, copies=4, open_output=True)
    assert is_open.weight_memory == 4 * 4 * 8


def test_texts_are_wrapped_at_80_characters():
    for length, n_lines in [(39, 1), (40, 2)]:
        assert len(_wrap("a" * 40 + " " + "b" * length)) == n_lines
