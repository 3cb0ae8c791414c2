"""Whole jobs on Fashion-MNIST: epochs with their accuracy, predictions, a search."""

import statistics
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from examples.fashion_mnist import load_fashion_mnist

from . import processes

SEARCH = {
    "filters": [(8, 16), (16, 32)],
    "kernel_size": [3, 5],
    "dense": (64,),
    "epochs": 3,
}
SEARCH_SAMPLES = 2000
PREDICT_ROUND_CALLS = {"network": 200, "estimator": 20, "many": 1}


def fit(pythons, *, threads=2, data=None, samples=None, epochs=3):
    """Print seconds an epoch of the mnist net, and the accuracy after the last."""
    seconds, scores = defaultdict(list), {}
    with shared_data(data, samples) as (folder, n):
        peers = processes.start(
            "fit", pythons, threads=[threads], data=folder, warm_up=0
        )
        print(f"\n## Fit: {epochs} interleaved epochs of {n} images, batches of 128\n")
        processes.describe(peers)

        def epoch(peer):
            seconds[peer].append(peer.run("epoch")["seconds"])

        def score(peer):
            scores[peer] = peer.run("score")["result"]

        processes.interleave(peers, epochs, epoch)
        processes.interleave(peers, 1, score)
        processes.close(peers)
    records = [
        {
            "peer": peer.name,
            "threads": threads,
            "seconds": statistics.median(seconds[peer]),
            "epoch_seconds": seconds[peer],
            "accuracy": scores[peer],
        }
        for peer in peers
    ]
    print_compared(
        records,
        "seconds",
        {
            "seconds an epoch": lambda r: processes.figures(r["seconds"]),
            "of each": lambda r: ", ".join(map(processes.figures, r["epoch_seconds"])),
            "test accuracy": lambda r: f"{r['accuracy']:.4f}",
        },
    )
    return records


def race(pythons, *, threads=2, data=None, samples=None, epochs=5):
    """Print the minutes that one recipe takes for the resnet9 net, and its accuracy."""
    records = []
    with shared_data(data, samples) as (folder, n):
        task = {"data": folder, "warm_up": 0, "epochs": epochs}
        peers = processes.start("race", pythons, threads=[threads], **task)
        print(f"\n## Race: {epochs} epochs of {n} images, one recipe, in turn\n")
        processes.describe(peers)

        def work(peer):
            minutes = peer.run("fit")["seconds"] / 60
            score = peer.run("score")["result"]
            records.append({"peer": peer.name, "minutes": minutes, "accuracy": score})

        processes.interleave(peers, 1, work)
        processes.close(peers)
    print_compared(
        records,
        "minutes",
        {
            "minutes": lambda r: processes.figures(r["minutes"]),
            "test accuracy": lambda r: f"{r['accuracy']:.4f}",
        },
    )
    return records


def predict(pythons, *, threads=2, data=None, rounds=15):
    """Print the mnist net's median latency of one image, and seconds for 10,000."""
    times = defaultdict(lambda: defaultdict(list))
    with shared_data(data) as (folder, _):
        peers = processes.start(
            "predict", pythons, threads=[threads], data=folder, warm_up=2
        )
        print(f"\n## Predict: medians of {rounds} interleaved rounds\n")
        processes.describe(peers)

        def work(peer):
            for action in peer.actions:
                calls = PREDICT_ROUND_CALLS[action]
                times[peer][action].append(peer.run(action, calls)["median"])

        processes.interleave(peers, rounds, work)
        processes.close(peers)
    records = [
        {"peer": peer.name, "threads": threads}
        | {action: statistics.median(each) for action, each in times[peer].items()}
        for peer in peers
    ]
    ours = records[0]
    print_compared(
        records,
        "many",
        {
            "network, 1 image (µs)": lambda r: in_microseconds(r, "network"),
            "to ours": lambda r: ratio(r, ours, "network"),
            "estimator, 1 image (µs)": lambda r: in_microseconds(r, "estimator"),
            "to ours ": lambda r: ratio(r, ours, "estimator"),
            "10,000 images (s)": lambda r: processes.figures(r["many"]),
        },
    )
    return records


def search(pythons, *, data=None, rounds=3):
    """Print the seconds of a grid search with two workers of one thread each."""
    seconds, scores = defaultdict(list), {}
    with shared_data(data, SEARCH_SAMPLES) as (folder, n):
        peers = processes.start(
            "search", pythons, cores=2, data=folder, warm_up=0, threads=[1], **SEARCH
        )
        print(
            f"\n## Search: GridSearchCV(n_jobs=2, cv=2), {n} images, "
            f"{SEARCH['epochs']} epochs, filters {SEARCH['filters']}, kernel sizes "
            f"{SEARCH['kernel_size']}; {rounds} interleaved rounds\n"
        )
        processes.describe(peers)

        def work(peer):
            answer = peer.run("search")
            seconds[peer].append(answer["seconds"])
            scores[peer] = answer["result"]

        processes.interleave(peers, rounds, work)
        processes.close(peers)
    records = [
        {
            "peer": peer.name,
            "seconds": statistics.median(seconds[peer][1:] or seconds[peer]),
            "first_seconds": seconds[peer][0],
            "accuracy": scores[peer],
        }
        for peer in peers
    ]
    print_compared(
        records,
        "seconds",
        {
            "first, workers start (s)": lambda r: processes.figures(r["first_seconds"]),
            "again (s)": lambda r: processes.figures(r["seconds"]),
            "best accuracy": lambda r: f"{r['accuracy']:.3f}",
        },
    )
    return records


def print_compared(records, key, columns):
    """Print a row for each peer: the columns, and the ratio of ``key`` to ours."""
    columns = columns | {"ratio to ours": lambda r: ratio(r, records[0], key)}
    processes.print_table(
        ["peer", *columns],
        [[r["peer"], *(text(r) for text in columns.values())] for r in records],
    )


def in_microseconds(record, key):
    return processes.figures(1e6 * record[key]) if key in record else "-"


def ratio(record, ours, key):
    both = key in record and key in ours
    return f"{record[key] / ours[key]:.2f}" if both else "-"


@contextmanager
def shared_data(data, samples=None):
    """Yield a folder of arrays for every peer, and the number of training images.

    The images are float32 in 0 to 1, which all peers take.
    """
    X_train, X_test, y_train, y_test = load_fashion_mnist(data)
    X_train, y_train = X_train[:samples], y_train[:samples]
    parts = {
        "X_train": X_train / np.float32(255),
        "X_test": X_test / np.float32(255),
        "y_train": y_train.astype(np.int64),
        "y_test": y_test.astype(np.int64),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, part in parts.items():
            np.save(Path(folder) / f"{name}.npy", part)
        yield folder, len(X_train)
