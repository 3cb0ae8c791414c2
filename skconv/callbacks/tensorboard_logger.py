"""A callback that logs fits for TensorBoard."""

import os
import time
from typing import Any

from .logger import Fit, Logger, require

__all__ = ["TensorBoardLogger"]


class TensorBoardLogger(Logger):
    """Log the numbers of each epoch for TensorBoard, which shows curves live.

    Each fit is a run, in a folder of its own. It needs the package tensorboard, neither
    TensorFlow nor torch; ``tensorboard --logdir runs`` shows what is in ``runs``.

    Parameters
    ----------
    log_dir : str or path-like
        The folder for the runs. It is made if there is none.
    scoring : str, callable, list or dict, default=None
        As scikit-learn's parameter of this name; scores of the training data that are
        logged, too, as ``train_...``. They cost a prediction of all of X.

    Raises
    ------
    ImportError
        If there is no tensorboard: ``pip install "skconv[tensorboard]"``.

    Notes
    -----
    The numbers are the last ones of the estimator's curves: of skconv's, ``loss``,
    ``learning_rate`` and, if validated, ``validation_loss`` and ``validation_score``.
    It logs any estimator of scikit-learn's callback protocol. If it fails, the fit
    continues, with a warning.

    Examples
    --------
    >>> from skconv import ConvNetClassifier
    >>> from skconv.callbacks import TensorBoardLogger
    >>> clf = ConvNetClassifier()
    >>> clf.set_callbacks(TensorBoardLogger("runs")).fit(X, y)  # doctest: +SKIP
    """

    def __init__(self, log_dir: str | os.PathLike[str], *, scoring: Any = None) -> None:
        if not isinstance(log_dir, str | os.PathLike):
            raise TypeError(f"log_dir must be a str or a path, got {log_dir!r}")
        require("tensorboard.summary", type(self).__name__, "tensorboard")
        super().__init__(scoring=scoring)
        self.log_dir = log_dir

    def _open(self, fit: Fit, estimator: Any) -> "_Run":
        begun = time.strftime("%Y%m%d-%H%M%S", time.localtime(fit.start))
        name = f"{type(estimator).__name__}-{begun}-{fit.id[:8]}"
        return _Run(os.path.join(self.log_dir, name))

    def _reopen(self, run: "_Run") -> "_Run":
        return _Run(run.folder)

    def _write(self, fit: Fit, epoch: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            fit.run.writer.add_scalar(name, value, epoch)
        fit.run.writer.flush()

    def _close(self, fit: Fit) -> None:
        fit.run.writer.close()


class _Run:
    """A folder, and what writes to it."""

    def __init__(self, folder: str) -> None:
        summary = require("tensorboard.summary", "TensorBoardLogger", "tensorboard")
        self.folder, self.writer = folder, summary.Writer(folder)
