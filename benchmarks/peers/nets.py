"""The networks that are compared, as plain data that each peer builds for itself.

A layer is a tuple of its arguments; `size` returns the shapes and the cost for one
sample. The last layer gives the logits of a softmax, for a sample or for each pixel.
"""

import math
from typing import NamedTuple


class Size(NamedTuple):
    """One layer's output for one sample, its weights and its cost."""

    output: tuple[int, ...]
    weights: list[tuple[int, ...]] = []  # noqa: RUF012
    macs: int = 0  # multiply-accumulates


class Conv(NamedTuple):
    filters: int
    kernel: int = 3
    padding: str = "same"
    stride: int = 1
    activation: str | None = "relu"
    bias: bool = True
    dilation: int = 1
    groups: int = 1

    def size(self, shape):
        pixels, kernel = slide(self, shape), [self.kernel] * (len(shape) - 1)
        kernel = (*kernel, shape[-1] // self.groups, self.filters)
        bias = [(self.filters,)] * self.bias
        return Size(
            (*pixels, self.filters), [kernel, *bias], math.prod((*pixels, *kernel))
        )


class Up(NamedTuple):
    """A transposed convolution that makes images `stride` times as large."""

    filters: int
    kernel: int = 2
    stride: int = 2
    activation: str | None = None

    def size(self, shape):
        kernel = (*[self.kernel] * (len(shape) - 1), self.filters, shape[-1])
        pixels = (n * self.stride for n in shape[:-1])
        macs = math.prod((*shape[:-1], *kernel))
        return Size((*pixels, self.filters), [kernel, (self.filters,)], macs)


class Reshape(NamedTuple):
    """Flat samples as images."""

    shape: tuple[int, ...]

    def size(self, shape):
        return Size(self.shape)


class Separable(NamedTuple):
    """A depthwise convolution and one of single pixels, without biases."""

    filters: int
    kernel: int = 3
    padding: str = "same"
    stride: int = 1

    def size(self, shape):
        pixels, c = slide(self, shape), shape[-1]
        kernels = [(self.kernel, self.kernel, 1, c), (1, 1, c, self.filters)]
        taps = sum(map(math.prod, kernels))
        return Size((*pixels, self.filters), kernels, math.prod(pixels) * taps)


class Norm(NamedTuple):
    """A batch normalisation."""

    activation: str | None = "relu"

    def size(self, shape):
        return Size(shape, [shape[-1:]] * 2)


class Fixed(NamedTuple):
    """A convolution of signals whose kernels are not trained, and a ReLU."""

    filters: int
    kernel: int

    def size(self, shape):
        kernel = (self.kernel, shape[-1], self.filters)
        return Size((shape[0], self.filters), [], math.prod((shape[0], *kernel)))


class MaxOfThree(NamedTuple):
    """The largest of each value of a signal and its neighbours."""

    def size(self, shape):
        return Size(shape)


class MaxPool(NamedTuple):
    def size(self, shape):
        return Size((*(n // 2 for n in shape[:-1]), shape[-1]))


class AvgPool(NamedTuple):
    def size(self, shape):
        return MaxPool.size(self, shape)


class Mean(NamedTuple):
    """The mean over all pixels."""

    def size(self, shape):
        return Size(shape[-1:])


class Largest(NamedTuple):
    """The maximum over all pixels."""

    def size(self, shape):
        return Mean.size(self, shape)


class Dropout(NamedTuple):
    rate: float

    def size(self, shape):
        return Size(shape)


class Dense(NamedTuple):
    """A dense layer, which flattens its input."""

    units: int
    activation: str | None = "relu"

    def size(self, shape):
        kernel = (math.prod(shape), self.units)
        return Size((self.units,), [kernel, (self.units,)], math.prod(kernel))


class Residual(NamedTuple):
    """An activation of the sum of both sides."""

    layers: list
    shortcut: list
    activation: str | None = "relu"

    def size(self, shape):
        parts = [*walk(self.layers, shape), *walk(self.shortcut, shape)]
        _, body = parts[len(self.layers) - 1]
        weights = [each for _, size in parts for each in size.weights]
        return Size(body.output, weights, sum(size.macs for _, size in parts))


class Branches(NamedTuple):
    """Lists of layers side by side, whose channels are joined; [] is the input."""

    layers: list

    def size(self, shape):
        ends, weights, macs = [], [], 0
        for side in self.layers:
            sizes = [size for _, size in walk(side, shape)]
            ends.append(sizes[-1].output if sizes else shape)
            weights += [each for size in sizes for each in size.weights]
            macs += sum(size.macs for size in sizes)
        channels = sum(end[-1] for end in ends)
        return Size((*ends[0][:-1], channels), weights, macs)


def slide(layer, shape):
    """Return how many windows fit along each axis."""
    lost = layer.kernel - 1 if layer.padding == "valid" else 0
    return tuple(-(-(n - lost) // layer.stride) for n in shape[:-1])


def walk(layers, shape):
    """Yield the input's shape and the Size of each layer."""
    for layer in layers:
        size = layer.size(shape)
        yield shape, size
        shape = size.output


class Net(NamedTuple):
    batch: int
    shape: tuple[int, ...]  # of one sample: (h, w, c) or (l, c)
    layers: list

    def sizes(self):
        return [size for _, size in walk(self.layers, self.shape)]

    def parameters(self):
        return sum(math.prod(each) for size in self.sizes() for each in size.weights)

    def gigaflops(self):
        """Return the GFLOP of one batch, two for a multiply-accumulate.

        A training step takes three forwards' worth (output, gradient of the kernel, of
        the input), less the gradient of the samples, which is not used.
        """
        forward = [size.macs for size in self.sizes() if size.weights]
        passes = {"train": 3 * sum(forward) - forward[0], "predict": sum(forward)}
        return {what: 2e-9 * self.batch * count for what, count in passes.items()}


OUT = Dense(10, None)

BASIC = {
    "digits": Net(
        64, (8, 8, 1), [Conv(16), MaxPool(), Conv(32), MaxPool(), Dense(64), OUT]
    ),
    "lenet": Net(
        128,
        (28, 28, 1),
        [
            Conv(6, 5),
            MaxPool(),
            Conv(16, 5, "valid"),
            MaxPool(),
            Dense(120),
            Dense(84),
            OUT,
        ],
    ),
    "mnist": Net(
        128,
        (28, 28, 1),
        [Conv(32, 3, "valid"), MaxPool(), Conv(64, 3, "valid"), MaxPool(), OUT],
    ),
    "cifar": Net(
        64,
        (32, 32, 3),
        [
            *[Conv(32), Conv(32), MaxPool()],
            *[Conv(64), Conv(64), MaxPool()],
            *[Dense(128), OUT],
        ],
    ),
}


def normalised(filters, kernel=3, stride=1, activation="relu"):
    conv = Conv(filters, kernel, "same", stride, activation=None, bias=False)
    return [conv, Norm(activation)]


def block(filters, stride=1):
    return Residual(
        [*normalised(filters, 3, stride), *normalised(filters, activation=None)],
        normalised(filters, 1, stride, activation=None) if stride > 1 else [],
    )


def halved(filters):
    return [Conv(filters, activation=None, bias=False), MaxPool(), Norm()]


def added(filters):
    return Residual([*normalised(filters), *normalised(filters)], [], None)


def plain(filters, kernel, groups=1, dilation=1):
    return Conv(filters, kernel, "same", 1, None, False, dilation, groups)


def inception(bottleneck):
    convs = Branches([[plain(32, kernel)] for kernel in (40, 20, 10)])
    squeeze = [plain(32, 1)] if bottleneck else []
    return Branches([[*squeeze, convs], [MaxOfThree(), plain(32, 1)]]), Norm()


def level(filters, *below):
    """Return a level of a U-Net, with those below as a branch."""
    if not below:
        return [*normalised(filters), *normalised(filters)]
    inside = Branches([[], [MaxPool(), *level(*below), Up(filters)]])
    return [*level(filters), inside, *level(filters)]


# What skconv.zoo has under these names; each peer's parameters are counted.
ZOO = {
    "lenet5": Net(
        128,
        (28, 28, 1),
        [
            Conv(6, 5, activation="tanh"),
            AvgPool(),
            Conv(16, 5, "valid", activation="tanh"),
            AvgPool(),
            Dense(120, "tanh"),
            Dense(84, "tanh"),
            OUT,
        ],
    ),
    "keras_mnist": Net(
        128, (28, 28, 1), [*BASIC["mnist"].layers[:-1], Dropout(0.5), OUT]
    ),
    "all_cnn": Net(
        128,
        (28, 28, 1),
        [
            *[Dropout(0.2), Conv(96), Conv(96), Conv(96, stride=2)],
            *[Dropout(0.5), Conv(192), Conv(192), Conv(192, stride=2)],
            *[Dropout(0.5), Conv(192, 3, "valid"), Conv(192, 1), Mean(), OUT],
        ],
    ),
    "resnet": Net(
        128,
        (28, 28, 1),
        [
            *[*normalised(32), MaxPool()],
            *[block(32), block(64, stride=2), block(128, stride=2)],
            *[Mean(), OUT],
        ],
    ),
    "resnet9": Net(
        128,
        (28, 28, 1),
        [
            *[*normalised(16), *halved(32), added(32), *halved(64)],
            *[*halved(128), added(128), Largest(), OUT],
        ],
    ),
    "compact": Net(
        128,
        (28, 28, 1),
        [
            *normalised(32),
            *[Separable(64, stride=2), Norm(), Separable(64), Norm()],
            *[Separable(128, stride=2), Norm(), Separable(128), Norm()],
            *[Mean(), OUT],
        ],
    ),
    "unet": Net(16, (64, 64, 1), [*level(16, 32, 64), Conv(10, 1, activation=None)]),
    "autoencoder": Net(
        128,
        (28, 28, 1),
        [
            *[Conv(16, stride=2), Conv(32, stride=2), Dense(32, None)],
            *[Dense(7 * 7 * 32), Reshape((7, 7, 32))],
            *[Up(32, 3, activation="relu"), Up(16, 3, activation="relu")],
            Conv(10, 1, activation=None),
        ],
    ),
    "signal_fcn": Net(
        128,
        (128, 1),
        [
            *[*normalised(128, 8), *normalised(256, 5), *normalised(128, 3)],
            *[Mean(), OUT],
        ],
    ),
    "strided_cnn": Net(
        128,
        (128, 1),
        [
            *[*normalised(32, 16, 2), MaxPool(), *normalised(64, 9), MaxPool()],
            *[*normalised(64, 5), Mean(), OUT],
        ],
    ),
    "inception_time": Net(
        128,
        (128, 1),
        [
            *[
                Residual(
                    [
                        *inception(bottleneck=after),
                        *inception(bottleneck=True),
                        *inception(bottleneck=True),
                    ],
                    [plain(128, 1), Norm(None)],
                )
                for after in (False, True)
            ],
            *[Mean(), OUT],
        ],
    ),
    "lite": Net(
        128,
        (128, 1),
        [
            Branches([*([plain(32, size)] for size in (40, 20, 10)), [Fixed(17, 96)]]),
            Norm(),
            *[plain(113, 20, 113, 2), plain(32, 1), Norm()],
            *[plain(32, 10, 32, 4), plain(32, 1), Norm()],
            *[Mean(), OUT],
        ],
    ),
}

NETS = BASIC | ZOO
