"""How a peer is measured: it has its own process and runs actions on request.

A peer is started as ``python peer.py TASK``, the task in JSON: its ``kind`` ("steps",
"fit", …) and its arguments. It prints one line of JSON, which describes it and lists
its actions. Then it answers each line ``ACTION N``: it calls the action N times and
prints one line of JSON with the seconds of all calls (``seconds``), the processor's
seconds, all threads added up (``processor``), the median call's seconds (``median``),
and the number that the last call returned, if it did (``result``).
"""

import itertools
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

LEARNING_RATE = 1e-3
# Batch, size of the images, channels, size of the kernel and stride; "same" padding.
DEPTHWISE = [
    (128, 28, 32, 3, 1),
    (128, 28, 32, 3, 2),
    (128, 14, 64, 3, 1),
    (128, 14, 64, 3, 2),
    (128, 7, 128, 3, 1),
    (32, 28, 64, 3, 1),
    (128, 28, 64, 3, 1),
    (128, 28, 64, 5, 1),
]
PASSES = ["forward", "grad_input", "grad_kernel"]
PREDICT_BATCH = 500  # of many images; it divides the 10,000 of the test set


def serve(kinds, wait=lambda result: None):
    """Run the actions of the task that this process was started with, on request.

    ``kinds`` maps the kind of a task to a function: given the task, it returns a
    description and a dict of actions. ``wait(result)`` returns when the last call's
    work is done, where calls return before.
    """
    # Frameworks print, too: only answers reach the real standard output.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    task = SimpleNamespace(**json.loads(sys.argv[1]))
    description, actions = kinds[task.kind](task)
    for action in actions.values():
        for _ in range(task.warm_up):
            wait(action())
    print(json.dumps(description | {"actions": list(actions)}), file=answers)
    for line in sys.stdin:
        name, calls = line.split()
        print(json.dumps(timed(actions[name], int(calls), wait)), file=answers)


def timed(action, calls, wait):
    spent, times = time.process_time(), [time.perf_counter()]
    for _ in range(calls):
        result = action()
        times.append(time.perf_counter())
    wait(result)
    seconds = time.perf_counter() - times[0]
    answer = {
        "seconds": seconds,
        "processor": time.process_time() - spent,
        "median": statistics.median(np.diff(times)),
    }
    return answer | ({"result": result} if isinstance(result, float) else {})


def random_batch(net):
    """Return x, float32 (n, *shape), and the classes of a batch, or of its pixels."""
    rng = np.random.default_rng(0)
    x = rng.random((net.batch, *net.shape), dtype=np.float32)
    pixels = net.sizes()[-1].output[:-1]  # () unless a network ends in images
    return x, rng.integers(0, 10, (net.batch, *pixels))


def depthwise_arrays(shape):
    """Return x (n, h, w, c), kernel (k, k, 1, c) and dy of one of `DEPTHWISE`."""
    n, size, channels, kernel, stride = shape
    rng, out = np.random.default_rng(0), -(-size // stride)
    shapes = (n, size, size, channels), (kernel, kernel, 1, channels)
    return [
        rng.standard_normal(each, np.float32)
        for each in (*shapes, (n, out, out, channels))
    ]


def read_data(folder):
    """Return X_train, X_test, float32 (n, 28, 28) in 0 to 1, y_train, y_test."""
    folder = Path(folder)
    parts = ["X_train", "X_test", "y_train", "y_test"]
    return [np.load(folder / f"{part}.npy") for part in parts]


# What all peers of a race train with: one cycle of AdamW over all epochs.
RACE = {"batch": 128, "rate": 4e-3, "decay": 1e-2, "smoothing": 0.1, "max_shift": 2}


def one_cycle(step, steps):
    """Return the rate of a step, from 0 on: up in 30 % of the steps, and down."""
    climb, done = 0.3, step / steps
    first, last, part = (1 / 25, 1, done / climb)
    if done >= climb:
        first, last, part = (1, 1 / 25e4, (done - climb) / (1 - climb))
    return RACE["rate"] * (last + (first - last) * (1 + math.cos(math.pi * part)) / 2)


def varied_batches(X, y, rng):
    """Yield the batches of an epoch, images mirrored and shifted at random."""
    shift, (h, w) = RACE["max_shift"], X.shape[1:3]
    padded = np.pad(X, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (h, w), axis=(1, 2))
    windows = np.moveaxis(windows, 3, -1)
    order = rng.permutation(len(X))
    for start in range(0, len(X), RACE["batch"]):
        batch = order[start : start + RACE["batch"]]
        top, left = rng.integers(0, 2 * shift + 1, (2, len(batch)))
        x, mirrored = windows[batch, top, left], rng.random(len(batch)) < 0.5
        x[mirrored] = x[mirrored, :, ::-1]
        yield x, y[batch]


def one_after_another(X, images=100):
    """Return an endless iterator over batches of one image."""
    return itertools.cycle([X[i : i + 1] for i in range(images)])


def accuracy(predicted, y):
    return float(np.mean(np.asarray(predicted) == y))
