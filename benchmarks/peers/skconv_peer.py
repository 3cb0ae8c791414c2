"""One training step of skconv."""

from protocol import serve
from threadpoolctl import threadpool_info, threadpool_limits

import skconv
from skconv import Network, ops
from skconv.layers import Conv2D, Dense, MaxPool2D
from skconv.optimizers import Adam


def build(net, threads, x, codes):
    import numpy as np

    threadpool_limits(threads)
    network = Network.build(layers(net), net.image, np.random.default_rng(0))
    optimizer = Adam(network.parameters)
    rng = np.random.default_rng(0)

    def step():
        _, gradient = network.loss_and_gradient(
            x, codes, None, ops.softmax_cross_entropy, rng
        )
        optimizer.step(network.parameters, gradient, 1e-3)

    blas = {
        pool["architecture"] for pool in threadpool_info() if "architecture" in pool
    }
    what = f"skconv {skconv.__version__}, NumPy {np.__version__} ops"
    return {"what": what, "blas": ", ".join(sorted(blas))}, step


def layers(net):
    makers = {
        "conv": lambda filters, size, padding: Conv2D(
            filters, size, padding=padding, activation="relu"
        ),
        "pool": lambda: MaxPool2D(2),
        "dense": lambda units: Dense(units, "relu"),
    }
    hidden = [makers[kind](*arguments) for kind, *arguments in net.layers[:-1]]
    hidden.append(Dense(net.layers[-1][1]))
    return [(f"layer{i}", layer) for i, layer in enumerate(hidden)]


if __name__ == "__main__":
    serve(build)
