"""How a peer is measured: it lives in a process of its own and works when it is told.

A peer is started as ``python peer.py TASK``, the task in JSON: its ``kind`` ("steps",
"fit", …) and what that needs. It says in one line of JSON what it is and which
actions it has, then answers each line ``ACTION N``: it calls the action N times and
says in one line of JSON how many seconds that took together (``seconds``), how many the
processor worked on it, all threads added up (``processor``), the median call's seconds
(``median``), and what the last call returned (``result``), where that is a number.
"""

import itertools
import json
import os
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

LEARNING_RATE = 1e-3
PREDICT_BATCH = 500  # of many images; it divides the 10,000 of the test set


def serve(kinds, wait=lambda result: None):
    """Answer for the actions of the task that this process was started with.

    ``kinds`` maps the kind of a task to a function: given the task, it returns a
    description and a dict of actions. ``wait(result)`` returns when the last call's
    work is done, where calls return before.
    """
    # Frameworks print what they like: only answers reach the real standard output.
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
    """Return x, float32 (n, *shape), and the classes of one batch."""
    rng = np.random.default_rng(0)
    x = rng.random((net.batch, *net.shape), dtype=np.float32)
    return x, rng.integers(0, 10, net.batch)


def read_data(folder):
    """Return X_train, X_test, float32 (n, 28, 28) in 0 to 1, y_train, y_test."""
    folder = Path(folder)
    parts = ["X_train", "X_test", "y_train", "y_test"]
    return [np.load(folder / f"{part}.npy") for part in parts]


def one_after_another(X, images=100):
    """Return an endless iterator over batches of one image."""
    return itertools.cycle([X[i : i + 1] for i in range(images)])


def accuracy(predicted, y):
    return float(np.mean(np.asarray(predicted) == y))
