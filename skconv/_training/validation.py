"""Loss and score of a network on samples that it is not trained on."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

from numpy.typing import NDArray

from .._data.samples import Samples
from .._utils.lookup import did_you_mean
from .losses import find_loss

__all__ = ["Validator", "find_scorer"]


class Validator:
    """Computes loss and score of an estimator's network, from one prediction.

    Parameters
    ----------
    estimator : estimator
        Its network may be trained between calls.
    samples : Samples
    scoring : None, "loss" or callable ``(estimator, X, y) -> float``
        None is accuracy or R^2; the score of "loss" is its negative.
    """

    def __init__(
        self, estimator: Any, samples: Samples, scoring: str | Callable | None = None
    ) -> None:
        if callable(scoring) and samples.rows is not None:
            # A scorer takes an array X that holds these samples and no others.
            samples = replace(samples, X=samples.X[samples.rows], rows=None)
        self.estimator, self.samples, self.scoring = estimator, samples, scoring
        self.loss = find_loss(estimator._encoder.loss_name)
        self.loss_weight = None
        if samples.sample_weight is not None:
            mean_one = samples.sample_weight / samples.sample_weight.max()
            mean_one /= mean_one.mean()
            self.loss_weight = mean_one.astype(estimator.network_.dtype)

    def __call__(self) -> tuple[float, float]:
        """Return (loss, score); the loss is the plain one, without smoothing."""
        encoder, samples = self.estimator._encoder, self.samples
        outputs = samples.predict(self.estimator.network_)
        loss = float(self.loss(outputs, samples.targets, self.loss_weight)[0])
        if self.scoring == "loss":
            return loss, -loss
        if callable(self.scoring):
            return loss, self._ask_scorer(self.scoring, outputs)
        score = encoder.score(outputs, samples.targets, samples.sample_weight)
        return loss, float(score)

    def _ask_scorer(self, scorer: Callable[..., Any], outputs: NDArray[Any]) -> float:
        X, encoder = self.samples.X, self.estimator._encoder
        weight = {}
        if self.samples.sample_weight is not None and _takes_weight(scorer):
            weight["sample_weight"] = self.samples.sample_weight
        y = encoder.inverse_transform(self.samples.targets)
        score = scorer(_with_outputs(self.estimator, X, outputs), X, y, **weight)
        if not isinstance(score, Real):
            raise ValueError(
                f"scoring must return one number, got {score!r} from {scorer!r}"
            )
        return float(score)


def find_scorer(scoring: Any) -> Any:
    """Return `scoring` as `Validator` takes it: names become scorers.

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


def _with_outputs(estimator: Any, X: NDArray[Any], outputs: NDArray[Any]) -> Any:
    """Return a copy of a fitted estimator that has its outputs for this array X."""
    copy = estimator._draft()
    vars(copy).pop("feature_names_in_", None)  # X is an array by now
    compute = copy._outputs

    def look_up_or_compute(asked: Any) -> tuple[NDArray[Any], Any]:
        return (outputs, estimator._encoder) if asked is X else compute(asked)

    copy._outputs = look_up_or_compute
    return copy


def _takes_weight(scorer: Callable[..., Any]) -> bool:
    """Return whether a scorer takes sample_weight: not all metrics do."""
    if hasattr(scorer, "_accept_sample_weight"):  # one of scikit-learn's
        return scorer._accept_sample_weight()
    return "sample_weight" in inspect.signature(scorer).parameters
