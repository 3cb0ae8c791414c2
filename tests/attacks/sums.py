"""The sums that `bounds` tries: random layers, and the bounds of their results."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skconv import ops

from . import winograd_bound
from .other_sums import OTHERS
from .rounding import TINY, bound


class Linear(NamedTuple):
    """An op whose results are sums of products of its arrays.

    `lengths` are the operations that a term of each result passes through. The op on
    magnitudes is the sum of |a| |b|, and an activation is no more than ReLU.
    """

    call: Callable[..., tuple]
    arrays: list
    lengths: tuple

    @property
    def has_denormals(self):
        return any(((a != 0) & (np.abs(a) < TINY)).any() for a in self.arrays)

    def exact(self, arrays):
        return self.call(*(a.astype(float) for a in arrays))

    def bounds(self, arrays):
        sums = self.call(*(np.abs(a.astype(float)) for a in arrays))
        return [bound(n, each) for n, each in zip(self.lengths, sums, strict=True)]


class Winograd(Linear):
    """The passes of a convolution by Winograd's algorithm.

    `lengths` are the row and column of x at which the first window begins.
    """

    def bounds(self, arrays):
        x, kernel, dy = (np.abs(a.astype(float)) for a in arrays)
        return (
            winograd_bound.forward(x, kernel, self.lengths, dy.shape[1:3]),
            winograd_bound.grad_input(dy, kernel, self.lengths, x.shape[1:3]),
            winograd_bound.grad_kernel(dy, x, kernel.shape, self.lengths),
        )


def choose(rng, *values):
    return values[rng.integers(len(values))]


def geometry(rng, kinds):
    """Return (n, h, w), a kernel's size, and how it slides over such an image."""
    while True:
        n, h, w = map(int, rng.integers([1, 4, 4], [6, 26, 26]))
        size = tuple(map(int, rng.integers(1, 6, 2)))
        slide = {
            "stride": choose(rng, 1, 1, (1, 2), 2, 3),
            "dilation": choose(rng, 1, 1, 1, (2, 1)),
            "padding": choose(rng, "same", "valid", 2),
        }
        slide.update(kinds)
        try:
            ops.window((h, w), size, **slide)
        except ValueError:
            continue
        return (n, h, w), size, slide


def passes(x, kernel, bias, dy, slide):
    z = ops.conv2d(x, kernel, bias, activation="relu", **slide)
    return z, *ops.conv2d_backward(dy, None, x, kernel, **slide)


def conv2d(rng, numbers, c=None, filters=None, groups=1, size=None, **kinds):
    """A convolution, not by Winograd's algorithm, with all of its gradients."""
    image, drawn, slide = geometry(rng, kinds)
    size, c = size or drawn, c or int(rng.integers(1, 40))
    filters = filters or int(rng.integers(1, 40))
    slide["groups"] = groups
    x = numbers((*image, c))
    kernel = numbers((*size, c // groups, filters), True)
    output = ops.window(image[1:], size, **{k: slide[k] for k in [*slide][:3]}).output
    dy = numbers((image[0], *output, filters), True)
    taps, pixels = size[0] * size[1], dy[..., 0].size
    lengths = taps * c // groups + 1, taps * filters // groups, pixels, pixels
    if ops.compiled:
        ops.compiled._kernels.use_winograd(False)
    bias = numbers((filters,))
    return Linear(lambda *a: passes(*a, slide), [x, kernel, bias, dy], lengths)


def scaled(rng, numbers):
    """A convolution with a scale and a shift, as with a batch normalisation."""
    _, (x, kernel, shift, _), _ = conv2d(rng, numbers, stride=1, dilation=1)
    scale = rng.uniform(-1, 1, shift.shape).astype(np.float32)

    def call(x, kernel, shift, scale):
        return (ops.conv2d(x, kernel, shift, scale, padding="same"),)

    n = kernel[..., 0].size
    return Linear(call, [x, kernel, shift, scale], (n + 2,))


def grouped(rng, numbers):
    groups = int(rng.integers(2, 5))
    c, filters = (int(each) * groups for each in rng.integers(1, 9, 2))
    return conv2d(rng, numbers, c, filters, groups)


def depthwise(rng, numbers):
    c = 4 * int(rng.integers(1, 12))
    width, height = choose(rng, 3, 5), choose(rng, 1, 3, 5)
    stride = choose(rng, 1, (1, 2), 2)
    kinds = {"stride": stride, "dilation": 1, "padding": "same"}
    return conv2d(rng, numbers, c, c, c, (height, width), **kinds)


def thin(rng, numbers):
    """Few filters, along pixels."""
    problem = conv2d(rng, numbers, filters=int(rng.integers(1, 7)), stride=1)
    if ops.compiled:
        ops.compiled._kernels.use_thin(True)
    return problem


def kept(rng, numbers):
    """Gradients from the numbers that a pool kept, and the pool's output."""
    kinds = {"dilation": 1, "padding": "same", "stride": 1}
    _, (x, kernel, bias, _), lengths = conv2d(rng, numbers, **kinds)
    act = {"padding": "same", "pool_size": 2}
    ops.use("numpy")
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, kernel, bias, **act)
    dy = numbers(y.shape, True)
    if ops.compiled:
        ops.compiled._kernels.use_kept(True)

    def call(x, kernel, dy):
        return ops.conv2d_max_pool2d_backward(dy, None, argmax, x, kernel, **act)

    return Linear(call, [x, kernel, dy], lengths[1:])


def winograd(rng, numbers):
    """3 x 3 kernels and rows, by Winograd's algorithm wherever it can compute them."""
    n, h, w = map(int, rng.integers([1, 3, 8], [6, 30, 30]))
    c, filters = map(int, rng.integers(1, 40, 2))
    size = (3, 3) if rng.random() < 0.6 else (1, int(rng.integers(2, 10)))
    pads = tuple(map(tuple, rng.integers(0, 4, (2, 2)).tolist()))
    window = ops.window((h, w), size, padding=pads)
    x, kernel = numbers((n, h, w, c)), numbers((*size, c, filters), True)
    dy = numbers((n, *window.output, filters), True)
    if ops.compiled:
        ops.compiled._kernels.use_winograd(True)

    def call(x, kernel, dy):
        return passes(x, kernel, None, dy, {"padding": pads})[:3]

    return Winograd(call, [x, kernel, dy], (-pads[0][0], -pads[1][0]))


def winograd_bias(rng, numbers):
    """The gradient in the bias, which is summed up with the windows' transforms."""
    _, (x, kernel, _), _ = winograd(rng, numbers)
    dy = numbers((*x.shape[:3], kernel.shape[3]), True)

    def call(x, kernel, dy):
        return ops.conv2d_backward(dy, None, x, kernel, padding="same")[2:]

    return Linear(call, [x, kernel, dy], (dy[..., 0].size,))


def dense(rng, numbers):
    rows, c, filters = map(int, rng.integers(1, [200, 700, 200]))
    arrays = [
        *(numbers((rows, c)), numbers((c, filters), True)),
        *(numbers((filters,)), numbers((rows, filters), True)),
    ]

    def call(x, kernel, bias, dy):
        y = ops.dense(x, kernel, bias, activation="relu")
        return y, *ops.dense_backward(dy, None, x, kernel)

    return Linear(call, arrays, (c + 1, filters, rows, rows))


def transposed(rng, numbers):
    (n, h, w), size, slide = geometry(rng, {"padding": "same", "dilation": 1})
    c, filters = map(int, rng.integers(1, 30, 2))
    stride = ops.pair(slide["stride"], "stride")
    sides = h * stride[0], w * stride[1]
    x, kernel = numbers((n, h, w, c)), numbers((*size, filters, c), True)
    dy, bias = numbers((n, *sides, filters), True), numbers((filters,))

    def call(x, kernel, bias, dy):
        y = ops.conv2d_transpose(x, kernel, bias, output_size=sides, **slide)
        return y, *ops.conv2d_transpose_backward(dy, None, x, kernel, **slide)

    if ops.compiled:
        ops.compiled._kernels.use_winograd(False)
    taps = size[0] * size[1]
    lengths = taps * c + 1, taps * filters, n * h * w, dy[..., 0].size
    return Linear(call, [x, kernel, bias, dy], lengths)


def pools(rng, numbers):
    """Average pools, of windows and of images, with their gradients."""
    shape = tuple(map(int, rng.integers([1, 5, 5, 1], [9, 30, 30, 40])))
    slide = {"stride": choose(rng, None, 1, 2), "padding": choose(rng, "valid", "same")}
    size = tuple(map(int, rng.integers(1, 6, 2)))
    x = numbers(shape, True)
    y = ops.avg_pool2d(x, size, **slide)
    arrays = [x, numbers(y.shape, True), numbers((shape[0], shape[3]), True)]

    def call(x, dy, dmeans):
        return (
            ops.avg_pool2d(x, size, **slide),
            ops.avg_pool2d_grad(dy, shape, size, **slide),
            ops.global_avg_pool2d(x),
            ops.global_avg_pool2d_grad(dmeans, shape),
        )

    n = size[0] * size[1]
    return Linear(call, arrays, (n, n, shape[1] * shape[2], 1))


def enlarged(rng, numbers):
    """The gradient of images enlarged by the nearest pixel."""
    n, h, w, c = map(int, rng.integers(1, [9, 12, 12, 40]))
    size = tuple(map(int, rng.integers(1, 5, 2)))
    dy = numbers((n, h * size[0], w * size[1], c), True)
    return Linear(
        lambda dy: (ops.upsample2d_grad(dy, size),), [dy], (size[0] * size[1],)
    )


SUMS: dict[str, Any] = {
    make.__name__: make
    for make in (
        *(conv2d, scaled, grouped, depthwise, thin, kept, winograd, winograd_bias),
        *(dense, transposed, pools, enlarged, *OTHERS),
    )
}
