"""Loading takes the memory of the file, and what is no file or changes is refused."""

import errno
import json
import os
import threading
import tracemalloc

import numpy as np
import pytest
import small_models
from attacks import files, specs
from seeds import SEED
from sklearn.base import clone
from test_loading import framed

from skconv import ConvNetClassifier, load_model, save_model
from skconv._utils import documents, memory
from skconv.callbacks import Checkpoint
from skconv.layers import BatchNorm, Dense

images, clf, path = small_models.images, small_models.clf, small_models.path


# Memory ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers", [[Dense(2**19), Dense(2, "relu")], [BatchNorm()] * 3]
)
def test_loading_makes_no_first_weights_beside_those_of_the_file(layers, path):
    X = np.linspace(-1, 1, 2**15).reshape(2, 1, 1, 2**14)
    X = X[..., :1] if isinstance(layers[0], Dense) else X
    save_model(ConvNetClassifier(layers, max_iter=1).fit(X, [0, 1]), path)
    size = path.stat().st_size
    tracemalloc.start()
    try:
        load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + 2**18


def sparse(path, clf, n):
    """Make a file of `n` weights that takes a few bytes of the disk."""
    save_model(clf, path)
    data = path.read_bytes()
    table = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    start = max(
        part["data_offsets"][1] for name, part in table.items() if name[0] != "_"
    )
    table["more"] = {
        "dtype": "F32", "shape": [n], "data_offsets": [start, start + 4 * n],
    }  # fmt: skip
    header = framed(json.dumps(table).encode())
    path.write_bytes(header)
    os.truncate(path, len(header) + start + 4 * n)


def test_sparse_file_is_refused(clf, path, monkeypatch):
    sparse(path, clf, 2**30)
    with pytest.raises(
        ValueError, match="'more' is of shape .* but missing in the net"
    ):
        load_model(path)
    monkeypatch.setattr(documents, "available_memory", lambda: 2**31)
    with pytest.raises(
        OSError, match=r"its arrays take 4294\d+ bytes, but only"
    ) as caught:
        load_model(path)
    assert caught.value.errno == errno.ENOMEM
    assert caught.value.filename == str(path)


def test_lack_of_memory_is_an_error_of_the_system(clf, path, monkeypatch):
    def refuse(*arguments):
        raise MemoryError

    save_model(clf, path)
    monkeypatch.setattr("skconv.models.network.Network.adopt", refuse)
    with pytest.raises(OSError, match="Cannot allocate memory") as caught:
        load_model(path)
    assert caught.value.filename == str(path)


def test_available_memory_is_read_from_the_system(tmp_path, monkeypatch):
    meminfo, limit = tmp_path / "meminfo", tmp_path / "limit"
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_LIMITS", (limit,))
    assert memory.available_memory() == np.inf
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 4 kB\nSwapFree: 2 kB\n")
    limit.write_text("max\n")
    assert memory.available_memory() == 6 * 1024
    limit.write_text("100\n")
    assert memory.available_memory() == 100


# Places, and files that change -------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_path_that_leads_to_no_file_is_refused(seed, path):
    specs.draw_place(path, np.random.default_rng(SEED + seed))
    with pytest.raises((ValueError, OSError), match="model.safetensors"):
        load_model(path)


@pytest.mark.slow
def test_file_that_changes_while_it_is_read_is_refused_or_whole(images, path):
    """Another thread overwrites, cuts and extends it, in place."""
    clf = ConvNetClassifier([Dense(2000)], max_iter=1, random_state=SEED).fit(*images)
    save_model(clf, path)
    data, expected = path.read_bytes(), clf.predict_proba(images[0])
    ended = threading.Event()

    def change():
        rng = np.random.default_rng(SEED)
        # It is whole for a while: some loads succeed.
        while not ended.wait(rng.random() / 100):
            n = int(rng.integers(len(data)))
            with open(path, "r+b") as file:
                match rng.integers(3):
                    case 0:
                        file.truncate(n)
                    case 1:
                        file.seek(n)
                        file.write(bytes(100))
                    case 2:
                        file.seek(0, os.SEEK_END)
                        file.write(bytes(100))
            with open(path, "r+b") as file:
                file.write(data)
                file.truncate()

    thread = threading.Thread(target=change)
    thread.start()
    loaded = 0
    try:
        for _ in range(300):
            try:
                model = load_model(path)
            except ValueError as error:
                assert str(path) in str(error)
            else:
                loaded += 1
                np.testing.assert_array_equal(model.predict_proba(images[0]), expected)
    finally:
        ended.set()
        thread.join()
    assert loaded


def test_files_of_the_grammar_are_valid_before_they_are_changed(tmp_path):
    rng = np.random.default_rng(SEED)
    with documents.reading(
        files.OLD / "model_3_classifier.safetensors", "model"
    ) as reader:
        template = files.as_template(reader.document)
    valid = sum(
        specs.draw_file(tmp_path / "a.safetensors", template, rng)
        and files.load(tmp_path / "a.safetensors")[0] == "model: loaded"
        for _ in range(200)
    )
    assert valid > 5  # about one in six is


class Raised(Exception):
    """What a signal's handler raises."""


@pytest.mark.parametrize("error", [TimeoutError("late"), Raised("late"), SystemExit(3)])
def test_exception_of_a_handler_is_no_error_of_the_file(error, clf, path, monkeypatch):
    def handler(*arguments):
        raise error

    save_model(clf, path)
    with monkeypatch.context() as patch:
        patch.setattr(documents.Reader, "read_into", handler)
        with pytest.raises(type(error)) as caught:
            load_model(path)
        assert caught.value is error
    checkpoint = Checkpoint(path.with_name("fit.ckpt"))
    fit = clone(clf).set_callbacks(checkpoint).fit
    with monkeypatch.context() as patch:
        patch.setattr(documents.safetensors, "write", handler)
        with pytest.raises(type(error)) as caught:
            fit(np.ones((6, 8, 8)), [0, 1, 2] * 2)
        assert caught.value is error
    fit(np.ones((6, 8, 8)), [0, 1, 2] * 2)
    monkeypatch.setattr(documents.Reader, "read_into", handler)
    with pytest.raises(type(error)) as caught:
        checkpoint.restore(clone(clf))
    assert caught.value is error
