"""The networks that are compared, as plain data that each peer builds for itself.

All convolutions and hidden dense layers have a ReLU; pools are 2x2; the last dense
layer gives the logits of a softmax.
"""

import math
from typing import NamedTuple


class Net(NamedTuple):
    batch: int
    image: tuple[int, int, int]  # (h, w, c)
    # ("conv", filters, kernel, padding), ("pool",), ("dense", units)
    layers: list[tuple]


class Size(NamedTuple):
    """What one layer makes of one image."""

    output: tuple[int, ...]
    kernel: tuple[int, ...] | None  # HWIO or (inputs, units)
    multiply_adds: int


def sizes(net):
    """Return the Size of each layer."""
    rules = {"conv": conv_size, "pool": pool_size, "dense": dense_size}
    shape, found = net.image, []
    for kind, *arguments in net.layers:
        found.append(rules[kind](shape, *arguments))
        shape = found[-1].output
    return found


def conv_size(shape, filters, kernel, padding):
    lost = kernel - 1 if padding == "valid" else 0
    output = (shape[0] - lost, shape[1] - lost, filters)
    kernel = (kernel, kernel, shape[2], filters)
    return Size(output, kernel, math.prod(output[:2]) * math.prod(kernel))


def pool_size(shape):
    return Size((shape[0] // 2, shape[1] // 2, shape[2]), None, 0)


def dense_size(shape, units):
    kernel = (math.prod(shape), units)
    return Size((units,), kernel, math.prod(kernel))


def gigaflops(net):
    """Return the GFLOP of one batch, two for a multiply-add.

    A training step takes three forwards' worth (output, gradient of the kernel, of the
    input), less the gradient of the images, which nobody reads.
    """
    forward = [size.multiply_adds for size in sizes(net) if size.kernel]
    passes = {"train": 3 * sum(forward) - forward[0], "predict": sum(forward)}
    return {what: 2e-9 * net.batch * count for what, count in passes.items()}


NETS = {
    "digits": Net(
        64,
        (8, 8, 1),
        [
            ("conv", 16, 3, "same"),
            ("pool",),
            ("conv", 32, 3, "same"),
            ("pool",),
            ("dense", 64),
            ("dense", 10),
        ],
    ),
    "lenet": Net(
        128,
        (28, 28, 1),
        [
            ("conv", 6, 5, "same"),
            ("pool",),
            ("conv", 16, 5, "valid"),
            ("pool",),
            ("dense", 120),
            ("dense", 84),
            ("dense", 10),
        ],
    ),
    "mnist": Net(
        128,
        (28, 28, 1),
        [
            ("conv", 32, 3, "valid"),
            ("pool",),
            ("conv", 64, 3, "valid"),
            ("pool",),
            ("dense", 10),
        ],
    ),
    "cifar": Net(
        64,
        (32, 32, 3),
        [
            ("conv", 32, 3, "same"),
            ("conv", 32, 3, "same"),
            ("pool",),
            ("conv", 64, 3, "same"),
            ("conv", 64, 3, "same"),
            ("pool",),
            ("dense", 128),
            ("dense", 10),
        ],
    ),
}
