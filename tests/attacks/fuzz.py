"""Fuzz the readers of files, guided by the code that inputs reach (atheris).

    pip install atheris
    python -m tests.attacks fuzz --n 10000000

An input is a whole file, in memory: a model, which `load_model` loads and `pretrained`
reads, or a checkpoint, which `Checkpoint.restore` reads. Half of the mutations are of raw
bytes. The others change the JSON of the document, its text, the table of arrays or the
arrays, and get a new checksum, so that they pass it and reach the checks after it. What
reaches new code is changed further. It starts from the files of all versions in
`tests/io`, from small fits and from files of a grammar (`specs`).

Only a ValueError that names the file may come, within seconds, without an open file
left, and the process may not grow by more than four times the file and 32 MB. If
all went well, the last line says "finished", and the exit status is 0. The inputs that
reached new code and the count are kept in a folder, SKCONV_FUZZ or a temporary one: with
the first, the command continues.
"""

import collections
import contextlib
import functools
import gc
import importlib.util
import inspect
import json
import marshal
import os
import random
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
from sklearn.base import clone

import skconv
from skconv._utils import documents
from skconv.callbacks import Checkpoint
from skconv.estimators import pretrained

from . import files, specs

SLACK = 2**25  # of memory, beyond four times the file
SECONDS = 60.0  # of the clock, on a machine that may be busy
EVERY = 64  # inputs, after which memory is limited anew and open files are counted
LONGEST = 2**14  # bytes of an input
SMALL = 2**10  # numbers of an input that is predicted
PREDICTED = 16  # one of so many of the models that load predicts a sample
SOURCES = 32  # one of so many models is read by `pretrained`, too
DIGEST = re.compile(rb'data\\*": *\\*"([0-9a-f]{32})')


def seeds(folder):
    """Return the files to begin with, as a list of bytes."""
    path = folder / "seed.safetensors"
    found = [path.read_bytes() for path in files.OLD.glob("*_?_*.*")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found += [data for data, _ in files.seeds(folder)]
    rng = np.random.default_rng(0)
    with documents.reading(files.OLD / "model_3_classifier.safetensors", "model") as r:
        template = files.as_template(r.document)
    for _ in range(100):
        specs.draw_file(path, template, rng)
        if path.stat().st_size < LONGEST:
            found.append(path.read_bytes())
    return found


def estimators(found):
    """Return the estimators to which checkpoints can be restored, by digest of the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(tempfile.mkdtemp())
        path = folder / "seed.ckpt"
        candidates = [each for _, each in files.seeds(folder) if each is not None]
    models = runpy.run_path(str(files.OLD.parent / "write_files.py"))["models"]
    candidates += [model for _, model, _, _ in models()]
    by_data = {}
    for data in found:
        if not (digest := DIGEST.search(data)):
            continue
        path.write_bytes(data)
        for candidate in candidates:
            with contextlib.suppress(ValueError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                Checkpoint(path).restore(clone(candidate))
                by_data[digest[1]] = candidate
    shutil.rmtree(folder)
    return by_data


# Mutations ---------------------------------------------------------------------------


def mutate(data, seed, raw):
    """Return another file; `raw` changes the bytes it is given."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        return raw(data)
    try:
        parsed, body = split(data)
        table, key, version, document = marshal.loads(parsed)
        metadata = table["__metadata__"]
        text = metadata[key]
        kind = draw.randrange(8)
        if kind == 0:
            body = raw(body)
        elif kind == 1:
            text = raw(text.encode()).decode("utf-8", "replace")
        elif kind == 2:
            files.change(table, np.random.default_rng(seed))
            table["__metadata__"] = metadata
        else:
            rng = np.random.default_rng(seed)
            for _ in range(draw.choice((1, 1, 2, 3))):
                files.change(document, rng)
            text = json.dumps(document)
        metadata[key] = text
        metadata["sha256"] = files.sign(text, table, body, version)
        return joined(table, body)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return raw(data)


@functools.lru_cache(maxsize=512)
def split(data):
    """Return all that a file has in JSON, marshalled, and the bytes of its arrays.

    An input is changed several times: to copy what was parsed is faster than to parse.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    table = json.loads(data[8:end])
    version = int(table["__metadata__"]["format_version"])
    key = "model" if version == 1 else "document"
    document = None  # is not changed
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(table["__metadata__"][key])
    return marshal.dumps((table, key, version, document)), data[end:]


def joined(table, body):
    header = json.dumps(table).encode()
    return len(header).to_bytes(8, "little") + header + body


def mutate_raw(data, seed):
    """Return a file of which bytes are changed at random, without guidance."""
    return files.mutate_bytes(data, np.random.default_rng(seed))


# Loading -----------------------------------------------------------------------------


class Target:
    """Loads inputs, checks what comes of it, and counts the outcomes.

    Parameters
    ----------
    path : str
        Where inputs are written: a file in memory.
    by_data : dict of bytes to estimator
        See `estimators`.
    limits : bool, default=True
        Whether the memory of this process is limited, until it ends.
    """

    def __init__(self, path, by_data, limits=True):
        self.path, self.by_data, self.limits = path, by_data, limits
        self.outcomes, self.slowest = collections.Counter(), 0.0
        self.file = os.open(path, os.O_RDWR | os.O_CREAT)
        model = skconv.load_model(files.OLD / "model_3_classifier.safetensors")
        self.trained = model.network_, model._encoder
        self.n_files = count_open_files()

    def load(self, data):
        """Load an input."""
        os.ftruncate(self.file, 0)
        os.pwrite(self.file, data, 0)
        if self.outcomes.total() % EVERY == 0:
            if self.limits:
                limit_growth(4 * LONGEST + SLACK)
            assert count_open_files() == self.n_files, "a file is left open"
        start = time.perf_counter()
        kind = "checkpoint" if b"skconv checkpoint" in data else "model"
        model = None
        try:
            model = self.restore(data) if kind == "checkpoint" else self.read(data)
            outcome = "loaded"
        except ValueError as error:
            words = str(error)
            assert self.path in words, f"{words} does not name its file"
            assert len(words) < 4000, f"an error of {len(words)} characters"
            outcome = "refused"
        seconds = time.perf_counter() - start
        assert seconds < SECONDS, f"{seconds:.1f} s for a file of {len(data)} bytes"
        self.slowest = max(self.slowest, seconds)
        self.outcomes[f"{kind} {outcome}"] += 1
        if model is not None and zlib.crc32(data) % PREDICTED == 0:
            with files.growing_by_at_most(files.GROWTH):
                predict(model)

    def close(self):
        """Remove the file."""
        os.close(self.file)
        os.unlink(self.path)

    def read(self, data):
        if zlib.crc32(data) % SOURCES == 0:
            pretrained._read_source(self.path, *self.trained)
        model = skconv.load_model(self.path)
        repr(model)
        return model

    def restore(self, data):
        digest = DIGEST.search(data)
        default = next(iter(self.by_data.values()))
        model = self.by_data.get(digest and digest[1], default)._draft()
        Checkpoint(self.path).restore(model)
        documents.file_id(self.path, "checkpoint")
        return model


def predict(model):
    """Predict one small sample, if the model takes one."""
    shape = model.input_shape_
    if np.prod(shape) > SMALL:
        return
    x = np.ones((1, *shape))
    x = x.reshape(1, -1) if hasattr(model, "feature_names_in_") else x
    try:
        assert len(files.ask(model)(x)) == 1
    except ValueError as error:  # weights may be as large as a float is
        assert re.search(files.NOT_FINITE, str(error)), error


def limit_growth(n):
    """Make the system refuse memory once this process has grown by `n` bytes."""
    if sys.platform == "linux":
        import resource

        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (pages * resource.getpagesize() + n, hard)
        )


def count_open_files():
    folder = "/proc/self/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


# Guided ------------------------------------------------------------------------------

WORDS = [*"{}[]:,", "null", "true", "false", "-1", "0", "1e308", "18446744073709551615",
         '"tuple"', '"dict"', '"float"', '"int"', '"class"', '"params"', '"nan"', '"inf"',
         "__metadata__", "format_version", "data_offsets", "sha256", "document", "F32",
         "F64", "skconv model", "skconv checkpoint"]  # fmt: skip


def guided(atheris, n, seed, folder):
    """Fuzz in this process, which ends, until `n` inputs were loaded in all."""
    warnings.simplefilter("ignore")  # a mutant may overflow in a cast
    inspect.signature = functools.cache(inspect.signature)  # the most of the time
    corpus, counted = folder / "corpus", folder / "count.json"
    with tempfile.TemporaryDirectory() as place:
        found = seeds(Path(place))
    if not corpus.exists():
        corpus.mkdir()
        for i, data in enumerate(found):
            if len(data) <= LONGEST:
                (corpus / f"seed{i}").write_bytes(data)
    (folder / "words").write_text("".join(f"{json.dumps(each)}\n" for each in WORDS))
    memory = Path("/dev/shm")
    name = f"skconv-{os.getpid()}.safetensors"
    target = Target(
        str((memory if memory.is_dir() else folder) / name), estimators(found)
    )
    before = json.loads(counted.read_text()) if counted.exists() else {"seconds": 0.0}
    target.outcomes.update(before.get("outcomes", {}))
    start = time.monotonic() - before["seconds"]
    gc.freeze()  # what was imported is not looked through again

    def report(ends=False):
        outcomes, seconds = dict(target.outcomes), time.monotonic() - start
        counted.write_text(json.dumps({"outcomes": outcomes, "seconds": seconds}))
        total, n_kept = sum(outcomes.values()), len(list(corpus.iterdir()))
        words = f"{outcomes}, {n_kept} kept, slowest {target.slowest:.2f} s"
        ended = "finished, " if ends else ""
        print(f"{ended}{total} inputs in {seconds:.0f} s: {words}", flush=True)

    def load(data):
        if target.outcomes.total() >= n:  # the fuzzer itself never returns
            report(ends=True)
            target.close()
            os._exit(0)
        target.load(data)
        if target.outcomes.total() % 10_000 == 0:
            report()

    def change(data, size, seed):
        raw = functools.partial(limited, atheris.Mutate)
        return mutate(data, seed, raw)[:size]

    def limited(mutate_bytes, data):
        return mutate_bytes(data, LONGEST)

    options = {"max_len": LONGEST, "seed": seed + 1, "timeout": 120, "dict": folder / "words",
               "artifact_prefix": f"{folder}/", "rss_limit_mb": 4096, "len_control": 0,
               "print_final_stats": 1, "verbosity": 0}  # fmt: skip
    arguments = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], load, custom_mutator=change)
    atheris.Fuzz()


def main(n, seed):
    if importlib.util.find_spec("atheris") is None:
        sys.exit("This attack needs atheris: pip install atheris")
    folder = Path(os.environ.get("SKCONV_FUZZ") or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    # A process of its own, in which the package is not imported yet.
    command = [sys.executable, "-m", f"{__package__}.fuzz_guided", str(n), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    status = subprocess.run([*command, str(folder)], env=environment).returncode
    if status:
        sys.exit(f"not finished (exit status {status}); the last input is in {folder}")
    if "SKCONV_FUZZ" not in os.environ:
        shutil.rmtree(folder)
