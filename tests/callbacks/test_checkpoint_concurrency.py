"""Checkpoints of fits that run at the same time, and those that take no writes."""

import errno
import os
import stat
import threading

import numpy as np
import pytest
from attacks import kills
from checkpoint_fits import FITS, X, Y, fit, outcome, read, small
from hooks import Hooks
from seeds import SEED
from sklearn.model_selection import GridSearchCV

from skconv._training import loop as training
from skconv._utils import files
from skconv.callbacks import Checkpoint
from skconv.layers import Conv2D, GlobalAvgPool2D


def in_threads(function, arguments):
    """Call a function in one thread for each argument; return their results."""
    results = [None] * len(arguments)

    def call(i, argument):
        try:
            results[i] = function(argument)
        except BaseException as error:
            results[i] = error

    threads = [
        threading.Thread(target=call, args=each) for each in enumerate(arguments)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# The same fit, several times ---------------------------------------------------------


def test_threads_fit_one_estimator(tmp_path):
    clf = small(max_iter=3).set_callbacks(Checkpoint(tmp_path / "fit.ckpt"))
    expected = outcome(small(max_iter=3).fit(X, Y))
    results = in_threads(lambda clf: outcome(clf.fit(X, Y)), [clf] * 4)
    assert results == [expected] * 4
    assert os.listdir(tmp_path) == ["fit.ckpt"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", ["adam", "regressor"])
def test_threads_run_one_fit(name, resume, tmp_path):
    expected = outcome(fit(name))
    path = tmp_path / "fit.ckpt"
    results = in_threads(
        lambda path: outcome(fit(name, path, resume=resume)), [path] * 3
    )
    assert results == [expected] * 3
    assert os.listdir(tmp_path) == ["fit.ckpt"]
    assert read(path)[0]["stopping"]["ended"]


@pytest.mark.slow
def test_parallel_search_may_have_the_same_fit_twice(tmp_path):
    clf = small(max_iter=2).set_callbacks(Checkpoint(tmp_path))
    grid = {"transform_layer": [None, "dense1", None]}
    search = GridSearchCV(clf, grid, cv=2, n_jobs=2, error_score="raise").fit(X, Y)
    assert len({*search.cv_results_["mean_test_score"]}) == 1
    assert len(os.listdir(tmp_path)) == 2 + 1


def test_file_that_is_further_is_not_replaced(tmp_path):
    """Another process, which began earlier, has written later epochs of this fit."""
    path = tmp_path / "fit.ckpt"

    class Overtake(Hooks):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1 and context.task_name == "epoch":
                fit("adam", path, resume=False)
                whole.append(path.read_bytes())

    whole = []
    clf = small(**FITS["adam"][0]).set_callbacks(Checkpoint(path), Overtake())
    assert outcome(clf.fit(X, Y)) == outcome(fit("adam"))
    assert path.read_bytes() == whole[0]


def test_random_fits_do_not_share_a_file(tmp_path):
    path = tmp_path / "fit.ckpt"

    class Intrude(Hooks):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1 and context.task_name == "epoch":
                small(random_state=None).set_callbacks(
                    Checkpoint(path, resume=False)
                ).fit(X, Y)

    clf = small(random_state=None).set_callbacks(Checkpoint(path), Intrude())
    with pytest.raises(ValueError, match="was written by another fit since"):
        clf.fit(X, Y)


@pytest.mark.slow
def test_killed_fits_resume_to_the_same_bits(tmp_path):
    """A short run of ``python -m tests.attacks kills``."""
    counts, n_kills = kills.kill_fits(3, 1, tmp_path)
    assert counts.total() == 3
    assert n_kills > 1


# The same fit, or another ------------------------------------------------------------


def test_reshaped_data_is_another_fit(tmp_path):
    images, y = np.random.default_rng(SEED).random((40, 6, 6)), np.arange(40) % 2
    reshaped = images.reshape(40, 4, 9)

    def fit_to(path, X):
        clf = small(layers=[Conv2D(2), GlobalAvgPool2D()], max_iter=2)
        return clf.set_callbacks(Checkpoint(path)).fit(X, y)

    fit_to(tmp_path / "fit.ckpt", images)
    words = r"shape of a sample: this fit \[4, 9, 1\], checkpoint \[6, 6, 1\]"
    with pytest.raises(ValueError, match=words):
        fit_to(tmp_path / "fit.ckpt", reshaped)
    folder = tmp_path / "fits"
    folder.mkdir()
    for data in (images, reshaped, images.reshape(40, 36), reshaped):
        fit_to(folder, data)
    assert len(os.listdir(folder)) == 2


# Places ------------------------------------------------------------------------------


def make_pipe(path):
    os.mkfifo(path)


def make_link_to_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


def make_loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize("make", [make_pipe, make_link_to_pipe, make_loop])
def test_path_that_leads_to_no_file_is_an_error(make, tmp_path):
    path = tmp_path / "fit.ckpt"
    make(path)
    words = "not a regular file|Too many levels of symbolic links"
    for use in (
        lambda: fit("adam", path),
        lambda: fit("adam", path, resume=False),
        lambda: Checkpoint(path).restore(small()),
    ):
        with pytest.raises((ValueError, OSError), match=words):
            use()
    assert path.is_symlink() or stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_checkpoint_keeps_the_mode_of_its_file(tmp_path):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    path.chmod(0o640)
    fit("adam", path, resume=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["adam", "early stopping", "regressor"])
def test_ended_fit_needs_no_writes(name, tmp_path, monkeypatch):
    expected = outcome(fit(name, tmp_path / "fit.ckpt"))

    def refuse(path, *arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    for function in "open", "_open_new":
        monkeypatch.setattr(files, function, refuse, raising=False)
    monkeypatch.setattr(training, "_run_epoch", None)
    for function in "unlink", "replace", "fsync", "chmod":
        monkeypatch.setattr(os, function, refuse)
    assert outcome(fit(name, tmp_path / "fit.ckpt")) == expected
    with pytest.raises(OSError, match="could not be written: Read-only file system"):
        fit(name, tmp_path / "other.ckpt")
