"""The estimators."""

from typing import ClassVar

from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from .._data.regression_encoder import RegressionEncoder, check_target_values
from .._training.losses import REGRESSION_LOSSES
from .base import BaseConvNet
from .descriptions import adds_parameters, documented
from .parameters import BOUNDS

__all__ = ["ConvNetRegressor"]


@documented
class ConvNetRegressor(RegressorMixin, BaseConvNet):
    """Convolutional neural network regressor.

    `MLPRegressor`, but convolutional, of one target or several. The network is a list
    of layers, or the default one described by numbers; the output layer, a `Dense`
    layer with a unit for each target, is added to either. Targets are learnt as they
    are: where they are far from 1 in size, wrap the regressor in a
    `TransformedTargetRegressor`.

    Parameters
    ----------
    [shared parameters]

    loss : {"squared_error", "huber", "poisson"}, default="squared_error"
        What training minimises. "huber" counts large errors less; "poisson" is for
        counts and rates, y >= 0, and predicts the exponential of the outputs.

    Attributes
    ----------
    [shared attributes]

    See Also
    --------
    ConvNetClassifier : For classes.
    sklearn.neural_network.MLPRegressor : The same without convolutions.

    Notes
    -----
    Sample weights are scaled to a mean of 1 in `fit`; samples of weight 0 are left
    out. `fit` never copies or converts X whole: minibatches are.

    Examples
    --------
    How many pixels of an image are bright:

    >>> import numpy as np
    >>> from skconv import ConvNetRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((500, 6, 6)) < rng.random((500, 1, 1))
    >>> y = X.sum(axis=(1, 2))
    >>> reg = ConvNetRegressor(filters=(8,), max_iter=50, random_state=0)
    >>> reg.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BOUNDS,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
    }

    @adds_parameters(BaseConvNet)
    def __init__(self, layers=None, *, loss="squared_error", **shared):
        super().__init__(layers, **shared)
        self.loss = loss

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for exactly one pass over X, going on from the last call.

        Weights, the solver's moments and the random stream go on from call to call, as
        if there had been one long fit. `random_state` is not read again.

        Parameters
        ----------
        X, y
            As in `fit`.
        sample_weight : array-like of shape (n,), default=None
            What each sample counts for. Taken as they are, since their mean over
            later calls is not known.

        Returns
        -------
        self
        """
        return self._fit_one_pass(X, y, sample_weight)

    _check_targets = staticmethod(check_target_values)

    def _encode(self, y, classes, go_on, one_pass):
        y = check_target_values(y)
        coding = RegressionEncoder.learn(y, self.loss, self.dtype)
        if go_on and coding != self._encoder:
            raise ValueError(
                "loss, dtype and the shape of y must be as in the first fit to go on "
                f"from it, {self._encoder}, got {coding}; use warm_start=False and fit "
                "to start anew"
            )
        self._encoder = coding
        return coding.encode(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
