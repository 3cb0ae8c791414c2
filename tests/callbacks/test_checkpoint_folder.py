"""Checkpoints of several fits: searches, cross-validation, pipelines, warm starts."""

import os
import pickle

import numpy as np
import pytest
from checkpoint_fits import X, Y, fit, outcome, small
from hooks import Hooks
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv._training import loop as training
from skconv.callbacks import Checkpoint, checkpoint


def test_search_needs_a_folder(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    grid = {"kernel_size": [1, 3]}
    clf = small(max_iter=2).set_callbacks(Checkpoint(path))
    with pytest.raises(
        ValueError, match="pass a folder: each fit then gets its own file"
    ):
        GridSearchCV(clf, grid, cv=2, error_score="raise").fit(X, Y)

    folder = tmp_path / "fits"
    folder.mkdir()
    search = GridSearchCV(
        small(max_iter=2).set_callbacks(Checkpoint(folder)), grid, cv=2
    ).fit(X, Y)
    assert len(os.listdir(folder)) == 2 * 2 + 1
    plain = GridSearchCV(small(max_iter=2), grid, cv=2).fit(X, Y)
    monkeypatch.setattr(training, "_run_epoch", None)
    again = GridSearchCV(clone(search.estimator), grid, cv=2).fit(X, Y)
    for one in (search, again):
        scores = one.cv_results_["mean_test_score"]
        np.testing.assert_array_equal(scores, plain.cv_results_["mean_test_score"])
        assert outcome(one.best_estimator_) == outcome(plain.best_estimator_)


def test_parallel_fits_have_separate_files(tmp_path):
    clf = small(max_iter=2).set_callbacks(Checkpoint(tmp_path))
    with parallel_config("threading"):  # where they share the very callback
        scores = cross_val_score(clf, X, Y, cv=2, n_jobs=2)
    np.testing.assert_array_equal(
        scores, cross_val_score(small(max_iter=2), X, Y, cv=2)
    )
    assert len(os.listdir(tmp_path)) == 2


def test_file_of_a_concurrent_fit_is_left_unchanged(tmp_path):
    path = tmp_path / "fit.ckpt"

    class Intrude(Hooks):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1 and context.task_name == "epoch":
                fit("sgd", path, resume=False)

    clf = small().set_callbacks(Checkpoint(path), Intrude())
    with pytest.raises(ValueError, match=rf"{path} was written by another fit since"):
        clf.fit(X, Y)
    fit("sgd", path)  # it is this one's


def test_file_that_is_deleted_while_it_is_read_is_written_again(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"

    class Replace(Hooks):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1 and context.task_name == "epoch":
                fit("sgd", path, resume=False)
                monkeypatch.setattr(checkpoint, "_read_progress", delete_and_read)
            there.append(path.exists())

    def delete_and_read(given):
        monkeypatch.undo()
        path.unlink()
        return checkpoint._read_progress(given)

    there = []
    clf = small().set_callbacks(Checkpoint(path), Replace()).fit(X, Y)
    assert all(there)
    assert outcome(fit("adam", path)) == outcome(clf)


def test_folder_needs_distinguishable_fits(tmp_path):
    clf = small(random_state=None).set_callbacks(Checkpoint(tmp_path))
    with pytest.raises(ValueError, match="needs an int as random_state, got None"):
        clf.fit(X, Y)
    clf = small().set_callbacks(Checkpoint(tmp_path))
    words = r"is a folder: partial_fit and restore need the path of a file"
    with pytest.raises(ValueError, match=words):
        clf.partial_fit(X, Y, range(10))
    with pytest.raises(ValueError, match=words):
        Checkpoint(tmp_path).restore(clf)


def test_pipeline_resumes(tmp_path, monkeypatch):
    def pipeline():
        clf = small().set_callbacks(Checkpoint(tmp_path / "fit.ckpt"))
        return make_pipeline(StandardScaler(), clf)

    first = pipeline().fit(X, Y)
    monkeypatch.setattr(training, "_run_epoch", None)
    np.testing.assert_array_equal(pipeline().fit(X, Y).predict(X), first.predict(X))


def test_estimator_is_pickled_with_its_checkpoint(tmp_path):
    clf = fit("adam", tmp_path / "fit.ckpt", every=3)
    again = pickle.loads(pickle.dumps(clf))
    words = f"Checkpoint({tmp_path / 'fit.ckpt'!r}, every=3, resume=True)"
    assert repr(again._skl_callbacks[0]) == words
    assert outcome(again.fit(X, Y)) == outcome(clf)
    assert not [name for name in vars(clf) if "context" in name or "ctx" in name]


def test_warm_start_needs_a_file_for_each_fit(tmp_path, monkeypatch):
    def train(clf):
        for stage in range(2):
            path = tmp_path / f"{stage}.ckpt"
            clf.set_callbacks(Checkpoint(path)).fit(X, Y)
        return clf

    params = {"warm_start": True, "max_iter": 3, "learning_rate": "cosine"}
    plain = small(**params).fit(X, Y).fit(X, Y)
    assert outcome(train(small(**params))) == outcome(plain)
    (tmp_path / "1.ckpt").unlink()
    assert outcome(train(small(**params))) == outcome(plain)
    monkeypatch.setattr(training, "_run_epoch", None)
    clf = train(small(**params))
    assert outcome(clf) == outcome(plain)
    clf = small(**params)
    clf.set_callbacks(Checkpoint(tmp_path / "0.ckpt")).fit(X, Y)
    with pytest.raises(ValueError, match="epochs before: this fit 3, checkpoint 0"):
        clf.fit(X, Y)
