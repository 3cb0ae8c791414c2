"""A classifier of sktime."""

from typing import Any, ClassVar

from sktime.classification.base import BaseClassifier

from .panels import PanelMixin, small_networks

__all__ = ["SktimeClassifier"]


class SktimeClassifier(PanelMixin, BaseClassifier):
    """A classifier of sktime that is a network of skconv.

    It takes panels as sktime has them, ``(n, channels, length)``, of one length, and
    works in sktime's pipelines and benchmarks.

    Parameters
    ----------
    estimator : ConvNetClassifier, default=None
        With layers on signals ``(length, channels)``. It is cloned. None is
        `skconv.zoo.signal_classifier` for the number of signals.
    random_state : int, RandomState instance or None, default=None
        Replaces that of the estimator, unless it is None.

    Attributes
    ----------
    estimator_ : ConvNetClassifier
        The fitted one.

    See Also
    --------
    skconv.ConvNetClassifier : Takes signals ``(n, length, channels)`` itself.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.adapters import SktimeClassifier  # doctest: +SKIP
    >>> from skconv.datasets import make_events
    >>> X, y = make_events(60, n_channels=2, random_state=0)
    >>> panel = np.moveaxis(X, -1, 1)  # (60, 2, 256)
    >>> clf = SktimeClassifier(random_state=0).fit(panel, y)  # doctest: +SKIP
    """

    _tags: ClassVar[dict[str, Any]] = {
        "capability:multivariate": True,
        "capability:predict_proba": True,
        "capability:random_state": True,
        "property:randomness": "stochastic",
        "X_inner_mtype": "numpy3D",
    }

    def __init__(self, estimator: Any = None, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state
        super().__init__()

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return arguments with which sktime's checks are fast."""
        return [{"estimator": each} for each in small_networks()]
