"""Documents in files, by themselves: what is refused, and files that are gone or cut."""

import io
import os

import numpy as np
import pytest

from skconv._utils import documents, files, safetensors
from skconv.callbacks import checkpoint, compat, fingerprint, fitted, logger, state


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match=r"loss must be a number to be saved, got {1}"):
        fitted._refuse({1}, "loss")
    with pytest.raises(
        ValueError, match=r"rng cannot be kept in a checkpoint, got {1}"
    ):
        state._refuse({1}, "rng")


def test_progress_of_a_missing_checkpoint_is_none(tmp_path):
    assert checkpoint._read_progress(tmp_path / "none.ckpt") is None


def test_fit_without_a_task_has_no_value():
    assert logger.find_task({}, None) is None
    assert compat._fitted(object(), None) is None


def test_dates_in_parameters_are_compared_as_text():
    dates = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
    assert fingerprint._by_name(dates, "classes") == fingerprint._by_name(
        dates.astype(str), "classes"
    )
    assert fingerprint._by_name(np.arange(2), "classes") == [0, 1]


def test_files_that_are_cut_short_say_so():
    with pytest.raises(ValueError, match="cut short: 8 bytes expected, 3 left"):
        safetensors._read(io.BytesIO(b"abc"), 8)


def test_file_that_is_cut_short_while_it_is_read_says_so(tmp_path):
    path = tmp_path / "file"
    documents.write(path, "model", {}, {"a": np.ones(10**5)})
    with documents.reading(path, "model") as reader:
        arrays = reader.empty(reader.parts)
        os.truncate(path, os.path.getsize(path) - 1)
        with pytest.raises(ValueError, match="cut short while it was read"):
            reader.read_into(arrays)


@pytest.mark.skipif(files.fcntl is None, reason="no locks here")
def test_file_that_another_process_has_locked_is_not_taken(tmp_path):
    path = tmp_path / "file"
    with path.open("w") as mine, path.open() as other:
        assert files._lock(mine.fileno())
        assert not files._lock(other.fileno())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_file_that_becomes_a_pipe_is_closed_and_refused(tmp_path, monkeypatch):
    path, pipe = tmp_path / "file", tmp_path / "pipe"
    path.touch()
    os.mkfifo(pipe)
    opened = []

    def open_pipe(_, flags):
        opened.append(os_open(pipe, os.O_RDONLY | os.O_NONBLOCK))
        return opened[0]

    os_open = os.open
    monkeypatch.setattr(os, "open", open_pipe)
    with pytest.raises(ValueError, match="not a regular file"):
        files.open_regular(str(path), os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
