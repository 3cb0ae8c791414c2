"""The Python program beneath the playground makes the network that the page shows."""

import contextlib
import io
import json
import warnings

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHANGES = [
    {},
    {"filters": 4, "more": 0, "kernelSize": 5, "stride": 2, "padding": "valid"},
    {"pool": "average", "activation": "elu", "solver": "sgd", "learningRate": 0.1},
    {"pool": "none", "activation": "identity", "kernelSize": 1, "batchSize": 256},
    {"kernelSize": 2, "stride": 3, "pool": "none", "batchSize": 1},
]
CLASSES = {"conv2d": "Conv2D", "max_pool2d": "MaxPool2D", "avg_pool2d": "AvgPool2D"}


def test_program_makes_the_network_of_the_page(wasm, node):
    for shown in node("settings.mjs", wasm, json.dumps(CHANGES)):
        program = shown["program"].replace("max_iter=30", "max_iter=1")
        variables = {}
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # one epoch is not enough
            exec(program, variables)
        net, settings = variables["net"], shown["settings"]
        network = net.network_
        assert [list(shape) for shape in network.shapes] == shown["shapes"]
        assert network.parameters.size == shown["size"]
        assert net.solver == settings["solver"]
        assert net.learning_rate_init == settings["learningRate"]
        assert net.batch_size == settings["batchSize"]
        for (_, layer), of in zip(network.layers, shown["layers"], strict=True):
            if of["type"] == "dense":
                continue
            assert type(layer).__name__ == CLASSES[of["type"]]
            if of["type"] == "conv2d":
                assert layer.activation == of["activation"]
                assert (layer.filters, layer.stride) == (of["filters"], of["stride"])
                assert layer.padding == of["padding"]
        assert (len(variables["X_train"]), len(variables["X_test"])) == (1437, 360)
