"""The three passes of convolutions: directly, and by Winograd's algorithm."""

import time
from statistics import median
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from skconv import ops

from .processes import figures, print_table

PASSES = ["forward", "gradient in the input", "gradient in the kernel"]
# Batch, size of the images, channels, filters and padding: kernels of 3 x 3.
IMAGES = [
    (64, 32, 32, 32, "same"),
    (64, 16, 64, 64, "same"),
    (64, 16, 32, 64, "same"),
    (128, 13, 32, 64, "valid"),
    (128, 28, 16, 16, "same"),
    (128, 14, 32, 32, "same"),
    (128, 7, 64, 64, "same"),
    (128, 7, 128, 128, "same"),
    (32, 28, 96, 96, "same"),
    (32, 14, 192, 192, "same"),
    (128, 28, 8, 32, "same"),
    (128, 5, 32, 32, "same"),
]
# Batch, length of the signals, channels, filters and taps: "same" padding.
SIGNALS = [
    (128, 128, 128, 256, 5),
    (128, 128, 256, 128, 3),
    (128, 128, 256, 128, 8),
    (128, 128, 64, 64, 3),
    (128, 128, 32, 32, 5),
    (128, 128, 16, 16, 3),
]
SECONDS = 0.02  # of a measurement


class Layer(NamedTuple):
    name: str
    x: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: str


def of_images(n, size, c, f, padding):
    name = f"{n}, {size}², {c} → {f}, {padding}"
    return Layer(name, (n, size, size, c), (3, 3, c, f), padding)


def of_signals(n, length, c, f, taps):
    name = f"signals: {n}, {length}, {c} → {f}, {taps} taps"
    return Layer(name, (n, 1, length, c), (1, taps, c, f), "same")


LAYERS = [of_images(*each) for each in IMAGES] + [of_signals(*each) for each in SIGNALS]


def run(threads, rounds, processor=False):
    """Print GFLOP/s both ways, of the operations that a direct convolution takes."""
    clock = time.process_time if processor else time.perf_counter
    print(f"\n## Convolutions: medians of {rounds} interleaved rounds")
    found = {}
    for count in threads:
        print(f"\nThreads: {count}. GFLOP/s, directly → by Winograd's algorithm")
        with threadpool_limits(count):
            found[count] = [measure(layer, rounds, clock) for layer in LAYERS]
        print_table(["layer", *PASSES], map(row, LAYERS, found[count]))
    return found


def row(layer, speeds):
    cells = (
        f"{figures(direct)} → {figures(winograd)} ({winograd / direct:.2f} times)"
        for direct, winograd in speeds
    )
    return [layer.name, *cells]


def measure(layer, rounds, clock):
    """Return for each pass the GFLOP/s of both ways."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(layer.x, np.float32)
    kernel = rng.standard_normal(layer.kernel, np.float32) / 10
    padding = layer.padding
    y = ops.conv2d(x, kernel, padding=padding)
    slide = {"padding": padding}
    passes = [
        lambda: ops.conv2d(x, kernel, **slide),
        lambda: ops.conv2d_grad_input(y, kernel, x.shape, **slide),
        lambda: ops.conv2d_grad_kernel(y, x, kernel.shape, **slide),
    ]
    gigaflop = 2e-9 * y.size * kernel[..., 0].size
    return [
        [gigaflop / seconds for seconds in both_ways(each, rounds, clock)]
        for each in passes
    ]


def both_ways(function, rounds, clock):
    """Return the median time of a call: directly, and by Winograd's algorithm."""
    use_winograd = ops.compiled._kernels.use_winograd
    times = {False: [], True: []}
    calls = max(1, int(SECONDS / timed(function, 1, clock)))
    try:
        for _ in range(rounds):
            for winograd, each in times.items():
                use_winograd(winograd)
                each.append(timed(function, calls, clock))
    finally:
        use_winograd(None)
    return [median(each) for each in times.values()]


def timed(function, calls, clock):
    start = clock()
    for _ in range(calls):
        function()
    return max((clock() - start) / calls, 1e-9)
