"""Paths, temporary files and what is left after an error, by themselves."""

import errno
import os
import re
import stat
from types import SimpleNamespace

import pytest

from skconv._utils import files

POSIX = pytest.mark.skipif(files.fcntl is None, reason="no locks here")


def test_paths_of_folders_are_refused_by_name(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        files._target("a/")
    error = caught.value
    assert (error.errno, error.strerror, error.filename) == (errno.EISDIR, os.strerror(errno.EISDIR), "a/")  # fmt: skip
    with pytest.raises(IsADirectoryError) as caught:
        files._find_older(os.fspath(tmp_path))
    assert caught.value.filename == os.fspath(tmp_path)
    with pytest.raises(
        OSError, match="not a regular file, and nothing else is"
    ) as caught:
        files._find_older(os.devnull)
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, os.devnull)
    assert files._find_older(os.fspath(tmp_path / "none")) is None


def test_errors_say_which_file_is_left(tmp_path):
    path = tmp_path / "file"
    error, replaced = OSError(), OSError()
    replaced.has_replaced = True
    assert files._what_is_left(error, errno.EIO, path) == ""
    path.touch()
    older = "The older file was left unchanged. "
    assert files._what_is_left(error, errno.EIO, path) == older
    unknown = "The file is the older one or the new one, whole. "
    assert files._what_is_left(error, errno.ENOMEM, path) == unknown
    new = "The new file is in its place, but may not survive a loss of power. "
    for code in (errno.EIO, errno.ENOMEM):
        assert files._what_is_left(replaced, code, path) == new


@POSIX
def test_owners_that_cannot_be_given_leave_the_group_out(tmp_path, monkeypatch):
    path, owners = tmp_path / "file", []
    path.touch()

    def refuse(path, owner, group):
        owners.append((owner, group))
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    group = path.stat().st_gid
    for other, mode in [(group + 1, 0o705), (group, 0o775)]:
        older = SimpleNamespace(st_mode=0o100775, st_uid=7, st_gid=other)
        files._copy_access(older, os.fspath(path))
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert owners == [(7, other), (-1, other)]
        owners.clear()
    monkeypatch.setattr(os, "chown", lambda *call: owners.append(call[1:]))
    files._copy_access(older, os.fspath(path))
    assert owners == [(7, group)]


@POSIX
def test_temporary_files_have_names_modes_and_locks(tmp_path):
    path = os.fspath(tmp_path / "file")
    with files._temporary_file(path, private=True) as (temporary, file):
        assert re.fullmatch(r"\.file\.[0-9a-f]{16}\.tmp", os.path.basename(temporary))
        assert stat.S_IMODE(os.stat(temporary).st_mode) == 0o600
        files.remove_leftovers(path)
        assert os.path.exists(temporary)
    assert os.listdir(tmp_path) == []
    before = os.umask(0o022)
    try:
        with files._temporary_file(path) as (temporary, file):
            assert stat.S_IMODE(os.stat(temporary).st_mode) == 0o644
            os.unlink(temporary)
            assert not files._lock(file.fileno())
    finally:
        os.umask(before)
    missing = os.fspath(tmp_path / "none" / "file")
    with pytest.raises(FileNotFoundError) as caught, files._temporary_file(missing):
        pass
    assert caught.value.filename == missing


def test_long_names_have_a_digest():
    assert files._stem("/a/" + "b" * 200) == "b" * 200
    found = files._stem("/a/" + "b" * 201)
    assert re.fullmatch("[0-9a-f]{32}", found)
    assert files._stem("/c/" + "b" * 201) == found != files._stem("/a/" + "b" * 202)
    assert files._stem("é" * 100) == "é" * 100 != files._stem("é" * 101)
