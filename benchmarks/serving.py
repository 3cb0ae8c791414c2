"""The server of examples/serving.py under load, with clients on the same machine."""

import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from examples.serving import BINARY, HERE, JSON, load_test, requests_of, serve
from skconv import ConvNetClassifier, save_model

from .processes import figures, print_table
from .scaling import memory_of

REQUESTS = 1000


class Load(NamedTuple):
    workers: int
    clients: int
    content_type: str = BINARY
    images: int = 1
    options: tuple[str, ...] = ("--preload",)
    config: Path | None = None  # settings, in place of gunicorn's own


LOADS = [
    Load(1, 1),
    Load(1, 1, JSON),
    Load(1, 4),
    Load(2, 2),
    Load(2, 8),
    Load(2, 8, JSON),
    Load(2, 2, BINARY, 32),
    Load(2, 8, options=("--preload", "--threads", "4")),
    Load(2, 8, options=()),
    Load(2, 8, options=("--env", "OMP_NUM_THREADS=1")),
    Load(2, 8, options=(), config=HERE / "serving.py"),
]


def run():
    """Print requests a second, their latency, and the number of wrong answers."""
    print(f"\n## Serving: the default network, 28x28 images, {REQUESTS} requests\n")
    X = np.random.default_rng(0).random((REQUESTS, 28, 28), np.float32)
    clf = ConvNetClassifier(max_iter=1, random_state=0)
    clf.fit(X, np.arange(len(X)) % 10)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model.safetensors"
        save_model(clf, path)
        records = [measure(load, path, X, clf) for load in LOADS]
    print_table(
        [
            *("workers", "clients", "images", "sent as", "options"),
            *("requests/s", "median (ms)", "99th percentile (ms)", "wrong"),
            *("a worker's RSS (MB)", "PSS (MB)", "private (MB)"),
        ],
        [described(load, record) for load, record in zip(LOADS, records, strict=True)],
    )
    return records


def measure(load, path, X, clf):
    requests = requests_of(X, clf, load.content_type, load.images)
    server = serve(path, *load.options, workers=load.workers, config=load.config)
    with server as (process, address):
        load_test(address, requests[:50], load.clients)
        each, seconds, wrong = load_test(address, requests, load.clients)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = [memory_of(pid) for pid in children.read_text().split()]
    median, slowest = 1e3 * np.percentile(each, [50, 99])
    return {
        "load": load,
        "rate": len(each) / seconds,
        "median": median,
        "slowest": slowest,
        "wrong": wrong,
        **{name: np.mean([w[name] for w in workers]) for name in workers[0]},
    }


def described(load, record):
    return [
        str(load.workers),
        str(load.clients),
        str(load.images),
        load.content_type.partition("/")[2],
        " ".join(load.options)
        or (f"--config {load.config.name}" if load.config else "-"),
        *(figures(record[name]) for name in ("rate", "median", "slowest")),
        str(record["wrong"]),
        *(figures(record[name]) for name in ("rss", "pss", "private")),
    ]
