"""More than one process and more than memory holds: dask, zarr, memory maps."""

import itertools
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from unittest.mock import patch

import joblib
import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skconv import ConvNetClassifier, ops
from skconv.augmentation import RandomShift

FOLDS = list(StratifiedKFold(3).split(np.zeros(400), np.arange(400) % 10))


@pytest.fixture(scope="module")
def client():
    """A client of a cluster of two worker processes."""
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    with patch.dict(os.environ):  # which a cluster on this machine changes
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        )
        with distributed.Client(cluster) as client:
            yield client
        with suppress(TimeoutError):  # workers get 5 s to end, few on a busy machine
            cluster.close()


@pytest.fixture
def da():
    return pytest.importorskip("dask.array", reason="needs dask's arrays")


@pytest.fixture(scope="module")
def clf(digits):
    X, _, y, _ = digits
    return ConvNetClassifier(filters=(8,), max_iter=2, random_state=SEED).fit(X, y)


# Searches ------------------------------------------------------------------------------


def search(digits, backend, *, once=None, **options):
    """Search in the workers of a backend; return all of `cv_results_` but times.

    The first fit that is to be scored with `once`, a path that does not exist yet, ends
    its worker's process.
    """

    def score(clf, X, y, once=None):
        if once is not None and clf.kernel_size == 3:
            try:
                once.mkdir()
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        probabilities = clf.predict_proba(X)
        return {
            "accuracy": np.mean(clf.classes_[probabilities.argmax(1)] == y),
            "loss": log_loss(y, probabilities),
        }

    X, _, y, _ = digits
    grid = {"kernel_size": [1, 3], "augment": [None, RandomShift(1)]}
    clf = ConvNetClassifier(filters=(8,), max_iter=2, random_state=SEED)
    scoring = partial(score, once=once)
    with joblib.parallel_config(backend, n_jobs=2, **options):
        fitted = GridSearchCV(clf, grid, cv=FOLDS, scoring=scoring, refit=False)
        results = fitted.fit(X, y).cv_results_
    return {name: of for name, of in results.items() if "time" not in name}


@pytest.fixture(scope="module")
def by_loky(digits):
    return search(digits, "loky")


def assert_same_results(results, expected):
    assert results.keys() == expected.keys()
    scores = [name for name in results if name.startswith("split")]
    assert len(scores) == 6 and len(np.unique(results["split0_test_loss"])) == 4
    for name in scores:
        np.testing.assert_array_equal(results[name], expected[name], err_msg=name)


@pytest.mark.slow
def test_a_search_on_dask_gives_what_loky_gives(client, digits, by_loky):
    assert_same_results(search(digits, "dask"), by_loky)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_search_loses_nothing(
    client, digits, by_loky, tmp_path
):
    client.wait_for_workers(2, timeout=120)
    X, _, y, _ = digits
    client.amm.stop()  # or it drops the copies that scatter makes
    results = search(
        digits,
        "dask",
        once=tmp_path / "killed",
        scatter=[X, y, *itertools.chain(*FOLDS)],
    )
    assert (tmp_path / "killed").exists()
    assert_same_results(results, by_loky)


@pytest.mark.slow
@pytest.mark.skipif(not ops.compiled, reason="NumPy ops have no threads of their own")
def test_each_worker_of_dask_computes_on_one_thread(client):
    def threads():
        return ops.compiled.max_threads()

    counts = [client.submit(threads, pure=False) for _ in range(4)]
    assert client.gather(counts) == [1, 1, 1, 1]


# Predictions in bulk -------------------------------------------------------------------


@pytest.mark.slow
def test_predictions_of_dask_arrays_are_those_of_arrays(client, da, clf, digits):
    X = digits[0].reshape(400, 8, 8, 1)
    chunked = da.from_array(X, chunks=(150, 8, 8, 1))
    probabilities = chunked.map_blocks(
        clf.predict_proba,
        dtype=clf.network_.dtype,
        chunks=(chunked.chunks[0], (10,)),
        drop_axis=(2, 3),
    )
    assert probabilities.shape == (400, 10)
    np.testing.assert_array_equal(probabilities.compute(), clf.predict_proba(X))


def test_predictions_of_a_data_frame_in_parts_are_those_of_the_whole(digits):
    dd = pytest.importorskip("dask.dataframe", reason="needs dask's data frames")
    frame = pd.DataFrame(digits[0], columns=[f"pixel{i}" for i in range(64)])
    named = ConvNetClassifier(filters=(8,), max_iter=1).fit(frame, digits[2])

    def label(part):
        return pd.Series(named.predict(part), part.index)

    parts = dd.from_pandas(frame, npartitions=3)
    labels = parts.map_partitions(label, meta=pd.Series(dtype=named.classes_.dtype))
    np.testing.assert_array_equal(labels.compute(), named.predict(frame))


# Data larger than memory ---------------------------------------------------------------


def as_dask(X, folder):
    da = pytest.importorskip("dask.array", reason="needs dask's arrays")
    chunked = da.from_array(X, chunks=(150, *X.shape[1:]))
    return (block.compute() for block in chunked.blocks)


def as_zarr(X, folder):
    zarr = pytest.importorskip("zarr", reason="needs zarr")
    stored = zarr.create_array(
        store=str(folder / "X.zarr"), data=X, chunks=(150, *X.shape[1:])
    )
    return (stored[start : start + 150] for start in range(0, len(X), 150))


def as_memory_map(X, folder):
    np.save(folder / "X.npy", X)
    mapped = np.load(folder / "X.npy", mmap_mode="r")
    return (mapped[start : start + 150] for start in range(0, len(X), 150))


@pytest.mark.parametrize("store", [as_dask, as_zarr, as_memory_map])
def test_chunks_train_as_parts_of_an_array_do(store, digits, tmp_path):
    X, _, y, _ = digits
    X = (16 * X).astype(np.uint8).reshape(400, 8, 8)
    parts = [X[start : start + 150] for start in range(0, 400, 150)]
    labels = [y[start : start + 150] for start in range(0, 400, 150)]
    fitted = []
    for chunks in (parts, store(X, tmp_path)):
        clf = ConvNetClassifier(filters=(8,), random_state=SEED)
        for chunk, of_chunk in zip(chunks, labels, strict=True):
            clf.partial_fit(chunk, of_chunk, classes=range(10))
        fitted.append(clf.network_.parameters)
    np.testing.assert_array_equal(*fitted)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's RLIMIT_DATA")
def test_a_fit_on_a_memory_map_needs_no_memory_for_it(tmp_path):
    n, allowed = 2**17, 2**25  # bytes: X takes 128 MB, memory may grow by 32 MB
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, (n, 32, 32))
    X[::1000] = 1
    code = """if True:
        import resource, sys
        import numpy as np
        from skconv import ConvNetClassifier
        from skconv.layers import MaxPool2D
        path, allowed = sys.argv[1], int(sys.argv[2])
        clf = ConvNetClassifier([MaxPool2D(16)], max_iter=1, random_state=0)
        small = np.zeros((200, 32, 32), np.uint8)
        clf.fit(small, np.arange(200) % 2).predict(small)
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + allowed,) * 2)
        X = np.load(path, mmap_mode="r")
        clf.fit(X, np.arange(len(X)) % 2)
        print(len(clf.predict(X[: 2**16])))
        try:
            np.load(path)
        except MemoryError:
            print("no room for X itself")
    """
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "X.npy"), str(allowed)],
        capture_output=True,
        text=True,
    )
    assert run.stdout == f"{2**16}\nno room for X itself\n", run.stderr
