"""Files that are replaced: their mode, their temporary files, what is no file."""

import itertools
import multiprocessing
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
import small_models

from skconv import load_model, save_model
from skconv._utils import files

clf, images, path = small_models.clf, small_models.images, small_models.path

posix = pytest.mark.skipif(os.name != "posix", reason="modes and locks are of POSIX")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o666])
def test_replaced_file_keeps_its_mode(mode, clf, path):
    path.touch()
    path.chmod(mode)
    save_model(clf, path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert load_model(path)


@posix
def test_file_is_private_while_it_is_written(path):
    path.touch()
    path.chmod(0o600)
    with files.replacing(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600


@posix
def test_new_file_has_the_usual_mode(clf, path):
    save_model(clf, path)
    path.with_name("usual").touch()
    assert path.stat().st_mode == path.with_name("usual").stat().st_mode


@posix
def test_mode_lets_no_other_group_in(path, monkeypatch):
    def refuse(path, owner, group):
        raise PermissionError

    path.touch()
    path.chmod(0o664)
    status = path.stat()
    older = os.stat_result([*status[:5], status.st_gid + 1, *status[6:10]])
    monkeypatch.setattr(files, "_find_older", lambda path: older)
    monkeypatch.setattr(os, "chown", refuse)
    with files.replacing(path):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@posix
def test_pipes_and_devices_are_not_replaced(clf, path):
    os.mkfifo(path)
    link = path.with_name("link")
    link.symlink_to(path)
    for target in path, link, "/dev/null", path.parent:
        with pytest.raises(OSError, match=r"not a regular file.*Choose|Is a directory"):
            save_model(clf, target)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert sorted(os.listdir(path.parent)) == ["link", path.name]


@pytest.mark.parametrize("bad", [None, 1, True, 2.5, b"model", ["model"]])
def test_path_of_another_type_is_refused(bad, clf):
    words = f"path must be a str or a path-like.*got {type(bad).__name__}"
    with pytest.raises(TypeError, match=words):
        save_model(clf, bad)
    with pytest.raises(TypeError, match=words):
        load_model(bad)
    os.fstat(1)  # nothing closed it


def test_path_with_a_null_character_is_refused(clf):
    for take in (lambda path: save_model(clf, path), load_model):
        with pytest.raises(ValueError, match=r"path must not have .*got 'a\\x00b'"):
            take("a\0b")


def test_error_names_the_file_and_not_its_temporary_one(clf, path):
    path = path.parent / "nowhere" / "model.safetensors"
    with pytest.raises(FileNotFoundError) as caught:
        save_model(clf, path)
    assert caught.value.filename == str(path)


@posix
def test_link_is_followed(clf, path):
    link = path.with_name("link")
    link.symlink_to(path.name)
    save_model(clf, link)
    assert link.is_symlink()
    assert load_model(path)


def test_file_may_have_the_longest_name(clf, path):
    path = path.with_name("n" * 255)
    save_model(clf, path)
    assert load_model(path)
    assert os.listdir(path.parent) == [path.name]


# Leftovers ---------------------------------------------------------------------------

DIGITS = "0123456789abcdef"
OTHERS = [
    f".n.ckpt.2.{DIGITS}.tmp",  # of a neighbour
    f".m.ckpt.{DIGITS}.tmp",
    f".n.ckpt.{DIGITS}",
    ".n.ckpt.mine.tmp",  # a user's
    f".n.ckpt.{DIGITS.upper()}.tmp",
    f".n.ckpt.{DIGITS}0.tmp",
    f"n.ckpt.{DIGITS}.tmp",
]


@posix
def test_only_leftovers_of_the_file_are_removed(tmp_path):
    left = tmp_path / f".n.ckpt.{DIGITS}.tmp"
    for name in [*OTHERS, left.name]:
        (tmp_path / name).touch()
    (tmp_path / f".n.ckpt.{DIGITS[::-1]}.tmp").symlink_to(tmp_path / OTHERS[0])
    (tmp_path / f".n.ckpt.{'0' * 16}.tmp").mkdir()
    os.mkfifo(tmp_path / f".n.ckpt.{'1' * 16}.tmp")
    files.remove_leftovers(tmp_path / "n.ckpt")
    assert not left.exists()
    assert len(os.listdir(tmp_path)) == len(OTHERS) + 3 - 1


@posix
def interrupting(moment):
    """Return a tracer that raises KeyboardInterrupt at one step of the package's code."""
    moments = itertools.count()

    def trace(frame, event, argument):
        if Path(frame.f_code.co_filename).name not in ("files.py", "contextlib.py"):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(moments) == moment:
            raise KeyboardInterrupt
        return trace

    return trace


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_leaves_no_temporary_file_at_any_moment(path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # which takes long
    path.write_bytes(b"old")
    before, interrupted = sys.gettrace(), True
    for moment in itertools.count():
        try:
            sys.settrace(interrupting(moment))
            with files.replacing(path) as file:
                file.write(b"new")
            interrupted = False
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert os.listdir(path.parent) == [path.name], f"at step {moment}"
        assert path.read_bytes() in (b"old", b"new")
        if not interrupted:
            break
    assert moment > 100


def test_temporary_file_of_a_living_thread_stays(tmp_path):
    path = tmp_path / "n.ckpt"
    with files.replacing(path) as file:
        file.write(b"whole")
        thread = threading.Thread(target=files.remove_leftovers, args=(path,))
        thread.start()
        thread.join()
        files.remove_leftovers(path)
    assert path.read_bytes() == b"whole"


def write(path, connection):
    with files.replacing(path) as file:
        file.write(b"whole")
        connection.send("writing")
        connection.recv()
    connection.send("written")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True])
def test_temporary_file_of_a_process_stays_while_it_lives(kill, tmp_path):
    path = tmp_path / "n.ckpt"
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=write, args=(path, there)
    )
    process.start()
    assert here.recv() == "writing"
    files.remove_leftovers(path)
    assert len(os.listdir(tmp_path)) == 1
    if kill:
        process.kill()
        process.join()
        assert len(os.listdir(tmp_path)) == 1
        files.remove_leftovers(path)
        assert os.listdir(tmp_path) == []
        return
    here.send("go")
    assert here.recv() == "written"
    process.join()
    assert path.read_bytes() == b"whole"


@posix
def test_many_threads_write_and_clear_away(tmp_path):
    path, errors = tmp_path / "n.ckpt", []

    def work(i):
        try:
            for _ in range(50):
                files.remove_leftovers(path)
                files.check_takes_files(path)
                with files.replacing(path) as file:
                    file.write(bytes([i]) * 1000)
                assert len({*path.read_bytes()}) == 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert os.listdir(tmp_path) == ["n.ckpt"]


@posix
def test_model_file_is_saved_where_there_are_no_locks(clf, path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError("no locks here")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    left = path.with_name(f".{path.name}.{DIGITS}.tmp")
    left.touch()
    save_model(clf, path)
    assert load_model(path)
    assert left.exists()
