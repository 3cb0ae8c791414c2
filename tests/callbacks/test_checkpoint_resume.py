"""Fits that were killed are resumed, and end with the same bits."""

import os

import checkpoint_fits
import numpy as np
import pytest
from checkpoint_fits import FITS, STEPS, X, Y, fit, outcome, read, small
from hooks import Hooks
from seeds import SEED
from sklearn.base import clone

from skconv import ConvNetAutoencoder, ConvNetRegressor
from skconv._data.samples import Samples
from skconv._training import loop as training
from skconv._utils import documents
from skconv.callbacks import Checkpoint
from skconv.layers import Conv2D

run = checkpoint_fits.run
uninterrupted = checkpoint_fits.uninterrupted


@pytest.mark.parametrize(
    ("name", "moments", "seen"),
    [
        ("adam", [("in an epoch", 1)], 0),
        ("adam", [("after an epoch", 2), ("in an epoch", 3)], 3),
        ("adam", [("before writing", 3)], 2),
        ("adam", [("while writing", 1)], 0),
        ("adam", [("while writing", 4)], 3),
        ("adam", [("before syncing", 2), ("before syncing", 1)], 1),
        ("adam", [("before replacing", 1), ("before replacing", 3)], 2),
        ("adam", [("after replacing", 6)], 6),
        ("adam", [("while writing", 7)], 6),
        ("adam", [("after replacing", 7)], 6),
        ("sgd", [("in an epoch", 4), ("in an epoch", 2)], 4),
        ("sgd", [("while writing", 3)], 2),
        ("early stopping", [("in an epoch", 3)], 2),
        ("early stopping", [("while writing", 3), ("after an epoch", 2)], 3),
        ("validation and weights", [("after replacing", 3), ("in an epoch", 2)], 4),
        ("augmentation and dropout", [("in an epoch", 2), ("before replacing", 2)], 2),
        ("averages", [("in an epoch", 3), ("while writing", 2)], 3),
        ("adaptive", [("after an epoch", 5)], 4),
        ("regressor", [("in an epoch", 4)], 3),
        ("quantiles", [("in an epoch", 4)], 3),
        ("quantiles", [("after replacing", 7)], 6),
        ("columns of classes", [("in an epoch", 4)], 3),
    ],
)
def test_killed_fit_resumes_to_the_same_bits(
    name, moments, seen, run, uninterrupted, tmp_path
):
    path = tmp_path / "fit.ckpt"
    for moment in moments:
        assert run(name, path, moment) == "killed"
    result, epochs = run(name, path)
    assert result == uninterrupted(name)
    assert epochs == result["n_iter_"] - seen
    assert os.listdir(tmp_path) == ["fit.ckpt"]


def test_early_stopping_ends_early_and_restores_the_best_weights(uninterrupted):
    """Else the above would say little of the weights that are kept."""
    result = uninterrupted("early stopping")
    assert result["n_iter_"] < 60
    assert np.argmax(result["validation_scores_"]) < result["n_iter_"] - 1
    slowed = fit("adaptive")
    assert slowed._history.slowdown < 1


def test_file_is_written_every_few_epochs(run, uninterrupted, tmp_path):
    path = tmp_path / "fit.ckpt"
    assert run("adam", path, ("in an epoch", 4), every=4) == "killed"
    assert not path.exists()
    assert run("adam", path, ("in an epoch", 6), every=4) == "killed"
    result, epochs = run("adam", path, every=4)
    assert result == uninterrupted("adam")
    assert epochs == 2
    fit("adam", tmp_path / "other.ckpt", every=100)
    assert read(tmp_path / "other.ckpt")[0]["stopping"]["ended"]


def test_fit_without_random_state_keeps_its_split(tmp_path):
    path = tmp_path / "fit.ckpt"
    clf = small(random_state=None, early_stopping=True, validation_fraction=0.2)

    class Stop(Hooks):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        clone(clf).set_callbacks(Checkpoint(path), Stop()).fit(X, Y)
    split = read(path)[0]["fitted"]["split_seed"]
    clf.set_callbacks(Checkpoint(path)).fit(X, Y)
    assert clf._split_seed == split
    assert clf.n_iter_ == 6


@pytest.mark.parametrize("name", FITS)
def test_ended_fit_is_not_trained_again(name, uninterrupted, tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    assert outcome(fit(name, path)) == uninterrupted(name)
    before = path.read_bytes()
    n = fit(name).network_.parameters.nbytes
    assert len(before) < n + 5000, "moments and best weights are let go"
    monkeypatch.setattr(training, "_run_epoch", None)
    assert outcome(fit(name, path)) == uninterrupted(name)
    assert path.read_bytes() == before


class Stop(Hooks):
    """End a fit with an error after its third epoch."""

    def on_fit_task_end(self, estimator, context):
        if context.task_id == 2:
            raise RuntimeError


def test_autoencoder_resumes_with_validation_images_in_another_form(tmp_path):
    auto = ConvNetAutoencoder(filters=2, n_components=3, max_iter=5, random_state=SEED)
    images, path = X.reshape(-1, 8, 8), tmp_path / "fit.ckpt"
    data, given = (X[:100],), {"X_val": images[100:]}
    expected = clone(auto).fit(*data, **given)
    with pytest.raises(RuntimeError):
        clone(auto).set_callbacks(Checkpoint(path), Stop()).fit(*data, **given)
    resumed = clone(auto).set_callbacks(Checkpoint(path)).fit(*data, **given)
    assert outcome(resumed) == outcome(expected)


@pytest.mark.parametrize("images", [False, True])
def test_fit_of_numbers_resumes_with_its_validation_data(images, tmp_path):
    """Targets of both are scaled again, as the checkpoint says."""
    inputs = X.reshape(-1, 8, 8)
    y = 3 * inputs if images else 3.0 * Y
    reg = ConvNetRegressor(max_iter=5, loss="absolute_error", random_state=SEED)
    reg.set_params(layers=[Conv2D(2, activation="relu")])
    data = inputs[:100], y[:100]
    given = {"X_val": inputs[100:], "y_val": y[100:]}
    expected = clone(reg).fit(*data, **given)
    path = tmp_path / "fit.ckpt"
    with pytest.raises(RuntimeError):
        clone(reg).set_callbacks(Checkpoint(path), Stop()).fit(*data, **given)
    document, arrays = read(path)
    resumed = clone(reg).set_callbacks(Checkpoint(path)).fit(*data, **given)
    assert outcome(resumed) == outcome(expected)

    # An older version had no scale, and a fit goes on as it began.
    encoder = document["fitted"]["encoder"]
    n = len(encoder["scale"])
    encoder.update(center=n * [10.0], scale=n * [50.0])
    documents.write(path, "checkpoint", document, arrays)
    older = clone(reg).set_callbacks(Checkpoint(path)).fit(*data, **given)
    error = np.abs(older.predict(given["X_val"]) - given["y_val"]).mean() / 50
    assert older.validation_loss_curve_[-1] == pytest.approx(error, rel=1e-4)


def test_fit_ended_by_a_callback_is_not_resumed(tmp_path):
    class Stop(Hooks):
        def on_fit_task_end(self, estimator, context):
            return context.task_name == "epoch" and context.task_id == 1

    for _ in range(2):
        clf = small().set_callbacks(Checkpoint(tmp_path / "fit.ckpt"), Stop())
        assert clf.fit(X, Y).n_iter_ == 2


def test_callbacks_get_the_number_of_epochs_left(run, tmp_path):
    path = tmp_path / "fit.ckpt"

    class Look:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            told.append((context.task_name, context.max_subtasks))

    run("adam", path, ("in an epoch", 5))
    for left in (2, 0):
        told = []
        small().set_callbacks(Checkpoint(path), Look()).fit(X, Y)
        assert told == [("fit", left), *left * [("epoch", 0)]]


def test_resume_false_starts_from_scratch(tmp_path, uninterrupted):
    path = tmp_path / "fit.ckpt"
    fit("sgd", path)
    assert outcome(fit("adam", path, resume=False)) == uninterrupted("adam")
    assert outcome(fit("adam", path)) == uninterrupted("adam")


def test_ctrl_c_leaves_the_last_complete_epoch(tmp_path, uninterrupted, monkeypatch):
    path, expected = tmp_path / "fit.ckpt", uninterrupted("adam")
    calls = []

    def batch(*args):
        calls.append(1)
        if len(calls) == 3 * STEPS + 2:
            raise KeyboardInterrupt
        return real(*args)

    real = Samples.batch
    monkeypatch.setattr(Samples, "batch", batch)
    with pytest.warns(UserWarning, match="interrupted by user after 3 epochs"):
        clf = fit("adam", path)
    assert clf.n_iter_ == 3
    assert outcome(fit("adam", path)) == expected
    assert len(calls) == 3 * STEPS + 2 + 3 * STEPS


def test_ctrl_c_while_writing_leaves_no_file(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.warns(UserWarning, match="interrupted by user after 1 epochs"):
        fit("adam", tmp_path / "fit.ckpt")
    assert os.listdir(tmp_path) == []
