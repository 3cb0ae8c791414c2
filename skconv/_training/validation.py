"""What a network is worth on data that it is not trained on."""

import inspect
from numbers import Real

from .._data.batches import predict_in_batches
from .._utils.lookup import did_you_mean

__all__ = ["Validator", "find_scorer"]


class Validator:
    """Computes loss and score of an estimator's network, predicting once for both.

    Parameters
    ----------
    estimator : estimator
        Its network is asked anew in each call.
    data : (X, rows, targets, weight)
        ``rows`` of X, or None for all of it; `targets` and `weight` (or None) are
        theirs.
    scoring : None, "loss" or callable ``(estimator, X, y) -> float``
        None is accuracy or R^2; the score of "loss" is its negative.
    """

    def __init__(self, estimator, data, scoring=None):
        self.X, self.rows, self.targets, self.weight = data
        self.estimator, self.scoring = estimator, scoring
        if callable(scoring) and self.rows is not None:
            # A scorer wants an X of its own, that which was set aside.
            self.X, self.rows = self.X[self.rows], None
        self.loss_weight = None
        if self.weight is not None:
            mean_one = self.weight / self.weight.max()
            mean_one /= mean_one.mean()
            self.loss_weight = mean_one.astype(estimator.network_.dtype)

    def __call__(self):
        """Return (loss, score); the loss is the plain one, without smoothing."""
        coding = self.estimator._encoder
        outputs = predict_in_batches(self.estimator.network_, self.X, self.rows)
        loss = float(coding.loss(outputs, self.targets, self.loss_weight)[0])
        if self.scoring == "loss":
            return loss, -loss
        if self.scoring is None:
            return loss, float(coding.score(outputs, self.targets, self.weight))
        return loss, self._ask_scorer(outputs, coding)

    def _ask_scorer(self, outputs, coding):
        stand_in = _answering(self.estimator, self.X, (outputs, coding))
        weight = {}
        if self.weight is not None and _takes_weight(self.scoring):
            weight["sample_weight"] = self.weight
        score = self.scoring(stand_in, self.X, coding.decode(self.targets), **weight)
        if not isinstance(score, Real):
            raise ValueError(
                f"scoring must return one number, got {score!r} from {self.scoring!r}"
            )
        return float(score)


def find_scorer(scoring):
    """Return what `Validator` takes for `scoring`: names become scorers.

    Raises
    ------
    ValueError
        If there is no scorer of that name.
    """
    if scoring is None or scoring == "loss" or callable(scoring):
        return scoring
    # Here, since importing it takes as long as all the rest.
    from sklearn.metrics import get_scorer, get_scorer_names

    names = ["loss", *get_scorer_names()]
    if scoring not in names:
        raise ValueError(
            "scoring must be 'loss', None, a callable (estimator, X, y) -> float or "
            f"one of sklearn.metrics.get_scorer_names(), got {scoring!r}"
            f"{did_you_mean(scoring, names)}"
        )
    return get_scorer(scoring)


def _answering(estimator, X, answer):
    """Return a copy of `estimator` that knows the network's outputs for this very X."""
    stand_in = object.__new__(type(estimator))
    vars(stand_in).update(vars(estimator))
    vars(stand_in).pop("feature_names_in_", None)  # X is an array by now
    compute = stand_in._outputs
    stand_in._outputs = lambda asked: answer if asked is X else compute(asked)
    return stand_in


def _takes_weight(scorer):
    """Tell whether a scorer takes sample_weight: not all metrics do."""
    if hasattr(scorer, "_accept_sample_weight"):  # one of scikit-learn's
        return scorer._accept_sample_weight()
    return "sample_weight" in inspect.signature(scorer).parameters
