"""The kernels in JavaScript compute what they do in Python, to the bit."""

import json

import numpy as np
import pytest
from seeds import SEED
from sklearn.datasets import load_digits

from skconv import Network, ops
from skconv._training.optimizers import SGD, Adam
from skconv.layers import AvgPool2D, BatchNorm, Conv2D, Dense, MaxPool2D

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HE = {"kernel_initializer": "he_uniform"}
# Name -> layers in Python, the same in JavaScript, solver, learning rate, epochs.
RUNS = {
    "digits": (
        [
            Conv2D(16, 3, activation="relu", **HE),
            MaxPool2D(2),
            Conv2D(32, 3, activation="relu", **HE),
            MaxPool2D(2),
            Dense(10),
        ],
        [
            {"type": "conv2d", "filters": 16, "kernelSize": 3, "activation": "relu"},
            {"type": "max_pool2d", "poolSize": 2},
            {"type": "conv2d", "filters": 32, "kernelSize": 3, "activation": "relu"},
            {"type": "max_pool2d", "poolSize": 2},
            {"type": "dense", "units": 10},
        ],
        *("adam", 0.01, 40),
    ),
    "strides, averages and SGD": (
        [
            Conv2D(6, 5, stride=2, padding="same", activation="tanh"),
            AvgPool2D(2),
            Conv2D(5, 2, padding="valid", activation="elu"),
            Dense(20, "logistic"),
            Dense(10),
        ],
        [
            {"type": "conv2d", "filters": 6, "kernelSize": 5, "stride": 2}
            | {"activation": "tanh"},
            {"type": "avg_pool2d", "poolSize": 2},
            {"type": "conv2d", "filters": 5, "kernelSize": 2, "padding": "valid"}
            | {"activation": "elu"},
            {"type": "dense", "units": 20, "activation": "logistic"},
            {"type": "dense", "units": 10},
        ],
        *("sgd", 0.05, 3),
    ),
    "batch normalisation": (
        [
            Conv2D(24, 3, use_bias=False),
            BatchNorm(activation="relu"),
            MaxPool2D(2),
            Conv2D(9, 3, activation="leaky_relu"),
            BatchNorm(),
            Dense(10),
        ],
        [
            {"type": "conv2d", "filters": 24, "kernelSize": 3, "useBias": False},
            {"type": "batch_norm", "activation": "relu"},
            {"type": "max_pool2d", "poolSize": 2},
            {"type": "conv2d", "filters": 9, "kernelSize": 3}
            | {"activation": "leaky_relu"},
            {"type": "batch_norm"},
            {"type": "dense", "units": 10},
        ],
        *("adam", 0.005, 3),
    ),
}
SOLVERS = {"adam": Adam, "sgd": SGD}


@pytest.mark.parametrize("name", RUNS)
def test_training_is_the_same_to_the_bit(name, wasm, node, generic_ops, tmp_path):
    layers, javascript, solver, rate, epochs = RUNS[name]
    X, labels = load_digits(return_X_y=True)
    X = (X / 16).reshape(-1, 8, 8, 1).astype(np.float32)
    rng = np.random.default_rng(SEED)
    orders = [rng.permutation(1437) for _ in range(epochs)]
    steps = [rows for order in orders for rows in np.split(order, range(64, 1437, 64))]
    network = Network.build(layers, (8, 8, 1), 0)
    run = {
        "wasm": str(wasm),
        "layers": javascript,
        "inputShape": [8, 8, 1],
        "solver": solver,
        "learningRate": rate,
        "labels": labels.tolist(),
        "steps": [rows.tolist() for rows in steps],
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "X.bin").write_bytes(X.tobytes())
    (tmp_path / "parameters.bin").write_bytes(network.parameters.tobytes())

    optimizer = SOLVERS[solver](network.parameters)
    losses, parameters = [], []
    for rows in steps:
        loss, gradient = network.loss_and_gradient(
            X[rows], labels[rows], None, ops.softmax_cross_entropy, rng
        )
        optimizer.step(network.parameters, gradient, rate)
        losses.append(loss)
        parameters.append(network.parameters.copy())
    outputs = X
    for layer_name, layer in network.layers:  # layer by layer: nothing is fused
        outputs = layer.predict(network.weights[layer_name], outputs)

    node("train.mjs", tmp_path)
    got = {file.stem: file.read_bytes() for file in tmp_path.glob("*.out")}
    same = [
        np.array_equal(a.view("i4"), b)
        for a, b in zip(
            parameters,
            np.frombuffer(got["parameters"], "i4").reshape(len(steps), -1),
            strict=True,
        )
    ]
    assert all(same), f"weights differ from step {same.index(False)} on"
    assert np.array_equal(np.frombuffer(got["losses"]), losses)
    assert got["outputs"] == outputs.tobytes()
