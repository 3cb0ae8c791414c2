"""skconv, on the ops that SKCONV_OPS names."""

import sys
from functools import partial
from pathlib import Path

import nets
import numpy as np
from protocol import (
    DEPTHWISE,
    LEARNING_RATE,
    RACE,
    accuracy,
    depthwise_arrays,
    one_after_another,
    random_batch,
    read_data,
    serve,
)
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info

sys.path.insert(0, str(Path(__file__).parents[2]))  # as the process that starts it

import skconv
from skconv import ConvNetClassifier, Network, ops, zoo
from skconv._training.optimizers import Adam
from skconv.augmentation import RandomFlip, RandomShift
from skconv.layers import Conv2D, Dense, MaxPool2D

loss = ops.softmax_cross_entropy


def pixel_loss(outputs, codes, sample_weight):
    rows = outputs.reshape(-1, outputs.shape[-1])
    value, gradient = loss(rows, codes.reshape(-1))
    return value, gradient.reshape(outputs.shape)


def steps(task):
    net = nets.NETS[task.net]
    x, codes = random_batch(net)
    rng = np.random.default_rng(0)
    hidden = getattr(zoo, task.net)() if task.net in nets.ZOO else hidden_layers(net)
    last = net.layers[-1]
    ends_in_image = isinstance(last, nets.Conv)
    out = ("out", Conv2D(last.filters, 1) if ends_in_image else Dense(last.units))
    network = Network.build([*hidden, out], net.shape, rng)
    optimizer = Adam(network.parameters)

    def train():
        _, gradient = network.loss_and_gradient(
            x, codes, None, pixel_loss if ends_in_image else loss, rng
        )
        optimizer.step(network.parameters, gradient, LEARNING_RATE)

    description = {**describe(), "parameters": network.parameters.size}
    return description, {"train": train, "predict": lambda: network.predict(x)}


def depthwise(task):
    actions = {}
    for i, shape in enumerate(DEPTHWISE):
        x, kernel, dy = depthwise_arrays(shape)
        slide = {"stride": shape[-1], "padding": "same", "groups": shape[2]}
        actions |= {
            f"{i}:forward": partial(ops.conv2d, x, kernel, **slide),
            f"{i}:grad_input": partial(
                ops.conv2d_grad_input, dy, kernel, x.shape, **slide
            ),
            f"{i}:grad_kernel": partial(
                ops.conv2d_grad_kernel, dy, x, kernel.shape, **slide
            ),
        }
    return describe(), actions


def fit(task):
    X, X_test, y, y_test = read_data(task.data)
    clf = classifier()
    classes = np.unique(y)

    def epoch():
        clf.partial_fit(X, y, classes=classes)

    return describe(), {"epoch": epoch, "score": lambda: clf.score(X_test, y_test)}


def race(task):
    X, X_test, y, y_test = read_data(task.data)
    clf = ConvNetClassifier(
        zoo.resnet9(),
        batch_size=RACE["batch"],
        learning_rate="one_cycle",
        learning_rate_init=RACE["rate"],
        alpha=RACE["decay"],
        label_smoothing=RACE["smoothing"],
        augment=[RandomFlip(), RandomShift(RACE["max_shift"])],
        max_iter=task.epochs,
        random_state=0,
    )

    def fit():
        clf.fit(X, y)

    return describe(), {"fit": fit, "score": lambda: clf.score(X_test, y_test)}


def predict(task):
    _, X, _, y = read_data(task.data)
    clf = classifier().fit(X[:256], y[:256])
    tensors, images = one_after_another(X[..., None]), one_after_another(X)
    return describe(), {
        "network": lambda: clf.network_.predict(next(tensors)),
        "estimator": lambda: clf.predict_proba(next(images)),
        "many": lambda: accuracy(clf.predict(X), y),
    }


def search(task):
    X, _, y, _ = read_data(task.data)
    clf = ConvNetClassifier(
        hidden_layer_sizes=task.dense, max_iter=task.epochs, random_state=0
    )
    grid = {"filters": task.filters, "kernel_size": task.kernel_size}
    return describe(), {
        "search": lambda: float(
            GridSearchCV(clf, grid, cv=2, n_jobs=2).fit(X, y).best_score_
        )
    }


def describe():
    blas = {
        pool["architecture"] for pool in threadpool_info() if "architecture" in pool
    }
    return {
        "what": f"skconv {skconv.__version__}, {ops.in_use()} ops",
        "numpy": f"NumPy {np.__version__}, BLAS {', '.join(sorted(blas))}",
    }


def classifier():
    """Return an estimator of the mnist net; it adds the output layer itself."""
    net = nets.NETS["mnist"]
    return ConvNetClassifier(
        hidden_layers(net),
        batch_size=net.batch,
        learning_rate_init=LEARNING_RATE,
        max_iter=1,
        alpha=0,
        random_state=0,
    )


def hidden_layers(net):
    makers = {
        nets.Conv: lambda layer: Conv2D(
            layer.filters,
            layer.kernel,
            padding=layer.padding,
            activation=layer.activation,
        ),
        nets.MaxPool: lambda layer: MaxPool2D(2),
        nets.Dense: lambda layer: Dense(layer.units, layer.activation),
    }
    return [
        (f"layer{i}", makers[type(layer)](layer))
        for i, layer in enumerate(net.layers[:-1])
    ]


if __name__ == "__main__":
    kinds = [steps, depthwise, fit, predict, race, search]
    serve({kind.__name__: kind for kind in kinds})
