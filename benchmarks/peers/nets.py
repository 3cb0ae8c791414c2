"""The networks that are compared, as plain data that each peer builds for itself.

All convolutions and hidden dense layers have a ReLU; pools are 2x2; the last dense
layer gives the logits of a softmax.
"""

from typing import NamedTuple


class Net(NamedTuple):
    batch: int
    image: tuple[int, int, int]  # (h, w, c)
    layers: list[
        tuple
    ]  # ("conv", filters, kernel, padding), ("pool",), ("dense", units)


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
