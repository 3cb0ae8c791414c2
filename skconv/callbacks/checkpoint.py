"""A callback that keeps a fit in a file, from which it can be resumed."""

import hashlib
import json
import os
import warnings
import weakref
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

from sklearn.utils._param_validation import Interval, validate_params

from .. import ops
from .._version import __version__
from . import files as checkpoints
from .resuming import Fit, capture, differences, revive, take_up

__all__ = ["Checkpoint"]


class _Kept(NamedTuple):
    """A fit that a checkpoint keeps, where, and whether it had ended before."""

    fit: Fit
    path: Path
    had_ended: bool


class Checkpoint:
    """Keeps a fit in a file, from which it goes on after being killed.

    Running the same program again is all that it takes: `fit` goes on after the last
    epoch that was kept, and ends with the same bits as if nothing had happened. Of a
    fit that had ended, it gives the result without training.

    Parameters
    ----------
    path : str or path-like
        Of the file, or of an existing folder: then each fit has a file of its own
        there, named by a digest of its parameters and data, as the fits of a search
        or a cross-validation need.
    every : int, default=1
        After how many epochs, or calls of `partial_fit`, the file is written. The end
        of `fit` is always kept.
    resume : bool, default=True
        Whether `fit` goes on from a file that is there. Else it starts anew and
        replaces the file at the end of its first epoch.

    Raises
    ------
    ValueError
        In `fit`, if the file is damaged, no checkpoint, or of another fit.
    OSError
        In `fit`, if the file cannot be read or written.

    Notes
    -----
    A file is replaced in one step: it is whole at any moment. Reading one runs no
    code. See docs/guide/checkpoints.md for what is kept and what is promised.

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
    def __init__(self, path, *, every=1, resume=True):
        self.path, self.every, self.resume = path, every, resume
        self._forget()

    def _forget(self):
        self._kept = weakref.WeakKeyDictionary()  # estimator -> _Kept, during its fit
        self._stamps = weakref.WeakKeyDictionary()  # estimator -> its file's stamp

    def __repr__(self):
        return f"Checkpoint({self.path!r}, every={self.every}, resume={self.resume})"

    def __getstate__(self):
        return {"path": self.path, "every": self.every, "resume": self.resume}

    def __setstate__(self, state):
        vars(self).update(state)
        self._forget()

    def restore(self, estimator):
        """Bring an estimator to where the file is, without data and training.

        That is how `partial_fit` goes on: with what follows the first ``n`` calls,
        where ``n`` is returned. It is also a look at a fit that another process is
        about.

        Parameters
        ----------
        estimator : ConvNetClassifier or ConvNetRegressor
            With the parameters of the one that was kept.

        Returns
        -------
        n : int
            How many epochs, or calls of `partial_fit`, it has seen; 0 if there is no
            file, and the estimator is as it was.
        """
        _check_is_a_network(estimator)
        path = self._file()
        contents = checkpoints.read(path)
        if contents is None:
            return 0
        draft = object.__new__(type(estimator))
        vars(draft).update(vars(estimator))
        revive(draft, contents, path)
        _warn_of_other_versions(contents, path)
        self._stamps[estimator] = contents.stamp
        estimator.__dict__ = vars(draft)
        return draft.n_iter_

    def setup(self, estimator, context):
        """Check that it is set on what it can keep."""
        _check_is_a_network(estimator)

    def take_up(self, estimator, fit):
        """Bring a fit that begins to where its file is.

        scikit-learn's protocol has no such hook; the estimators of skconv call it.
        """
        path = self._file(fit)
        checkpoints.check_writable(path)
        if fit.one_pass:
            self._check_follows(estimator, path)
        elif self.resume:
            contents = checkpoints.read(path)
            self._stamps[estimator] = contents and contents.stamp
            if contents is not None:
                self._check_same(fit, contents, path)
                take_up(fit.draft, fit.stopping, contents, path)
                _warn_of_other_versions(contents, path)
        else:
            self._stamps[estimator] = checkpoints.stamp(path)
        self._kept[estimator] = _Kept(fit, path, fit.stopping.ended)

    def on_fit_task_begin(self, estimator, context):
        """Do nothing: what is to be kept comes at the end of a task."""

    def on_fit_task_end(self, estimator, context):
        """Write the file, at the end of an epoch or of the fit."""
        fit, path, had_ended = self._kept[estimator]
        is_epoch = context.task_name == "epoch"
        due = len(fit.draft._history.loss_curve) % self.every == 0
        if fit.one_pass or not is_epoch:
            # What Ctrl-C leaves is no place to go on from: the last epoch's is.
            ended = not is_epoch and fit.stopping.ended and not had_ended
            due = ended and (due or not fit.one_pass)
        if due:
            self._check_alone(estimator, path)
            self._stamps[estimator] = checkpoints.write(path, *capture(fit))

    def teardown(self, estimator, context):
        """Let go of the fit."""
        self._kept.pop(estimator, None)

    def _file(self, fit=None):
        path = Path(self.path).resolve()
        if not path.is_dir():
            return path
        if fit is None or fit.one_pass:
            raise ValueError(
                f"Checkpoint({self.path!r}) is a folder: partial_fit and restore need "
                "the path of a file"
            )
        if fit.problem["start"] is None:
            raise ValueError(
                "a Checkpoint in a folder tells fits apart by their parameters and "
                "data and so needs an int as random_state, got None"
            )
        problem = json.dumps(fit.problem, sort_keys=True).encode()
        name = hashlib.blake2b(problem, digest_size=8).hexdigest()
        return path / f"{fit.problem['estimator']}-{name}.ckpt"

    def _check_same(self, fit, contents, path):
        one_pass = contents.facts["one_pass"]
        differing = differences(fit.problem, contents.facts["problem"])
        if one_pass or differing:
            what = "partial_fit" if one_pass else "another fit"
            raise ValueError(
                f"checkpoint {path} is of {what}{': ' * (not one_pass)}"
                f"{'; '.join(differing * (not one_pass))}. Fit as there to go on, or "
                "delete the file, name another or pass resume=False to start anew. "
                "Several fits, as those of a search, a cross-validation or warm_start, "
                "want a file each: let the path be that of a folder"
            )

    def _check_follows(self, estimator, path):
        """Check that no call of partial_fit replaces a file that knows more."""
        there = checkpoints.stamp(path)
        if self.resume and there not in (None, self._stamps.get(estimator)):
            raise ValueError(
                f"checkpoint {path} is not of the calls of partial_fit before this "
                "one: go on from it with n = checkpoint.restore(estimator), which "
                "tells how many calls it has seen, or delete the file, name another or "
                "pass resume=False to start anew"
            )
        self._stamps[estimator] = there

    def _check_alone(self, estimator, path):
        """Check that the file is the one that this fit found or wrote."""
        there = checkpoints.stamp(path)
        if there not in (None, self._stamps.get(estimator)):
            raise ValueError(
                f"checkpoint {path} was written by another fit since this one began, "
                "and is left to it. Fits that run at the same time want a file each: "
                "let the path be that of a folder"
            )


def _check_is_a_network(estimator):
    if not hasattr(estimator, "_build_network"):
        raise TypeError(
            "a Checkpoint keeps skconv's estimators, got "
            f"{type(estimator).__name__}: set it on the estimator inside"
        )


def _warn_of_other_versions(contents, path):
    there = contents.facts["skconv"], contents.facts["ops"]
    here = __version__, ops.in_use()
    if there != here:
        warnings.warn(
            f"checkpoint {path} was written by skconv {there[0]} with {there[1]} ops "
            f"and goes on with {here[0]} and {here[1]} ops: results may differ in "
            "their last digits",
            stacklevel=2,
        )
