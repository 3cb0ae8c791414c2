"""A callback that saves a fit to a file, from which it can be resumed."""

import contextlib
import os
import threading
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from sklearn.utils._param_validation import Interval, validate_params

from .. import ops
from .._utils import documents
from .._utils.files import check_takes_files, reading, remove_leftovers, writing
from .._version import __version__
from .fingerprint import diff_fingerprints, file_name
from .state import (
    FitState,
    Progress,
    Saved,
    diff_estimators,
    load_state,
    parse_progress,
    parse_state,
    restore_fitted,
    state_dict,
)

__all__ = ["Checkpoint"]


@dataclass
class _Fit:
    """A fit that a checkpoint saves."""

    state: FitState
    path: Path
    file_id: str | None  # of the file that it found or wrote
    had_ended: bool  # before it began


class Checkpoint:
    """Keep a fit in a file, from which it can be resumed after it was killed.

    To resume a fit, run the same program again: `fit` continues after the last epoch
    in the file, and ends with the same bits as if nothing had happened. If the fit in
    the file had ended, `fit` returns its result without training.

    Parameters
    ----------
    path : str or path-like
        A file, or an existing folder. In a folder each fit has its own file, named by
        a digest of its parameters and data, as the fits of a search or a
        cross-validation need.
    every : int, default=1
        Number of epochs, or of calls of `partial_fit`, after which the file is
        written. The end of `fit` is always written.
    resume : bool, default=True
        Whether `fit` resumes from an existing file. If False, it starts from scratch
        and replaces the file at the end of its first epoch.

    Raises
    ------
    ValueError
        In `fit`, if the file is damaged, not a checkpoint, or of a different fit.
    OSError
        In `fit`, if the file cannot be read or written.

    Notes
    -----
    A file is replaced in one step: it is complete at any moment. Reading it runs no
    code. See docs/guide/checkpoints.md for what is saved and what is promised.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.callbacks import Checkpoint
    >>> X, y = load_digits(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(Path(folder) / "digits.ckpt")
    ...     clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=0)
    ...     clf = clf.set_callbacks(checkpoint).fit(X / 16, y)
    ...     again = ConvNetClassifier(filters=(4,), max_iter=2, random_state=0)
    ...     checkpoint.restore(again)
    2
    >>> bool((again.predict(X / 16) == clf.predict(X / 16)).all())
    True
    """

    @validate_params(
        {
            "path": [str, os.PathLike],
            "every": [Interval(Integral, 1, None, closed="left")],
            "resume": ["boolean"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self, path: str | os.PathLike[str], *, every: int = 1, resume: bool = True
    ) -> None:
        self.path, self.every, self.resume = path, every, resume
        self._forget()

    def _forget(self) -> None:
        """Forget all fits."""
        self._of_thread = threading.local()
        # Of calls of `partial_fit` of an estimator, in any thread.
        self._file_ids: weakref.WeakKeyDictionary[Any, str | None]
        self._file_ids = weakref.WeakKeyDictionary()

    @property
    def _fits(self) -> "weakref.WeakKeyDictionary[Any, _Fit]":
        """The fits of this thread: others may fit the same estimator."""
        if not hasattr(self._of_thread, "fits"):
            self._of_thread.fits = weakref.WeakKeyDictionary()
        return self._of_thread.fits

    def __repr__(self) -> str:
        return f"Checkpoint({self.path!r}, every={self.every}, resume={self.resume})"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "every": self.every, "resume": self.resume}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def restore(self, estimator: Any) -> int:
        """Give an estimator the state of the file, without data and training.

        It resumes `partial_fit`: continue with the data after the first ``n`` calls,
        where ``n`` is returned. It also shows a fit that is running in another process.

        Parameters
        ----------
        estimator : ConvNetClassifier or ConvNetRegressor
            With the parameters of the one in the file.

        Returns
        -------
        n : int
            Number of epochs, or calls of `partial_fit`, that it has seen. It is 0 if
            there is no file, and then the estimator is unchanged.
        """
        _check_is_a_network(estimator)
        path = self._file()
        saved, file_id = _read(path)
        if saved is None:
            return 0
        differing = diff_estimators(estimator, saved)
        if differing:
            raise ValueError(
                f"checkpoint {path} belongs to a different estimator "
                f"({'; '.join(differing)}). Restore it to one with the same parameters"
            )
        with _reading(path), documents.naming(path):
            fitted = restore_fitted(estimator, saved)
        _warn_of_other_versions(saved, path)
        self._file_ids[estimator] = file_id
        estimator.__dict__ = vars(fitted)
        return fitted.n_iter_

    def setup(self, estimator: Any, context: Any) -> None:
        """Check that the estimator is one of skconv."""
        _check_is_a_network(estimator)

    def resume_fit(self, estimator: Any, state: FitState) -> None:
        """Bring a fit that begins to where its file is.

        The estimators of skconv call it: scikit-learn's protocol has no such hook.
        """
        path = self._file(state)
        remove_leftovers(path)
        if state.incremental:
            file_id = self._check_follows(estimator, path)
        elif self.resume:
            saved, file_id = _read(path)
            if saved is not None:
                _check_same(state, saved.progress, path)
                with _reading(path), documents.naming(path):
                    load_state(state.draft, state.stopping, saved)
                _warn_of_other_versions(saved, path)
        else:
            file_id = _file_id(path)
        had_ended = state.stopping.ended
        if not had_ended:  # otherwise nothing is written
            with writing(path, "checkpoint", "run again"):
                check_takes_files(path)
        self._fits[estimator] = _Fit(state, path, file_id, had_ended)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: a file is written at the end of a task."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Write the file, at the end of an epoch or of the fit."""
        fit = self._fits[estimator]
        state = fit.state
        is_epoch = context.task_name == "epoch"
        due = len(state.draft._history.loss_curve) % self.every == 0
        if state.incremental or not is_epoch:
            # After Ctrl-C the file of the last epoch remains: the fit resumes there.
            ended = not is_epoch and state.stopping.ended and not fit.had_ended
            due = ended and (due or not state.incremental)
        if due:
            if not _is_further(fit):
                with writing(fit.path, "checkpoint", "run again"):
                    fit.file_id = documents.write(
                        fit.path, "checkpoint", *state_dict(state)
                    )
            self._file_ids[estimator] = fit.file_id

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the fit."""
        self._fits.pop(estimator, None)

    def _file(self, state: FitState | None = None) -> Path:
        """Return the path of a fit's file."""
        path = Path(os.path.realpath(self.path))
        with _reading(path):
            is_folder = path.is_dir()
        if not is_folder:
            return path
        if state is None or state.incremental:
            raise ValueError(
                f"Checkpoint({self.path!r}) is a folder: partial_fit and restore need "
                "the path of a file"
            )
        if state.fingerprint["start"] is None:
            raise ValueError(
                "a Checkpoint in a folder distinguishes fits by their parameters and "
                "data and so needs an int as random_state, got None"
            )
        return path / file_name(state.fingerprint)

    def _check_follows(self, estimator: Any, path: Path) -> str | None:
        """Check that no call of partial_fit replaces a file of more calls."""
        there = _file_id(path)
        if self.resume and there not in (None, self._file_ids.get(estimator)):
            raise ValueError(
                f"checkpoint {path} does not match this estimator's previous calls of "
                "partial_fit. Resume with n = checkpoint.restore(estimator), which "
                "returns the number of calls already made. To start over, delete the "
                "file, choose another path, or pass resume=False"
            )
        return there


def _is_further(fit: _Fit) -> bool:
    """Return whether the file has this very fit at this place or further.

    Another process or thread, which runs the same fit, has then written it. Both write
    the same bits for the same place.

    Raises
    ------
    ValueError
        If a different fit has written the file since this one began.
    """
    if _file_id(fit.path) in (None, fit.file_id):
        return False
    state, there = fit.state, _read_progress(fit.path)
    if there is None:
        return False
    here = state.fingerprint
    is_same = not (
        state.incremental
        or there.incremental
        or here["start"] is None
        or diff_fingerprints(state.draft, here, there.fingerprint)
    )
    if not is_same:
        raise ValueError(
            f"checkpoint {fit.path} was written by another fit since this one began, "
            "and was left unchanged. For fits that run at the same time pass a "
            "folder: each fit then gets its own file"
        )
    return there.place >= (state.stopping.epochs, state.stopping.ended)


# Files -------------------------------------------------------------------------------


def _read(path: Path) -> tuple[Saved | None, str | None]:
    """Return the state in a file and the file's id, or None twice if there is none."""
    try:
        with _reading(path), documents.reading(path, "checkpoint") as reader:
            arrays = reader.empty(reader.parts)
            reader.read_into(arrays)
            saved = parse_state(reader.document, arrays, reader.version)
            return saved, reader.file_id
    except FileNotFoundError:
        return None, None


def _read_progress(path: Path) -> Progress | None:
    """Return which fit a file has and how far it is, or None if there is none."""
    try:
        with _reading(path), documents.reading(path, "checkpoint") as reader:
            return parse_progress(reader.document, reader.version)
    except FileNotFoundError:
        return None


def _file_id(path: Path) -> str | None:
    with _reading(path):
        return documents.file_id(path, "checkpoint")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in errors about a file that it is a checkpoint, and what to do."""
    with reading(path, "checkpoint", "run again"):
        try:
            yield
        except ValueError as error:
            raise ValueError(
                f"checkpoint {error}. The file was left unchanged: choose another path "
                "to start over, or replace it by an intact copy"
            ) from error


# Checks ------------------------------------------------------------------------------


def _check_is_a_network(estimator: Any) -> None:
    if not hasattr(estimator, "_build_network"):
        raise TypeError(
            "a Checkpoint saves fits of skconv's estimators, got "
            f"{type(estimator).__name__}: set it on the estimator inside"
        )


def _check_same(state: FitState, saved: Progress, path: Path) -> None:
    """Check that a file is of this very fit."""
    differing = diff_fingerprints(state.draft, state.fingerprint, saved.fingerprint)
    if not (saved.incremental or differing):
        return
    belongs = f"a different fit ({'; '.join(differing)})"
    if saved.incremental:
        belongs = "calls of partial_fit"
    raise ValueError(
        f"checkpoint {path} belongs to {belongs}. To resume it, use the same "
        "parameters and data. To start over, delete the file, choose another path, or "
        "pass resume=False. For several fits (search, cross-validation, warm_start) "
        "pass a folder: each fit then gets its own file"
    )


def _warn_of_other_versions(saved: Saved, path: Path) -> None:
    there = saved.versions["skconv"], saved.versions["ops"]
    here = __version__, ops.in_use()
    if there != here:
        warnings.warn(
            f"checkpoint {path} was written by skconv {there[0]} with {there[1]} ops "
            f"and is resumed by {here[0]} with {here[1]} ops: results may differ in "
            "their last digits",
            stacklevel=2,
        )
