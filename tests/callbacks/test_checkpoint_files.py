"""Files of checkpoints: disks that fail, leftovers of killed processes, what fits."""

import errno
import math
import os

import checkpoint_fits
import numpy as np
import pytest
from checkpoint_fits import FITS, X, Y, fit, read, small

from skconv._training import loop as training
from skconv._utils import documents, files
from skconv._utils.values import decode, encode
from skconv.callbacks import Checkpoint

run = checkpoint_fits.run


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize("what", ["write", "fsync", "replace"])
def test_full_disk_leaves_the_older_file(what, tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "write":

        def opening(path, mode, opener=None):
            file = open(path, mode, opener=opener)  # noqa: SIM115
            return Full(file) if mode == "xb" else file

        class Full:
            def __init__(self, file):
                self.file, self.write, self.close = file, full, file.close
                self.fileno = file.fileno

            def __enter__(self):
                return self

            def __exit__(self, *error):
                self.file.close()

        monkeypatch.setattr(files, "open", opening, raising=False)
    else:
        monkeypatch.setattr(os, what, full)
    clf = small(**FITS["sgd"][0]).set_callbacks(Checkpoint(path, resume=False))
    state = {**vars(clf)}
    with pytest.raises(OSError, match=rf"checkpoint could .* No space.*{path}"):
        clf.fit(X, Y)
    assert vars(clf) == state
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["fit.ckpt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_full_device_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_temporary", lambda path: tmp_path / "temporary")

    def opening(path, mode, opener=None):
        if mode == "xb":
            opened.append(path)
        if len(opened) == 2:
            path.touch()
            path, mode = "/dev/full", "wb"
        return open(path, mode, opener=opener if mode == "xb" else None)

    opened = []
    monkeypatch.setattr(files, "open", opening, raising=False)
    with pytest.raises(OSError, match="could not be written: No space left on device"):
        fit("adam", tmp_path / "fit.ckpt", resume=False)
    assert opened[0] == tmp_path / "temporary"
    assert os.listdir(tmp_path) == []


def test_unwritable_folder_is_an_error_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for path, words in [
        (tmp_path / "nowhere" / "fit.ckpt", "No such file or directory"),
        (tmp_path / "file" / "fit.ckpt", "Not a directory"),
    ]:
        monkeypatch.setattr(training, "_run_epoch", None)  # it fails before
        with pytest.raises(OSError, match=rf"checkpoint could not .*{words}.*{path}"):
            fit("adam", path)


def test_unreadable_file_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)

    def denied(path, mode, opener=None):
        if mode == "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open(path, mode)

    monkeypatch.setattr(documents, "open", denied, raising=False)
    with pytest.raises(PermissionError, match=rf"could not be read: Perm.*{path}"):
        fit("adam", path)


@pytest.mark.slow
def test_leftovers_of_a_killed_process_are_removed(tmp_path, run):
    path = tmp_path / "fit[1].ckpt"
    other = tmp_path / ".fit1.ckpt.0123abcd.tmp"
    other.touch()
    assert run("adam", path, ("while writing", 2)) == "killed"
    assert len(leftovers(tmp_path)) == 2
    fit("adam", path)
    assert leftovers(tmp_path) == [other.name]


def test_documents_hold_any_number(tmp_path):
    path = tmp_path / "fit.ckpt"
    numbers = [math.nan, -math.inf, 0.1, np.float32(0.1), 2**127 + 1, -(2**100)]
    arrays = {
        "empty": np.empty((0, 3), np.float32),
        "curve": np.array([math.nan, -math.inf, 0.1]),
    }
    documents.write(
        path, "checkpoint", {"numbers": encode(numbers, "numbers", None)}, arrays
    )
    document, found = read(path)
    expected = [*numbers[:3], float(np.float32(0.1)), *numbers[4:]]
    assert repr(decode(document["numbers"])) == repr(expected)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable
