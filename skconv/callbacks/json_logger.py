"""A callback that writes the numbers of each epoch to a file, as JSON lines."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from .logger import Fit, Logger

__all__ = ["JSONLogger"]


class JSONLogger(Logger):
    r"""Append the numbers of each epoch to a file, a line of JSON for each.

    It needs no package. Several fits, also of several processes, may write to one file,
    as those of a search do: lines of one fit have the same ``"run"``.

    Parameters
    ----------
    path : str or path-like
        The file. Lines are added to an existing one.
    scoring : str, callable, list or dict, default=None
        As scikit-learn's parameter of this name; scores of the training data that are
        logged, too, as ``"train_..."``. They cost a prediction of all of X.

    Notes
    -----
    A line has ``"run"``, ``"estimator"``, ``"epoch"``, ``"seconds"`` since the fit
    began, and the last number of each curve of the estimator: of skconv's, ``"loss"``,
    ``"learning_rate"`` and, if validated, ``"validation_loss"`` and
    ``"validation_score"``. The first line of a run also has ``"parameters"``. Numbers
    that are not finite are null. `pandas.read_json` with ``lines=True`` reads the file.

    It logs any estimator of scikit-learn's callback protocol. If it fails, as when the
    disk is full, the fit continues, with a warning.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from skconv import ConvNetClassifier
    >>> from skconv.callbacks import JSONLogger
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "history.jsonl"
    ...     clf = clf.set_callbacks(JSONLogger(path)).fit(X / 16, y)
    ...     lines = [json.loads(line) for line in path.read_text().splitlines()]
    >>> [line["epoch"] for line in lines], lines[1]["loss"] == clf.loss_
    ([1, 2], True)
    """

    def __init__(self, path: str | os.PathLike[str], *, scoring: Any = None) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a str or a path, got {path!r}")
        super().__init__(scoring=scoring)
        self.path = path

    def _open(self, fit: Fit, estimator: Any) -> dict[str, Any]:
        parameters = estimator.get_params() if hasattr(estimator, "get_params") else {}
        return {
            "run": fit.id,
            "estimator": type(estimator).__name__,
            "parameters": {name: _plain(each) for name, each in parameters.items()},
        }

    def _write(self, fit: Fit, epoch: int, values: dict[str, float]) -> None:
        seconds = round(time.time() - fit.start, 3)
        line = {**fit.run, "epoch": epoch, "seconds": seconds, **values}
        line = {name: _plain(value) for name, value in line.items()}
        fit.run.pop("parameters", None)
        # One write at the end of the file: lines of other processes remain whole.
        with Path(self.path).open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what it has not, as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return repr(value)
