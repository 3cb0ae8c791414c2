"""Threads, processes and memory of a search and of a fit on a large X.

Each figure is measured in its own process, ``python -m benchmarks.scaling KIND TASK``,
since a process reads its environment and its number of threads once.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetClassifier, ops
from skconv.layers import MaxPool2D

from .processes import THREAD_COUNTS, figures, print_table

ROUNDS = 3
MEGABYTE = 1e6
WORKERS = "distributed.nanny.pre-spawn-environ"  # variables of dask's workers


class Setting(NamedTuple):
    """How a search is spread over processes and threads."""

    backend: str
    n_jobs: int
    inner_max_num_threads: int | None = None
    max_nbytes: str | None = "1M"  # loky maps larger arrays into memory
    variables: dict[str, str] = {}  # noqa: RUF012
    trims: bool = True  # whether workers of dask return freed memory, as by default


SEARCHES = [
    Setting("loky", 1, variables={"OMP_NUM_THREADS": "1"}),
    Setting("loky", 1),
    Setting("loky", 2),
    Setting("loky", 4),
    Setting("loky", 2, 2),
    Setting("loky", 2, variables={"OMP_NUM_THREADS": "2"}),
    Setting("loky", 2, 2, variables={"OMP_WAIT_POLICY": "passive"}),
    Setting("threading", 2),
    Setting("threading", 2, variables={"OMP_NUM_THREADS": "1"}),
    Setting("dask", 2),
    Setting("dask", 2, trims=False),
]
MEMORY = [
    (Setting("loky", 2), "float32"),
    (Setting("loky", 2, max_nbytes=None), "float32"),
    (Setting("dask", 2), "float32"),
    (Setting("loky", 2), "uint8"),
]
MAPPED = [10_000, 100_000, 400_000]


def run():
    """Print the effect of threads and processes on training and on a search."""
    return {"threads": threads(), "search": searches()}


def threads(counts=(1, 2)):
    """Print what an epoch and predictions of the default network gain by threads."""
    print("\n## Threads: the default network, 28x28 images, one process\n")
    records = [
        {"threads": n, **child("train", {"n": 1000}, {"OMP_NUM_THREADS": str(n)})}
        for n in counts
    ]
    print_table(
        [
            "OMP_NUM_THREADS",
            "training: images a second",
            "predictions: images a second",
        ],
        [
            [str(r["threads"]), figures(r["train"]), figures(r["predict"])]
            for r in records
        ],
    )
    return records


def searches():
    """Print the seconds of a grid search and its workers' number of threads."""
    print(
        "\n## Searches: 4 candidates, 2 folds, 1000 28x28 images, 2 epochs; workers "
        f"have started; median of {ROUNDS}\n"
    )
    records = [measure("search", setting, n=1000) for setting in SEARCHES]
    print_table(
        [*NAMES, "seconds", "processes", "threads of ops in each"],
        [
            [
                *described(record),
                figures(record["seconds"]),
                str(record["processes"]),
                str(record["threads"]),
            ]
            for record in records
        ],
    )
    return records


def memory(n=60_000):
    """Print the memory of a search's workers, and of a fit on a memory map."""
    print(f"\n## Memory: {n} 28x28 images, 2 folds; MB, the mean of the workers\n")
    records = [measure("memory", s, n=n, dtype=dtype) for s, dtype in MEMORY]
    print_table(
        [*NAMES, "X", "X, MB", "before: PSS", "RSS", "PSS", "private"],
        [
            [
                *described(record),
                record["dtype"],
                *(figures(record[name]) for name in ("size", "before")),
                *(figures(record[name]) for name in ("rss", "pss", "private")),
            ]
            for record in records
        ],
    )
    mapped = [child("mapped", {"n": n}) for n in MAPPED]
    print("\nA fit on a memory map of bytes, 28x28 images; MB")
    print_table(
        ["images", "X", "private memory before", "largest in the fit"],
        [
            [str(n), *map(figures, r.values())]
            for n, r in zip(MAPPED, mapped, strict=True)
        ],
    )
    return {"workers": records, "mapped": mapped}


NAMES = ["backend", "n_jobs", "inner_max_num_threads", "set"]


def described(record):
    setting = Setting(*record["setting"])
    variables = [f"{name}={value}" for name, value in setting.variables.items()]
    if setting.max_nbytes is None:
        variables.append("max_nbytes=None")
    if not setting.trims:
        variables.append("MALLOC_TRIM_THRESHOLD_ unset")
    inner = setting.inner_max_num_threads
    return [
        setting.backend,
        str(setting.n_jobs),
        "-" if inner is None else str(inner),
        ", ".join(variables) or "-",
    ]


def measure(kind, setting, **task):
    result = child(kind, {"setting": setting, **task}, setting.variables)
    return {"setting": setting, **task, **result}


def child(kind, task, variables=None):
    """Return the measurements of a new process."""
    dropped = {*THREAD_COUNTS, "OMP_WAIT_POLICY"}
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", kind, json.dumps(task)],
        env=inherited | (variables or {}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


# In the child -----------------------------------------------------------------------


def images(n, dtype="float32"):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n, 28, 28), np.uint8)
    y = np.arange(n) % 10
    return (X if dtype == "uint8" else X / np.float32(255)), y


def train(n):
    """Return the images a second of one epoch and of predictions."""
    X, y = images(n)
    clf = ConvNetClassifier(random_state=0).partial_fit(X, y, range(10))
    training = [timed(lambda: clf.partial_fit(X, y)) for _ in range(ROUNDS)]
    predicting = [timed(lambda: clf.predict(X)) for _ in range(ROUNDS)]
    return {
        "train": n / statistics.median(training),
        "predict": n / statistics.median(predicting),
    }


def search(setting, n):
    X, y = images(n)
    clf = ConvNetClassifier(hidden_layer_sizes=(64,), max_iter=2, random_state=0)
    grid = {"filters": [(8, 16), (16, 32)], "kernel_size": [3, 5]}
    searched = GridSearchCV(clf, grid, cv=2, scoring=observe, refit=False)
    with spread(Setting(*setting)):
        searched.fit(X, y)  # starts the workers
        seconds = [timed(lambda: searched.fit(X, y)) for _ in range(ROUNDS)]
    seen = observations(searched)
    return {
        "seconds": statistics.median(seconds),
        "processes": len(set(seen["pid"])),
        "threads": int(max(seen["threads"])),
    }


def memory_of_workers(setting, n, dtype):
    clf = ConvNetClassifier([MaxPool2D(4)], max_iter=1, random_state=0)
    searched = GridSearchCV(
        clf, {"alpha": [0, 1, 2]}, cv=2, scoring=observe, refit=False
    )
    with spread(Setting(*setting)):
        searched.fit(*images(100))
        before = np.mean(observations(searched)["pss"])
        X, y = images(n, dtype)
        searched.fit(X, y)
    seen = observations(searched)
    means = {name: float(np.mean(seen[name])) for name in ("rss", "pss", "private")}
    return {"size": X.nbytes / MEGABYTE, "before": float(before), **means}


def mapped(n):
    """Return the largest memory of a fit, without the pages of the file."""
    largest, done = [], threading.Event()

    def watch():
        while not done.wait(0.005):
            largest.append(own_memory())

    clf = ConvNetClassifier([MaxPool2D(4)], max_iter=1, random_state=0)
    clf.fit(*images(1000, "uint8"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        X = np.lib.format.open_memmap(path, "w+", np.uint8, (n, 28, 28))
        for start in range(0, n, 1000):
            X[start : start + 1000] = start % 251
        X = np.load(path, mmap_mode="r")
        before = own_memory()
        watcher = threading.Thread(target=watch)
        watcher.start()
        clf.fit(X, np.arange(n) % 10)
        done.set()
        watcher.join()
        return {
            "size": X.nbytes / MEGABYTE,
            "before": before,
            "largest": max(largest),
        }


def own_memory():
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["RssAnon"].split()[0]) * 1024 / MEGABYTE


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def spread(setting):
    """Use joblib with a setting within."""
    options = {"n_jobs": setting.n_jobs}
    if setting.backend == "loky":
        options["inner_max_num_threads"] = setting.inner_max_num_threads
        options["max_nbytes"] = setting.max_nbytes
    cluster = dask_cluster(setting) if setting.backend == "dask" else nullcontext()
    with cluster, joblib.parallel_config(setting.backend, **options):
        yield


@contextmanager
def dask_cluster(setting):
    import dask
    from dask.distributed import Client, LocalCluster

    if not setting.trims:
        dask.config.set({f"{WORKERS}.MALLOC_TRIM_THRESHOLD_": None})
    options = {"n_workers": setting.n_jobs, "threads_per_worker": 1}
    with LocalCluster(**options, dashboard_address=None) as cluster, Client(cluster):
        yield


def observe(clf, X, y):
    """Return facts on the process as scores."""
    compiled = ops.compiled
    return {
        "pid": os.getpid(),
        "threads": compiled.max_threads() if compiled else 1,
        **memory_of(os.getpid()),
    }


def memory_of(pid):
    """Return a process's memory in MB: resident, its share (PSS), and private."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        lines = dict(line.split(":", 1) for line in list(file)[1:])
    kilobytes = {name: int(text.split()[0]) for name, text in lines.items()}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {
        "rss": kilobytes["Rss"] * 1024 / MEGABYTE,
        "pss": kilobytes["Pss"] * 1024 / MEGABYTE,
        "private": private * 1024 / MEGABYTE,
    }


def observations(searched):
    """Return the facts of all fits' processes, by name."""
    results = searched.cv_results_
    names = ["pid", "threads", "rss", "pss", "private"]
    return {
        name: np.ravel([results[f"split{fold}_test_{name}"] for fold in range(2)])
        for name in names
    }


KINDS = {
    "train": train,
    "search": search,
    "memory": memory_of_workers,
    "mapped": mapped,
}

if __name__ == "__main__":
    kind, task = sys.argv[1:]
    print(json.dumps(KINDS[kind](**json.loads(task))))
