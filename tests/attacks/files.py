"""Load thousands of hostile models and checkpoints: only ValueError and OSError may come.

    python -m tests.attacks files --n 50000

A third are files in which bytes are flipped, removed, doubled or inserted. Another third
are changed as JSON, documents and tables of arrays alike, and get a new checksum, so that
they pass it and reach the checks after it. The rest are written by a grammar (`specs`):
layers composed at random that contradict their weights, and paths that lead to no file.
What loads predicts one sample.

A separate process loads them: if it dies or hangs, that is an error, and the file is
kept. The memory that Python allocates for a file is measured, and on Linux the process
may not grow by more than is allowed, in loading and in predicting. If all went well, the
last line says "finished", and the exit status is 0.
"""

import collections
import contextlib
import faulthandler
import gc
import json
import math
import multiprocessing
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone

import skconv
from skconv._utils import documents, safetensors
from skconv.augmentation import RandomFlip
from skconv.callbacks import Checkpoint
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    LayerNorm,
    MaxPool2D,
    PReLU,
    Residual,
)

from . import specs

OLD = Path(__file__).parents[1] / "io" / "files"
SLACK = 2**25  # of memory, beyond the file's size: JSON as Python's objects
SECONDS = 6.0  # of the processor, which tracing of memory makes three times as slow
GROWTH = 2**29  # of the process, in predicting a sample of a small file
SAMPLE_SECONDS = 10.0  # of the processor
LARGEST_SAMPLE = 2**20  # numbers of an input that is tried
NOT_FINITE = (
    "outputs are infinite or NaN|predictions are too large"  # an error of predict
)
HANGS = 120.0  # seconds of the clock, after which the process is ended

NASTY = [
    None, True, False, 0, 1, -1, 2, 7, 10**6, 10**9, 2**31, 2**63 - 1, 2**64, -(2**63),
    10**30, 1.5, -0.0, 1e308, "", "a", "F32", "F64", "F16", "relu", "same", "zeros",
    "os.system", "__class__", "PReLU", "Residual",
    "Dense", "Conv2D", "ConvNetRegressor", "inf", [], [0],
    [2**40], [2**31, 2**31], {}, {"tuple": 3}, {"tuple": [2, 2]}, {"dict": [[[], 1]]},
    {"float": "nan"}, {"class": "Layer", "params": {}}, {"class": "Dense", "params": 1},
    {"class": "Conv2D", "params": {"filters": 10**9, "kernel_initializer": "zeros"}},
    {"class": "Dense", "params": {"units": 10**12}}, {"tuple": [{"tuple": [10**7] * 2}]},
    "x" * 5000, [[[[[[[[[[]]]]]]]]]], {"int": "9" * 39}, {"int": "-1"}, {"int": "x"},
]  # fmt: skip


def seeds(folder):
    """Return files to change: their bytes, and the estimator of a checkpoint or None."""
    rng = np.random.default_rng(0)
    X, y = rng.random((30, 6, 6)), np.arange(30) % 3
    layers = [
        Conv2D(3, (3, 1), padding=((1, 1), (0, 0)), activation="relu"),
        ("pool", MaxPool2D(2)),
        Dropout(0.1),
        Residual([("norm", LayerNorm()), BatchNorm()], PReLU((1, 2))),
        Dense(4, "tanh"),
    ]
    models = [
        skconv.ConvNetClassifier(
            layers, max_iter=2, random_state=0, augment=[RandomFlip()]
        ).fit(X, np.array(["a", "bb", "c"])[y], X_val=X, y_val=np.array(["a"] * 30)),
        skconv.ConvNetRegressor(
            layers, max_iter=1, random_state=0, dtype="float64", loss="poisson"
        ).fit(X, np.stack([y, y], axis=1)),
        skconv.ConvNetClassifier(filters=2, hidden_layer_sizes=3, max_iter=1).fit(
            X, y > 0
        ),
    ]
    files = [(path.read_bytes(), None) for path in OLD.glob("model_*.safetensors")]
    for model in models:
        skconv.save_model(model, folder / "seed.safetensors")
        files.append(((folder / "seed.safetensors").read_bytes(), None))
    files += [(data, models[0]) for data in checkpoints(models[0], X, y, folder)]
    path = folder / "stream.ckpt"
    stream = skconv.ConvNetRegressor(layers, solver="sgd", random_state=0)
    clone(stream).set_callbacks(Checkpoint(path)).partial_fit(X, y)
    return [*files, (path.read_bytes(), stream)]


def checkpoints(model, X, y, folder):
    """Return the bytes of a checkpoint after each epoch and at the end of a fit."""
    path, files = folder / "seed.ckpt", []

    class Keep:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            files.append(path.read_bytes())

    model = clone(model).set_callbacks(Checkpoint(path), Keep())
    model.fit(X, np.array(["a", "bb", "c"])[y])
    return files


# Mutations ---------------------------------------------------------------------------


def mutate_bytes(data, rng):
    """Flip, remove, double or insert bytes, most often in the header."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        limit = len(data) if rng.random() < 0.3 else min(len(data), 4000)
        at, n = int(rng.integers(0, max(limit, 1))), int(rng.integers(1, 64))
        match rng.integers(6):
            case 0:
                data[at : at + 1] = rng.bytes(1)
            case 1:
                del data[at : at + n]
            case 2:
                data[at:at] = data[at : at + n]
            case 3:
                data[at:at] = rng.bytes(n)
            case 4:
                data = data[: int(rng.integers(0, len(data) + 1))]
            case 5:
                data[:8] = int(rng.integers(0, 2**63)).to_bytes(8, "little")
    return bytes(data)


def mutate_json(data, rng):
    """Change the JSON of a file, and sign it."""
    length = int.from_bytes(data[:8], "little")
    table, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    metadata = table["__metadata__"]
    version = int(metadata["format_version"])
    key = "model" if version == 1 else "document"
    document = json.loads(metadata[key])
    if rng.random() < 0.05 and "layers" in document:
        nest(document["layers"], rng)
    for _ in range(rng.integers(1, 4)):
        change(document if rng.random() < 0.7 else table, rng)
    text = json.dumps(document)
    if rng.random() < 0.02:
        text = text.replace("1", '{"tuple":[' * int(rng.integers(1, 5000)), 1)
    if isinstance(table.get("__metadata__"), dict):
        table["__metadata__"][key] = text
        table["__metadata__"]["sha256"] = sign(text, table, body, version)
    header = json.dumps(table).encode()
    return len(header).to_bytes(8, "little") + header + body


def nest(layers, rng):
    """Put a layer into another, that into another, and so on."""
    entry = layers[rng.integers(len(layers))]
    for _ in range(rng.integers(1, 12)):
        kind = ["Branches", "Residual", "Sequential"][rng.integers(3)]
        entry[1] = {"class": kind, "params": {"layers": [entry[1]]}}


def sign(text, table, body, version=documents.FORMAT_VERSION):
    """Return the checksum that the loader computes, if it gets that far."""
    try:
        parts = {k: v for k, v in table.items() if k != "__metadata__"}
        arrays = {
            name: np.frombuffer(
                body[slice(*part["data_offsets"])], safetensors.DTYPES[part["dtype"]]
            ).reshape(part["shape"])
            for name, part in parts.items()
        }
        arrays = documents._in_order(arrays, version)
        digest = documents._digest(text, arrays)
        for array in arrays.values():
            digest.update(array)
        return digest.hexdigest()
    except (KeyError, TypeError, ValueError):
        return "0" * 64


def change(value, rng):
    """Replace, remove or add something anywhere below a list or a dict."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        inner = value[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            value = inner
            continue
        nasty = NASTY[rng.integers(len(NASTY))]
        match rng.integers(5):
            case 0 if isinstance(value, list) and len(value) < 100:
                value.insert(key, value[rng.integers(len(value))])
            case 1:
                del value[key]
            case 2 if isinstance(value, dict):
                value[str(nasty)[:50]] = value.pop(key)
            case 3 if isinstance(inner, int) and not isinstance(inner, bool):
                value[key] = inner + int(rng.integers(-2, 3))
            case _:
                value[key] = json.loads(json.dumps(nasty))
        return


# Loading -----------------------------------------------------------------------------


def fuzz(n, seed, folder, report_every=None):
    """Load `n` mutants; return the number of each outcome, and the worst figures."""
    outcomes, worst = collections.Counter(), {"bytes": 0, "seconds": 0.0, "sample": 0.0}
    path = folder / "mutant.safetensors"
    results = results_of(load_mutants, seeds(folder), n, seed, path)
    for i, (outcome, *figures) in enumerate(results, start=1):
        outcomes[outcome] += 1
        for name, figure in zip(worst, figures, strict=True):
            worst[name] = max(worst[name], round(figure, 3))
        if report_every and i % report_every == 0:
            print(f"{i}: {dict(outcomes)}, worst {worst}", flush=True)
    assert outcomes.total() == n
    return outcomes, worst


def results_of(run, *arguments):
    """Yield what ``run(sender, *arguments)`` sends from a separate process."""
    context = multiprocessing.get_context("spawn")
    results, sender = context.Pipe(duplex=False)
    child = context.Process(target=run, args=(sender, *arguments))
    child.start()
    sender.close()
    n = 0
    try:
        while True:
            if not results.poll(HANGS):
                os.kill(child.pid, signal.SIGABRT)  # faulthandler says where it was
            yield results.recv()
            n += 1
    except EOFError:
        child.join()
    finally:
        child.kill()
        child.join()
    assert child.exitcode == 0, (
        f"after {n} results the process ended with exit code {child.exitcode}"
    )


def as_template(document):
    """Return the document of a model without what depends on its layers and shapes."""
    params = {**document["estimator"]["params"], "layers": None}
    return {
        **document,
        "estimator": {**document["estimator"], "params": params},
        "fitted": {**document["fitted"], "feature_names": None},
    }


def load_mutants(sender, originals, n, seed, path):
    """Load `n` mutants of files, and send the outcome of each."""
    faulthandler.enable()
    warnings.simplefilter("ignore")  # a mutant may overflow in a cast
    rng = np.random.default_rng(seed)
    models = [each for each in originals if each[1] is None]
    others = [each for each in originals if each[1] is not None]
    with documents.reading(OLD / "model_3_classifier.safetensors", "model") as reader:
        template = as_template(reader.document)
    gc.collect()
    tracemalloc.start()
    for _ in range(n):
        path.unlink(missing_ok=True)
        estimator, must_load = None, False
        kind = rng.integers(30)
        if kind < 20:
            some = models if rng.integers(2) else others  # checkpoints are fewer
            data, estimator = some[rng.integers(len(some))]
            path.write_bytes((mutate_bytes if kind < 10 else mutate_json)(data, rng))
        elif kind < 29:
            must_load = specs.draw_file(path, template, rng)
        else:
            specs.draw_place(path, rng)
        result = load(path, estimator)
        assert not must_load or result[0] == "model: loaded", (
            f"{result} of a valid file"
        )
        sender.send(result)


def load(path, estimator=None):
    """Load a file; return the outcome, bytes beyond its size, and seconds."""
    kind = "model" if estimator is None else "checkpoint"
    estimator = None if estimator is None else clone(estimator)
    size = size_of(path)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    start = time.process_time()
    try:
        with growing_by_at_most(size + SLACK):
            if kind == "model":
                estimator = skconv.load_model(path)
                repr(estimator)
            else:
                Checkpoint(path).restore(estimator)
                documents.file_id(path, kind)
        outcome = "loaded"
    except ValueError as error:
        assert str(path) in str(error), f"{error} does not name its file"
        assert len(str(error)) < 4000, f"an error of {len(str(error))} characters"
        outcome = "ValueError"
    except OSError as error:
        assert str(path) in str(error), f"{error} does not name its file"
        outcome = "OSError"
    seconds = time.process_time() - start
    beyond = tracemalloc.get_traced_memory()[1] - before - size
    assert beyond < SLACK, f"{beyond} bytes more than the file of {size} bytes"
    assert seconds < SECONDS, f"{seconds:.1f} s for a file of {size} bytes"
    sample = predict(estimator) if outcome == "loaded" else 0.0
    return f"{kind}: {outcome}", beyond, seconds, sample


def size_of(path):
    """Return the size of a file, 0 of anything else and of one that memory is not for."""
    try:
        status = os.stat(path)
    except OSError:
        return 0
    is_file = stat.S_ISREG(status.st_mode) and status.st_size < 2**30
    return status.st_size if is_file else 0


def ask(model):
    """Return the method that computes all outputs: an autoencoder predicts nothing."""
    return model.predict if hasattr(model, "predict") else model.transform


def predict(model):
    """Predict one sample of what was loaded; return the seconds of the processor."""
    shape = model.input_shape_
    if math.prod(shape) > LARGEST_SAMPLE:
        return 0.0
    x = np.ones((1, *shape))
    start = time.process_time()
    y = [None]
    with growing_by_at_most(GROWTH):
        try:
            y = ask(model)(
                x.reshape(1, -1) if hasattr(model, "feature_names_in_") else x
            )
        except ValueError as error:  # weights may be as large as a float is
            assert re.search(NOT_FINITE, str(error)), error
        except MemoryError as error:  # layers may make large images of small ones
            assert "not enough memory for" in str(error), error
    seconds = time.process_time() - start
    assert len(y) == 1
    assert seconds < SAMPLE_SECONDS, f"{seconds:.1f} s for a sample of shape {shape}"
    return seconds


@contextlib.contextmanager
def growing_by_at_most(n):
    """Make the system refuse memory to a process that has grown by `n` bytes."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + n
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def main(n, seed):
    folder = Path(tempfile.mkdtemp())
    try:
        outcomes, worst = fuzz(n, seed, folder, 1000)
    except BaseException as error:
        print(f"not finished ({error!r}); the last file is in {folder}", flush=True)
        raise
    shutil.rmtree(folder)
    print(f"finished, {n} files: {dict(outcomes)}, worst {worst}")
