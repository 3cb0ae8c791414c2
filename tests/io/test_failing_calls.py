"""Calls of the system that fail: a short run, and what errors say of the file."""

import errno
import io
import os

import numpy as np
import pytest
import small_models
from attacks import calls

from skconv import load_model, save_model
from skconv._utils import documents, files

clf, images, path = small_models.clf, small_models.images, small_models.path


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    library = calls.build(tmp_path_factory.mktemp("library"))
    if library is None:
        pytest.skip("no C compiler or no glibc, which failing calls need")
    return library


# Operations -> calls, how many of each kind are tried, and whether the memory of each of
# Python's objects can lack.
RUNS = {
    "files": (["save", "load", "resume"], [*calls.CALLS][:-2], 2, False),
    "memory": (["fit", "predict"], ["map", "alloc"], 10, False),
    "memory of objects": (["save", "load"], ["alloc"], 25, True),
    "memory of a table": (["describe"], ["alloc"], 1000, True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_operation_of_which_a_call_fails_is_whole_or_an_error(name, library):
    """A short run of ``python -m tests.attacks calls``."""
    names, kinds, most, each_object = RUNS[name]
    told = list(calls.run(library, names, kinds, most, each_object=each_object))
    assert {(each["operation"], each["call"]) for each in told} == {
        (operation, call) for operation in names for call in kinds
    }
    assert sum(each["errors"] for each in told) > 5


@pytest.mark.slow
def test_end_of_the_other_process_is_an_error(library):
    with pytest.raises(AssertionError, match=r"exit status [^0].*at None"):
        list(calls.run(library, ["no such operation"], ["open"], 1))


# Words -------------------------------------------------------------------------------


def fail(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_error_of_a_full_disk_names_the_file_and_a_way_out(clf, path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail)
    words = (
        r"model could not be written: No space left on device. Remove the cause or "
        rf"choose another path, and save again.*{path.name}"
    )
    with pytest.raises(OSError, match=words) as caught:
        save_model(clf, path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert os.listdir(path.parent) == []


def test_error_of_a_full_disk_says_that_an_older_file_is_there(clf, path, monkeypatch):
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="The older file was left unchanged. Remove the"):
        save_model(clf, path)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere/model.safetensors", "directory. Remove the cause or choose another"),
        (".", "Is a directory. Choose another path, and"),
        ("new/", "Is a directory. Choose another path, and"),
        ("pipe", "nothing else is replaced. Choose another path, and save again"),
    ],
)
def test_path_that_takes_no_file_has_one_way_out(place, words, clf, path):
    if place == "pipe":
        os.mkfifo(path.parent / place)
    with pytest.raises(OSError, match=words):
        save_model(clf, f"{path.parent}/{place}")


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX alone")
def test_error_after_the_file_was_replaced_says_so(clf, path, monkeypatch):
    path.write_bytes(b"old")
    monkeypatch.setattr(files, "_sync_folder", fail)
    with pytest.raises(OSError, match="The new file is in its place, but may not surv"):
        save_model(clf, path)
    assert np.array_equal(load_model(path).network_.values, clf.network_.values)


def test_error_of_reading_says_what_to_do(clf, path, monkeypatch):
    save_model(clf, path)
    monkeypatch.setattr(documents, "open_regular", fail)
    words = "could not be read: No space left.*Remove the cause or choose another path"
    with pytest.raises(OSError, match=words) as caught:
        load_model(path)
    assert caught.value.filename == str(path)


def test_seek_that_fails_is_an_error_of_the_file(clf, path, monkeypatch):
    def seek(*arguments):
        raise io.UnsupportedOperation("File or stream is not seekable.")

    save_model(clf, path)
    monkeypatch.setattr(documents.Reader, "_check_same_arrays", seek)
    with pytest.raises(OSError, match=r"not seekable.*model.safetensors") as caught:
        load_model(path)
    assert caught.value.errno == errno.ESPIPE


def test_lack_of_memory_in_saving_names_the_file(clf, path, monkeypatch):
    def lack(*arguments):
        raise MemoryError

    monkeypatch.setattr(files, "_open_new", lack)
    with pytest.raises(OSError, match=r"written: Cannot allocate memory.*\.safetens"):
        save_model(clf, path)


WITH_A_CAUSE = SystemError("<built-in function hash> returned a result with an ...")
WITH_A_CAUSE.__cause__ = MemoryError()


@pytest.mark.parametrize(
    "error",
    [
        WITH_A_CAUSE,
        RuntimeError("can't allocate lock"),
        ValueError("[digital envelope routines] initialization error"),
        ValueError("[digital envelope routines] not able to copy ctx"),
        SystemError("<ufunc 'square'> returned NULL without setting an exception"),
    ],
)
def test_lack_of_memory_in_other_words_does_not_blame_the_file(
    error, clf, path, monkeypatch
):
    def lack(*arguments):
        raise error

    save_model(clf, path)
    monkeypatch.setattr(documents, "_digest", lack)
    with pytest.raises(OSError, match="could not be read") as caught:
        load_model(path)
    assert caught.value.errno == errno.ENOMEM
    with pytest.raises(OSError, match="could not be written") as caught:
        save_model(clf, path)
    assert caught.value.errno == errno.ENOMEM


def test_other_error_of_the_interpreter_is_unchanged(clf, path, monkeypatch):
    def fault(*arguments):
        raise SystemError("a fault")

    save_model(clf, path)
    monkeypatch.setattr(documents, "_digest", fault)
    for call in (lambda: load_model(path), lambda: save_model(clf, path)):
        with pytest.raises(SystemError, match="a fault"):
            call()


def test_digest_that_a_system_forbids_is_no_lack_of_memory(clf, path, monkeypatch):
    def refuse(*arguments):
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr(documents, "_digest", refuse)
    with pytest.raises(ValueError, match="envelope routines. unsupported"):
        save_model(clf, path)


def test_file_that_fails_when_it_is_closed_is_removed(path, monkeypatch):
    """A disk may say only then that it is full."""

    class Failing:
        def __init__(self, *arguments, **keywords):
            self.file = open(*arguments, **keywords)  # noqa: SIM115
            self.fileno = self.file.fileno

        def close(self):
            self.file.close()
            fail()

    monkeypatch.setattr(files, "open", Failing, raising=False)
    with pytest.raises(OSError, match="No space left"):
        files.check_takes_files(path)
    assert os.listdir(path.parent) == []


def test_file_whose_lock_fails_is_closed_and_removed(path, monkeypatch):
    opened = []

    def lock(descriptor):
        opened.append(descriptor)
        fail()

    monkeypatch.setattr(files, "_lock", lock)
    with pytest.raises(OSError, match="No space left"):
        files.check_takes_files(path)
    assert os.listdir(path.parent) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
