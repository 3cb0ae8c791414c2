"""Fits that are killed go on to the same bits; a bad file is told of and left alone."""

import errno
import math
import multiprocessing
import os
import pickle
import signal
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._data.samples import Samples
from skconv._training import loop as training
from skconv._utils import files
from skconv.augmentation import RandomShift
from skconv.callbacks import Checkpoint
from skconv.callbacks import files as checkpoints
from skconv.layers import Dense, Dropout, Flatten

X, Y = load_digits(return_X_y=True)
X, Y = X[:160] / 16, Y[:160]
WEIGHT = np.linspace(0, 2, len(X))
NAMES = np.array(["zero", "one", "two"], object)


def falling(step):
    return 0.01 / step**0.25


def small(kind=ConvNetClassifier, **params):
    defaults = {
        "filters": (2,), "hidden_layer_sizes": (4,), "batch_size": 32,
        "learning_rate_init": 0.01, "max_iter": 6, "random_state": 0,
    }  # fmt: skip
    if "layers" in params:
        defaults = {**defaults, "filters": (32, 64), "hidden_layer_sizes": (128,)}
    return kind(**{**defaults, **params})


# Fits ---------------------------------------------------------------------------------

STEPS = 5  # of an epoch
FITS = {
    "adam": ({}, {}),
    "sgd": ({"solver": "sgd", "learning_rate": "cosine", "warmup_steps": 0.3}, {}),
    "early stopping": (
        {"early_stopping": True, "validation_fraction": 0.2, "max_iter": 9, "tol": 0.03,
         "n_iter_no_change": 1, "learning_rate_init": 0.03, "batch_size": 26},
        {},
    ),
    "validation and weights": (
        {"early_stopping": True, "scoring": "neg_log_loss", "learning_rate": "one_cycle"},
        {"sample_weight": WEIGHT + 1, "X_val": X[:30], "y_val": Y[:30]},
    ),
    "augmentation and dropout": (
        {"augment": [RandomShift(1)], "learning_rate": falling,
         "layers": [Flatten(), Dense(8, "relu"), Dropout(0.3)]},
        {},
    ),
    "adaptive": (
        {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1,
         "max_iter": 8, "clip_norm": 1.0, "dtype": "float64"},
        {},
    ),
    "regressor": ({"kind": ConvNetRegressor, "loss": "huber"}, {}),
}  # fmt: skip


def fit(name, path=None, **options):
    params, given = FITS[name]
    clf = small(**params)
    if path is not None:
        clf.set_callbacks(Checkpoint(path, **options))
    return clf.fit(X, Y, **given)


def outcome(clf):
    """Everything that two fits have to agree on."""
    return {
        "parameters": clf.network_.parameters.tobytes(),
        "outputs": clf._outputs(X)[0].tobytes(),
        **{
            name: getattr(clf, name)
            for name in (
                "n_iter_", "t_", "loss_curve_", "best_loss_", "validation_loss_curve_",
                "validation_scores_", "best_validation_score_",
            )
        },
    }  # fmt: skip


# Killing ------------------------------------------------------------------------------


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(count, function, before=True):
    """Return what does as `function`, and kills the process at a call of it."""
    calls = 0

    def counting(*args, **kwargs):
        nonlocal calls
        calls += 1
        if before and calls == count:
            die()
        result = function(*args, **kwargs)
        if calls == count:
            die()
        return result

    return counting


class HalfWritten:
    """A file that kills the process in the middle of its first long part."""

    def __init__(self, file):
        self.file = file

    def write(self, part):
        if len(part) < 100:
            return self.file.write(part)
        self.file.write(memoryview(part)[: len(part) // 2])
        self.file.flush()
        die()


class Opened:
    """Files as they are, but for the n-th that is written to."""

    def __init__(self, count):
        self.left = count

    def __call__(self, path, mode):
        self.file = open(path, mode)  # noqa: SIM115
        return self if mode == "xb" else self.file

    def close(self):
        self.file.close()

    def __enter__(self):
        self.left -= 1
        return self.file if self.left else HalfWritten(self.file)

    def __exit__(self, *error):
        self.file.close()


# Where a process is killed: in the n-th epoch, or while it writes the n-th file.
MOMENTS = {
    "in an epoch": lambda n: setattr(
        Samples, "batch", at_call(STEPS * (n - 1) + 3, Samples.batch)
    ),
    "after an epoch": lambda n: setattr(
        training.StoppingRule, "update", at_call(n, training.StoppingRule.update)
    ),
    "before writing": lambda n: setattr(
        checkpoints, "write", at_call(n, checkpoints.write)
    ),
    "while writing": lambda n: setattr(files, "open", Opened(n)),
    "before syncing": lambda n: setattr(os, "fsync", at_call(2 * n - 1, os.fsync)),
    "before replacing": lambda n: setattr(os, "replace", at_call(n, os.replace)),
    "after replacing": lambda n: setattr(
        os, "replace", at_call(n, os.replace, before=False)
    ),
}


def fit_and_report(connection, name, path, options, moment):
    warnings.simplefilter("error")
    epochs = 0
    run_epoch = training._run_epoch

    def counting(*args):
        nonlocal epochs
        epochs += 1
        return run_epoch(*args)

    training._run_epoch = counting
    if moment is not None:
        MOMENTS[moment[0]](moment[1])
    clf = stream(path) if name == "stream" else fit(name, path, **options)
    connection.send((outcome(clf), epochs))


@pytest.fixture(scope="module")
def run():
    """Run a fit in a process of its own; return its outcome, or that it was killed."""
    context = multiprocessing.get_context("forkserver")
    # What takes long to import, and nothing that starts threads.
    imported = ["pytest", "skconv.callbacks", "sklearn.datasets", "sklearn.pipeline"]
    context.set_forkserver_preload([*imported, "sklearn.model_selection"])

    def run(name, path=None, moment=None, **options):
        here, there = context.Pipe(duplex=False)
        arguments = there, name, path, options, moment
        process = context.Process(target=fit_and_report, args=arguments)
        process.start()
        there.close()
        try:
            return here.recv()
        except EOFError:
            process.join()
            assert process.exitcode == -signal.SIGKILL
            return "killed"
        finally:
            process.join()

    return run


@pytest.fixture(scope="module")
def uninterrupted():
    """Outcomes of fits without a checkpoint, each computed once."""
    known = {}

    def outcome_of(name):
        if name not in known:
            known[name] = outcome(fit(name))
        return known[name]

    return outcome_of


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.suffix == ".tmp"]


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
        ("adaptive", [("after an epoch", 5)], 4),
        ("regressor", [("in an epoch", 4)], 3),
    ],
)
def test_a_killed_fit_goes_on_to_the_same_bits(
    name, moments, seen, run, uninterrupted, tmp_path
):
    path = tmp_path / "fit.ckpt"
    for moment in moments:
        assert run(name, path, moment) == "killed"
    result, epochs = run(name, path)
    assert result == uninterrupted(name)
    assert epochs == result["n_iter_"] - seen
    assert os.listdir(tmp_path) == ["fit.ckpt"]


def test_early_stopping_comes_to_its_end_and_goes_back(uninterrupted):
    """Else the above would say little of the weights that are kept."""
    result = uninterrupted("early stopping")
    assert result["n_iter_"] < 9
    assert np.argmax(result["validation_scores_"]) < result["n_iter_"] - 1
    slowed = fit("adaptive")
    assert slowed._history.slowdown < 1


def test_every_few_epochs(run, uninterrupted, tmp_path):
    path = tmp_path / "fit.ckpt"
    assert run("adam", path, ("in an epoch", 4), every=4) == "killed"
    assert not path.exists()
    assert run("adam", path, ("in an epoch", 6), every=4) == "killed"
    result, epochs = run("adam", path, every=4)
    assert result == uninterrupted("adam")
    assert epochs == 2
    fit("adam", tmp_path / "other.ckpt", every=100)
    assert checkpoints.read(tmp_path / "other.ckpt").facts["stopping"]["ended"]


def test_without_a_random_state_it_is_still_one_fit(tmp_path):
    path = tmp_path / "fit.ckpt"
    clf = small(random_state=None, early_stopping=True, validation_fraction=0.2)

    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        clone(clf).set_callbacks(Checkpoint(path), Stop()).fit(X, Y)
    split = checkpoints.read(path).facts["split_seed"]
    clf.set_callbacks(Checkpoint(path)).fit(X, Y)
    assert clf._split_seed == split
    assert clf.n_iter_ == 6


# Ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FITS)
def test_a_fit_that_has_ended_is_not_fitted_again(
    name, uninterrupted, tmp_path, monkeypatch
):
    path = tmp_path / "fit.ckpt"
    assert outcome(fit(name, path)) == uninterrupted(name)
    before = path.read_bytes()
    n = fit(name).network_.parameters.nbytes
    assert len(before) < n + 5000, "moments and best weights are let go"
    monkeypatch.setattr(training, "_run_epoch", None)
    assert outcome(fit(name, path)) == uninterrupted(name)
    assert path.read_bytes() == before


def test_another_callback_ends_it_for_good(tmp_path):
    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            return context.task_name == "epoch" and context.task_id == 1

    for _ in range(2):
        clf = small().set_callbacks(Checkpoint(tmp_path / "fit.ckpt"), Stop())
        assert clf.fit(X, Y).n_iter_ == 2


def test_callbacks_are_told_how_many_epochs_are_left(run, tmp_path):
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


def test_it_starts_anew_if_asked_to(tmp_path, uninterrupted):
    path = tmp_path / "fit.ckpt"
    fit("sgd", path)
    assert outcome(fit("adam", path, resume=False)) == uninterrupted("adam")
    assert outcome(fit("adam", path)) == uninterrupted("adam")


def test_ctrl_c_keeps_the_last_whole_epoch(tmp_path, uninterrupted, monkeypatch):
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


def test_ctrl_c_while_writing_leaves_nothing_half(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.warns(UserWarning, match="interrupted by user after 1 epochs"):
        fit("adam", tmp_path / "fit.ckpt")
    assert os.listdir(tmp_path) == []


# Bad disks ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["write", "fsync", "replace"])
def test_a_full_disk(what, tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "write":

        def opening(path, mode):
            file = open(path, mode)  # noqa: SIM115
            return Full(file) if mode == "xb" else file

        class Full:
            def __init__(self, file):
                self.file, self.write, self.close = file, full, file.close

            def __enter__(self):
                return self

            def __exit__(self, *error):
                self.file.close()

        monkeypatch.setattr(files, "open", opening, raising=False)
    else:
        monkeypatch.setattr(os, what, full)
    clf = small(**FITS["sgd"][0]).set_callbacks(Checkpoint(path, resume=False))
    state = {**vars(clf)}
    with pytest.raises(OSError, match=rf"{path} could not be written: No space left"):
        clf.fit(X, Y)
    assert vars(clf) == state
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["fit.ckpt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_a_device_that_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_temporary", lambda path: tmp_path / "temporary")

    def opening(path, mode):
        if mode == "xb":
            opened.append(path)
        if len(opened) == 2:
            path.touch()
            path, mode = "/dev/full", "wb"
        return open(path, mode)

    opened = []
    monkeypatch.setattr(files, "open", opening, raising=False)
    with pytest.raises(OSError, match="could not be written: No space left on device"):
        fit("adam", tmp_path / "fit.ckpt", resume=False)
    assert opened[0] == tmp_path / "temporary"
    assert os.listdir(tmp_path) == []


def test_a_folder_that_takes_no_files(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for path, words in [
        (tmp_path / "nowhere" / "fit.ckpt", "No such file or directory"),
        (tmp_path / "file" / "fit.ckpt", "Not a directory"),
    ]:
        monkeypatch.setattr(training, "_run_epoch", None)  # it fails before
        with pytest.raises(OSError, match=rf"checkpoint {path} could not be .*{words}"):
            fit("adam", path)


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)

    def denied(path, mode):
        if mode == "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return open(path, mode)

    monkeypatch.setattr(checkpoints, "open", denied, raising=False)
    with pytest.raises(PermissionError, match=rf"{path} could not be read: Permission"):
        fit("adam", path)


def test_what_a_killed_process_left_is_cleared(tmp_path, run):
    path = tmp_path / "fit[1].ckpt"
    other = tmp_path / ".fit1.ckpt.0123abcd.tmp"
    other.touch()
    assert run("adam", path, ("while writing", 2)) == "killed"
    assert len(leftovers(tmp_path)) == 2
    fit("adam", path)
    assert leftovers(tmp_path) == [other.name]


# Bad files ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the bytes of a small checkpoint in the middle of a fit."""
    path = tmp_path_factory.mktemp("whole") / "fit.ckpt"

    class Keep:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            kept.append(path.read_bytes())

    kept = []
    small(layers=[Flatten()]).set_callbacks(Checkpoint(path), Keep()).fit(X, Y)
    return kept[2]


def test_a_file_that_was_cut_short(whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    lengths = {*range(100), *range(100, len(whole), 997), len(whole) - 1}
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"{path} is damaged or cut short"):
            checkpoints.read(path)
    with pytest.raises(ValueError, match=rf"{path} is damaged or cut short"):
        small(layers=[Flatten()]).set_callbacks(Checkpoint(path)).fit(X, Y)
    assert path.stat().st_size in lengths
    path.write_bytes(whole + b"more")
    with pytest.raises(ValueError, match="is damaged"):
        checkpoints.read(path)


def test_a_file_with_a_flipped_bit(whole, tmp_path, rng):
    path = tmp_path / "fit.ckpt"
    first = whole.index(b"\n") + 2
    for place in [*range(first), *rng.integers(first, len(whole), 100)]:
        data = bytearray(whole)
        data[place] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"{path} is "):
            checkpoints.read(path)


def test_a_file_that_was_tampered_with_is_no_traceback(whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    for rest in [b"", b"[]\n", b"{}\n", b'{"facts": {}, "arrays": [["a", "|O", [1]]]}\n12345678',
                 b'{"facts": {}, "arrays": [["a", "<f8", [9]]]}\n1234', b'{"facts": {}, "arrays": 3}\n',
                 b"\xff\n", b'{"facts": {}, "arrays": [["a", "<f8", [-1]]]}\n1234']:  # fmt: skip
        path.write_bytes(
            b"skconv checkpoint 1 %s\n%s" % (checkpoints._digest([rest]), rest)
        )
        with pytest.raises(ValueError, match="is damaged"):
            checkpoints.read(path)


def test_a_file_of_a_later_format(whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    path.write_bytes(whole.replace(b"checkpoint 1 ", b"checkpoint 12 ", 1))
    with pytest.raises(
        ValueError, match=r"is of format 12, and .* knows formats up to 1"
    ):
        fit("adam", path)


@pytest.mark.parametrize("resume", [True, False])
def test_a_file_that_is_something_else_is_left_alone(resume, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("my only copy")
    with pytest.raises(
        ValueError, match=rf"{path} is no checkpoint of skconv, and it "
    ):
        fit("adam", path, resume=resume)
    assert path.read_text() == "my only copy"


@pytest.mark.parametrize(
    ("params", "given", "words"),
    [
        ({"max_iter": 7}, {}, "max_iter=7 here and 6 there"),
        ({"filters": (3,)}, {}, r"filters=\[3\] here and \[2\] there"),
        ({"random_state": 1, "solver": "sgd"}, {},
         "random_state=1 here and 0 there; solver='sgd' here and 'adam' there"),
        ({"augment": RandomShift(2)}, {}, "augment=.'RandomShift', .* here and None there"),
        ({"learning_rate": falling}, {}, "learning_rate='test_checkpoints.falling' here"),
        ({"dtype": "float64"}, {}, "dtype='float64' here"),
        ({"kind": ConvNetRegressor}, {}, "estimator: ConvNetRegressor here and ConvNetCl"),
        ({}, {"X": X[::-1]}, "other X, y or sample_weight"),
        ({}, {"X": X + 1e-9}, "other X, y or sample_weight"),
        ({}, {"y": NAMES[Y % 3]}, "other X, y or sample_weight"),
        ({}, {"sample_weight": WEIGHT}, "other X, y or sample_weight"),
        ({}, {"X_val": X, "y_val": Y}, "other X_val, y_val or sample_weight_val"),
        ({"random_state": np.random.RandomState(1)}, {}, "random_state='RandomState'"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_fit_is_refused(params, given, words, tmp_path):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    before = path.read_bytes()
    clf = small(**params).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=rf"{path} is of another fit: .*{words}"):
        clf.fit(**{"X": X, "y": Y, **given})
    assert path.read_bytes() == before
    assert not hasattr(clf, "network_")


def test_random_states_that_are_objects_are_told_apart(tmp_path):
    path = tmp_path / "fit.ckpt"
    for _ in range(2):
        clf = small(random_state=np.random.RandomState(0))
        clf.set_callbacks(Checkpoint(path)).fit(X, Y)
    other = small(random_state=np.random.RandomState(1)).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="other first weights or another random_state"):
        other.fit(X, Y)


def test_what_changes_no_bit_may_change(tmp_path, capsys, uninterrupted):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    clf = small(verbose=1, transform_layer="dense1").set_callbacks(Checkpoint(path))
    assert outcome(clf.fit(X.reshape(-1, 8, 8), Y)) == uninterrupted("adam")


def test_other_versions_warn(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    monkeypatch.setattr("skconv.callbacks.resuming.__version__", "0.0.1")
    fit("adam", path)
    with pytest.warns(
        UserWarning, match=r"written by skconv 0.0.1 with .* last digits"
    ):
        fit("adam", path)


# Searches, pipelines, other estimators ------------------------------------------------


def test_a_search_wants_a_folder(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    grid = {"kernel_size": [1, 3]}
    clf = small(max_iter=2).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="let the path be that of a folder"):
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


def test_fits_that_run_at_the_same_time_keep_a_file_each(tmp_path):
    clf = small(max_iter=2).set_callbacks(Checkpoint(tmp_path))
    with parallel_config("threading"):  # where they share the very callback
        scores = cross_val_score(clf, X, Y, cv=2, n_jobs=2)
    np.testing.assert_array_equal(
        scores, cross_val_score(small(max_iter=2), X, Y, cv=2)
    )
    assert len(os.listdir(tmp_path)) == 2


def test_two_fits_at_a_time_do_not_share_a_file(tmp_path):
    path = tmp_path / "fit.ckpt"

    class Intrude:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if context.task_id == 1 and context.task_name == "epoch":
                fit("sgd", path, resume=False)

    clf = small().set_callbacks(Checkpoint(path), Intrude())
    with pytest.raises(ValueError, match=rf"{path} was written by another fit since"):
        clf.fit(X, Y)
    fit("sgd", path)  # it is this one's


def test_a_folder_needs_fits_that_can_be_told_apart(tmp_path):
    clf = small(random_state=None).set_callbacks(Checkpoint(tmp_path))
    with pytest.raises(ValueError, match="needs an int as random_state, got None"):
        clf.fit(X, Y)
    clf = small().set_callbacks(Checkpoint(tmp_path))
    words = r"is a folder: partial_fit and restore need the path of a file"
    with pytest.raises(ValueError, match=words):
        clf.partial_fit(X, Y, range(10))
    with pytest.raises(ValueError, match=words):
        Checkpoint(tmp_path).restore(clf)


def test_in_a_pipeline(tmp_path, monkeypatch):
    def pipeline():
        clf = small().set_callbacks(Checkpoint(tmp_path / "fit.ckpt"))
        return make_pipeline(StandardScaler(), clf)

    first = pipeline().fit(X, Y)
    monkeypatch.setattr(training, "_run_epoch", None)
    np.testing.assert_array_equal(pipeline().fit(X, Y).predict(X), first.predict(X))


def test_it_is_for_our_estimators():
    checkpoint = Checkpoint("nowhere")
    with pytest.raises(
        TypeError, match="keeps skconv's estimators, got StandardScaler"
    ):
        checkpoint.restore(StandardScaler())
    with pytest.raises(
        TypeError, match="got GridSearchCV: set it on the estimator ins"
    ):
        checkpoint.setup(GridSearchCV(small(), {}), None)


def test_an_estimator_is_saved_with_its_checkpoint(tmp_path):
    clf = fit("adam", tmp_path / "fit.ckpt", every=3)
    again = pickle.loads(pickle.dumps(clf))
    words = f"Checkpoint({tmp_path / 'fit.ckpt'!r}, every=3, resume=True)"
    assert repr(again._skl_callbacks[0]) == words
    assert outcome(again.fit(X, Y)) == outcome(clf)
    assert not [name for name in vars(clf) if "context" in name or "ctx" in name]


def test_arguments_are_checked():
    for arguments, words in [
        ({"path": 3}, "'path' parameter of Checkpoint"),
        ({"path": "a", "every": 0}, "'every' parameter of Checkpoint"),
        ({"path": "a", "resume": "yes"}, "'resume' parameter of Checkpoint"),
    ]:
        with pytest.raises(ValueError, match=words):
            Checkpoint(**arguments)


# One call after another ---------------------------------------------------------------


def stream(path, upto=6, labels=Y, **options):
    """A program that trains by partial_fit, and may end before it is through."""
    checkpoint = Checkpoint(path, **options)
    clf = small(solver="sgd", batch_size=20).set_callbacks(checkpoint)
    for chunk in range(checkpoint.restore(clf), upto):
        rows = slice(20 * chunk, 20 * chunk + 20)
        clf.partial_fit(X[rows], labels[rows], np.unique(labels))
    return clf


LABELS = {
    "numbers": Y,
    "objects": NAMES[Y % 3],
    "text": NAMES[Y % 3].astype(str),
    "booleans": Y > 4,
    "dates": np.array(["2020-01-01", "2021-02-03"], "datetime64[D]")[Y % 2],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_partial_fit_goes_on_by_restore(labels, tmp_path):
    path = tmp_path / "stream.ckpt"
    whole = stream(tmp_path / "whole.ckpt", labels=labels)
    stream(path, 3, labels)
    clf = stream(path, labels=labels)
    assert outcome(clf) == outcome(whole)
    ended = stream(path, labels=labels)
    assert outcome(ended) == outcome(whole)
    np.testing.assert_array_equal(ended.predict(X), whole.predict(X))
    assert ended.classes_.dtype == whole.classes_.dtype
    assert np.array_equal(ended.classes_, whole.classes_)
    assert vars(ended).keys() == vars(whole).keys()


@pytest.mark.parametrize(
    ("moment", "seen"),
    [
        (("while writing", 3), 2),
        (("after replacing", 3), 3),
        (("after an epoch", 5), 4),
    ],
)
def test_a_stream_that_is_killed_goes_on(moment, seen, run, tmp_path):
    path = tmp_path / "stream.ckpt"
    assert run("stream", path, moment) == "killed"
    result, epochs = run("stream", path)
    assert result == outcome(stream(tmp_path / "whole.ckpt"))
    assert epochs == 6 - seen


def test_partial_fit_every_few_calls(tmp_path):
    path = tmp_path / "stream.ckpt"
    stream(path, 5, every=2)
    assert Checkpoint(path).restore(small(solver="sgd", batch_size=20)) == 4
    assert outcome(stream(path)) == outcome(stream(tmp_path / "whole.ckpt"))


def test_partial_fit_does_not_replace_what_knows_more(tmp_path):
    path = tmp_path / "stream.ckpt"
    stream(path, 3)
    before = path.read_bytes()
    clf = small(solver="sgd").set_callbacks(Checkpoint(path))
    with pytest.raises(
        ValueError, match=r"go on from it with n = checkpoint.restore\("
    ):
        clf.partial_fit(X, Y, range(10))
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=rf"{path} is of partial_fit. Fit as there"):
        clf.fit(X, Y)
    clf.set_callbacks(Checkpoint(path, resume=False)).partial_fit(X, Y, range(10))
    assert Checkpoint(path).restore(clf) == 1


def test_restore_gives_the_best_weights_so_far(tmp_path):
    name, seen = "early stopping", []
    path = tmp_path / "fit.ckpt"

    class Look:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            other = small(**FITS[name][0])
            assert Checkpoint(path).restore(other) == context.task_id + 1 or (
                context.task_name == "fit"
            )
            seen.append((other.validation_scores_, other.network_.parameters.copy()))

    clf = small(**FITS[name][0]).set_callbacks(Checkpoint(path), Look()).fit(X, Y)
    scores, parameters = seen[-1]
    assert scores == clf.validation_scores_
    for scores, parameters in seen:
        short = small(**{**FITS[name][0], "max_iter": len(scores)}).fit(X, Y)
        np.testing.assert_array_equal(parameters, short.network_.parameters)


def test_restore_wants_the_same_estimator(tmp_path):
    pd = pytest.importorskip("pandas")
    path = tmp_path / "fit.ckpt"
    clf = small().set_callbacks(Checkpoint(path))
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    clf.fit(frame, Y)
    again = small()
    assert Checkpoint(path).restore(again) == 6
    assert vars(again).keys() == vars(clf).keys() - {"_skl_callbacks"}
    np.testing.assert_array_equal(again.predict(frame), clf.predict(frame))
    other = small(max_iter=3)
    with pytest.raises(ValueError, match="of another estimator: max_iter=3 here and 6"):
        Checkpoint(path).restore(other)
    assert not hasattr(other, "network_")
    assert Checkpoint(tmp_path / "none").restore(other) == 0


def test_warm_start_wants_a_file_for_each_fit(tmp_path, monkeypatch):
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
    with pytest.raises(ValueError, match="epochs before: 3 here and 0 there"):
        clf.fit(X, Y)


def test_curves_may_hold_any_number(tmp_path):
    path = tmp_path / "fit.ckpt"
    facts = {"curve": [math.nan, -math.inf, 0.1, np.float32(0.1)], "big": 2**127 + 1}
    arrays = {"empty": np.empty((0, 3), np.float32), "text": np.array(["ä", "bc"])}
    checkpoints.write(path, facts, arrays)
    read = checkpoints.read(path)
    assert repr(read.facts) == repr(
        {**facts, "curve": [*facts["curve"][:3], float(np.float32(0.1))]}
    )
    for name, array in arrays.items():
        np.testing.assert_array_equal(read.arrays[name], array)
        assert read.arrays[name].dtype == array.dtype
        assert read.arrays[name].flags.writeable
